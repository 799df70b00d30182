import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestAgent, type TestAgent } from '../support/agent/agent.ts';
import { converse } from '../support/agent/conversation.ts';
import { BEGIN, END, functionOf, initRequest, pointRequest } from '../support/agent/functions.ts';
import {
  cutFrames,
  decodeResponse,
  encodeRequest,
  frame,
  type Request,
  type Response,
} from '../support/protocol/protocol.ts';

const SNAPSHOT = Buffer.from('the state');
const HANDLER = { snapshot: () => [SNAPSHOT.subarray(0, 3), SNAPSHOT.subarray(3)] };

let agent: TestAgent;

beforeAll(async () => {
  agent = await startTestAgent({
    functions: [
      functionOf('stream', { ...HANDLER, point: (point, emit) => emit.forward(point) }),
      functionOf('batch', { ...HANDLER, point: (point, emit) => emit.forward(point) }, 'BATCH'),
    ],
  });
});
afterAll(() => agent.stop());

/** Sends requests, half-closes, and returns all answers until the agent's end, which it must not put off. */
async function ask(name: 'stream' | 'batch', requests: readonly Request[]): Promise<Response[]> {
  const bytes = Buffer.concat(requests.map((request) => frame(encodeRequest(request))));
  const { messages, rest } = cutFrames(await converse(agent.socketOf(name), [bytes]));
  expect(rest).toHaveLength(0);
  return messages.map(decodeResponse);
}

const kindsOf = (responses: readonly Response[]) => responses.map(({ kind }) => kind);

const INFO: Request = { kind: 'info' };
const INIT = initRequest();
const SNAP: Request = { kind: 'snapshot' };
const RESTORE: Request = { kind: 'restore', snapshot: SNAPSHOT };
const POINT = pointRequest();

describe('Info, Snapshot and keepalives are answered once each', () => {
  test.each([
    ['before Init', 'stream', []],
    ['after Init', 'stream', [INIT]],
    ['after a Restore', 'stream', [INIT, RESTORE]],
    ['between points', 'stream', [INIT, POINT]],
    ['inside a batch', 'batch', [INIT, BEGIN, POINT]],
    ['between batches', 'batch', [INIT, BEGIN, POINT, END]],
  ] as const)('%s', async (_, name, before) => {
    const keepalive: Request = { kind: 'keepalive', time: -5n };
    const answers = (await ask(name, [...before, INFO, SNAP, keepalive])).slice(-3);
    expect(kindsOf(answers)).toEqual(['info', 'snapshot', 'keepalive']);
    expect(answers[1]).toEqual({
      kind: 'snapshot',
      snapshot: before.length === 0 ? Buffer.alloc(0) : SNAPSHOT,
    });
    expect(answers[2]).toEqual(keepalive);
  });
});

test('any conversation has each request answered once, in its order, and ends when the half-close does', async () => {
  const request = fc.constantFrom(
    INFO,
    SNAP,
    RESTORE,
    POINT,
    ...[1n, 2n].map((time): Request => ({ kind: 'keepalive', time })),
  );
  const isKeepalive = (kind: string) => kind === 'keepalive';
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 30 }), async (requests) => {
      const kinds = kindsOf(await ask('stream', [INIT, ...requests]));
      const asked = ['init', ...requests.map(({ kind }) => kind)];
      expect(kinds.filter((kind) => !isKeepalive(kind))).toEqual(asked.filter((kind) => !isKeepalive(kind)));
      expect(kinds.filter(isKeepalive)).toEqual(asked.filter(isKeepalive));
    }),
  );
});

describe('what must not be is refused, and nothing behind it is answered', () => {
  test('a second Init', async () => {
    const answers = await ask('stream', [INIT, INIT, INFO, SNAP]);
    expect(answers).toEqual([
      { kind: 'init', success: true, error: '' },
      { kind: 'init', success: false, error: 'this connection is initialised already' },
    ]);
  });

  test('a Restore before Init', async () => {
    const [answer, ...more] = await ask('stream', [RESTORE, INFO]);
    expect(answer).toMatchObject({
      kind: 'restore',
      success: false,
      error: expect.stringContaining('before Init'),
    });
    expect(more).toEqual([]);
  });

  test('options of no function', async () => {
    const [answer, ...more] = await ask('stream', [
      { kind: 'init', taskId: 't', nodeId: 'n', options: [{ name: 'x', values: [] }] },
      { kind: 'keepalive', time: 1n },
      POINT,
    ]);
    expect(answer).toMatchObject({ kind: 'init', success: false, error: expect.stringContaining('x') });
    expect(more).toEqual([]);
  });
});

test('a batch goes out only if something in it is emitted, with a begin, an end and no size', async () => {
  const sized: Request = { kind: 'begin', begin: { ...BEGIN.begin, size: -7n } };
  const answers = await ask('batch', [INIT, sized, END, sized, POINT, POINT, END, BEGIN, END]);
  expect(answers.slice(1)).toEqual([BEGIN, POINT, POINT, END]);
});
