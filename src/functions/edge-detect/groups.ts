import { ByteTable } from '../../function/byte-table.ts';
import type { Settings } from './options.ts';
import { VALUE_WORDS } from './values.ts';

// A group's record. What an option needs stands in it only if the option is used:
//
//   stamp     1  arrival of the group's last point, a counter that wraps round
//   flags     1
//   next      1           1 + the id of the group that came after it the last time
//   accepted  3 per key
//   observed  3 per key   the values last seen, where they can differ from the accepted ones
//   emitted   3 per key   the state last emitted (limit)
//   previous  3           the value before the last edge (previousAs)
//   newest    2           the newest time seen (late, ttl, silent), an int64 like the other times; UNKNOWN_NS where a
//                         snapshot did not say it
//   heard     1           when on the machine's clock, in seconds (ttl without silent)
//   began     2           when the state began (durationAs, sinceAs)
//   lasted    2           how long the state before lasted (durationAs)
//   count     2           edges so far (countAs)
//   made      2           when the last emission was made (every)
//   order     1           how many groups came for the first time before this one (silent)
//   slot      1           1 + its place in the queue of those that may fall silent, 0 if it is not there (silent)
//   form      1           1 + the id of the last point's name and the like, 0 if there is none (silent, last-points.ts)
//   tags      2           where the last point's tags are kept, and their length (silent)

/** A time that is not known: the earliest there is. */
export const UNKNOWN_NS = -(2n ** 63n);

/** Flags of a group. */
export const FLAG = {
  /** The state was emitted, so `every` may repeat it. */
  emitted: 1,
  /** There was an edge, so there is a value before it. */
  hasPrevious: 2,
  /** `emitted` holds a state. */
  hasEmitted: 4,
  /** A candidate waits to be accepted. */
  candidate: 8,
  /** An edge is owed by `limit`. */
  owed: 16,
  /** An observed value is not the accepted one. */
  diverged: 32,
  /** The snapshot did not say when the state began. */
  beginUnknown: 64,
  /** The group has fallen silent: its silence was decided. */
  silent: 128,
} as const;

/** With one of these, a point that brings nothing new may still do something. */
export const PENDING_FLAGS = FLAG.candidate | FLAG.owed | FLAG.diverged | FLAG.beginUnknown;

/** Where a record lies: the array, and where in it. */
export interface Place {
  readonly page: Int32Array;
  readonly at: number;
}

/** Places in a record; -1 for what the node doesn't keep. */
export interface Layout {
  readonly stamp: number;
  readonly flags: number;
  readonly next: number;
  readonly accepted: number;
  readonly observed: number;
  readonly emitted: number;
  readonly previous: number;
  readonly newest: number;
  readonly heard: number;
  readonly began: number;
  readonly lasted: number;
  readonly count: number;
  readonly made: number;
  readonly order: number;
  readonly slot: number;
  readonly form: number;
  readonly tags: number;
  /** The record's length. */
  readonly words: number;
}

/** Whether every new state is accepted at its first point. */
export function isImmediate(settings: Settings): boolean {
  const { holdNs, holdToNs, confirm, confirmTo } = settings;
  return (
    holdNs === 0n &&
    confirm === 1 &&
    [...holdToNs.values()].every((ns) => ns === 0n) &&
    [...confirmTo.values()].every((n) => n === 1)
  );
}

export function layoutOf(settings: Settings): Layout {
  const { keys, outputs } = settings;
  const values = keys.length * VALUE_WORDS;
  const isSilent = settings.silent !== undefined;
  const hasDeadband = settings.deadband > 0 || settings.deadbandPercent > 0;
  let words = 0;
  const place = (length: number, isKept: boolean): number => {
    if (!isKept) return -1;
    words += length;
    return words - length;
  };
  const layout = {
    stamp: place(1, true),
    flags: place(1, true),
    next: place(1, true),
    accepted: place(values, true),
    observed: place(values, keys.length > 1 && (hasDeadband || !isImmediate(settings))),
    emitted: place(values, settings.limit !== undefined),
    previous: place(VALUE_WORDS, outputs.previous !== undefined),
    newest: place(2, settings.dropLate || settings.ttlNs !== undefined || isSilent),
    heard: place(1, settings.ttlNs !== undefined && !isSilent),
    began: place(2, outputs.duration !== undefined || outputs.since !== undefined),
    lasted: place(2, outputs.duration !== undefined),
    count: place(2, outputs.count !== undefined),
    made: place(2, settings.everyNs !== undefined),
    order: place(1, isSilent),
    slot: place(1, isSilent),
    form: place(1, isSilent),
    tags: place(2, isSilent),
  };
  return { ...layout, words };
}

/** After so many wrong guesses in a row the guessing pauses. */
const MAX_CONFIDENCE = 8;

/** How many groups are compared to find one that was not seen for long. */
const EVICTION_SAMPLE = 16;

/** The groups of a node: their ids as Kapacitor has them, and a record each. */
export class Groups extends ByteTable {
  readonly #stampAt: number;
  readonly #nextAt: number;
  /** The group of the last point, -1 for none. */
  #last = -1;
  /** How often the guess of {@link lookUp} was right of late; without any it is not tried. */
  #confidence = 0;
  #hand = 0;
  /** Counts the points of the node, for {@link Layout.stamp}; wraps round at 2^32. */
  tick = 0;

  constructor(layout: Layout) {
    super(layout.words);
    this.#stampAt = layout.stamp;
    this.#nextAt = layout.next;
  }

  /**
   * The id of the group of these bytes, or -1. Devices are polled in turn, so most often it is the group that came
   * after the last one the time before: a comparison instead of a hash and two look-ups.
   */
  lookUp(bytes: Uint8Array, start: number, end: number): number {
    const last = this.#last;
    if (last < 0) {
      this.#last = this.find(bytes, start, end);
      return this.#last;
    }
    const page = this.page(last);
    const nextAt = this.at(last) + this.#nextAt;
    const guess = page[nextAt] - 1;
    if (this.#confidence > 0 && guess >= 0 && this.equals(guess, bytes, start, end)) {
      this.#last = guess;
      return guess;
    }
    const id = this.find(bytes, start, end);
    if (id === guess) {
      if (this.#confidence < MAX_CONFIDENCE) this.#confidence++;
    } else if (this.#confidence > 0) this.#confidence--;
    if (id >= 0) {
      page[nextAt] = id + 1;
      this.#last = id;
    }
    return id;
  }

  override clear(): void {
    super.clear();
    this.#last = -1;
  }

  /** A group that was not seen for long: the longest unseen of a few, which of up to sixteen groups is exact. */
  longestUnseen(): number {
    let oldest = -1;
    let oldestAge = -1;
    let looked = 0;
    while (looked < Math.min(EVICTION_SAMPLE, this.size)) {
      if (this.#hand >= this.idLimit) this.#hand = 0;
      const id = this.#hand++;
      if (!this.has(id)) continue;
      looked++;
      const age = (this.tick - this.page(id)[this.at(id) + this.#stampAt]) >>> 0;
      if (age > oldestAge) {
        oldest = id;
        oldestAge = age;
      }
    }
    return oldest;
  }
}

/** An int64 in two words of a record. */
export function int64At(words: Int32Array, at: number): bigint {
  return (BigInt(words[at + 1]) << 32n) | BigInt(words[at] >>> 0);
}

export function setInt64(words: Int32Array, at: number, value: bigint): void {
  words[at] = Number(BigInt.asIntN(32, value));
  words[at + 1] = Number(BigInt.asIntN(32, value >> 32n));
}
