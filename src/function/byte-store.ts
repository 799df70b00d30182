/** Byte strings lie in granules of eight bytes, in pages of 256 KiB. */
const GRANULE_BITS = 3;
const PAGE_BITS = 15;
const PAGE_GRANULES = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_GRANULES - 1;
const FIRST_PAGE_BYTES = 128;

/**
 * Byte strings of any length in few large buffers, nothing for the garbage collector to walk. Whoever keeps one here
 * remembers its place and its length. What is freed is used again for strings that take as many granules.
 */
export class ByteStore {
  #pages: Buffer[] = [];
  /** The same pages as words. */
  #pageWords: Int32Array[] = [];
  /** Granules in use, those that are free again included. */
  #granules = 0;
  /** By their length in granules: places of freed strings. */
  readonly #free = new Map<number, number[]>();

  /** Keeps a copy. @returns its place */
  keep(bytes: Uint8Array, start: number, end: number): number {
    const granules = granulesOf(end - start);
    let place = this.#free.get(granules)?.pop();
    if (place === undefined) {
      const rest = PAGE_GRANULES - (this.#granules & PAGE_MASK);
      // A string never crosses the end of a page; one larger than a page has several page numbers for itself.
      if (granules > rest && (this.#granules & PAGE_MASK) !== 0) this.#granules += rest;
      place = this.#granules;
      this.#granules += granules;
      if (granules > PAGE_GRANULES) this.#granules = (this.#granules + PAGE_MASK) & ~PAGE_MASK;
    }
    const at = (place & PAGE_MASK) << GRANULE_BITS;
    copyBytes(bytes, start, end, this.#page(place >>> PAGE_BITS, at + (granules << GRANULE_BITS)), at);
    return place;
  }

  free(place: number, length: number): void {
    const granules = granulesOf(length);
    const free = this.#free.get(granules);
    if (free === undefined) this.#free.set(granules, [place]);
    else free.push(place);
  }

  /** Keeps a copy in the place of another string. @returns its place, the same one where it fits */
  replace(place: number, length: number, bytes: Uint8Array, start: number, end: number): number {
    if (granulesOf(length) !== granulesOf(end - start)) {
      this.free(place, length);
      return this.keep(bytes, start, end);
    }
    copyBytes(bytes, start, end, this.#pages[place >>> PAGE_BITS], (place & PAGE_MASK) << GRANULE_BITS);
    return place;
  }

  /** The string in place; valid until the next {@link keep}. */
  bytes(place: number, length: number): Buffer {
    const at = (place & PAGE_MASK) << GRANULE_BITS;
    return this.#pages[place >>> PAGE_BITS].subarray(at, at + length);
  }

  /** The page that holds the string, as words; the string starts at {@link wordAt}. */
  words(place: number): Int32Array {
    return this.#pageWords[place >>> PAGE_BITS];
  }

  wordAt(place: number): number {
    return (place & PAGE_MASK) << (GRANULE_BITS - 2);
  }

  clear(): void {
    this.#pages = [];
    this.#pageWords = [];
    this.#granules = 0;
    this.#free.clear();
  }

  #page(number: number, needed: number): Buffer {
    while (this.#pages.length < number) this.#setPage(this.#pages.length, Buffer.alloc(0));
    let page = this.#pages[number];
    if (page === undefined || page.length < needed) {
      const whole = PAGE_GRANULES << GRANULE_BITS;
      const size = number > 0 ? whole : Math.min(whole, 2 * (page?.length ?? FIRST_PAGE_BYTES));
      const grown = Buffer.alloc(Math.max(needed, size));
      if (page !== undefined) grown.set(page);
      page = grown;
      this.#setPage(number, page);
    }
    return page;
  }

  #setPage(number: number, page: Buffer): void {
    this.#pages[number] = page;
    this.#pageWords[number] = new Int32Array(page.buffer, page.byteOffset, page.length >>> 2);
  }
}

/** Beyond this many bytes a call out of JavaScript is faster than a loop. */
const LOOP_BYTES = 128;

export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > LOOP_BYTES) to.set(from.subarray(start, end), at);
  else for (let p = start, q = at; p < end; p++, q++) to[q] = from[p];
}

function granulesOf(length: number): number {
  return (length + (1 << GRANULE_BITS) - 1) >>> GRANULE_BITS;
}
