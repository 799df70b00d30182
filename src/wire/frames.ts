import { setting, wording } from '../wording.ts';
import { ProtocolError } from './protocol-error.ts';

// A frame is a varint length and that many bytes, which are one Request:
//
//   frame   := length message
//   message := tag length body            tag = number << 3 | 2; from number 16 on it takes two bytes
//
// Kapacitor writes the length and the message separately, so one often arrives without the other.

/** Receives each frame's message; the bytes are valid only during the call. */
export interface FrameSink {
  /** @param start first byte of the message @param end the byte after its last */
  frame(bytes: Uint8Array, start: number, end: number): void;
  /**
   * A frame beyond the limit, known by its length and the message's first byte.
   * @returns whether it is passed over; else it is refused
   */
  oversized?(firstByte: number, length: number): boolean;
}

/** What a cut leaves over is gathered in a buffer that grows with what has really come, not with what was announced. */
const FIRST_PART_BYTES = 4096;
/** What came is copied whenever the buffer grows, and for a long snapshot in small steps that would take long. */
const GROWTH = 8;

/** Turns chunks as the socket gives them into frames. Only what a cut leaves over is copied. */
export class FrameReader {
  readonly #maxFrameBytes: number;
  /** The message's length once known, else -1. */
  #length = -1;
  /** While the length is not known: its bits so far, as a number since they may exceed 32 bits. */
  #lengthBits = 0;
  #lengthBytes = 0;
  #part: Buffer = Buffer.alloc(0);
  #partLength = 0;
  /** Bytes of a frame beyond the limit that are still to be passed over. */
  #passOver = 0;
  /** Bytes of the connection before the chunk at hand. */
  #before = 0;
  /** Where in the connection the frame at hand begins, but for {@link #before} where it lies in the chunk. */
  #at = 0;

  /** @param maxFrameBytes a longer message is refused as soon as its length is read */
  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Whether the bytes so far end inside a frame. */
  get inFrame(): boolean {
    return this.#length >= 0 || this.#lengthBytes > 0 || this.#passOver > 0;
  }

  /** Bytes from the connection's start to the message at hand, or to its length while that is not known. */
  get offset(): number {
    return this.#before + this.#at;
  }

  /**
   * Hands every frame that is complete with this chunk to the sink.
   * @throws ProtocolError BAD_FRAME_LENGTH, EMPTY_FRAME, FRAME_TOO_LARGE; or whatever the sink throws
   */
  push(chunk: Uint8Array, sink: FrameSink, size: number = chunk.length): void {
    this.#frames(chunk, size, sink);
    this.#before += size;
    this.#at -= size;
  }

  #frames(chunk: Uint8Array, size: number, sink: FrameSink): void {
    let p = 0;
    if (this.#passOver > 0) {
      p = Math.min(size, this.#passOver);
      this.#passOver -= p;
    }
    for (;;) {
      let length = this.#length;
      if (length < 0) {
        if (p >= size) return;
        // Nearly every length takes one or two bytes and lies within the chunk: no state is touched for it.
        const first = chunk[p];
        if (this.#lengthBytes === 0 && first > 0 && first < 0x80) {
          length = first;
          p++;
        } else if (this.#lengthBytes === 0 && p + 1 < size && first > 0x7f && chunk[p + 1] < 0x80) {
          length = (first & 0x7f) | (chunk[p + 1] << 7);
          p += 2;
          if (length === 0) {
            this.#at = p - 2;
            this.#refuseEmpty();
          }
        } else {
          p = this.#readLength(chunk, p, size);
          length = this.#length;
          if (length < 0) return;
          this.#length = -1;
        }
        this.#at = p;
      }
      if (length > this.#maxFrameBytes) {
        this.#length = length;
        if (p >= size) return;
        if (sink.oversized?.(chunk[p], length) !== true) this.#refuseTooLarge(length);
        this.#length = -1;
        const passed = Math.min(length, size - p);
        this.#passOver = length - passed;
        p += passed;
        continue;
      }
      if (this.#partLength === 0) {
        const end = p + length;
        if (end <= size) {
          this.#length = -1;
          sink.frame(chunk, p, end);
          p = end;
          continue;
        }
        this.#length = length;
        if (p < size) this.#keep(chunk, p, size);
        return;
      }
      const missing = length - this.#partLength;
      const have = size - p;
      if (have < missing) {
        this.#keep(chunk, p, size);
        return;
      }
      this.#keep(chunk, p, p + missing);
      p += missing;
      const part = this.#part;
      this.#length = -1;
      this.#partLength = 0;
      if (part.length > 16 * FIRST_PART_BYTES) this.#part = Buffer.alloc(0);
      sink.frame(part, 0, length);
    }
  }

  #readLength(chunk: Uint8Array, from: number, size: number): number {
    let p = from;
    if (this.#lengthBytes === 0) this.#at = from;
    while (p < size) {
      const byte = chunk[p++];
      this.#lengthBits += (byte & 0x7f) * 2 ** (7 * this.#lengthBytes);
      this.#lengthBytes++;
      if (byte < 0x80) {
        const length = this.#lengthBits;
        this.#lengthBits = 0;
        this.#lengthBytes = 0;
        if (length === 0) this.#refuseEmpty();
        this.#length = length;
        return p;
      }
      if (this.#lengthBytes === 10) {
        throw new ProtocolError(
          'BAD_FRAME_LENGTH',
          'the length of a frame is no varint: it has more than ten bytes',
        );
      }
    }
    return p;
  }

  #keep(chunk: Uint8Array, from: number, to: number): void {
    const needed = this.#partLength + (to - from);
    if (this.#part.length < needed) {
      // Step by step up to the frame's own length: a peer that announces a lot and sends little costs little.
      const size = Math.max(needed, Math.min(this.#length, GROWTH * this.#part.length), FIRST_PART_BYTES);
      const grown = Buffer.allocUnsafeSlow(size);
      grown.set(this.#part.subarray(0, this.#partLength));
      this.#part = grown;
    }
    this.#part.set(chunk.subarray(from, to), this.#partLength);
    this.#partLength = needed;
  }

  #refuseEmpty(): never {
    throw new ProtocolError('EMPTY_FRAME', 'a frame of length 0: whoever writes here is no Kapacitor');
  }

  #refuseTooLarge(length: number): never {
    throw new ProtocolError(
      'FRAME_TOO_LARGE',
      wording`a frame of ${length} bytes is longer than ${setting('maxFrameBytes')} (${this.#maxFrameBytes}) allows`,
    );
  }
}
