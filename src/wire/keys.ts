import { KeyTable } from './key-table.ts';
import { entry, KIND_OF_MAP, readEntry } from './map-entry.ts';
import { KIND, TAGS } from './point.ts';

/**
 * The fields and tags that a function wants of every point, found in the one pass over it. Index i is the i-th key
 * asked for. Valid during the call with the point.
 */
export class Keys {
  /** One of {@link KIND}. */
  readonly kind: Uint8Array;
  /** An integer's or double's low word; a string's first byte in `PointView.bytes`; a boolean as 0 or 1. */
  readonly lo: Int32Array;
  /** An integer's or double's high word; the byte after a string's last. */
  readonly hi: Int32Array;
  /** How many of the keys the point carries. */
  found = 0;
  readonly fields: KeyTable;
  readonly tags: KeyTable;
  readonly #fieldIndex: Int32Array;
  readonly #tagIndex: Int32Array;

  /** @param wanted each once, and none without a name */
  constructor(wanted: readonly { readonly type: 'field' | 'tag'; readonly name: string }[]) {
    const seen = new Set<string>();
    for (const { type, name } of wanted) {
      if (name === '') throw new Error(`a ${type} without a name is wanted`);
      if (seen.has(`${type} ${name}`)) throw new Error(`the ${type} '${name}' is wanted twice`);
      seen.add(`${type} ${name}`);
    }
    this.kind = new Uint8Array(wanted.length);
    this.lo = new Int32Array(wanted.length);
    this.hi = new Int32Array(wanted.length);
    const indexes = wanted.map((key, index) => ({ ...key, index }));
    const fields = indexes.filter((key) => key.type === 'field');
    const tags = indexes.filter((key) => key.type === 'tag');
    this.fields = new KeyTable(fields.map((key) => key.name));
    this.tags = new KeyTable(tags.map((key) => key.name));
    this.#fieldIndex = Int32Array.from(fields, (key) => key.index);
    this.#tagIndex = Int32Array.from(tags, (key) => key.index);
  }

  /** Takes the entry that lies at `start` to `end` if it is one of the keys. @param number the map's field number */
  take(bytes: Uint8Array, start: number, end: number, number: number): void {
    const isTag = number === TAGS;
    const table = isTag ? this.tags : this.fields;
    const indexes = isTag ? this.#tagIndex : this.#fieldIndex;
    // As Kapacitor writes it, key first and then the value: other names of the same length are told by their bytes.
    const valueAt = start + 2 + bytes[start + 1];
    if (bytes[start] === 0x0a && bytes[start + 1] < 0x80 && valueAt + 1 < end) {
      const found = table.find(bytes, start + 2, valueAt);
      if (found < 0) {
        if (bytes[valueAt] !== 0x0a) return;
      } else if (
        bytes[valueAt] === 0x12 &&
        valueAt + 2 + bytes[valueAt + 1] === end &&
        bytes[valueAt + 1] < 0x80
      ) {
        if (KIND_OF_MAP[number] === KIND.string) {
          this.#set(indexes[found], KIND.string, valueAt + 2, end);
          return;
        }
      }
    }
    readEntry(bytes, start, end, number);
    const found = table.find(bytes, entry[0], entry[1]);
    if (found >= 0) this.#set(indexes[found], KIND_OF_MAP[number], entry[2], entry[3]);
  }

  /** Makes the index-th key one that the point does not carry. */
  drop(index: number): void {
    if (this.kind[index] === KIND.none) return;
    this.kind[index] = KIND.none;
    this.found--;
  }

  #set(index: number, kind: number, lo: number, hi: number): void {
    if (this.kind[index] === KIND.none) this.found++;
    this.kind[index] = kind;
    this.lo[index] = lo;
    this.hi[index] = hi;
  }
}
