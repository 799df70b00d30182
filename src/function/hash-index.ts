/** Slots of a table when it is new, and when it is split instead of grown. Powers of two. */
const FIRST_SLOTS = 16;
const MAX_SLOTS = 8192;
/** Beyond 2^20 tables a full one grows again: hashes that agree in so many bits would not be told apart by a split. */
const MAX_DEPTH = 20;

/** A part of the index: open addressing, a slot is a pair of words: the hash, and 1 + the id or 0. */
interface Table {
  slots: Int32Array;
  count: number;
  /** How many leading bits of the hash all its entries share. */
  depth: number;
}

/**
 * From a hash of 32 bits to the ids that have it. Instead of one table that grows ever larger it has many small ones
 * under a directory (extendible hashing), so that no insertion ever moves more than a few thousand entries: a table of
 * a million groups that doubles would hold up every connection.
 */
export class HashIndex {
  /** By the hash's leading bits, {@link depth} of them; several entries may name the same table. */
  #tables: Table[] = [newTable(0, FIRST_SLOTS)];
  #depth = 0;

  /**
   * Looks for an id, one after the other.
   * @param from where to go on: 0, then what {@link position} says
   * @returns the next id of this hash, or -1
   */
  find(hash: number, from: number): number {
    const { slots } = this.#tables[(hash >>> 1) >>> (31 - this.#depth)];
    const mask = slots.length - 1;
    let i = from === 0 ? (hash << 1) & mask : from & mask;
    for (;;) {
      const entry = slots[i + 1];
      if (entry === 0) return -1;
      if (slots[i] === hash) {
        this.position = i + 2 + slots.length;
        return entry - 1;
      }
      i = (i + 2) & mask;
    }
  }

  /** Where {@link find} goes on after an id that was not the wanted one. */
  position = 0;

  add(hash: number, id: number): void {
    let table = this.#tableOf(hash);
    while ((table.count + 1) * 2 > (table.slots.length >> 1) * 1.5) {
      if (table.slots.length >> 1 < MAX_SLOTS || table.depth >= MAX_DEPTH) grow(table);
      else this.#split(table, hash);
      table = this.#tableOf(hash);
    }
    insert(table, hash, id);
  }

  remove(hash: number, id: number): void {
    const table = this.#tableOf(hash);
    const { slots } = table;
    const mask = slots.length - 1;
    let hole = (hash << 1) & mask;
    while (slots[hole + 1] !== id + 1) {
      if (slots[hole + 1] === 0) return;
      hole = (hole + 2) & mask;
    }
    table.count--;
    // Entries behind the hole move up, or a search would end there.
    let i = hole;
    for (;;) {
      i = (i + 2) & mask;
      if (slots[i + 1] === 0) break;
      const home = (slots[i] << 1) & mask;
      if (((i - home) & mask) >= ((i - hole) & mask)) {
        slots[hole] = slots[i];
        slots[hole + 1] = slots[i + 1];
        hole = i;
      }
    }
    slots[hole + 1] = 0;
  }

  clear(): void {
    this.#tables = [newTable(0, FIRST_SLOTS)];
    this.#depth = 0;
  }

  #tableOf(hash: number): Table {
    return this.#tables[(hash >>> 1) >>> (31 - this.#depth)];
  }

  /** Parts a full table by the next bit of its hashes. */
  #split(table: Table, hash: number): void {
    if (table.depth === this.#depth) {
      this.#tables = this.#tables.flatMap((each) => [each, each]);
      this.#depth++;
    }
    const depth = table.depth + 1;
    const halves = [newTable(depth, MAX_SLOTS), newTable(depth, MAX_SLOTS)];
    const { slots } = table;
    for (let i = 0; i < slots.length; i += 2) {
      if (slots[i + 1] !== 0) insert(halves[(slots[i] >>> (32 - depth)) & 1], slots[i], slots[i + 1] - 1);
    }
    const span = 2 ** (this.#depth - table.depth);
    const first = ((hash >>> 1) >>> (31 - this.#depth)) & -span;
    for (let i = 0; i < span; i++) this.#tables[first + i] = halves[i < span / 2 ? 0 : 1];
  }
}

function newTable(depth: number, slots: number): Table {
  return { slots: new Int32Array(2 * slots), count: 0, depth };
}

function grow(table: Table): void {
  const { slots } = table;
  table.slots = new Int32Array(2 * slots.length);
  table.count = 0;
  for (let i = 0; i < slots.length; i += 2) {
    if (slots[i + 1] !== 0) insert(table, slots[i], slots[i + 1] - 1);
  }
}

function insert(table: Table, hash: number, id: number): void {
  const { slots } = table;
  const mask = slots.length - 1;
  let i = (hash << 1) & mask;
  while (slots[i + 1] !== 0) i = (i + 2) & mask;
  slots[i] = hash;
  slots[i + 1] = id + 1;
  table.count++;
}
