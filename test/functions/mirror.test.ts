import { expect, test } from 'vitest';
import { withAgent } from '../support/agent/agent.ts';
import { converse } from '../support/agent/conversation.ts';
import { initRequest } from '../support/agent/functions.ts';
import { readCapture } from '../support/protocol/capture.ts';
import { encodeRequest, frame } from '../support/protocol/protocol.ts';

test('mirror sends every point on as it came', () =>
  withAgent(async (agent) => {
    const { messages, requests } = readCapture('field-types');
    const points = messages.filter((_, index) => requests[index].kind === 'point').map(frame);
    const init = frame(encodeRequest(initRequest()));
    const answers = await converse(agent.socketOf('mirror'), [init, ...points]);
    const echoed = Buffer.concat(points);
    expect(answers.subarray(-echoed.length).equals(echoed)).toBe(true);
    // Besides: the answer to Init.
    expect(answers.length - echoed.length).toBeLessThan(10);
  }));
