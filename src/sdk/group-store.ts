import { ByteTable } from '../function/byte-table.ts';
import type { GroupState, StatesPage, StatesQuery } from '../function/contract.ts';
import { text } from '../wire/scalars.ts';
import { describeState } from './state-text.ts';

// A group's record: when it was last seen, as a counter that wraps round; the newest time, an int64; and when it was last
// heard on the machine's clock, in seconds.
const STAMP = 0;
const NEWEST = 1;
const HEARD = 3;
const WORDS = 4;

/** 2^32 nanoseconds: what one of a time's high word is worth. */
const HIGH_WORD_NS = 2 ** 32;
/** Groups of which the longest unseen one goes when there are too many. */
const EVICTION_SAMPLE = 16;
/** Groups that one look at, for `ttl` or for a page of states, passes over at most. */
const SWEEP_GROUPS = 64;
const PAGE_GROUPS = 5000;

export interface GroupBounds {
  /** A group that was not seen for longer is forgotten; undefined: never. */
  readonly ttlNs: bigint | undefined;
  readonly maxGroups: number;
}

/** The states of a node's groups, found by the bytes of their ids. */
export class GroupStore<S extends object> {
  readonly #table = new ByteTable(WORDS);
  readonly #states: (S | undefined)[] = [];
  readonly #begin: () => S;
  readonly #ttlNs: bigint;
  readonly #ttl: number;
  readonly #maxGroups: number;
  readonly #clockMs: () => number;
  readonly #onEvicted: () => void;
  #stamp = 0;
  #hand = 0;
  #sweepAt = 0;
  #limit = 0;
  /** The newest time of the node, if `ttl` needs it. */
  #newestNs: bigint | undefined;

  /** @param onEvicted a group went since there are too many */
  constructor(begin: () => S, bounds: GroupBounds, clockMs: () => number, onEvicted: () => void) {
    this.#begin = begin;
    this.#ttlNs = bounds.ttlNs ?? 0n;
    this.#ttl = Number(this.#ttlNs);
    this.#maxGroups = bounds.maxGroups;
    this.#clockMs = clockMs;
    this.#onEvicted = onEvicted;
  }

  get size(): number {
    return this.#table.size;
  }

  /** Whether the time of every point is needed. */
  get watchesTime(): boolean {
    return this.#ttl > 0;
  }

  /** The group's state, begun if it is not known. @param lo, hi the point's time, if it is needed */
  stateOf(bytes: Uint8Array, start: number, end: number, lo: number, hi: number): S {
    const table = this.#table;
    let id = table.find(bytes, start, end);
    if (id >= 0 && this.#ttl > 0 && this.#isExpired(id, lo, hi)) {
      this.#remove(id);
      id = -1;
    }
    if (id < 0) id = this.#add(bytes, start, end, this.#begin());
    table.page(id)[table.at(id) + STAMP] = ++this.#stamp;
    if (this.#ttl > 0) this.#note(id, lo, hi);
    // A group that is known has a state.
    return this.#states[id] ?? this.#begin();
  }

  #isExpired(id: number, lo: number, hi: number): boolean {
    const page = this.#table.page(id);
    const at = this.#table.at(id) + NEWEST;
    // The difference of the high words alone settles nearly every case without a bigint.
    if ((hi - page[at + 1] + 1) * HIGH_WORD_NS < this.#ttl) return false;
    return int64(lo, hi) - int64(page[at], page[at + 1]) > this.#ttlNs;
  }

  #note(id: number, lo: number, hi: number): void {
    const page = this.#table.page(id);
    const at = this.#table.at(id);
    const newestHi = page[at + NEWEST + 1];
    const isNew = page[at + HEARD] === 0;
    if (isNew || hi > newestHi || (hi === newestHi && lo >>> 0 > page[at + NEWEST] >>> 0)) {
      page[at + NEWEST] = lo;
      page[at + NEWEST + 1] = hi;
      const time = int64(lo, hi);
      if (this.#newestNs === undefined || time > this.#newestNs) this.#newestNs = time;
    }
    page[at + HEARD] = 1 + this.#clockMs() / 1000;
  }

  #add(bytes: Uint8Array, start: number, end: number, state: S): number {
    if (this.#table.size >= this.#maxGroups) this.#evict();
    const id = this.#table.add(bytes, start, end);
    this.#states[id] = state;
    this.#limit = Math.max(this.#limit, id + 1);
    return id;
  }

  #remove(id: number): void {
    this.#table.remove(id);
    this.#states[id] = undefined;
  }

  #has(id: number): boolean {
    return this.#table.nameLength(id) >= 0;
  }

  #evict(): void {
    let oldest = -1;
    let oldestAge = -1;
    for (let looked = 0; looked < Math.min(EVICTION_SAMPLE, this.#table.size); ) {
      if (this.#hand >= this.#limit) this.#hand = 0;
      const id = this.#hand++;
      if (!this.#has(id)) continue;
      looked++;
      const age = (this.#stamp - this.#table.page(id)[this.#table.at(id) + STAMP]) >>> 0;
      if (age <= oldestAge) continue;
      oldest = id;
      oldestAge = age;
    }
    if (oldest < 0) return;
    this.#onEvicted();
    this.#remove(oldest);
  }

  /** Frees a few groups that `ttl` has ended, both by the points' time and by the machine's clock. */
  sweep(): void {
    const newest = this.#newestNs;
    if (this.#ttl === 0 || newest === undefined) return;
    const oldestHeard = 1 + (this.#clockMs() - this.#ttl / 1e6) / 1000 - 1;
    for (let i = Math.min(SWEEP_GROUPS, this.#limit); i > 0; i--) {
      if (this.#sweepAt >= this.#limit) this.#sweepAt = 0;
      const id = this.#sweepAt++;
      if (!this.#has(id)) continue;
      const page = this.#table.page(id);
      const at = this.#table.at(id);
      if (page[at + HEARD] >= oldestHeard) continue;
      if (newest - int64(page[at + NEWEST], page[at + NEWEST + 1]) > this.#ttlNs) this.#remove(id);
    }
  }

  /** All groups with their states. */
  *entries(): Generator<readonly [group: string, state: S]> {
    for (let id = 0; id < this.#limit; id++) {
      const state = this.#states[id];
      if (this.#has(id) && state !== undefined) yield [this.#nameOf(id), state];
    }
  }

  /** A page of what the groups are in, for people to look at. */
  page({ matches, after, limit }: StatesQuery): StatesPage {
    const groups: GroupState[] = [];
    const from = after === undefined ? 0 : Number.parseInt(after, 36);
    const until = Math.min(this.#limit, from + PAGE_GROUPS);
    let id = Number.isSafeInteger(from) && from >= 0 ? from : this.#limit;
    for (; id < until && groups.length < limit; id++) {
      const state = this.#states[id];
      if (!this.#has(id) || state === undefined) continue;
      const group = this.#nameOf(id);
      if (matches?.(group) !== false) groups.push({ group, values: describeState(state) });
    }
    return { groups, next: id < this.#limit ? id.toString(36) : undefined };
  }

  /** The groups from this place on, at most so many, and the place after them; undefined at the end. */
  block(from: number, size: number): { readonly block: Block<S>; readonly next: number | undefined } {
    const names: Uint8Array[] = [];
    const lengths: number[] = [];
    const times: bigint[] = [];
    const states: S[] = [];
    let id = from;
    for (; id < this.#limit && states.length < size; id++) {
      const state = this.#states[id];
      if (!this.#has(id) || state === undefined) continue;
      const at = this.#table.at(id);
      const page = this.#table.page(id);
      names.push(this.#table.name(id));
      lengths.push(this.#table.nameLength(id));
      times.push(int64(page[at + NEWEST], page[at + NEWEST + 1]));
      states.push(state);
    }
    const next = id < this.#limit ? id : undefined;
    return { block: { names: Buffer.concat(names), lengths, times, states }, next };
  }

  /** Takes up a block; a state that is undefined is left out. */
  take({ names, lengths, times, states }: Block<S | undefined>): void {
    let at = 0;
    lengths.forEach((length, index) => {
      const state = states[index];
      const end = at + length;
      if (state !== undefined && this.#table.find(names, at, end) < 0) {
        const id = this.#add(names, at, end, state);
        const place = this.#table.at(id);
        const page = this.#table.page(id);
        const time = BigInt.asIntN(64, times[index] ?? 0n);
        page[place + NEWEST] = Number(BigInt.asIntN(32, time));
        page[place + NEWEST + 1] = Number(BigInt.asIntN(32, time >> 32n));
        page[place + HEARD] = 1 + this.#clockMs() / 1000;
        if (this.#newestNs === undefined || time > this.#newestNs) this.#newestNs = time;
      }
      at = end;
    });
  }

  clear(): void {
    this.#table.clear();
    this.#states.length = 0;
    this.#limit = 0;
    this.#newestNs = undefined;
  }

  #nameOf(id: number): string {
    const name = this.#table.name(id);
    return text(name, 0, name.length);
  }
}

/** Some groups: their ids one behind the other, the newest time and the state of each. */
export interface Block<S> {
  readonly names: Uint8Array;
  readonly lengths: readonly number[];
  readonly times: readonly bigint[];
  readonly states: readonly S[];
}

function int64(lo: number, hi: number): bigint {
  return (BigInt(hi) << 32n) | BigInt(lo >>> 0);
}
