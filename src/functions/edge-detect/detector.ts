import type { BatchView, Emit, Handler, NodeContext } from '../../function/contract.ts';
import { Keys } from '../../wire/keys.ts';
import { PointReader, type PointView } from '../../wire/point-view.ts';
import { varint64 } from '../../wire/varint.ts';
import { Filters } from './filters.ts';
import { GroupCursor } from './group-cursor.ts';
import { FLAG, Groups, int64At, isImmediate, type Layout, layoutOf, PENDING_FLAGS } from './groups.ts';
import { Limit } from './limit.ts';
import { Observation } from './observation.ts';
import type { Settings } from './options.ts';
import { Output } from './output.ts';
import { restoreState } from './snapshot-reader.ts';
import { snapshotState } from './snapshot-writer.ts';
import type { Candidate, State } from './state.ts';
import { Texts } from './texts.ts';
import { copy, type Deadband, differs, release, textOf, VALUE_WORDS } from './values.ts';
import { Warnings } from './warnings.ts';

/** Groups that are looked at per read, to free those that `ttl` has ended. */
const SWEEP_GROUPS = 64;

/** Groups that are looked at in one step once a snapshot is read: about a millisecond. */
const RESTORE_STEP = 512;

/** 2^32 nanoseconds: what one of a time's high word is worth. */
const HIGH_WORD_NS = 2 ** 32;

/** One `@edgeDetect()` or `@edgeDetectBatch()` of a task. */
export class Detector implements Handler {
  readonly keys: Keys;
  readonly #settings: Settings;
  readonly #layout: Layout;
  readonly #groups: Groups;
  readonly #group: GroupCursor;
  readonly #texts = new Texts();
  readonly #candidates = new Map<number, Candidate>();
  /** When the last edges of a group were emitted, as `limit` needs them. */
  readonly #made = new Map<number, bigint[]>();
  readonly #state: State;
  readonly #deadband: Deadband;
  readonly #clockMs: () => number;
  readonly #warnings: Warnings;
  readonly #isBatch: boolean;
  readonly #isImmediate: boolean;
  /** Whether the time of every point matters, not only that of edges. */
  readonly #watchesTime: boolean;
  readonly #everyNs: number;
  readonly #ttlNs: number;
  readonly #observation: Observation;
  /** The length of a state: a value per key. */
  readonly #stateWords: number;
  /** What a group had before the edge at hand. */
  readonly #before: Int32Array;
  readonly #filters: Filters;
  readonly #limit: Limit | undefined;
  readonly #output: Output | undefined;
  readonly #held = new PointReader();
  /** The group of the batch that is open, -1 while it is not known; and the mark up to which its points are old. */
  #batchBytes: Uint8Array = Buffer.alloc(0);
  #batchGroupStart = 0;
  #batchGroupEnd = 0;
  #mark: bigint | undefined;
  #sweepAt = 0;

  constructor(context: NodeContext, settings: Settings, isBatch: boolean) {
    const { keys } = settings;
    this.keys = new Keys(keys);
    this.#settings = settings;
    this.#layout = layoutOf(settings);
    this.#groups = new Groups(this.#layout);
    this.#group = new GroupCursor(this.#groups, this.#layout.flags);
    this.#filters = new Filters(settings, this.#layout, this.#texts);
    this.#limit = settings.limit === undefined ? undefined : new Limit(settings.limit, this.#made);
    this.#deadband = { absolute: settings.deadband, percent: settings.deadbandPercent };
    this.#clockMs = context.clockMs;
    this.#isBatch = isBatch;
    this.#isImmediate = isImmediate(settings);
    this.#watchesTime = this.#layout.newest >= 0;
    this.#everyNs = Number(settings.everyNs ?? 0n);
    this.#ttlNs = Number(settings.ttlNs ?? 0n);
    this.#stateWords = keys.length * VALUE_WORDS;
    this.#before = new Int32Array(this.#stateWords);
    this.#output = Output.of(settings, this.#layout, this.#texts);
    this.#warnings = new Warnings(keys, context.log, context.clockMs);
    this.#state = {
      settings,
      layout: this.#layout,
      groups: this.#groups,
      texts: this.#texts,
      candidates: this.#candidates,
      made: this.#made,
      newestNs: undefined,
      freedNs: undefined,
    };
    this.#observation = new Observation(this.keys, this.#state);
  }

  beginBatch(batch: BatchView): void {
    this.#batchBytes = batch.bytes;
    this.#batchGroupStart = batch.groupStart;
    this.#batchGroupEnd = batch.groupEnd;
    this.#mark = undefined;
    if (this.#warnings.isWatching) this.#warnings.seeBatch(batch);
    if (!this.#settings.dropLate) return;
    // Overlapping windows bring old points again; what is new lies after the newest time so far.
    const id = this.#groups.find(batch.bytes, batch.groupStart, batch.groupEnd);
    if (id < 0) this.#mark = this.#state.freedNs;
    else this.#mark = int64At(this.#groups.page(id), this.#groups.at(id) + this.#layout.newest);
  }

  point(point: PointView, emit: Emit): void {
    const keys = this.keys;
    const groups = this.#groups;
    if (this.#warnings.isWatching) this.#warnings.see(point, keys.found > 0);
    if (keys.found === 0) {
      this.#warnings.ignored++;
      return;
    }
    const id = this.#isBatch
      ? groups.find(this.#batchBytes, this.#batchGroupStart, this.#batchGroupEnd)
      : groups.lookUp(point.bytes, point.groupStart, point.groupEnd);
    if (this.#watchesTime && !this.#isTimely(id, point)) return;
    if (id < 0 || (this.#watchesTime && !groups.has(id))) {
      this.#begin(point, emit);
      return;
    }
    const page = groups.page(id);
    const at = groups.at(id);
    page[at + this.#layout.stamp] = ++groups.tick;
    const { flags, accepted } = this.#layout;
    const observation = this.#observation;
    if (
      (page[at + flags] & PENDING_FLAGS) !== 0 ||
      !observation.isIdentical(page, at + accepted, point.bytes)
    ) {
      this.#group.moveTo(id);
      this.#observe(point, emit);
    } else if (this.#everyNs > 0 && this.#isRepeatDue(page, at, point)) {
      this.#group.moveTo(id);
      this.#emit(point.time, point, emit);
    }
  }

  /** Notes the point's time; forgets a group whose `ttl` is over. @returns false for a point that comes too late */
  #isTimely(id: number, point: PointView): boolean {
    point.readTime();
    const lo = varint64[0];
    const hi = varint64[1];
    if (this.#mark !== undefined && point.time <= this.#mark) return false;
    if (id >= 0) {
      const page = this.#groups.page(id);
      const newestAt = this.#groups.at(id) + this.#layout.newest;
      const newestHi = page[newestAt + 1];
      const newestLo = page[newestAt];
      if (hi < newestHi || (hi === newestHi && lo >>> 0 < newestLo >>> 0)) {
        if (this.#settings.dropLate && !this.#isBatch) {
          this.#warnings.seeLate(point, int64At(page, newestAt));
          return false;
        }
      } else if (this.#isExpired(hi - newestHi, point, page, newestAt)) this.#forget(id);
      else {
        page[newestAt] = lo;
        page[newestAt + 1] = hi;
      }
      if (this.#ttlNs > 0) page[this.#groups.at(id) + this.#layout.heard] = this.#clockMs() / 1000;
    }
    if (this.#ttlNs > 0) {
      const newest = this.#state.newestNs;
      if (newest === undefined || point.time > newest) this.#state.newestNs = point.time;
    }
    return true;
  }

  /** Whether the group's newest time is more than `ttl` before the point. @param highWords between the two */
  #isExpired(highWords: number, point: PointView, page: Int32Array, newestAt: number): boolean {
    // The difference of the high words alone settles nearly every case without a bigint.
    if (this.#ttlNs === 0 || (highWords + 1) * HIGH_WORD_NS < this.#ttlNs) return false;
    return point.time - int64At(page, newestAt) > (this.#settings.ttlNs ?? 0n);
  }

  /** `every`: whether the state is to be emitted again. */
  #isRepeatDue(page: Int32Array, at: number, point: PointView): boolean {
    const { flags, made } = this.#layout;
    if (this.#everyNs === 0 || (page[at + flags] & FLAG.emitted) === 0) return false;
    point.readTime();
    if ((varint64[1] - page[at + made + 1] + 1) * HIGH_WORD_NS < this.#everyNs) return false;
    return point.time - int64At(page, at + made) >= (this.#settings.everyNs ?? 0n);
  }

  /** A point of a group that is not known: its observation is the group's state. */
  #begin(point: PointView, emit: Emit): void {
    const groups = this.#groups;
    if (groups.size >= this.#settings.maxGroups) this.#evict();
    const id = this.#isBatch
      ? groups.add(this.#batchBytes, this.#batchGroupStart, this.#batchGroupEnd)
      : groups.add(point.bytes, point.groupStart, point.groupEnd);
    const group = this.#group;
    group.moveTo(id);
    const { page, at } = group;
    const { stamp, newest, heard, began } = this.#layout;
    page[at + stamp] = ++groups.tick;
    this.#observation.begin(group, point.bytes);
    const { time } = point;
    if (newest >= 0) group.setInt64(newest, time);
    if (heard >= 0) page[at + heard] = this.#clockMs() / 1000;
    if (began >= 0) group.setInt64(began, time);
    if (this.#filters.passesFirst(group)) this.#emit(time, point, emit);
  }

  /** A point of the group at hand that brings something new, or meets something unfinished. */
  #observe(point: PointView, emit: Emit): void {
    const group = this.#group;
    const { time } = point;
    if (group.has(FLAG.beginUnknown)) {
      group.unset(FLAG.beginUnknown);
      if (this.#layout.began >= 0) group.setInt64(this.#layout.began, time);
    }
    this.#observation.bringUpToDate(group, point.bytes, this.#candidates.get(group.id));
    if (!this.#differs(this.#observation.current, 0, group.page, group.at + this.#layout.accepted))
      this.#agree(time, point, emit);
    else if (this.#isImmediate) this.#accept(this.#observation.current, time, time, point, emit);
    else this.#consider(time, point, emit);
    this.#releaseState(this.#observation.current);
  }

  /** Whether a state is another one than the reference, in any key. */
  #differs(words: Int32Array, at: number, reference: Int32Array, referenceAt: number): boolean {
    for (let i = 0; i < this.#stateWords; i += VALUE_WORDS) {
      if (differs(words, at + i, reference, referenceAt + i, this.#deadband)) return true;
    }
    return false;
  }

  /** The point agrees with the state. */
  #agree(now: bigint, point: PointView, emit: Emit): void {
    const group = this.#group;
    this.#dropCandidate();
    if (group.has(FLAG.owed) && this.#limit?.hasRoom(group.id, now) === true) {
      group.unset(FLAG.owed);
      const { page, at } = group;
      const { accepted, emitted } = this.#layout;
      if (!group.has(FLAG.hasEmitted) || this.#differs(page, at + accepted, page, at + emitted)) {
        this.#limit.note(group.id, now);
        this.#emit(now, point, emit);
        return;
      }
      // What is downstream is the state already.
      group.set(FLAG.emitted);
    }
    if (this.#isRepeatDue(group.page, group.at, point)) this.#emit(now, point, emit);
  }

  /** The point brings another state, which must be held or confirmed before it is accepted. */
  #consider(now: bigint, point: PointView, emit: Emit): void {
    const group = this.#group;
    let candidate = this.#candidates.get(group.id);
    if (candidate !== undefined && !this.#differs(this.#observation.current, 0, candidate.values, 0))
      candidate.points++;
    else {
      this.#dropCandidate();
      const values = new Int32Array(this.#stateWords);
      this.#copyState(this.#observation.current, 0, values, 0);
      // It may be emitted later on: what is wrong with it is told at its own place, and gets into no snapshot.
      point.validate();
      // The point lies in memory that is used again: the candidate keeps a copy, as large as the point.
      const bytes = Buffer.from(point.bytes.subarray(point.start, point.end));
      candidate = { bytes, values, sinceNs: now, points: 1 };
    }
    if (!this.#isProven(candidate, now)) {
      this.#candidates.set(group.id, candidate);
      group.set(FLAG.candidate);
      return;
    }
    this.#candidates.delete(group.id);
    group.unset(FLAG.candidate);
    let source = point;
    if (candidate.points > 1) {
      this.#held.read(candidate.bytes, 0, candidate.bytes.length);
      source = this.#held;
    }
    this.#accept(candidate.values, candidate.sinceNs, now, source, emit);
    this.#releaseState(candidate.values);
  }

  /** Whether the candidate has had points enough and lasted long enough. */
  #isProven(candidate: Candidate, now: bigint): boolean {
    let { holdNs, confirm } = this.#settings;
    const { holdToNs, confirmTo } = this.#settings;
    if (holdToNs.size > 0 || confirmTo.size > 0) {
      const value = textOf(candidate.values, 0, this.#texts);
      holdNs = holdToNs.get(value) ?? holdNs;
      confirm = confirmTo.get(value) ?? confirm;
    }
    return candidate.points >= confirm && (holdNs === 0n || now - candidate.sinceNs >= holdNs);
  }

  /**
   * An edge of the group at hand.
   * @param happened the time of the new state's first point
   * @param now the time of the point at hand
   * @param source the point to emit
   */
  #accept(state: Int32Array, happened: bigint, now: bigint, source: PointView, emit: Emit): void {
    const group = this.#group;
    this.#enter(state, happened);
    if (this.#filters.passes(this.#before, group)) {
      if (this.#limit?.hasRoom(group.id, now) === false) group.set(FLAG.owed);
      else {
        this.#limit?.note(group.id, now);
        this.#emit(now, source, emit);
      }
    }
    this.#releaseState(this.#before);
  }

  /** Makes this the group's state, and leaves the one before in {@link #before}, to be released. */
  #enter(state: Int32Array, happened: bigint): void {
    const group = this.#group;
    const { page, at } = group;
    const { accepted, observed, previous, began, lasted, count } = this.#layout;
    this.#copyState(page, at + accepted, this.#before, 0);
    this.#copyState(state, 0, page, at + accepted);
    if (previous >= 0) copy(this.#before, 0, page, at + previous, this.#texts);
    if (began >= 0) {
      const duration = happened - group.int64(began);
      if (lasted >= 0) group.setInt64(lasted, duration < 0n ? 0n : duration);
      group.setInt64(began, happened);
    }
    if (count >= 0) group.setInt64(count, group.int64(count) + 1n);
    group.set(FLAG.hasPrevious);
    // Whatever was owed is replaced by this edge.
    group.unset(FLAG.owed | FLAG.emitted);
    if (observed >= 0) this.#observation.noteDivergence(group);
  }

  /** Emits the state of the group at hand. @param now the time of the point at hand */
  #emit(now: bigint, point: PointView, emit: Emit): void {
    const group = this.#group;
    const { accepted, emitted, made } = this.#layout;
    group.set(FLAG.emitted);
    if (made >= 0) group.setInt64(made, now);
    if (emitted >= 0) {
      group.set(FLAG.hasEmitted);
      this.#copyState(group.page, group.at + accepted, group.page, group.at + emitted);
    }
    if (this.#output === undefined) emit.forward(point);
    else emit.forward(point, this.#output.fieldsOf(group));
  }

  #copyState(from: Int32Array, fromAt: number, to: Int32Array, toAt: number): void {
    for (let i = 0; i < this.#stateWords; i += VALUE_WORDS) copy(from, fromAt + i, to, toAt + i, this.#texts);
  }

  #releaseState(words: Int32Array, at = 0): void {
    for (let i = 0; i < this.#stateWords; i += VALUE_WORDS) release(words, at + i, this.#texts);
  }

  #dropCandidate(): void {
    const group = this.#group;
    if (!group.has(FLAG.candidate)) return;
    group.unset(FLAG.candidate);
    const candidate = this.#candidates.get(group.id);
    if (candidate !== undefined) this.#releaseState(candidate.values);
    this.#candidates.delete(group.id);
  }

  /** Forgets a group and all that belongs to it. */
  #forget(id: number): void {
    const group = this.#group;
    group.moveTo(id);
    const { page, at } = group;
    const { accepted, observed, emitted, previous } = this.#layout;
    this.#dropCandidate();
    this.#made.delete(id);
    this.#releaseState(page, at + accepted);
    if (observed >= 0) this.#releaseState(page, at + observed);
    if (emitted >= 0) this.#releaseState(page, at + emitted);
    if (previous >= 0) release(page, at + previous, this.#texts);
    this.#groups.remove(id);
  }

  #evict(): void {
    const id = this.#groups.longestUnseen();
    if (id < 0) return;
    this.#warnings.seeEviction(this.#groups.name(id), this.#settings.maxGroups);
    this.#forget(id);
  }

  /** Frees a few groups that `ttl` has ended, by the points' time and by the machine's clock. */
  settle(): void {
    const newest = this.#state.newestNs;
    if (this.#ttlNs === 0 || newest === undefined) return;
    const groups = this.#groups;
    const { ttlNs } = this.#settings;
    const oldestHeard = (this.#clockMs() - this.#ttlNs / 1e6) / 1000 - 1;
    for (let i = Math.min(SWEEP_GROUPS, groups.idLimit); i > 0; i--) {
      if (this.#sweepAt >= groups.idLimit) this.#sweepAt = 0;
      const id = this.#sweepAt++;
      if (!groups.has(id)) continue;
      const page = groups.page(id);
      const at = groups.at(id);
      if (page[at + this.#layout.heard] >= oldestHeard) continue;
      const seen = int64At(page, at + this.#layout.newest);
      if (ttlNs === undefined || newest - seen <= ttlNs) continue;
      const { freedNs } = this.#state;
      if (freedNs === undefined || seen > freedNs) this.#state.freedNs = seen;
      this.#forget(id);
    }
  }

  *snapshot(): Generator<Uint8Array> {
    yield* snapshotState(this.#state);
  }

  *restore(snapshot: Uint8Array): Generator<void> {
    const problem = yield* restoreState(this.#state, snapshot);
    if (problem !== undefined) this.#warnings.refuseSnapshot(snapshot.length, problem);
    for (let excess = this.#groups.size - this.#settings.maxGroups; excess > 0; excess--) {
      this.#evict();
      if (excess % RESTORE_STEP === 0) yield;
    }
    const heard = this.#clockMs() / 1000;
    if (this.#layout.heard < 0) return;
    for (let id = 0; id < this.#groups.idLimit; id++) {
      this.#groups.page(id)[this.#groups.at(id) + this.#layout.heard] = heard;
      if (id % RESTORE_STEP === 0) yield;
    }
  }

  counts(): Record<string, number> {
    return { groups: this.#groups.size, ...this.#warnings.counts() };
  }
}
