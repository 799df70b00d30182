import { sortedNames } from '../wire/group-id.ts';
import { DIMENSIONS, GROUP } from '../wire/point.ts';
import type { PointWriter } from '../wire/point-writer.ts';

const COMMA = 0x2c;
const EQUALS = 0x3d;

/** Names beyond these are not compared with each other: that would take long, and nobody has so many. */
export const MAX_NAMES = 64;

/** The names of a line's tags, or of its fields, by their places: which of them are there, and the group they make. */
export class LineNames {
  /** Names so far, those beyond {@link MAX_NAMES} among them. */
  count = 0;
  #bytes: Uint8Array = Buffer.alloc(0);
  readonly #start = new Int32Array(MAX_NAMES);
  readonly #end = new Int32Array(MAX_NAMES);
  /** Where their values lie: a tag's, as it goes into the group. */
  readonly #values: Uint8Array[] = [];
  readonly #valueStart = new Int32Array(MAX_NAMES);
  readonly #valueEnd = new Int32Array(MAX_NAMES);
  /** A bit for each name, by its length and ends: without its bit a name is a new one. */
  #seen = 0;
  readonly #order = new Int32Array(MAX_NAMES);
  readonly #dimensions: readonly Uint8Array[];
  readonly #isByAll: boolean;

  /** @param groupBy names of tags; `*` among them stands for all that a line has */
  constructor(groupBy: readonly string[] = []) {
    this.#isByAll = groupBy.includes('*');
    this.#dimensions = sortedNames(new Set(groupBy)).map((name) => Buffer.from(name));
  }

  clear(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.count = 0;
    this.#seen = 0;
  }

  /** Whether a name stands there already. */
  has(start: number, end: number): boolean {
    const bytes = this.#bytes;
    const bit = 1 << (((end - start) * 7 + bytes[start] + bytes[end - 1] * 3) & 31);
    if ((this.#seen & bit) === 0) {
      this.#seen |= bit;
      return false;
    }
    const count = Math.min(this.count, MAX_NAMES);
    for (let index = 0; index < count; index++) if (this.#is(index, bytes, start, end)) return true;
    return false;
  }

  add(start: number, end: number): void {
    if (this.count < MAX_NAMES) {
      this.#start[this.count] = start;
      this.#end[this.count] = end;
    }
    this.count++;
  }

  /** As {@link add}, with the value. */
  addValue(start: number, end: number, value: Uint8Array, valueStart: number, valueEnd: number): void {
    if (this.count < MAX_NAMES) {
      this.#values[this.count] = value;
      this.#valueStart[this.count] = valueStart;
      this.#valueEnd[this.count] = valueEnd;
    }
    this.add(start, end);
  }

  /** Writes the group that the values make, as `groupId` does, and the names of its dimensions. */
  writeGroup(writer: PointWriter): void {
    if (this.#isByAll) this.#writeAll(writer);
    else if (this.#dimensions.length > 0) this.#writeNamed(writer);
  }

  #writeNamed(writer: PointWriter): void {
    const names = this.#dimensions;
    let length = names.length - 1;
    for (const name of names) {
      const index = this.#find(name);
      length += name.length + 1 + (index < 0 ? 0 : this.#valueEnd[index] - this.#valueStart[index]);
    }
    writer.beginUtf8(GROUP, length);
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      if (i > 0) writer.byte(COMMA);
      writer.bytesOf(name, 0, name.length);
      this.#writeValue(writer, this.#find(name));
    }
    for (const name of names) writer.utf8(DIMENSIONS, name, 0, name.length);
  }

  #writeAll(writer: PointWriter): void {
    const { count } = this;
    if (count === 0) return;
    const order = this.#order;
    let length = count - 1;
    for (let i = 0; i < count; i++) {
      length += this.#end[i] - this.#start[i] + 1 + this.#valueEnd[i] - this.#valueStart[i];
      // Nearly always in order already.
      let at = i;
      for (; at > 0 && this.#isBefore(i, order[at - 1]); at--) order[at] = order[at - 1];
      order[at] = i;
    }
    writer.beginUtf8(GROUP, length);
    for (let i = 0; i < count; i++) {
      const index = order[i];
      if (i > 0) writer.byte(COMMA);
      writer.bytesOf(this.#bytes, this.#start[index], this.#end[index]);
      this.#writeValue(writer, index);
    }
    for (let i = 0; i < count; i++)
      writer.utf8(DIMENSIONS, this.#bytes, this.#start[order[i]], this.#end[order[i]]);
  }

  #writeValue(writer: PointWriter, index: number): void {
    writer.byte(EQUALS);
    if (index >= 0) writer.bytesOf(this.#values[index], this.#valueStart[index], this.#valueEnd[index]);
  }

  #find(name: Uint8Array): number {
    for (let index = this.count - 1; index >= 0; index--)
      if (this.#is(index, name, 0, name.length)) return index;
    return -1;
  }

  /** Whether the index-th name is the one that stands there. */
  #is(index: number, source: Uint8Array, start: number, end: number): boolean {
    const bytes = this.#bytes;
    const from = this.#start[index];
    const length = end - start;
    if (this.#end[index] - from !== length) return false;
    for (let i = 0; i < length; i++) if (bytes[from + i] !== source[start + i]) return false;
    return true;
  }

  /** Whether one name comes before another, by their bytes. */
  #isBefore(one: number, other: number): boolean {
    const bytes = this.#bytes;
    let a = this.#start[one];
    let b = this.#start[other];
    const endOfOne = this.#end[one];
    const endOfOther = this.#end[other];
    while (a < endOfOne && b < endOfOther && bytes[a] === bytes[b]) {
      a++;
      b++;
    }
    if (a === endOfOne) return b < endOfOther;
    return b < endOfOther && bytes[a] < bytes[b];
  }
}
