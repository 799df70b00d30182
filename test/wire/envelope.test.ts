import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  body,
  frameOf,
  MESSAGE,
  readEnvelope,
  sizeOfFrame,
  writeFrameHead,
} from '../../src/wire/envelope.ts';
import { cutFrames, frame } from '../support/protocol/protocol.ts';

const number = fc.constantFrom(...Object.values(MESSAGE));
const content = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .constantFrom(121, 122, 123, 124, 125, 126, 127, 128, 129, 16_379, 16_380, 16_384)
    .map((n) => new Uint8Array(n)),
);

/** Fields of every wire type with numbers that no message has. */
const UNKNOWN = Buffer.from('38ff01' + '410102030405060708' + '4a03616263' + '5d01020304' + '9a0600', 'hex');

test('a frame around any body is found again, with whatever unknown stands before and behind it', () => {
  fc.assert(
    fc.property(number, content, fc.boolean(), fc.boolean(), (kind, bytes, before, after) => {
      const [message] = cutFrames(frameOf(kind, bytes)).messages;
      const parts = [before ? UNKNOWN : Buffer.alloc(0), message, after ? UNKNOWN : Buffer.alloc(0)];
      // What follows the message in the chunk is another frame.
      const chunk = Buffer.concat([Buffer.of(0xee), ...parts, frame(Buffer.from('8a0100', 'hex'))]);
      const end = 1 + parts.reduce((sum, part) => sum + part.length, 0);
      expect(readEnvelope(chunk, 1, end)).toBe(kind);
      expect(chunk.subarray(body[0], body[1])).toEqual(Buffer.from(bytes));
    }),
  );
});

test('a frame takes as many bytes as it is said to, its head as many less as the body has', () => {
  fc.assert(
    fc.property(number, content, (kind, bytes) => {
      const whole = frameOf(kind, bytes);
      expect(cutFrames(whole).rest).toHaveLength(0);
      expect(sizeOfFrame(kind, bytes.length)).toBe(whole.length);
      expect(writeFrameHead(Buffer.alloc(20), 3, kind, bytes.length) - 3).toBe(whole.length - bytes.length);
    }),
  );
});

test('of several messages in one frame the last counts', () => {
  const [point] = cutFrames(frameOf(MESSAGE.point, Buffer.from('0801', 'hex'))).messages;
  const [keepalive] = cutFrames(frameOf(MESSAGE.keepalive, Buffer.from('0802', 'hex'))).messages;
  expect(readEnvelope(Buffer.concat([point, keepalive]), 0, point.length + keepalive.length)).toBe(
    MESSAGE.keepalive,
  );
  expect(body[0]).toBe(point.length + 2);
});

test.each([
  ['nothing but unknown fields', UNKNOWN.toString('hex')],
  ['a message that is no message but a number', '880105'],
  ['number 7', '3a00'],
  ['number 15', '7a00'],
  ['number 19', '9a0100'],
])('a frame with %s is UNKNOWN_MESSAGE', (_, hex) => {
  const bytes = Buffer.from(hex, 'hex');
  expect(() => readEnvelope(bytes, 0, bytes.length)).toThrow(
    expect.objectContaining({ code: 'UNKNOWN_MESSAGE' }),
  );
});

test.each([
  ['a body longer than the frame', '8a0104010203'],
  ['a body of which the length is missing', '8a01'],
  ['a body of which the length has no end', '8a0180'],
  ['half a tag', '8a'],
  ['a group, which nobody writes any more', '8b01'],
  ['a wire type that does not exist', '8e01'],
  ['half a double', '390102'],
  ['a field number 0 behind a point', '8a01000200'],
  ['a number beyond 29 bits that ends like that of a point', '8a8180802000'],
])('a frame with %s is MALFORMED_MESSAGE', (_, hex) => {
  // The bytes behind the frame would make it right.
  const bytes = Buffer.from(`${hex}0000000000000000`, 'hex');
  expect(() => readEnvelope(bytes, 0, hex.length / 2)).toThrow(
    expect.objectContaining({ code: 'MALFORMED_MESSAGE' }),
  );
});
