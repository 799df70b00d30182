import type { PointView } from '../../wire/point-view.ts';
import { varint64 } from '../../wire/varint.ts';
import { FLAG, int64At, UNKNOWN_NS } from './groups.ts';
import type { State } from './state.ts';
import type { Warnings } from './warnings.ts';

/** Groups that are looked at in one step once a snapshot is read: about a millisecond. */
export const RESTORE_STEP = 512;

/** Groups that are looked at per read, to free those that `ttl` has ended. */
const SWEEP_GROUPS = 64;

/** 2^32 nanoseconds: what one of a time's high word is worth. */
export const HIGH_WORD_NS = 2 ** 32;

/** What becomes of a point for its time alone: it is taken, or ignored, or its group is over and begins anew. */
export const VERDICT = { take: 0, ignore: 1, forget: 2 } as const;

/** What the times of points decide before their values do: `late`, `ttl`, and the end of a silence. */
export class Timeliness {
  readonly #state: State;
  readonly #isBatch: boolean;
  readonly #clockMs: () => number;
  readonly #warnings: Warnings;
  readonly #dropsLate: boolean;
  readonly #ttlNs: number;
  /** Whether `ttl` goes by the points' times and the machine's clock, instead of by node time. */
  readonly #watchesClock: boolean;
  /** The newest time that counts as old for the points of the batch at hand. */
  #mark: bigint | undefined;
  #sweepAt = 0;

  constructor(state: State, isBatch: boolean, clockMs: () => number, warnings: Warnings) {
    const { settings } = state;
    this.#state = state;
    this.#isBatch = isBatch;
    this.#clockMs = clockMs;
    this.#warnings = warnings;
    this.#dropsLate = settings.dropLate;
    this.#ttlNs = Number(settings.ttlNs ?? 0n);
    this.#watchesClock = this.#ttlNs > 0 && settings.silent === undefined;
  }

  /** A batch of the group begins. @param id -1 if it is not known */
  beginBatch(id: number): void {
    this.#mark = undefined;
    if (!this.#dropsLate) return;
    const { groups, layout, freedNs } = this.#state;
    // Overlapping windows bring old points again; what is new lies after the newest time so far.
    this.#mark = id < 0 ? freedNs : int64At(groups.page(id), groups.at(id) + layout.newest);
  }

  /** Judges a point, and notes its time where it is taken. @param id of its group, -1 if it is not known @returns a {@link VERDICT} */
  judge(id: number, point: PointView): number {
    if (this.#mark !== undefined && point.time <= this.#mark) return VERDICT.ignore;
    const verdict = id < 0 ? VERDICT.take : this.#judgeKnown(id, point);
    if (verdict !== VERDICT.ignore && this.#watchesClock) {
      const newest = this.#state.newestNs;
      if (newest === undefined || point.time > newest) this.#state.newestNs = point.time;
    }
    return verdict;
  }

  #judgeKnown(id: number, point: PointView): number {
    const { groups, layout } = this.#state;
    const page = groups.page(id);
    const at = groups.at(id);
    const newestAt = at + layout.newest;
    const isSilent = (page[at + layout.flags] & FLAG.silent) !== 0;
    if (isSilent && this.#isFreed(page, newestAt)) return VERDICT.forget;
    point.readTime();
    const lo = varint64[0];
    const hi = varint64[1];
    const newestHi = page[newestAt + 1];
    const newestLo = page[newestAt];
    if (hi < newestHi || (hi === newestHi && lo >>> 0 < newestLo >>> 0)) {
      if (this.#dropsLate && !this.#isBatch) {
        this.#warnings.seeLate(point, int64At(page, newestAt));
        return VERDICT.ignore;
      }
      if (isSilent) return VERDICT.ignore;
    } else {
      if (this.#isExpired(hi - newestHi, point, page, newestAt)) return VERDICT.forget;
      // Only a newer point ends a silence.
      if (isSilent) {
        if (hi === newestHi && lo === newestLo) return VERDICT.ignore;
        page[at + layout.flags] &= ~FLAG.silent;
      }
      page[newestAt] = lo;
      page[newestAt + 1] = hi;
    }
    if (this.#watchesClock) page[at + layout.heard] = this.#clockMs() / 1000;
    return VERDICT.take;
  }

  /** Whether the group's newest time is more than `ttl` before the point. @param highWords between the two */
  #isExpired(highWords: number, point: PointView, page: Int32Array, newestAt: number): boolean {
    // The difference of the high words alone settles nearly every case without a bigint.
    if (this.#ttlNs === 0 || (highWords + 1) * HIGH_WORD_NS < this.#ttlNs) return false;
    const newest = int64At(page, newestAt);
    return newest !== UNKNOWN_NS && point.time - newest > (this.#state.settings.ttlNs ?? 0n);
  }

  /** Whether node time is more than `ttl` after a silent group's newest time: it is as good as freed. */
  #isFreed(page: Int32Array, newestAt: number): boolean {
    const { settings, silence } = this.#state;
    const now = silence?.time.value;
    if (settings.ttlNs === undefined || now === undefined) return false;
    return now - int64At(page, newestAt) > settings.ttlNs;
  }

  /** Looks at a few groups, for those that `ttl` has ended: by node time, or by the points' times and the machine's clock. */
  sweep(forget: (id: number) => void): void {
    if (this.#ttlNs === 0) return;
    const { groups } = this.#state;
    const oldestHeard = (this.#clockMs() - this.#ttlNs / 1e6) / 1000 - 1;
    for (let i = Math.min(SWEEP_GROUPS, groups.idLimit); i > 0; i--) {
      if (this.#sweepAt >= groups.idLimit) this.#sweepAt = 0;
      const id = this.#sweepAt++;
      if (groups.has(id) && this.#isOver(id, oldestHeard)) forget(id);
    }
  }

  /** A state was restored: every group is as good as heard, step by step. */
  *restored(): Generator<void> {
    const { groups, layout } = this.#state;
    if (layout.heard < 0) return;
    const heard = this.#clockMs() / 1000;
    for (let id = 0; id < groups.idLimit; id++) {
      groups.page(id)[groups.at(id) + layout.heard] = heard;
      if (id % RESTORE_STEP === 0) yield;
    }
  }

  #isOver(id: number, oldestHeard: number): boolean {
    const { groups, layout, settings, newestNs, freedNs } = this.#state;
    const page = groups.page(id);
    const at = groups.at(id);
    if (!this.#watchesClock)
      return (page[at + layout.flags] & FLAG.silent) !== 0 && this.#isFreed(page, at + layout.newest);
    if (newestNs === undefined || page[at + layout.heard] >= oldestHeard) return false;
    const seen = int64At(page, at + layout.newest);
    if (newestNs - seen <= (settings.ttlNs ?? 0n)) return false;
    if (freedNs === undefined || seen > freedNs) this.#state.freedNs = seen;
    return true;
  }
}
