import fc from 'fast-check';
import { expect, test } from 'vitest';
import { body, readEnvelope } from '../../src/wire/envelope.ts';
import {
  decodeInitRequest,
  decodeRestoreRequest,
  encodeErrorResponse,
  encodeInfoResponse,
  encodeInitResponse,
  encodeRestoreResponse,
} from '../../src/wire/messages.ts';
import {
  cutFrames,
  decodeResponse,
  encodeRequest,
  type Request,
  type Style,
} from '../support/protocol/protocol.ts';
import * as arbitrary from '../support/scenarios/arbitrary.ts';

function bodyOf(request: Request, style?: Style): Buffer {
  const message = encodeRequest(request, style);
  readEnvelope(message, 0, message.length);
  return message.subarray(body[0], body[1]);
}

function answer(framed: Buffer) {
  const { messages, rest } = cutFrames(framed);
  expect(rest).toHaveLength(0);
  expect(messages).toHaveLength(1);
  return decodeResponse(messages[0]);
}

test('an Init of any writer has the options in their order, with the arguments exact', () => {
  fc.assert(
    fc.property(
      fc.array(arbitrary.option, { maxLength: 4 }),
      arbitrary.text,
      arbitrary.text,
      arbitrary.style,
      (options, taskId, nodeId, style) => {
        expect(decodeInitRequest(bodyOf({ kind: 'init', options, taskId, nodeId }, style))).toEqual({
          options: options.map(({ name, values }) => ({
            name,
            values: values.map(({ type, v }) => ({ type: type.toUpperCase(), value: v })),
          })),
          taskId,
          nodeId,
        });
      },
    ),
    { numRuns: 300 },
  );
});

test('the snapshot of a Restore is read, also an empty one', () => {
  for (const snapshot of [Buffer.from('*'), Buffer.alloc(300, 7), Buffer.alloc(0)]) {
    expect(Buffer.from(decodeRestoreRequest(bodyOf({ kind: 'restore', snapshot })))).toEqual(snapshot);
  }
});

test.each([
  ['an Init', () => decodeInitRequest(Buffer.from('0aff', 'hex')), 'InitRequest'],
  ['a Restore', () => decodeRestoreRequest(Buffer.from('0a05', 'hex')), 'RestoreRequest'],
])('%s that is cut off is MALFORMED_MESSAGE and names the message', (_, decode, name) => {
  expect(decode).toThrow(
    expect.objectContaining({ code: 'MALFORMED_MESSAGE', message: expect.stringContaining(name) }),
  );
});

test('the answers are what was said, in one frame each', () => {
  expect(
    answer(
      encodeInfoResponse({
        wants: 'STREAM',
        provides: 'BATCH',
        options: { field: ['STRING'], limit: ['INT', 'DURATION'], rising: [], all: ['BOOL', 'DOUBLE'] },
      }),
    ),
  ).toEqual({
    kind: 'info',
    wants: 'STREAM',
    provides: 'BATCH',
    options: { field: ['string'], limit: ['int', 'duration'], rising: [], all: ['bool', 'double'] },
  });
  expect(answer(encodeInitResponse())).toEqual({ kind: 'init', success: true, error: '' });
  expect(answer(encodeInitResponse('no'))).toEqual({ kind: 'init', success: false, error: 'no' });
  expect(answer(encodeRestoreResponse())).toEqual({ kind: 'restore', success: true, error: '' });
  expect(answer(encodeRestoreResponse('no'))).toEqual({ kind: 'restore', success: false, error: 'no' });
  expect(answer(encodeErrorResponse('no'))).toEqual({ kind: 'error', error: 'no' });
});

test('an option without arguments is written with its value, without which Kapacitor 1.5 reads nothing', () => {
  const info = encodeInfoResponse({ wants: 'STREAM', provides: 'STREAM', options: { rising: [] } });
  // The entry {1 "rising", 2 OptionInfo {}}.
  expect(info.toString('hex')).toContain('1a0a' + '0a06726973696e67' + '1200');
});
