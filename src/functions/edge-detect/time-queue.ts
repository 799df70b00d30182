import type { ByteTable } from '../../function/byte-table.ts';

/** An entry: the time's high word and its low one, the group's order, its id. */
const ENTRY_WORDS = 4;
const HI = 0;
const LO = 1;
const ORDER = 2;
const ID = 3;

const FIRST_ENTRIES = 16;

/**
 * Groups by a time each, the earliest first and of equal times the one that came first: a binary heap in one array. A
 * group's record says where it stands, so that it can be moved and taken out without a search.
 */
export class TimeQueue {
  readonly #groups: ByteTable;
  readonly #slot: number;
  #entries = new Int32Array(FIRST_ENTRIES * ENTRY_WORDS);
  #size = 0;

  /** @param slot where in a record the queue notes 1 + the group's place, 0 for none */
  constructor(groups: ByteTable, slot: number) {
    this.#groups = groups;
    this.#slot = slot;
  }

  get size(): number {
    return this.#size;
  }

  /** The group that comes first. */
  get firstId(): number {
    return this.#entries[ID];
  }

  /** Its time's words. */
  get firstHi(): number {
    return this.#entries[HI];
  }

  get firstLo(): number {
    return this.#entries[LO];
  }

  /** How many nanoseconds a time is later than the one that the group in this slot has here, as a double says it. */
  behindNs(slot: number, hi: number, lo: number): number {
    const at = (slot - 1) * ENTRY_WORDS;
    return (hi - this.#entries[at + HI]) * 2 ** 32 + ((lo >>> 0) - (this.#entries[at + LO] >>> 0));
  }

  /** Puts a group in, or moves it. */
  put(id: number, hi: number, lo: number, order: number): void {
    const slot = this.#groups.page(id)[this.#groups.at(id) + this.#slot];
    let place = slot - 1;
    if (slot === 0) {
      place = this.#size++;
      this.#makeRoom();
    }
    this.#settle(place, hi, lo, order, id);
  }

  remove(id: number): void {
    const slotAt = this.#groups.at(id) + this.#slot;
    const page = this.#groups.page(id);
    const place = page[slotAt] - 1;
    if (place < 0) return;
    page[slotAt] = 0;
    const last = --this.#size;
    if (place === last) return;
    const entries = this.#entries;
    const at = last * ENTRY_WORDS;
    this.#settle(place, entries[at + HI], entries[at + LO], entries[at + ORDER], entries[at + ID]);
  }

  clear(): void {
    this.#entries = new Int32Array(FIRST_ENTRIES * ENTRY_WORDS);
    this.#size = 0;
  }

  /** Writes an entry to this place, or where it belongs from there: others move to make way. */
  #settle(place: number, hi: number, lo: number, order: number, id: number): void {
    const entries = this.#entries;
    let hole = place;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!this.#isBefore(hi, lo, order, parent)) break;
      this.#move(parent, hole);
      hole = parent;
    }
    if (hole === place) {
      for (;;) {
        let child = 2 * hole + 1;
        if (child >= this.#size) break;
        const right = child + 1;
        if (right < this.#size) {
          const at = right * ENTRY_WORDS;
          if (this.#isBefore(entries[at + HI], entries[at + LO], entries[at + ORDER], child)) child = right;
        }
        if (this.#isBefore(hi, lo, order, child)) break;
        this.#move(child, hole);
        hole = child;
      }
    }
    const at = hole * ENTRY_WORDS;
    entries[at + HI] = hi;
    entries[at + LO] = lo;
    entries[at + ORDER] = order;
    entries[at + ID] = id;
    this.#groups.page(id)[this.#groups.at(id) + this.#slot] = hole + 1;
  }

  /** Whether such an entry comes before the one at a place. */
  #isBefore(hi: number, lo: number, order: number, place: number): boolean {
    const entries = this.#entries;
    const at = place * ENTRY_WORDS;
    if (hi !== entries[at + HI]) return hi < entries[at + HI];
    if (lo !== entries[at + LO]) return lo >>> 0 < entries[at + LO] >>> 0;
    return order >>> 0 < entries[at + ORDER] >>> 0;
  }

  #move(from: number, to: number): void {
    const entries = this.#entries;
    const source = from * ENTRY_WORDS;
    const target = to * ENTRY_WORDS;
    entries[target + HI] = entries[source + HI];
    entries[target + LO] = entries[source + LO];
    entries[target + ORDER] = entries[source + ORDER];
    const id = entries[source + ID];
    entries[target + ID] = id;
    this.#groups.page(id)[this.#groups.at(id) + this.#slot] = to + 1;
  }

  #makeRoom(): void {
    if (this.#size * ENTRY_WORDS <= this.#entries.length) return;
    const grown = new Int32Array(2 * this.#entries.length);
    grown.set(this.#entries);
    this.#entries = grown;
  }
}
