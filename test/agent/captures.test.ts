import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestAgent, type TestAgent } from '../support/agent/agent.ts';
import { converse } from '../support/agent/conversation.ts';
import { type Capture, readCapture, readExpected } from '../support/protocol/capture.ts';

import {
  cutFrames,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  frame,
  type Response,
  type Value,
} from '../support/protocol/protocol.ts';

let agent: TestAgent;

beforeAll(async () => {
  agent = await startTestAgent();
});
afterAll(() => agent.stop());

const EMITTING = ['adsl-stream', 'many-hosts', 'field-types', 'all-options', 'batch-overlap'] as const;

function socketOf(name: string): string {
  return agent.socketOf(name.startsWith('batch-') ? 'edgeDetectBatch' : 'edgeDetect');
}

/** The capture with a numbered keepalive behind every frame, so that each answer tells after which frame it came. */
function withMarks(capture: Capture): Buffer {
  return Buffer.concat(
    capture.messages.flatMap((message, index) => [
      frame(message),
      frame(encodeRequest({ kind: 'keepalive', time: BigInt(index) })),
    ]),
  );
}

function answersOf(bytes: Buffer): { readonly message: Buffer; readonly response: Response }[] {
  const { messages, rest } = cutFrames(bytes);
  expect(rest).toHaveLength(0);
  return messages.map((message) => ({ message, response: decodeResponse(message) }));
}

function fieldsOf(message: Buffer): ReadonlyMap<string, Value> {
  const request = decodeRequest(message);
  return request.kind === 'point' ? new Map(Object.entries(request.point.fields)) : new Map();
}

describe.each(EMITTING)('the capture %s', (name) => {
  test('gives the edges that are expected, each after the frame that brings it', async () => {
    const capture = readCapture(name);
    const marks = new Set(
      capture.messages.map((_, index) =>
        encodeRequest({ kind: 'keepalive', time: BigInt(index) }).toString('hex'),
      ),
    );
    const emitted: { after: number; message: Buffer }[] = [];
    let after = 0;
    for (const { message, response } of answersOf(await converse(socketOf(name), [withMarks(capture)]))) {
      if (marks.has(message.toString('hex'))) after++;
      else if (response.kind === 'point') emitted.push({ after, message });
    }
    const expected = readExpected(name);
    expect(emitted.map(({ after }) => after)).toEqual(expected.map(({ after }) => after));
    expected.forEach(({ frame: index, add }, i) => {
      const source = capture.messages[index];
      if (Object.keys(add).length === 0) expect(emitted[i].message.equals(source)).toBe(true);
      else
        expect(fieldsOf(emitted[i].message)).toEqual(new Map([...fieldsOf(source), ...Object.entries(add)]));
    });
  });
});

/** The answers in order, but with keepalives last: they may overtake a snapshot that takes its time. */
function inOrder(bytes: Buffer): Buffer[] {
  const answers = answersOf(bytes);
  const isKeepalive = ({ response }: { readonly response: Response }) => response.kind === 'keepalive';
  return [...answers.filter((answer) => !isKeepalive(answer)), ...answers.filter(isKeepalive)].map(
    ({ message }) => message,
  );
}

test.each(['adsl-stream', 'field-types', 'info-probe', 'refused-options'])(
  'the capture %s gives the same answers wherever it is cut',
  async (name) => {
    const { bytes } = readCapture(name);
    const whole = inOrder(await converse(socketOf(name), [bytes]));
    for (let cut = 1; cut < bytes.length; cut++) {
      const parts = inOrder(await converse(socketOf(name), [bytes.subarray(0, cut), bytes.subarray(cut)]));
      expect(parts, `cut at ${cut}`).toEqual(whole);
    }
  },
);

test('a capture gives the same answers byte by byte', async () => {
  const { bytes } = readCapture('field-types');
  const whole = await converse(socketOf('field-types'), [bytes]);
  const single = await converse(
    socketOf('field-types'),
    Array.from(bytes, (byte) => Uint8Array.of(byte)),
  );
  expect(single.equals(whole)).toBe(true);
});

test('the refused options are all named, with their values, and the connection is closed', async () => {
  const answers = answersOf(
    await converse(socketOf('refused-options'), [readCapture('refused-options').bytes]),
  );
  const [init] = answers.map(({ response }) => response).filter((response) => response.kind === 'init');
  expect(init?.success).toBe(false);
  for (const part of ['field', 'hold(-30s)', 'deadband(-0.5)', "late('sometimes')", 'rising', 'falling']) {
    expect(init?.error).toContain(part);
  }
});

test('a probe gets what the function wants, provides and accepts', async () => {
  const [{ response }] = answersOf(
    await converse(agent.socketOf('edgeDetectBatch'), [readCapture('info-probe').bytes]),
  );
  expect(response).toMatchObject({ kind: 'info', wants: 'BATCH', provides: 'BATCH' });
});
