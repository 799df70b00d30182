import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameReader, type FrameSink } from '../../src/wire/frames.ts';
import { ProtocolError } from '../../src/wire/protocol-error.ts';
import { frame } from '../support/protocol/protocol.ts';

const UNLIMITED = 2 ** 31;

interface Found {
  readonly message: string;
  readonly offset: number;
}

/** A reader, and what it finds; a frame beyond the limit is passed over if its first byte is 42. */
function readerOf(maxFrameBytes = UNLIMITED) {
  const reader = new FrameReader(maxFrameBytes);
  const found: Found[] = [];
  const passedOver: number[] = [];
  const sink: FrameSink = {
    frame(bytes, start, end) {
      found.push({ message: Buffer.from(bytes.subarray(start, end)).toString('hex'), offset: reader.offset });
    },
    oversized(firstByte, length) {
      if (firstByte === 42) passedOver.push(length);
      return firstByte === 42;
    },
  };
  // As an agent reads: all chunks come in one buffer, which is larger and is overwritten by the next.
  let shared = Buffer.alloc(512 * 1024);
  const push = (chunk: Uint8Array): void => {
    if (chunk.length > shared.length) shared = Buffer.alloc(2 * chunk.length);
    shared.fill(0xee).set(chunk);
    reader.push(shared, sink, chunk.length);
  };
  return { reader, found, passedOver, push };
}

function* chunksOf(bytes: Buffer, cuts: readonly number[]): Generator<Buffer> {
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let start = 0;
  for (const end of [...ends, bytes.length]) {
    yield bytes.subarray(start, end);
    start = end;
  }
}

/** Lengths around those at which the varint in front, or the reader's own buffer, takes another size. */
const message = fc
  .oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 20 }) },
    { weight: 4, arbitrary: fc.constantFrom(126, 127, 128, 129) },
    { weight: 1, arbitrary: fc.constantFrom(4095, 4096, 4097, 16_383, 16_384, 65_537, 200_000) },
  )
  .chain((length) => fc.integer({ min: 0, max: 255 }).map((byte) => Buffer.alloc(length, byte)));

const messages = fc.array(message, { minLength: 1, maxLength: 12 });
const cuts = fc.array(fc.nat(), { maxLength: 12 });

/** The same number with so many bytes more than it needs, as a varint may have. */
function paddedLength(length: number, more: number): Buffer {
  const minimal = frame(Buffer.alloc(length)).subarray(0, -length);
  if (more === 0) return minimal;
  const padded = Buffer.concat([minimal, Buffer.alloc(more, 0x80)]);
  padded[minimal.length - 1] |= 0x80;
  padded[padded.length - 1] = 0;
  return padded;
}

describe('frames', () => {
  test('are the same ones wherever the bytes are cut', () => {
    fc.assert(
      fc.property(messages, cuts, fc.nat({ max: 3 }), (sent, places, more) => {
        const framed = sent.map((each) => Buffer.concat([paddedLength(each.length, more), each]));
        const { found, reader, push } = readerOf();
        for (const chunk of chunksOf(Buffer.concat(framed), places)) push(chunk);
        let end = 0;
        const expected = sent.map((each, index) => {
          end += framed[index].length;
          return { message: each.toString('hex'), offset: end - each.length };
        });
        expect(found).toEqual(expected);
        expect(reader.inFrame).toBe(false);
      }),
    );
  });

  test('come as soon as their last byte does, and until then the reader is inside one', () => {
    const sent = [Buffer.from('a'), Buffer.alloc(130, 'b'), Buffer.from('cc')];
    const ends = new Set<number>([0]);
    let length = 0;
    for (const each of sent) {
      length += frame(each).length;
      ends.add(length);
    }
    const { found, reader, push } = readerOf();
    let complete = 0;
    Buffer.concat(sent.map(frame)).forEach((byte, index) => {
      push(Uint8Array.of(byte));
      if (ends.has(index + 1)) complete++;
      expect(found).toHaveLength(complete);
      expect(reader.inFrame).toBe(!ends.has(index + 1));
    });
  });

  test('of the very length that is allowed are read, longer ones refused at their first byte', () => {
    const longest = readerOf(1000);
    longest.push(frame(Buffer.alloc(1000)));
    expect(longest.found).toHaveLength(1);
    const { push, found } = readerOf(1000);
    push(frame(Buffer.alloc(10)));
    const tooLong = frame(Buffer.alloc(1001));
    push(tooLong.subarray(0, 2));
    expect(() => push(tooLong.subarray(2, 3))).toThrow(
      expect.objectContaining({ code: 'FRAME_TOO_LARGE', message: expect.stringContaining('1001 bytes') }),
    );
    expect(found).toHaveLength(1);
  });

  test('beyond the limit that the sink lets pass are left out, wherever they are cut', () => {
    fc.assert(
      fc.property(messages, fc.integer({ min: 101, max: 100_000 }), cuts, (others, length, places) => {
        const small = others.filter((each) => each.length <= 100);
        const large = Buffer.alloc(length, 42);
        const sent = [...small, large, ...small];
        const { found, passedOver, reader, push } = readerOf(100);
        for (const chunk of chunksOf(Buffer.concat(sent.map(frame)), places)) push(chunk);
        expect(passedOver).toEqual([length]);
        expect(found.map((each) => each.message)).toEqual(
          [...small, ...small].map((each) => each.toString('hex')),
        );
        expect(reader.inFrame).toBe(false);
      }),
    );
  });

  test('that are passed over are still to end', () => {
    const { push, reader } = readerOf(100);
    push(frame(Buffer.alloc(101, 42)).subarray(0, -1));
    expect(reader.inFrame).toBe(true);
    push(Buffer.of(42));
    expect(reader.inFrame).toBe(false);
  });

  test('that are announced cost no memory before they come', () => {
    const { push } = readerOf();
    const announced = frame(Buffer.alloc(2)).subarray(1);
    push(Buffer.from('ffffff7f', 'hex'));
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 100; i++) push(announced);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
  });
});

const BAD_LENGTHS = [
  ['EMPTY_FRAME', '00', 'a length of 0'],
  ['EMPTY_FRAME', '8000', 'a length of 0 in two bytes'],
  ['EMPTY_FRAME', '80808000', 'a length of 0 in four bytes'],
  ['BAD_FRAME_LENGTH', 'ffffffffffffffffffff01', 'a length of eleven bytes'],
  ['FRAME_TOO_LARGE', 'ffffffffffffffffff0111', 'the greatest length that a varint can hold'],
] as const;

test.each(BAD_LENGTHS)('%s %s: %s ends the reading, wherever it is cut', (code, hex) => {
  const before = frame(Buffer.alloc(3));
  const bytes = Buffer.concat([before, Buffer.from(hex, 'hex')]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { push, reader, found } = readerOf();
    let thrown: unknown;
    try {
      push(bytes.subarray(0, cut));
      push(bytes.subarray(cut));
    } catch (error) {
      thrown = error;
    }
    expect(thrown, `cut at ${cut}`).toBeInstanceOf(ProtocolError);
    expect(thrown, `cut at ${cut}`).toMatchObject({ code });
    expect(found).toHaveLength(1);
    const at = code === 'FRAME_TOO_LARGE' ? bytes.length - 1 : before.length;
    expect(reader.offset, `cut at ${cut}`).toBe(at);
  }
});
