import type { LineValue } from '../../line-protocol/parser.ts';
import { MESSAGE, sizeOfFrame, writeFrameHead } from '../../wire/envelope.ts';
import type { Point } from '../../wire/point.ts';
import { sizeOfVarint32, writeVarint32, writeVarint64 } from '../../wire/varint.ts';

/** A point as Kapacitor hands it to a UDF; inside a batch the texts, dimensions and byName stay empty. */
export interface RequestPoint extends Omit<Point, 'fields'> {
  readonly fields: ReadonlyMap<string, LineValue>;
}

export interface RequestBegin {
  readonly name: string;
  readonly group: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly size: number;
  readonly byName: boolean;
}

export interface RequestEnd {
  readonly name: string;
  readonly group: string;
  /** Nanoseconds since the epoch. */
  readonly tmax: bigint;
  readonly tags: ReadonlyMap<string, string>;
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;

/** The map that a field of this type stands in. */
const MAP_OF_KIND = { float: 8, int: 9, string: 10, bool: 12 } as const;

const int64 = new BigInt64Array(1);
const words = new Int32Array(int64.buffer);

/** Writes points and batches as frames into memory, until they are taken. Texts and maps are written as Go does. */
export class RequestEncoder {
  /** The body of the message at hand. */
  #body = Buffer.allocUnsafe(4096);
  #at = 0;
  #frames = Buffer.allocUnsafe(64 * 1024);
  #length = 0;

  /** Bytes that wait to be taken. */
  get length(): number {
    return this.#length;
  }

  point(point: RequestPoint): void {
    this.#int64(1, point.time);
    this.#text(2, point.name);
    this.#text(3, point.database);
    this.#text(4, point.retentionPolicy);
    this.#text(5, point.group);
    for (const dimension of point.dimensions) this.#entryText(6, dimension);
    this.#tags(7, point.tags);
    for (const [key, field] of point.fields) this.#field(key, field);
    this.#bool(11, point.byName);
    this.#frame(MESSAGE.point);
  }

  begin(begin: RequestBegin): void {
    this.#text(1, begin.name);
    this.#text(2, begin.group);
    this.#tags(3, begin.tags);
    this.#int64(4, BigInt(begin.size));
    this.#bool(5, begin.byName);
    this.#frame(MESSAGE.begin);
  }

  end(end: RequestEnd): void {
    this.#text(1, end.name);
    this.#text(2, end.group);
    this.#int64(3, end.tmax);
    this.#tags(4, end.tags);
    this.#frame(MESSAGE.end);
  }

  /** Everything since the last call. */
  take(): Buffer {
    const frames = this.#frames.subarray(0, this.#length);
    this.#frames = Buffer.allocUnsafe(this.#frames.length);
    this.#length = 0;
    return frames;
  }

  #frame(kind: number): void {
    const size = sizeOfFrame(kind, this.#at);
    if (this.#length + size > this.#frames.length) this.#frames = grown(this.#frames, this.#length, size);
    const at = writeFrameHead(this.#frames, this.#length, kind, this.#at);
    this.#body.copy(this.#frames, at, 0, this.#at);
    this.#length += size;
    this.#at = 0;
  }

  #tags(number: number, tags: ReadonlyMap<string, string>): void {
    for (const [key, value] of tags) {
      this.#entry(number, key, 1 + lengthOf(Buffer.byteLength(value)));
      this.#entryText(2, value);
    }
  }

  #field(key: string, field: LineValue): void {
    const number = MAP_OF_KIND[field.kind];
    switch (field.kind) {
      case 'float':
        this.#entry(number, key, 9);
        this.#tag(2, FIXED64);
        this.#at = this.#body.writeDoubleLE(field.value, this.#at);
        break;
      case 'int':
        this.#entry(number, key, 1 + sizeOfVarint64(field.value));
        this.#tag(2, VARINT);
        this.#varint64(field.value);
        break;
      case 'string':
        this.#entry(number, key, 1 + lengthOf(Buffer.byteLength(field.value)));
        this.#entryText(2, field.value);
        break;
      case 'bool':
        this.#entry(number, key, 2);
        this.#tag(2, VARINT);
        this.#body[this.#at++] = field.value ? 1 : 0;
    }
  }

  /** The start of a map entry, up to its value. @param valueSize bytes of the value with its tag */
  #entry(number: number, key: string, valueSize: number): void {
    const size = 1 + lengthOf(Buffer.byteLength(key)) + valueSize;
    this.#reserve(6 + size);
    this.#tag(number, BYTES);
    this.#at = writeVarint32(this.#body, this.#at, size);
    this.#entryText(1, key);
  }

  #text(number: number, text: string): void {
    if (text !== '') this.#entryText(number, text);
  }

  /** As {@link #text}, but an empty text is written as well, as it is in maps and lists. */
  #entryText(number: number, text: string): void {
    const length = Buffer.byteLength(text);
    this.#reserve(6 + length);
    this.#tag(number, BYTES);
    this.#at = writeVarint32(this.#body, this.#at, length);
    this.#at += this.#body.write(text, this.#at);
  }

  #int64(number: number, value: bigint): void {
    if (value === 0n) return;
    this.#reserve(11);
    this.#tag(number, VARINT);
    this.#varint64(value);
  }

  #bool(number: number, value: boolean): void {
    if (!value) return;
    this.#reserve(2);
    this.#tag(number, VARINT);
    this.#body[this.#at++] = 1;
  }

  #tag(number: number, wireType: number): void {
    this.#body[this.#at++] = (number << 3) | wireType;
  }

  #varint64(value: bigint): void {
    int64[0] = value;
    this.#at = writeVarint64(this.#body, this.#at, words[0], words[1]);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes > this.#body.length) this.#body = grown(this.#body, this.#at, bytes);
  }
}

const scratch = Buffer.alloc(10);

function sizeOfVarint64(value: bigint): number {
  int64[0] = value;
  return writeVarint64(scratch, 0, words[0], words[1]);
}

/** Bytes of something with its length in front. */
function lengthOf(bytes: number): number {
  return sizeOfVarint32(bytes) + bytes;
}

/** A copy with room for at least this many bytes more. */
function grown(buffer: Buffer<ArrayBuffer>, used: number, more: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafe(Math.max(2 * buffer.length, used + more));
  buffer.copy(larger, 0, 0, used);
  return larger;
}
