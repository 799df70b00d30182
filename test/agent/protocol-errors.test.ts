import { describe, expect, test } from 'vitest';
import type { ProtocolErrorCode } from '../../src/wire/protocol-error.ts';
import { withAgent } from '../support/agent/agent.ts';
import { BEGIN, END, functionOf, initRequest, pointRequest } from '../support/agent/functions.ts';
import { Peer } from '../support/agent/peer.ts';
import { encodeRequest, frame, type Request } from '../support/protocol/protocol.ts';

const MAX_FRAME_BYTES = 1000;

const FUNCTIONS = [
  functionOf('stream', {
    point(point, emit) {
      if (point.field('fail') === true) throw new Error('cannot do this');
      emit.forward(point);
    },
  }),
  functionOf('batch', { point: (point, emit) => emit.forward(point) }, 'BATCH'),
];

interface Case {
  readonly title: string;
  readonly function?: 'stream' | 'batch';
  /** What may come before. */
  readonly before?: readonly Request[];
  /** The bytes at fault; the last of the connection if it is half-closed behind them. */
  readonly wrong: Buffer | Request;
  readonly halfClose?: boolean;
  /** Where the wrong bytes are said to be, from their first one on. */
  readonly offset: number;
  readonly text: string;
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const failing: Request = pointRequest({ fields: { fail: { type: 'bool', v: true } } });

// The offset is that of the message, which begins behind its length.
const CASES: Readonly<Record<ProtocolErrorCode, readonly Case[]>> = {
  EMPTY_FRAME: [{ title: 'a length of 0', wrong: hex('00'), offset: 0, text: 'length 0' }],
  FRAME_TOO_LARGE: [
    {
      title: 'a point too large',
      wrong: frame(Buffer.alloc(1001, 1)),
      offset: 2,
      text: 'maxFrameBytes (1000)',
    },
  ],
  BAD_FRAME_LENGTH: [
    {
      title: 'a length without an end',
      wrong: Buffer.alloc(20, 0xff),
      offset: 0,
      text: 'more than ten bytes',
    },
  ],
  TRUNCATED_FRAME: [
    { title: 'half a length', wrong: hex('80'), halfClose: true, offset: 0, text: 'ended inside a frame' },
    {
      title: 'half a message',
      wrong: hex('058a01'),
      halfClose: true,
      offset: 1,
      text: 'ended inside a frame',
    },
    {
      title: 'half a message that is passed over',
      wrong: frame(Buffer.concat([hex('2a'), Buffer.alloc(1000)])).subarray(0, -1),
      halfClose: true,
      offset: 2,
      text: 'ended inside a frame',
    },
  ],
  UNKNOWN_MESSAGE: [
    { title: 'number 7', wrong: hex('023a00'), offset: 1, text: 'any message' },
    { title: 'number 19', wrong: hex('039a0100'), offset: 1, text: 'any message' },
  ],
  MALFORMED_MESSAGE: [
    { title: 'a point', wrong: hex('058a01020a00'), offset: 1, text: 'time' },
    { title: 'an Init', before: [], wrong: hex('0412020aff'), offset: 1, text: 'InitRequest' },
    { title: 'a keepalive', wrong: hex('051a030a0161'), offset: 1, text: 'wire type' },
    { title: 'a batch', function: 'batch', wrong: hex('0582010208ff'), offset: 1, text: 'wire type' },
    { title: 'a Restore', wrong: hex('042a020a05'), offset: 1, text: 'RestoreRequest' },
    {
      title: "a batch's end",
      function: 'batch',
      before: [initRequest(), BEGIN],
      wrong: hex('059201021a00'),
      offset: 1,
      text: '',
    },
  ],
  UNEXPECTED_MESSAGE: [
    { title: 'a point before Init', before: [], wrong: pointRequest(), offset: 1, text: 'before Init' },
    {
      title: 'a batch before Init',
      function: 'batch',
      before: [],
      wrong: BEGIN,
      offset: 1,
      text: 'before Init',
    },
    { title: 'a batch to a stream function', wrong: BEGIN, offset: 1, text: 'wants a stream' },
    { title: 'an end to a stream function', wrong: END, offset: 1, text: 'without its begin' },
    {
      title: 'an end without its begin',
      function: 'batch',
      wrong: END,
      offset: 1,
      text: 'without its begin',
    },
    {
      title: 'a second end',
      function: 'batch',
      before: [initRequest(), BEGIN, END],
      wrong: END,
      offset: 1,
      text: 'without its begin',
    },
    {
      title: 'a batch inside a batch',
      function: 'batch',
      before: [initRequest(), BEGIN],
      wrong: BEGIN,
      offset: 1,
      text: 'inside a batch',
    },
    {
      title: 'a point outside of a batch',
      function: 'batch',
      wrong: pointRequest(),
      offset: 1,
      text: 'outside of a batch',
    },
    { title: 'an answer of an agent', wrong: hex('0332010a'), offset: 1, text: 'answer' },
  ],
  FUNCTION_FAILED: [{ title: 'a point', wrong: failing, offset: 1, text: 'cannot do this' }],
};

test('every code has a case', () => {
  for (const cases of Object.values(CASES)) expect(cases.length).toBeGreaterThan(0);
});

describe.each(Object.entries(CASES))('%s', (code, cases) => {
  test.each(cases)('$title: an ErrorResponse with code and offset, a line in the log, the end', (one) =>
    withAgent(
      async (agent) => {
        const path = agent.socketOf(one.function ?? 'stream');
        const other = await Peer.reading(path);
        other.send(initRequest('other'));
        await other.answered('init');
        const peer = await Peer.reading(path);
        const before = Buffer.concat(
          (one.before ?? [initRequest()]).map((each) => frame(encodeRequest(each))),
        );
        const wrong = Buffer.isBuffer(one.wrong) ? one.wrong : frame(encodeRequest(one.wrong));
        peer.sendBytes(Buffer.concat([before, wrong]));
        if (one.halfClose === true) peer.halfClose();
        const [{ error }] = await peer.answered('error');
        await peer.ended();
        expect(peer.kinds.at(-1)).toBe('error');
        const offset = before.length + one.offset;
        expect(error).toMatch(new RegExp(`^${code} at byte ${offset}: `));
        expect(error).toContain(one.text);
        const line = await agent.logged(({ level }) => level === 'error');
        expect(line.fields).toMatchObject({ code, offset });
        // Nobody else notices.
        other.send({ kind: 'keepalive', time: 1n });
        await other.answered('keepalive');
        peer.destroy();
        other.halfClose();
        await other.closed();
      },
      { functions: FUNCTIONS, maxFrameBytes: MAX_FRAME_BYTES },
    ),
  );
});
