import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BatchBegin, BatchEnd, checkKeepalive } from '../../src/wire/batch.ts';
import { body, readEnvelope } from '../../src/wire/envelope.ts';
import {
  decodeRequest,
  encodeRequest,
  frame,
  GO_STYLE,
  type Request,
  type Style,
} from '../support/protocol/protocol.ts';
import * as arbitrary from '../support/scenarios/arbitrary.ts';

function bodyOf(request: Request, style: Style = GO_STYLE): Buffer {
  const message = encodeRequest(request, style);
  readEnvelope(message, 0, message.length);
  return message.subarray(body[0], body[1]);
}

function readBegin(content: Buffer): BatchBegin {
  const chunk = Buffer.concat([Buffer.alloc(2, 0xee), content, Buffer.alloc(2, 0xee)]);
  const begin = new BatchBegin(chunk, 2, 2 + content.length);
  // It is to last when the chunk is overwritten.
  chunk.fill(0xee);
  return begin;
}

test('the begin of a batch goes out as it came but for its size, with its group and the names of its tags known', () => {
  fc.assert(
    fc.property(arbitrary.begin, arbitrary.style, (begin, style) => {
      const read = readBegin(bodyOf({ kind: 'begin', begin }, style));
      const message = Buffer.concat([Buffer.from('8201', 'hex'), frame(Buffer.from(read.bytes))]);
      expect(decodeRequest(message)).toEqual({ kind: 'begin', begin: { ...begin, size: 0n } });
      expect(read.group).toBe(begin.group);
      expect(Object.fromEntries(read.tags())).toEqual(begin.tags);
      expect([read.name, read.byName]).toEqual([begin.name, begin.byName]);
    }),
  );
});

test('the end of any batch, and any keepalive, may be passed on', () => {
  fc.assert(
    fc.property(arbitrary.end, arbitrary.int64, arbitrary.style, (end, time, style) => {
      const endBody = bodyOf({ kind: 'end', end }, style);
      expect(new BatchEnd(endBody, 0, endBody.length).time).toBe(end.tmax);
      const keepalive = bodyOf({ kind: 'keepalive', time }, style);
      expect(() => checkKeepalive(keepalive, 0, keepalive.length)).not.toThrow();
    }),
  );
});

const checks = {
  begin: readBegin,
  end: (bytes: Buffer) => new BatchEnd(bytes, 0, bytes.length),
  keepalive: (bytes: Buffer) => checkKeepalive(bytes, 0, bytes.length),
};

test.each([
  ['begin', 'a name that is a number', '0801'],
  ['begin', 'a group longer than the message', '120461'],
  ['begin', 'a tag that is a number', '1801'],
  ['begin', 'a tag whose value is a number', '1a050a01611001'],
  ['begin', 'a tag that is cut off', '1a030a0261'],
  ['begin', 'a size that is a string', '220131'],
  ['begin', 'a byName that is a double', '290102030405060708'],
  ['begin', 'a field number 0', '0001'],
  ['end', 'a group that is a number', '1001'],
  ['end', 'a tmax that is a string', '1a0131'],
  ['end', 'a tmax without an end', '1880'],
  ['end', 'a tag whose key is a number', '2204' + '0801' + '1200'],
  ['end', 'an unknown field that is cut off', 'c23e0461'],
  ['keepalive', 'a time that is a string', '0a0131'],
  ['keepalive', 'a time of eleven bytes', '088080808080808080808000'],
] as const)('a malformed %s is found: %s', (kind, _, hex) => {
  expect(() => checks[kind](Buffer.from(hex, 'hex'))).toThrow(
    expect.objectContaining({ code: 'MALFORMED_MESSAGE' }),
  );
});
