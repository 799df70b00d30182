import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkKeepalive } from '../../src/wire/batch.ts';
import { readEnvelope } from '../../src/wire/envelope.ts';
import { PointReader } from '../../src/wire/point-view.ts';
import { toBigInt } from '../../src/wire/scalars.ts';
import {
  lengthEnd,
  readLength,
  readVarint64,
  sizeOfVarint32,
  skipVarint,
  varint64,
  writeVarint32,
  writeVarint64,
} from '../../src/wire/varint.ts';
import { encodeRequest } from '../support/protocol/protocol.ts';
import { int64 } from '../support/scenarios/arbitrary.ts';

/** An int64 as the tests' own encoder writes it. */
function encoded(value: bigint): Buffer {
  // The defaults of a keepalive are left out, so the varint is never missing but for 0.
  return value === 0n ? Buffer.of(0) : encodeRequest({ kind: 'keepalive', time: value }).subarray(3);
}

const nearPowers = fc
  .tuple(fc.integer({ min: 0, max: 63 }), fc.constantFrom(-1n, 0n, 1n), fc.constantFrom(-1n, 1n))
  .map(([bits, more, sign]) => BigInt.asIntN(64, sign * (2n ** BigInt(bits) + more)));
const anyInt64 = fc.oneof(int64, nearPowers);

test('every int64 is read and written exactly, between other bytes', () => {
  fc.assert(
    fc.property(anyInt64, (value) => {
      const bytes = Buffer.concat([Buffer.of(0xff), encoded(value), Buffer.of(0xff)]);
      const end = bytes.length - 1;
      expect(readVarint64(bytes, 1, end)).toBe(end);
      expect(toBigInt(varint64[0], varint64[1])).toBe(value);
      expect(skipVarint(bytes, 1, end)).toBe(end);
      const written = Buffer.alloc(12, 0xee);
      const writtenEnd = writeVarint64(written, 1, varint64[0], varint64[1]);
      expect(written.subarray(1, writtenEnd)).toEqual(encoded(value));
    }),
    { numRuns: 300 },
  );
});

test('a varint that takes more bytes than it needs is the same number', () => {
  const bytes = Buffer.from('8680808000', 'hex');
  expect(readVarint64(bytes, 0, bytes.length)).toBe(bytes.length);
  expect(toBigInt(varint64[0], varint64[1])).toBe(6n);
});

test('every unsigned number of 32 bits is written in as many bytes as it is said to take', () => {
  const number = fc.oneof(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.integer({ min: 0, max: 32 }).map((bits) => Math.min(2 ** bits, 2 ** 32 - 1)),
    fc.integer({ min: 1, max: 32 }).map((bits) => 2 ** bits - 1),
  );
  fc.assert(
    fc.property(number, (value) => {
      const bytes = Buffer.alloc(8);
      const end = writeVarint32(bytes, 0, value);
      expect(bytes.subarray(0, end)).toEqual(encoded(BigInt(value)));
      expect(sizeOfVarint32(value)).toBe(end);
    }),
    { numRuns: 300 },
  );
});

test.each([
  ['without an end', '808080', 3],
  ['that ends behind the message', '808001', 2],
  ['of eleven bytes', '8080808080808080808000', 11],
  ['that is not there', '', 0],
])('a varint %s is malformed', (_, hex, end) => {
  const bytes = Buffer.from(hex, 'hex');
  const malformed = expect.objectContaining({ code: 'MALFORMED_MESSAGE' });
  expect(() => readVarint64(bytes, 0, end)).toThrow(malformed);
  expect(() => skipVarint(bytes, 0, end)).toThrow(malformed);
});

test.each([
  ['one more than there is', '0411223344', 4],
  ['2^31', '8080808008', 6],
  ['2^32', '8080808010', 6],
  ['-1', 'ffffffffffffffffff01', 10],
  ['1 in six bytes', '81808080800000', 7],
])('a length of %s is malformed', (_, hex, end) => {
  const bytes = Buffer.from(`${hex}00`, 'hex');
  expect(() => readLength(bytes, 0, end)).toThrow(expect.objectContaining({ code: 'MALFORMED_MESSAGE' }));
});

test('a length of five bytes is the most that every decoder takes', () => {
  const bytes = Buffer.from('818080800061', 'hex');
  expect(readLength(bytes, 0, bytes.length)).toBe(1);
});

test('a length that reaches to the very end is allowed', () => {
  const bytes = Buffer.concat([Buffer.of(0xff, 0x80, 0x01), Buffer.alloc(128)]);
  expect(readLength(bytes, 1, bytes.length)).toBe(128);
  expect(lengthEnd[0]).toBe(3);
});

describe('a tag that Go would read and stricter decoders refuse', () => {
  /** Field 20, a varint 0: its tag in five bytes, and in six. */
  const FIVE = Buffer.from('a08180800000', 'hex');
  const SIX = Buffer.from('a0818080800000', 'hex');
  const entry = (bytes: Buffer): Buffer => Buffer.concat([Buffer.of(0x3a, bytes.length), bytes]);
  const point = (bytes: Buffer): void => {
    const view = new PointReader();
    view.read(bytes, 0, bytes.length);
    view.validate();
  };

  test.each<[string, (bytes: Buffer) => unknown]>([
    ['in a point', point],
    ['in an entry of a map', (bytes) => point(entry(bytes))],
    [
      'beside a message',
      (bytes) => readEnvelope(Buffer.concat([bytes, Buffer.from('0a00', 'hex')]), 0, bytes.length + 2),
    ],
    ['in a keepalive', (bytes) => checkKeepalive(bytes, 0, bytes.length)],
  ])('%s is refused', (_, read) => {
    expect(() => read(FIVE)).not.toThrow();
    expect(() => read(SIX)).toThrow('a tag of more bytes than every decoder takes');
  });
});
