import { IANAZone } from 'luxon';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Offsets change at whole quarters of an hour only. */
const BUCKET_MS = 900_000;

/** A time on the clocks of a zone, as UTC. */
export interface ZonedTime {
  readonly utcMs: number;
  /** `twice`: the clocks were set back and showed it twice, and this is the first; `never`: they were set over it. */
  readonly is: 'once' | 'twice' | 'never';
}

/** Turns what the clocks of a zone show into UTC. */
export class Zone {
  readonly #zone: IANAZone;
  /** The bucket of the last time that was shown once, and the offset in it: times mostly come in order. */
  #lastBucket = Number.NaN;
  #lastOffsetMs = 0;

  /** @param name an IANA name that `isZone` knows */
  constructor(name: string) {
    this.#zone = IANAZone.create(name);
  }

  /** @param localMs what the clocks show, as if it were UTC, in milliseconds since the epoch */
  toUtc(localMs: number): ZonedTime {
    const bucket = Math.floor(localMs / BUCKET_MS);
    if (bucket === this.#lastBucket) return { utcMs: localMs - this.#lastOffsetMs, is: 'once' };
    // Before and after any change that is near, as none comes a day after another.
    const beforeMs = this.#offsetMs(localMs - DAY_MS);
    const afterMs = this.#offsetMs(localMs + DAY_MS);
    const times = [...new Set([beforeMs, afterMs])]
      .map((offsetMs) => localMs - offsetMs)
      .filter((utcMs) => utcMs + this.#offsetMs(utcMs) === localMs);
    const [first] = times;
    if (first === undefined)
      return { utcMs: this.#change(localMs - afterMs, localMs - beforeMs), is: 'never' };
    if (times.length > 1) return { utcMs: Math.min(...times), is: 'twice' };
    this.#lastBucket = bucket;
    this.#lastOffsetMs = localMs - first;
    return { utcMs: first, is: 'once' };
  }

  #offsetMs(utcMs: number): number {
    return this.#zone.offset(utcMs) * MINUTE_MS;
  }

  /** The instant between two at which the offset changes. */
  #change(fromMs: number, toMs: number): number {
    let [before, after] = [fromMs, toMs];
    const offsetMs = this.#offsetMs(before);
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (this.#offsetMs(middle) === offsetMs) before = middle;
      else after = middle;
    }
    return after;
  }
}

/** Whether there is an IANA zone of this name. */
export function isZone(name: string): boolean {
  return IANAZone.isValidZone(name);
}
