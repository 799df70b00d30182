import { randomInt } from 'node:crypto';
import { HashIndex } from './hash-index.ts';

/** Records are kept in pages: growing never copies more than one. */
const PAGE_BITS = 12;
const PAGE_RECORDS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_RECORDS - 1;
const FIRST_RECORDS = 16;

/** Names are kept in granules of eight bytes, those in pages of 256 KiB. */
const GRANULE_BITS = 3;
const NAME_PAGE_BITS = 15;
const NAME_PAGE_GRANULES = 1 << NAME_PAGE_BITS;
const NAME_PAGE_MASK = NAME_PAGE_GRANULES - 1;
const FIRST_NAME_BYTES = 128;

/** Every record starts with where its name lies (in granules) and its length in bytes, -1 for a free record. */
const NAME_AT = 0;
const NAME_LENGTH = 1;
const HEAD_WORDS = 2;

/** Differs from process to process, so that nobody can prepare names that collide. */
const SEED = randomInt(2 ** 31);

/**
 * Byte strings and a flat record of 32-bit words for each, found by hashing the bytes in place: a million groups are a
 * few hundred typed arrays, nothing for the garbage collector to walk. An id stays until it is removed, then is used
 * again.
 */
export class ByteTable {
  readonly #stride: number;
  #pages: Int32Array[];
  #names: Buffer[] = [];
  /** The same pages as words. */
  #nameWords: Int32Array[] = [];
  /** Granules in use, those that are free again included. */
  #granules = 0;
  /** By their length in granules: places of removed names. */
  readonly #freeNames = new Map<number, number[]>();
  readonly #index = new HashIndex();
  readonly #freeIds: number[] = [];
  #nextId = 0;

  /** @param words the length of a record */
  constructor(words: number) {
    this.#stride = HEAD_WORDS + words;
    this.#pages = [new Int32Array(FIRST_RECORDS * this.#stride)];
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
    const page = this.#pages[id >>> PAGE_BITS];
    const record = (id & PAGE_MASK) * this.#stride;
    const length = end - start;
    if (page[record + NAME_LENGTH] !== length) return false;
    const granule = page[record + NAME_AT];
    const words = this.#nameWords[granule >>> NAME_PAGE_BITS];
    let at = (granule & NAME_PAGE_MASK) << (GRANULE_BITS - 2);
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
    const page = this.#pageFor(id);
    const record = (id & PAGE_MASK) * this.#stride;
    page[record + NAME_AT] = this.#keepName(bytes, start, end);
    page[record + NAME_LENGTH] = end - start;
    page.fill(0, record + HEAD_WORDS, record + this.#stride);
    return id;
  }

  remove(id: number): void {
    const name = this.name(id);
    this.#index.remove(hashOf(name, 0, name.length), id);
    const page = this.page(id);
    const record = (id & PAGE_MASK) * this.#stride;
    const granules = granulesOf(name.length);
    const free = this.#freeNames.get(granules);
    if (free === undefined) this.#freeNames.set(granules, [page[record + NAME_AT]]);
    else free.push(page[record + NAME_AT]);
    page[record + NAME_LENGTH] = -1;
    this.#freeIds.push(id);
  }

  /** The id's bytes in place; valid until the next {@link add}. */
  name(id: number): Buffer {
    const page = this.page(id);
    const record = (id & PAGE_MASK) * this.#stride;
    const granule = page[record + NAME_AT];
    const at = (granule & NAME_PAGE_MASK) << GRANULE_BITS;
    return this.#names[granule >>> NAME_PAGE_BITS].subarray(at, at + page[record + NAME_LENGTH]);
  }

  clear(): void {
    this.#pages = [new Int32Array(FIRST_RECORDS * this.#stride)];
    this.#names = [];
    this.#nameWords = [];
    this.#granules = 0;
    this.#freeNames.clear();
    this.#index.clear();
    this.#freeIds.length = 0;
    this.#nextId = 0;
  }

  /** The first page grows by doubling, so that a table of a few costs little; the others are whole at once. */
  #pageFor(id: number): Int32Array {
    const number = id >>> PAGE_BITS;
    let page = this.#pages[number];
    if (page === undefined) {
      page = new Int32Array(PAGE_RECORDS * this.#stride);
      this.#pages.push(page);
    } else if ((id & PAGE_MASK) * this.#stride >= page.length) {
      const grown = new Int32Array(2 * page.length);
      grown.set(page);
      page = grown;
      this.#pages[number] = page;
    }
    return page;
  }

  /** @returns the granule at which the copy starts */
  #keepName(bytes: Uint8Array, start: number, end: number): number {
    const granules = granulesOf(end - start);
    let granule = this.#freeNames.get(granules)?.pop();
    if (granule === undefined) {
      const rest = NAME_PAGE_GRANULES - (this.#granules & NAME_PAGE_MASK);
      // A name never crosses the end of a page; one larger than a page has several page numbers for itself.
      if (granules > rest && (this.#granules & NAME_PAGE_MASK) !== 0) this.#granules += rest;
      granule = this.#granules;
      this.#granules += granules;
      if (granules > NAME_PAGE_GRANULES) this.#granules = (this.#granules + NAME_PAGE_MASK) & ~NAME_PAGE_MASK;
    }
    const at = (granule & NAME_PAGE_MASK) << GRANULE_BITS;
    this.#namePage(granule >>> NAME_PAGE_BITS, at + (granules << GRANULE_BITS)).set(
      bytes.subarray(start, end),
      at,
    );
    return granule;
  }

  #namePage(number: number, needed: number): Buffer {
    while (this.#names.length < number) this.#setNamePage(this.#names.length, Buffer.alloc(0));
    let page = this.#names[number];
    if (page === undefined || page.length < needed) {
      const whole = NAME_PAGE_GRANULES << GRANULE_BITS;
      const size = number > 0 ? whole : Math.min(whole, 2 * (page?.length ?? FIRST_NAME_BYTES));
      const grown = Buffer.alloc(Math.max(needed, size));
      if (page !== undefined) grown.set(page);
      page = grown;
      this.#setNamePage(number, page);
    }
    return page;
  }

  #setNamePage(number: number, page: Buffer): void {
    this.#names[number] = page;
    this.#nameWords[number] = new Int32Array(page.buffer, page.byteOffset, page.length >>> 2);
  }
}

function granulesOf(length: number): number {
  return (length + (1 << GRANULE_BITS) - 1) >>> GRANULE_BITS;
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
