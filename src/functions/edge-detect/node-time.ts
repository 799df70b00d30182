import type { PointView } from '../../wire/point-view.ts';
import { varint64 } from '../../wire/varint.ts';
import { int64At, setInt64, UNKNOWN_NS } from './groups.ts';

/** A point that lies further ahead of the machine's clock is not believed. */
const MAX_AHEAD_NS = 60_000_000_000n;
/** Who was not called for longer than this stood still: what arrives then may have waited. */
const STANDSTILL_MS = 1000;

const NS_PER_MS = 1e6;

/** The monotonic and the wall clock of the machine, in milliseconds. */
export interface Clocks {
  readonly clockMs: () => number;
  readonly wallMs: () => number;
}

/**
 * How late it is for a node: the greatest of the times that were counted, and of what fresh ones have become since they
 * arrived. Counted is the time of every point that lies no more than a minute ahead of the machine's clock, and fresh is
 * one that is less than `freshNs` behind it: so in a live task node time goes on by itself, and while a recording is
 * played only the points move it. It never goes back.
 *
 * All times are two words each, low and high: a bigint for every point would be garbage.
 */
export class NodeTime {
  readonly #clocks: Clocks;
  readonly #freshNs: bigint;
  /** What it is, as far as it was looked at. */
  readonly #now = new Int32Array(2);
  /** The greatest time that is counted of what arrives now, and the least that is fresh. */
  readonly #latest = new Int32Array(2);
  readonly #oldest = new Int32Array(2);
  /** The newest fresh time of what arrives now. */
  readonly #fresh = new Int32Array(2);
  /** The monotonic clock at the arrival that is under way, NaN between two. */
  #arrivedMs = Number.NaN;
  /** Node time is at least the monotonic clock, in nanoseconds, and this. */
  #offsetNs: bigint | undefined;
  #advancedMs = -Infinity;

  constructor(clocks: Clocks, freshNs: bigint) {
    this.#clocks = clocks;
    this.#freshNs = freshNs;
    this.value = undefined;
  }

  /** Nanoseconds since the epoch; undefined where no point was counted. */
  get value(): bigint | undefined {
    const value = int64At(this.#now, 0);
    return value === UNKNOWN_NS ? undefined : value;
  }

  set value(value: bigint | undefined) {
    setInt64(this.#now, 0, value ?? UNKNOWN_NS);
  }

  /** Whether it is later than a time. */
  isAfter(hi: number, lo: number): boolean {
    return isAfter(this.#now[1], this.#now[0], hi, lo);
  }

  /** A point moves it. @returns whether its time is counted; {@link isFresh} tells the rest */
  note(point: PointView): boolean {
    if (Number.isNaN(this.#arrivedMs)) this.#arrive();
    point.readTime();
    const lo = varint64[0];
    const hi = varint64[1];
    this.isFresh = false;
    if (isAfter(hi, lo, this.#latest[1], this.#latest[0])) return false;
    if (isAfter(hi, lo, this.#now[1], this.#now[0])) {
      this.#now[0] = lo;
      this.#now[1] = hi;
    }
    this.isFresh = isAfter(hi, lo, this.#oldest[1], this.#oldest[0]);
    if (this.isFresh && isAfter(hi, lo, this.#fresh[1], this.#fresh[0])) {
      this.#fresh[0] = lo;
      this.#fresh[1] = hi;
    }
    return true;
  }

  /** Whether the point noted last is fresh. */
  isFresh = false;

  /** Whatever arrived together was noted. */
  settle(): void {
    if (Number.isNaN(this.#arrivedMs)) return;
    const fresh = int64At(this.#fresh, 0);
    if (fresh !== UNKNOWN_NS) {
      const offset = fresh - nsOf(this.#arrivedMs);
      if (this.#offsetNs === undefined || offset > this.#offsetNs) this.#offsetNs = offset;
    }
    this.#arrivedMs = Number.NaN;
  }

  /** The clock moves it. */
  advance(nowMs: number): void {
    this.settle();
    this.#advancedMs = nowMs;
    if (this.#offsetNs === undefined) return;
    const ns = nsOf(nowMs) + this.#offsetNs;
    if (ns > int64At(this.#now, 0)) setInt64(this.#now, 0, ns);
  }

  #arrive(): void {
    const nowMs = this.#clocks.clockMs();
    // After a standstill the points that waited come first: they say themselves what the time was.
    if (nowMs - this.#advancedMs <= STANDSTILL_MS) this.advance(nowMs);
    this.#arrivedMs = nowMs;
    const wallNs = BigInt(Math.floor(this.#clocks.wallMs())) * 1_000_000n;
    setInt64(this.#latest, 0, wallNs + MAX_AHEAD_NS);
    setInt64(this.#oldest, 0, wallNs - this.#freshNs);
    setInt64(this.#fresh, 0, UNKNOWN_NS);
  }
}

function isAfter(hi: number, lo: number, otherHi: number, otherLo: number): boolean {
  return hi > otherHi || (hi === otherHi && lo >>> 0 > otherLo >>> 0);
}

function nsOf(ms: number): bigint {
  return BigInt(Math.floor(ms * NS_PER_MS));
}
