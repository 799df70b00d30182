import { skipValue } from './envelope.ts';
import { KeyTable } from './key-table.ts';
import type { PointView } from './point-view.ts';
import { fromFloat } from './scalars.ts';
import {
  lengthEnd,
  readLength,
  readVarint64,
  sizeOfVarint32,
  sizeOfVarint64,
  skipVarint,
  varint64,
  writeVarint32,
  writeVarint64,
} from './varint.ts';

const TAG_OF_DOUBLES = (8 << 3) | 2;
const TAG_OF_INTS = (9 << 3) | 2;
const TAG_OF_STRINGS = (10 << 3) | 2;
const TAG_OF_BOOLS = (12 << 3) | 2;

/** A key and an int64 of ten bytes, with the tags and lengths around them. */
const OVERHEAD_BYTES = 32;

/**
 * Fields to be added to a point that goes out, by appending map entries to its bytes: the point is not decoded. A
 * field of such a name that the point has already, in whatever type, is left out, since one name must never stand in
 * two of the typed maps.
 */
export class AddedFields {
  readonly #table: KeyTable;
  readonly #keys: readonly Uint8Array[];
  /** Whether the field of that index is set now. */
  readonly #isSet: Uint8Array;
  #bytes: Buffer = Buffer.allocUnsafe(256);
  #length = 0;

  /** @param names every name that may be set, each once */
  constructor(names: readonly string[]) {
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new Error(`the added field '${twice}' is named twice`);
    this.#table = new KeyTable(names);
    this.#keys = names.map((name) => Buffer.from(name));
    this.#isSet = new Uint8Array(names.length);
  }

  /** Forgets what was set for the point before; each name may be set once until then. */
  clear(): void {
    this.#length = 0;
    this.#isSet.fill(0);
  }

  /** Sets the index-th name to an int64. */
  setInt(index: number, lo: number, hi: number): void {
    const p = this.#begin(index, TAG_OF_INTS, 1 + sizeOfVarint64(lo, hi));
    this.#bytes[p] = 0x10;
    this.#length = writeVarint64(this.#bytes, p + 1, lo, hi);
  }

  /** Sets the index-th name to a double, given as its two words. */
  setFloatWords(index: number, lo: number, hi: number): void {
    const p = this.#begin(index, TAG_OF_DOUBLES, 9);
    this.#bytes[p] = 0x11;
    this.#bytes.writeInt32LE(lo, p + 1);
    this.#bytes.writeInt32LE(hi, p + 5);
    this.#length = p + 9;
  }

  /** Sets the index-th name to a double. */
  setFloat(index: number, value: number): void {
    fromFloat(value);
    this.setFloatWords(index, varint64[0], varint64[1]);
  }

  setBool(index: number, value: boolean): void {
    const p = this.#begin(index, TAG_OF_BOOLS, 2);
    this.#bytes[p] = 0x10;
    this.#bytes[p + 1] = value ? 1 : 0;
    this.#length = p + 2;
  }

  /** Sets the index-th name to a string, given as UTF-8. */
  setString(index: number, value: Uint8Array): void {
    let p = this.#begin(index, TAG_OF_STRINGS, 1 + sizeOfVarint32(value.length) + value.length);
    this.#bytes[p] = 0x12;
    p = writeVarint32(this.#bytes, p + 1, value.length);
    this.#bytes.set(value, p);
    this.#length = p + value.length;
  }

  /** The most bytes that a point of this length takes with the fields. */
  sizeWith(pointLength: number): number {
    return pointLength + this.#length;
  }

  /**
   * Writes the point's body with the fields in place.
   * @returns the position after it; at most {@link sizeWith} bytes further
   */
  write(point: PointView, target: Uint8Array, at: number): number {
    let p = this.#copyOthers(point, target, at);
    target.set(this.#bytes.subarray(0, this.#length), p);
    p += this.#length;
    return p;
  }

  /** Copies the point without the fields that are replaced; where there are none of them, in one piece. */
  #copyOthers(point: PointView, target: Uint8Array, at: number): number {
    const { bytes, start, end } = point;
    let copied = start;
    let out = at;
    let p = start;
    while (p < end) {
      const from = p;
      p = readVarint64(bytes, p, end);
      const tag = varint64[0];
      if (tag < TAG_OF_DOUBLES || tag > TAG_OF_BOOLS || (tag & 7) !== 2) {
        p = skipValue(bytes, p, end, tag & 7);
        continue;
      }
      const length = readLength(bytes, p, end);
      const next = lengthEnd[0] + length;
      if (this.#replaces(bytes, lengthEnd[0], next)) {
        target.set(bytes.subarray(copied, from), out);
        out += from - copied;
        copied = next;
      }
      p = next;
    }
    target.set(bytes.subarray(copied, end), out);
    return out + end - copied;
  }

  /** Whether the map entry's key is a name that is set. */
  #replaces(bytes: Uint8Array, start: number, end: number): boolean {
    let keyStart = start;
    let keyEnd = start;
    let p = start;
    while (p < end) {
      const tag = bytes[p];
      if (tag === 0x0a) {
        const length = readLength(bytes, p + 1, end);
        keyStart = lengthEnd[0];
        keyEnd = keyStart + length;
        p = keyEnd;
      } else {
        p = skipVarint(bytes, p, end);
        p = skipValue(bytes, p, end, tag & 7);
      }
    }
    const index = this.#table.find(bytes, keyStart, keyEnd);
    return index >= 0 && this.#isSet[index] === 1;
  }

  /** Writes an entry up to its key. @returns where the value belongs */
  #begin(index: number, tag: number, valueLength: number): number {
    const key = this.#keys[index];
    // Twice in one map, or in two, Kapacitor would take whichever it likes.
    if (this.#isSet[index] !== 0)
      throw new Error(`the added field '${this.#table.names[index]}' is set already: clear() comes first`);
    this.#isSet[index] = 1;
    this.#reserve(key.length + valueLength + OVERHEAD_BYTES);
    const bytes = this.#bytes;
    let p = this.#length;
    bytes[p++] = tag;
    p = writeVarint32(bytes, p, 1 + sizeOfVarint32(key.length) + key.length + valueLength);
    bytes[p++] = 0x0a;
    p = writeVarint32(bytes, p, key.length);
    bytes.set(key, p);
    return p + key.length;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + more));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
