import { randomInt } from 'node:crypto';
import { ByteStore, copyBytes } from './byte-store.ts';
import { HashIndex } from './hash-index.ts';

/** Records are kept in pages: growing never copies more than one. */
const PAGE_BITS = 12;
const PAGE_RECORDS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_RECORDS - 1;
const FIRST_RECORDS = 16;

/**
 * A record starts with its name's length in bytes, -1 where it is free; its own words come next, and then the name: what
 * a look-up needs lies together, instead of in two places that are both far from the processor. Only a name too long for
 * that lies elsewhere, and its place in a {@link ByteStore} stands instead.
 */
const NAME_LENGTH = 0;
const HEAD_WORDS = 1;
/** Names up to this length always fit into the record. */
const INLINE_BYTES = 20;
/** The length of a record is a multiple of this; the name gets what is left over. */
const STEP_WORDS = 8;

/** Differs from process to process, so that nobody can prepare names that collide. */
const SEED = randomInt(2 ** 31);

/**
 * Byte strings and a flat record of 32-bit words for each, found by hashing the bytes in place: a million groups are a
 * few hundred typed arrays, nothing for the garbage collector to walk. An id stays until it is removed, then is used
 * again.
 */
export class ByteTable {
  readonly #stride: number;
  /** Where in a record the name lies, and how long it may be there. */
  readonly #nameAt: number;
  readonly #inlineBytes: number;
  #pages: Int32Array[] = [];
  /** The same pages as bytes. */
  #pageBytes: Buffer[] = [];
  readonly #longNames = new ByteStore();
  readonly #index = new HashIndex();
  readonly #freeIds: number[] = [];
  #nextId = 0;

  /** @param words the length of a record */
  constructor(words: number) {
    this.#nameAt = HEAD_WORDS + words;
    this.#stride = Math.ceil((this.#nameAt + (INLINE_BYTES >> 2)) / STEP_WORDS) * STEP_WORDS;
    this.#inlineBytes = (this.#stride - this.#nameAt) << 2;
    this.#setPage(0, FIRST_RECORDS);
  }

  /** How many there are. */
  get size(): number {
    return this.#nextId - this.#freeIds.length;
  }

  /** Ids are below this. */
  get idLimit(): number {
    return this.#nextId;
  }

  has(id: number): boolean {
    return this.page(id)[(id & PAGE_MASK) * this.#stride + NAME_LENGTH] >= 0;
  }

  /** The array that holds the record; it starts at {@link at}. Valid until the next {@link add}. */
  page(id: number): Int32Array {
    return this.#pages[id >>> PAGE_BITS];
  }

  /** Where in {@link page} the record's own words start. */
  at(id: number): number {
    return (id & PAGE_MASK) * this.#stride + HEAD_WORDS;
  }

  /** The id of these bytes, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashOf(bytes, start, end);
    const index = this.#index;
    let id = index.find(hash, 0);
    while (id >= 0 && !this.equals(id, bytes, start, end)) id = index.find(hash, index.position);
    return id;
  }

  /** Whether the id's bytes are these. */
  equals(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    let words = this.#pages[id >>> PAGE_BITS];
    const record = (id & PAGE_MASK) * this.#stride;
    const length = end - start;
    if (words[record + NAME_LENGTH] !== length) return false;
    let at = record + this.#nameAt;
    if (length > this.#inlineBytes) {
      const place = words[at];
      words = this.#longNames.words(place);
      at = this.#longNames.wordAt(place);
    }
    let p = start;
    // Four bytes a step: names lie aligned, so one of the two sides is read as a word.
    for (; p + 4 <= end; p += 4, at++) {
      if (words[at] !== (bytes[p] | (bytes[p + 1] << 8) | (bytes[p + 2] << 16) | (bytes[p + 3] << 24)))
        return false;
    }
    if (p === end) return true;
    const rest = words[at];
    for (let shift = 0; p < end; p++, shift += 8) {
      if (((rest >>> shift) & 0xff) !== bytes[p]) return false;
    }
    return true;
  }

  /** Adds bytes that are not there yet, with a record of zeros. @returns their id */
  add(bytes: Uint8Array, start: number, end: number): number {
    const id = this.#freeIds.pop() ?? this.#nextId++;
    this.#index.add(hashOf(bytes, start, end), id);
    this.#makeRoom(id);
    const page = this.page(id);
    const record = (id & PAGE_MASK) * this.#stride;
    page.fill(0, record + HEAD_WORDS, record + this.#stride);
    const length = end - start;
    page[record + NAME_LENGTH] = length;
    const nameAt = record + this.#nameAt;
    if (length > this.#inlineBytes) page[nameAt] = this.#longNames.keep(bytes, start, end);
    else copyBytes(bytes, start, end, this.#pageBytes[id >>> PAGE_BITS], nameAt << 2);
    return id;
  }

  remove(id: number): void {
    const page = this.page(id);
    const record = (id & PAGE_MASK) * this.#stride;
    const length = page[record + NAME_LENGTH];
    const name = this.name(id);
    this.#index.remove(hashOf(name, 0, length), id);
    if (length > this.#inlineBytes) this.#longNames.free(page[record + this.#nameAt], length);
    page[record + NAME_LENGTH] = -1;
    this.#freeIds.push(id);
  }

  /** How many bytes the id has. */
  nameLength(id: number): number {
    return this.page(id)[(id & PAGE_MASK) * this.#stride + NAME_LENGTH];
  }

  /** The id's bytes in place; valid until the next {@link add}. */
  name(id: number): Buffer {
    const nameAt = (id & PAGE_MASK) * this.#stride + this.#nameAt;
    const length = this.nameLength(id);
    if (length <= this.#inlineBytes)
      return this.#pageBytes[id >>> PAGE_BITS].subarray(nameAt << 2, (nameAt << 2) + length);
    return this.#longNames.bytes(this.page(id)[nameAt], length);
  }

  /** Copies the id's bytes, without an object for them. @returns the position after them in the target */
  copyName(id: number, target: Uint8Array, at: number): number {
    const length = this.nameLength(id);
    if (length > this.#inlineBytes) target.set(this.name(id), at);
    else {
      const from = ((id & PAGE_MASK) * this.#stride + this.#nameAt) << 2;
      copyBytes(this.#pageBytes[id >>> PAGE_BITS], from, from + length, target, at);
    }
    return at + length;
  }

  clear(): void {
    this.#pages = [];
    this.#pageBytes = [];
    this.#setPage(0, FIRST_RECORDS);
    this.#longNames.clear();
    this.#index.clear();
    this.#freeIds.length = 0;
    this.#nextId = 0;
  }

  /** The first page grows by doubling, so that a table of a few costs little; the others are whole at once. */
  #makeRoom(id: number): void {
    const number = id >>> PAGE_BITS;
    const page = this.#pages[number];
    if (page === undefined) this.#setPage(number, PAGE_RECORDS);
    else if ((id & PAGE_MASK) * this.#stride >= page.length) {
      this.#setPage(number, (2 * page.length) / this.#stride);
      this.#pages[number].set(page);
    }
  }

  #setPage(number: number, records: number): void {
    const words = new Int32Array(records * this.#stride);
    this.#pages[number] = words;
    this.#pageBytes[number] = Buffer.from(words.buffer);
  }
}

/** Four bytes a step; the end is mixed so that both the leading and the trailing bits depend on all of them. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = SEED ^ (end - start);
  let p = start;
  for (; p + 4 <= end; p += 4) {
    hash = Math.imul(
      hash ^ (bytes[p] | (bytes[p + 1] << 8) | (bytes[p + 2] << 16) | (bytes[p + 3] << 24)),
      0x9e3779b1,
    );
    hash ^= hash >>> 15;
  }
  for (; p < end; p++) hash = Math.imul(hash ^ bytes[p], 0x85ebca6b);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 13);
}
