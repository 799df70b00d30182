import { BOOLS, DOUBLES, INTS, type Point, STRINGS } from './point.ts';
import { sizeOfVarint32, sizeOfVarint64, writeVarint32, writeVarint64 } from './varint.ts';

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;

/** From here on a copy in one piece costs less than byte by byte. */
const LONG_RUN = 96;

const int64 = new BigInt64Array(1);
const words = new Int32Array(int64.buffer);

/**
 * Writes the body of a point, or of a batch's begin or end, into memory: fields in the order of their numbers, texts
 * and maps as Go writes them.
 */
export class PointWriter {
  #bytes = Buffer.allocUnsafe(4096);
  #length = 0;

  /** What was written since the last {@link clear}; valid until the next call that writes. */
  get body(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Where {@link body} lies, from the first byte on, for whoever wants no view made. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** How long {@link body} is. */
  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
  }

  /** @throws RangeError if the time or an integer does not fit into 64 bits */
  point(point: Point): void {
    this.int64(1, point.time, 'the time');
    this.text(2, point.name);
    this.text(3, point.database);
    this.text(4, point.retentionPolicy);
    this.text(5, point.group);
    for (const dimension of point.dimensions) this.#entryText(6, dimension);
    this.tags(7, point.tags);
    const { fields } = point;
    for (const [key, value] of fields) if (typeof value === 'number') this.#double(key, value);
    for (const [key, value] of fields) if (typeof value === 'bigint') this.#int(key, value);
    for (const [key, value] of fields) if (typeof value === 'string') this.#string(STRINGS, key, value);
    this.bool(11, point.byName);
    for (const [key, value] of fields) if (typeof value === 'boolean') this.#bool(key, value);
  }

  tags(number: number, tags: ReadonlyMap<string, string>): void {
    for (const [key, value] of tags) this.#string(number, key, value);
  }

  text(number: number, text: string): void {
    if (text !== '') this.#entryText(number, text);
  }

  /**
   * @param what the value's name for the error
   * @throws RangeError if it does not fit into 64 bits
   */
  int64(number: number, value: bigint, what: string): void {
    if (value === 0n) return;
    this.#reserve(11);
    this.#tag(number, VARINT);
    setWords(value, what);
    this.#length = writeVarint64(this.#bytes, this.#length, words[0], words[1]);
  }

  bool(number: number, value: boolean): void {
    if (!value) return;
    this.#reserve(2);
    this.#tag(number, VARINT);
    this.#bytes[this.#length++] = 1;
  }

  /** As {@link text}, from UTF-8; an empty one is written as well. */
  utf8(number: number, source: Uint8Array, start: number, end: number): void {
    this.#reserve(6 + end - start);
    this.#bytes[this.#length++] = (number << 3) | BYTES;
    this.#run(source, start, end);
  }

  /** The head of a text that {@link bytesOf} and {@link byte} then give, so many bytes in all. */
  beginUtf8(number: number, length: number): void {
    this.#reserve(6 + length);
    this.#bytes[this.#length++] = (number << 3) | BYTES;
    this.#length = writeVarint32(this.#bytes, this.#length, length);
  }

  /** A part of a text that {@link beginUtf8} has made room for. */
  bytesOf(source: Uint8Array, start: number, end: number): void {
    const bytes = this.#bytes;
    const at = this.#length - start;
    for (let p = start; p < end; p++) bytes[at + p] = source[p];
    this.#length += end - start;
  }

  /** As {@link bytesOf}. */
  byte(value: number): void {
    this.#bytes[this.#length++] = value;
  }

  /** The time, as two words. */
  timeWords(lo: number, hi: number): void {
    this.#reserve(11);
    this.#bytes[this.#length++] = (1 << 3) | VARINT;
    this.#length = writeVarint64(this.#bytes, this.#length, lo, hi);
  }

  /** A double, given as its two words; the key, as in all that follow, is the UTF-8 from `start` to `end`. */
  doubleWords(source: Uint8Array, start: number, end: number, lo: number, hi: number): void {
    this.#key(DOUBLES, source, start, end, 9);
    const bytes = this.#bytes;
    let p = this.#length;
    bytes[p++] = (2 << 3) | FIXED64;
    bytes[p++] = lo;
    bytes[p++] = lo >> 8;
    bytes[p++] = lo >> 16;
    bytes[p++] = lo >> 24;
    bytes[p++] = hi;
    bytes[p++] = hi >> 8;
    bytes[p++] = hi >> 16;
    bytes[p++] = hi >> 24;
    this.#length = p;
  }

  /** An int64, given as its two words. */
  intWords(source: Uint8Array, start: number, end: number, lo: number, hi: number): void {
    this.#key(INTS, source, start, end, 1 + sizeOfVarint64(lo, hi));
    this.#bytes[this.#length++] = (2 << 3) | VARINT;
    this.#length = writeVarint64(this.#bytes, this.#length, lo, hi);
  }

  boolOf(source: Uint8Array, start: number, end: number, value: boolean): void {
    this.#key(BOOLS, source, start, end, 2);
    this.#bytes[this.#length++] = (2 << 3) | VARINT;
    this.#bytes[this.#length++] = value ? 1 : 0;
  }

  /** A string, or a tag, whose value is the UTF-8 from `from` to `to`. @param number the map that it stands in */
  utf8Of(
    number: number,
    source: Uint8Array,
    start: number,
    end: number,
    value: Uint8Array,
    from: number,
    to: number,
  ): void {
    this.#key(number, source, start, end, 1 + lengthOf(to - from));
    this.#bytes[this.#length++] = (2 << 3) | BYTES;
    this.#run(value, from, to);
  }

  /** The start of a map entry, up to its value. */
  #key(number: number, source: Uint8Array, start: number, end: number, valueSize: number): void {
    const size = 1 + lengthOf(end - start) + valueSize;
    this.#reserve(6 + size);
    const bytes = this.#bytes;
    bytes[this.#length++] = (number << 3) | BYTES;
    if (size < 0x80) bytes[this.#length++] = size;
    else this.#length = writeVarint32(bytes, this.#length, size);
    bytes[this.#length++] = (1 << 3) | BYTES;
    this.#run(source, start, end);
  }

  /** A length and so many bytes, for which there is room. */
  #run(source: Uint8Array, start: number, end: number): void {
    const bytes = this.#bytes;
    const length = end - start;
    let p = this.#length;
    if (length < 0x80) bytes[p++] = length;
    else p = writeVarint32(bytes, p, length);
    // Not subarray: of a Buffer that is a Buffer, which takes longer to make than this copy.
    if (length > LONG_RUN) bytes.set(new Uint8Array(source.buffer, source.byteOffset + start, length), p);
    else for (let i = 0; i < length; i++) bytes[p + i] = source[start + i];
    this.#length = p + length;
  }

  #double(key: string, value: number): void {
    this.#entry(DOUBLES, key, 9);
    this.#tag(2, FIXED64);
    this.#length = this.#bytes.writeDoubleLE(value, this.#length);
  }

  #int(key: string, value: bigint): void {
    setWords(value, `the field '${key}'`);
    this.#entry(INTS, key, 1 + sizeOfVarint64(words[0], words[1]));
    this.#tag(2, VARINT);
    this.#length = writeVarint64(this.#bytes, this.#length, words[0], words[1]);
  }

  #string(number: number, key: string, value: string): void {
    this.#entry(number, key, 1 + lengthOf(Buffer.byteLength(value)));
    this.#entryText(2, value);
  }

  #bool(key: string, value: boolean): void {
    this.#entry(BOOLS, key, 2);
    this.#tag(2, VARINT);
    this.#bytes[this.#length++] = value ? 1 : 0;
  }

  /** The start of a map entry, up to its value. @param valueSize bytes of the value with its tag */
  #entry(number: number, key: string, valueSize: number): void {
    const size = 1 + lengthOf(Buffer.byteLength(key)) + valueSize;
    this.#reserve(6 + size);
    this.#tag(number, BYTES);
    this.#length = writeVarint32(this.#bytes, this.#length, size);
    this.#entryText(1, key);
  }

  /** As {@link text}, but an empty text is written as well, as it is in maps and lists. */
  #entryText(number: number, text: string): void {
    const length = Buffer.byteLength(text);
    this.#reserve(6 + length);
    this.#tag(number, BYTES);
    this.#length = writeVarint32(this.#bytes, this.#length, length);
    this.#length += this.#bytes.write(text, this.#length);
  }

  #tag(number: number, wireType: number): void {
    this.#bytes[this.#length++] = (number << 3) | wireType;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + more));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/** Leaves the two words of an int64 in {@link words}. */
function setWords(value: bigint, what: string): void {
  int64[0] = value;
  if (int64[0] !== value) throw new RangeError(`${what} does not fit into 64 bits: ${value}`);
}

/** Bytes of something with its length in front. */
function lengthOf(bytes: number): number {
  return sizeOfVarint32(bytes) + bytes;
}
