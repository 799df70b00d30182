import { InputError } from '../errors.ts';
import { setting, type Wording, wording } from '../wording.ts';
import type { Precision } from './readers/times.ts';

const NS_PER_MS = 1_000_000n;
/** No state that somebody feeds is older, and none is of so far in the future. */
const MIN_NS = BigInt(Date.UTC(1980, 0)) * NS_PER_MS;
const MAX_NS = BigInt(Date.UTC(2200, 0)) * NS_PER_MS;
/** So many points with a time tell. */
const MAX_JUDGED = 100;
const UNITS: readonly (readonly [unit: Precision, ns: bigint])[] = [
  ['s', 1_000_000_000n],
  ['ms', 1_000_000n],
  ['us', 1_000n],
];

interface Timed {
  readonly kind: string;
  readonly timeNs?: bigint | undefined;
}

/** Holds the first points of an input back until one of them has a time that can be meant. */
export class FirstTimes<T extends Timed> {
  readonly #isNanoseconds: () => boolean;
  readonly #onDoubt: (doubt: Wording) => void;
  #held: T[] = [];
  #firstNs: bigint | undefined;
  #judged = 0;
  #isSettled = false;

  /**
   * @param isNanoseconds whether numbers were taken for nanoseconds because nobody said otherwise
   * @param onDoubt is told, once, that none of the first times can be meant; it may throw
   */
  constructor(isNanoseconds: () => boolean, onDoubt: (doubt: Wording) => void) {
    this.#isNanoseconds = isNanoseconds;
    this.#onDoubt = onDoubt;
  }

  /** @returns what need not be held back (any more) */
  take(items: readonly T[]): readonly T[] {
    if (this.#isSettled) return items;
    for (const item of items) {
      this.#held.push(item);
      if (item.kind !== 'point' || this.#isSettled) continue;
      if (item.timeNs === undefined || (item.timeNs >= MIN_NS && item.timeNs < MAX_NS))
        this.#isSettled = true;
      else {
        this.#firstNs ??= item.timeNs;
        this.#judged++;
      }
    }
    return this.#isSettled ? this.#release() : this.#judged >= MAX_JUDGED ? this.end() : [];
  }

  /** To be called at the end of the input. @returns what was held back */
  end(): readonly T[] {
    if (!this.#isSettled && this.#firstNs !== undefined) {
      this.#isSettled = true;
      this.#onDoubt(doubtOf(this.#firstNs, this.#isNanoseconds()));
    }
    return this.#release();
  }

  #release(): readonly T[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }
}

/** @throws InputError always: what goes into a database must not go there with a wrong time */
export function refuseDoubt(doubt: Wording): never {
  throw new InputError('BAD_TIME', doubt);
}

function doubtOf(timeNs: bigint, isNanoseconds: boolean): Wording {
  const date = new Date(Number(timeNs / NS_PER_MS)).toISOString().replace('.000Z', 'Z');
  const found = wording`the first times all lie ${timeNs < MIN_NS ? 'before 1980' : 'after 2200'} (${date})`;
  const unit = isNanoseconds
    ? UNITS.find(([, ns]) => timeNs * ns >= MIN_NS && timeNs * ns < MAX_NS)?.[0]
    : undefined;
  if (unit !== undefined)
    return wording`${found}: ${String(timeNs)} looks like ${NAMES[unit]}, not nanoseconds: say ${setting('precision')} ${unit} (${setting('precision')} ns if it is meant)`;
  return wording`${found}: say what unit their numbers have with ${setting('precision')} s, ms, us or ns, which is believed`;
}

const NAMES: Readonly<Record<Precision, string>> = {
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
};
