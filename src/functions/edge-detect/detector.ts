import type { BatchView, Emit, Handler, NodeContext } from '../../function/contract.ts';
import { AddedFields } from '../../wire/added-fields.ts';
import { Keys } from '../../wire/keys.ts';
import { KIND } from '../../wire/point.ts';
import { PointReader, type PointView } from '../../wire/point-view.ts';
import { varint64 } from '../../wire/varint.ts';
import {
  FLAG,
  Groups,
  int64At,
  isImmediate,
  type Layout,
  layoutOf,
  PENDING_FLAGS,
  setInt64,
} from './groups.ts';
import type { Settings } from './options.ts';
import { restoreState } from './snapshot-reader.ts';
import { snapshotState } from './snapshot-writer.ts';
import type { Candidate, State } from './state.ts';
import { Texts } from './texts.ts';
import {
  copy,
  type Deadband,
  differs,
  direction,
  isIdentical,
  release,
  take,
  textOf,
  VALUE_WORDS,
} from './values.ts';
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
  /** The observation that a point leaves behind. */
  readonly #current: Int32Array;
  /** What a group had before the edge at hand. */
  readonly #before: Int32Array;
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
    this.#deadband = { absolute: settings.deadband, percent: settings.deadbandPercent };
    this.#clockMs = context.clockMs;
    this.#isBatch = isBatch;
    this.#isImmediate = isImmediate(settings);
    this.#watchesTime = this.#layout.newest >= 0;
    this.#everyNs = Number(settings.everyNs ?? 0n);
    this.#ttlNs = Number(settings.ttlNs ?? 0n);
    this.#current = new Int32Array(keys.length * VALUE_WORDS);
    this.#before = new Int32Array(keys.length * VALUE_WORDS);
    this.#output = outputOf(settings);
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
    if ((page[at + this.#layout.flags] & PENDING_FLAGS) !== 0 || !this.#isSteady(page, at, point)) {
      this.#observe(id, page, at, point, emit);
    } else if (this.#everyNs > 0 && this.#isRepeatDue(page, at, point)) {
      this.#repeat(page, at, point, emit);
    }
  }

  /** Whether the point brings, bit by bit, nothing but what was accepted. */
  #isSteady(page: Int32Array, at: number, point: PointView): boolean {
    const keys = this.keys;
    let valueAt = at + this.#layout.accepted;
    for (let i = 0; i < keys.kind.length; i++, valueAt += VALUE_WORDS) {
      if (keys.kind[i] !== KIND.none && !isIdentical(keys, i, page, valueAt, this.#texts, point.bytes))
        return false;
    }
    return true;
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

  #isRepeatDue(page: Int32Array, at: number, point: PointView): boolean {
    if ((page[at + this.#layout.flags] & FLAG.emitted) === 0) return false;
    point.readTime();
    const madeAt = at + this.#layout.made;
    if ((varint64[1] - page[madeAt + 1] + 1) * HIGH_WORD_NS < this.#everyNs) return false;
    return point.time - int64At(page, madeAt) >= (this.#settings.everyNs ?? 0n);
  }

  /** `every`: the same state again. */
  #repeat(page: Int32Array, at: number, point: PointView, emit: Emit): void {
    this.#noteEmission(page, at, point.time);
    this.#emit(page, at, point, emit);
  }

  /** A point of a group that is not known: its observation is the group's state. */
  #begin(point: PointView, emit: Emit): void {
    const groups = this.#groups;
    if (groups.size >= this.#settings.maxGroups) this.#evict();
    const id = this.#isBatch
      ? groups.add(this.#batchBytes, this.#batchGroupStart, this.#batchGroupEnd)
      : groups.add(point.bytes, point.groupStart, point.groupEnd);
    const page = groups.page(id);
    const at = groups.at(id);
    const layout = this.#layout;
    page[at + layout.stamp] = ++groups.tick;
    const { length } = this.keys.kind;
    for (let i = 0; i < length; i++) {
      const valueAt = at + layout.accepted + i * VALUE_WORDS;
      if (this.keys.kind[i] !== KIND.none) take(this.keys, i, page, valueAt, this.#texts, point.bytes);
      if (layout.observed >= 0)
        copy(page, valueAt, page, at + layout.observed + i * VALUE_WORDS, this.#texts);
    }
    const { time } = point;
    if (layout.newest >= 0) setInt64(page, at + layout.newest, time);
    if (layout.heard >= 0) page[at + layout.heard] = this.#clockMs() / 1000;
    if (layout.began >= 0) setInt64(page, at + layout.began, time);
    if (!this.#emitsFirst(page, at)) return;
    this.#noteEmission(page, at, time);
    this.#emit(page, at, point, emit);
  }

  #emitsFirst(page: Int32Array, at: number): boolean {
    const { initial, from, rising, falling } = this.#settings;
    return initial && from.size === 0 && !rising && !falling && this.#mayEnter(page, at);
  }

  /** A point of a known group that brings something new, or meets something unfinished. */
  #observe(id: number, page: Int32Array, at: number, point: PointView, emit: Emit): void {
    const { time } = point;
    const acceptedAt = at + this.#layout.accepted;
    if ((page[at + this.#layout.flags] & FLAG.beginUnknown) !== 0) {
      page[at + this.#layout.flags] &= ~FLAG.beginUnknown;
      if (this.#layout.began >= 0) setInt64(page, at + this.#layout.began, time);
    }
    this.#bringUpToDate(id, page, at, point);
    if (!this.#differs(this.#current, 0, page, acceptedAt)) this.#agree(id, page, at, time, point, emit);
    else if (this.#isImmediate) this.#accept(id, page, at, this.#current, time, time, point, emit);
    else this.#consider(id, page, at, time, point, emit);
    for (let i = 0; i < this.#current.length; i += VALUE_WORDS) release(this.#current, i, this.#texts);
  }

  /** Makes {@link #current} the observation after this point; a key first seen now is learned silently. */
  #bringUpToDate(id: number, page: Int32Array, at: number, point: PointView): void {
    const { accepted, observed, emitted, flags } = this.#layout;
    const keys = this.keys;
    const current = this.#current;
    const texts = this.#texts;
    for (let i = 0; i < keys.kind.length; i++) {
      const valueAt = i * VALUE_WORDS;
      if (keys.kind[i] === KIND.none) {
        copy(page, at + (observed >= 0 ? observed : accepted) + valueAt, current, valueAt, texts);
        continue;
      }
      take(keys, i, current, valueAt, texts, point.bytes);
      if (observed >= 0) copy(current, valueAt, page, at + observed + valueAt, texts);
      if (page[at + accepted + valueAt] !== KIND.none) continue;
      copy(current, valueAt, page, at + accepted + valueAt, texts);
      if (emitted >= 0 && (page[at + flags] & FLAG.hasEmitted) !== 0) {
        copy(current, valueAt, page, at + emitted + valueAt, texts);
      }
      const candidate = this.#candidates.get(id);
      if (candidate !== undefined) copy(current, valueAt, candidate.values, valueAt, texts);
    }
    if (observed >= 0) this.#noteDivergence(page, at);
  }

  /** Whether a state is another one than the reference, in any key. */
  #differs(words: Int32Array, at: number, reference: Int32Array, referenceAt: number): boolean {
    for (let i = 0; i < this.#current.length; i += VALUE_WORDS) {
      if (differs(words, at + i, reference, referenceAt + i, this.#deadband)) return true;
    }
    return false;
  }

  /** The point agrees with the state. */
  #agree(id: number, page: Int32Array, at: number, time: bigint, point: PointView, emit: Emit): void {
    this.#dropCandidate(id, page, at);
    const flagsAt = at + this.#layout.flags;
    if ((page[flagsAt] & FLAG.owed) !== 0 && this.#hasRoom(id, time)) {
      page[flagsAt] &= ~FLAG.owed;
      const hasEmitted = (page[flagsAt] & FLAG.hasEmitted) !== 0;
      if (!hasEmitted || this.#differs(page, at + this.#layout.accepted, page, at + this.#layout.emitted)) {
        this.#noteEdge(id, time);
        this.#noteEmission(page, at, time);
        this.#emit(page, at, point, emit);
        return;
      }
      // What is downstream is the state already.
      page[flagsAt] |= FLAG.emitted;
    }
    if (this.#everyNs > 0 && this.#isRepeatDue(page, at, point)) this.#repeat(page, at, point, emit);
  }

  /** The point brings another state, which must be held or confirmed before it is accepted. */
  #consider(id: number, page: Int32Array, at: number, time: bigint, point: PointView, emit: Emit): void {
    let candidate = this.#candidates.get(id);
    if (candidate !== undefined && !this.#differs(this.#current, 0, candidate.values, 0)) candidate.points++;
    else {
      this.#dropCandidate(id, page, at);
      const values = new Int32Array(this.#current.length);
      this.#copyState(this.#current, 0, values, 0);
      // It may be emitted later on: what is wrong with it is told at its own place, and gets into no snapshot.
      point.validate();
      // The point lies in memory that is used again: the candidate keeps a copy, as large as the point.
      const bytes = Buffer.from(point.bytes.subarray(point.start, point.end));
      candidate = { bytes, values, sinceNs: time, points: 1 };
    }
    if (this.#isProven(candidate, time)) {
      this.#candidates.delete(id);
      page[at + this.#layout.flags] &= ~FLAG.candidate;
      let source = point;
      if (candidate.points > 1) {
        this.#held.read(candidate.bytes, 0, candidate.bytes.length);
        source = this.#held;
      }
      this.#accept(id, page, at, candidate.values, candidate.sinceNs, time, source, emit);
      this.#releaseState(candidate.values);
      return;
    }
    this.#candidates.set(id, candidate);
    page[at + this.#layout.flags] |= FLAG.candidate;
  }

  /** Whether the candidate has had points enough and lasted long enough. */
  #isProven(candidate: Candidate, time: bigint): boolean {
    let { holdNs, confirm } = this.#settings;
    const { holdToNs, confirmTo } = this.#settings;
    if (holdToNs.size > 0 || confirmTo.size > 0) {
      const value = textOf(candidate.values, 0, this.#texts);
      holdNs = holdToNs.get(value) ?? holdNs;
      confirm = confirmTo.get(value) ?? confirm;
    }
    return candidate.points >= confirm && (holdNs === 0n || time - candidate.sinceNs >= holdNs);
  }

  /**
   * An edge.
   * @param happened the time of the new state's first point
   * @param now the time of the point at hand
   * @param source the point to emit
   */
  #accept(
    id: number,
    page: Int32Array,
    at: number,
    state: Int32Array,
    happened: bigint,
    now: bigint,
    source: PointView,
    emit: Emit,
  ): void {
    const layout = this.#layout;
    const acceptedAt = at + layout.accepted;
    const flagsAt = at + layout.flags;
    this.#copyState(page, acceptedAt, this.#before, 0);
    this.#copyState(state, 0, page, acceptedAt);
    if (layout.previous >= 0) copy(this.#before, 0, page, at + layout.previous, this.#texts);
    if (layout.began >= 0) {
      const lasted = happened - int64At(page, at + layout.began);
      if (layout.lasted >= 0) setInt64(page, at + layout.lasted, lasted < 0n ? 0n : lasted);
      setInt64(page, at + layout.began, happened);
    }
    if (layout.count >= 0) setInt64(page, at + layout.count, int64At(page, at + layout.count) + 1n);
    page[flagsAt] |= FLAG.hasPrevious;
    // Whatever was owed is replaced by this edge.
    page[flagsAt] &= ~(FLAG.owed | FLAG.emitted);
    if (layout.observed >= 0) this.#noteDivergence(page, at);
    if (this.#passes(page, at)) {
      if (this.#hasRoom(id, now)) {
        this.#noteEdge(id, now);
        this.#noteEmission(page, at, now);
        this.#emit(page, at, source, emit);
      } else page[flagsAt] |= FLAG.owed;
    }
    this.#releaseState(this.#before);
  }

  #noteDivergence(page: Int32Array, at: number): void {
    const { accepted, observed, flags } = this.#layout;
    let isDiverged = false;
    for (let i = 0; i < this.#current.length && !isDiverged; i++) {
      isDiverged = page[at + observed + i] !== page[at + accepted + i];
    }
    if (isDiverged) page[at + flags] |= FLAG.diverged;
    else page[at + flags] &= ~FLAG.diverged;
  }

  /** The filters, from {@link #before} to the accepted state. */
  #passes(page: Int32Array, at: number): boolean {
    const { from, notFrom, rising, falling } = this.#settings;
    if (from.size > 0 || notFrom.size > 0) {
      const left = textOf(this.#before, 0, this.#texts);
      if ((from.size > 0 && !from.has(left)) || notFrom.has(left)) return false;
    }
    if (rising || falling) {
      const way = direction(page, at + this.#layout.accepted, this.#before, 0);
      if (!((rising && way > 0) || (falling && way < 0))) return false;
    }
    return this.#mayEnter(page, at);
  }

  #mayEnter(page: Int32Array, at: number): boolean {
    const { to, notTo } = this.#settings;
    if (to.size === 0 && notTo.size === 0) return true;
    const entered = textOf(page, at + this.#layout.accepted, this.#texts);
    return (to.size === 0 || to.has(entered)) && !notTo.has(entered);
  }

  /** Whether `limit` lets another edge out now. */
  #hasRoom(id: number, now: bigint): boolean {
    const { limit } = this.#settings;
    if (limit === undefined) return true;
    const made = this.#made.get(id);
    if (made === undefined || made.length < limit.edges) return true;
    return !made.every((time) => time > now - limit.windowNs);
  }

  /** Counts an emitted edge towards `limit`. */
  #noteEdge(id: number, now: bigint): void {
    const { limit } = this.#settings;
    if (limit === undefined) return;
    const made = this.#made.get(id);
    if (made === undefined) this.#made.set(id, [now]);
    else if (made.push(now) > limit.edges) made.shift();
  }

  #noteEmission(page: Int32Array, at: number, now: bigint): void {
    const { accepted, emitted, made, flags } = this.#layout;
    page[at + flags] |= FLAG.emitted;
    if (made >= 0) setInt64(page, at + made, now);
    if (emitted < 0) return;
    page[at + flags] |= FLAG.hasEmitted;
    this.#copyState(page, at + accepted, page, at + emitted);
  }

  #emit(page: Int32Array, at: number, point: PointView, emit: Emit): void {
    const output = this.#output;
    if (output === undefined) {
      emit.forward(point);
      return;
    }
    const layout = this.#layout;
    const { added } = output;
    added.clear();
    if (output.value >= 0) this.#addValue(output.value, page, at + layout.accepted, added);
    if ((page[at + layout.flags] & FLAG.hasPrevious) !== 0) {
      if (output.previous >= 0) this.#addValue(output.previous, page, at + layout.previous, added);
      if (output.duration >= 0) {
        added.setFloat(
          output.duration,
          Number(int64At(page, at + layout.lasted)) / Number(this.#settings.unitNs),
        );
      }
    }
    if (output.since >= 0) added.setInt(output.since, page[at + layout.began], page[at + layout.began + 1]);
    if (output.count >= 0) added.setInt(output.count, page[at + layout.count], page[at + layout.count + 1]);
    emit.forward(point, added);
  }

  #addValue(index: number, words: Int32Array, at: number, added: AddedFields): void {
    if (words[at] === KIND.int) added.setInt(index, words[at + 1], words[at + 2]);
    else if (words[at] === KIND.float) added.setFloatWords(index, words[at + 1], words[at + 2]);
    else if (words[at] === KIND.bool) added.setBool(index, words[at + 1] !== 0);
    else if (words[at] === KIND.string) added.setString(index, this.#texts.bytes(words[at + 1]));
  }

  #copyState(from: Int32Array, fromAt: number, to: Int32Array, toAt: number): void {
    for (let i = 0; i < this.#current.length; i += VALUE_WORDS)
      copy(from, fromAt + i, to, toAt + i, this.#texts);
  }

  #releaseState(words: Int32Array, at = 0): void {
    for (let i = 0; i < this.#current.length; i += VALUE_WORDS) release(words, at + i, this.#texts);
  }

  #dropCandidate(id: number, page: Int32Array, at: number): void {
    const flagsAt = at + this.#layout.flags;
    if ((page[flagsAt] & FLAG.candidate) === 0) return;
    page[flagsAt] &= ~FLAG.candidate;
    const candidate = this.#candidates.get(id);
    if (candidate !== undefined) this.#releaseState(candidate.values);
    this.#candidates.delete(id);
  }

  /** Forgets a group and all that belongs to it. */
  #forget(id: number): void {
    const page = this.#groups.page(id);
    const at = this.#groups.at(id);
    const { accepted, observed, emitted, previous } = this.#layout;
    this.#dropCandidate(id, page, at);
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

interface Output {
  readonly added: AddedFields;
  /** Indexes of the added fields, -1 for those that are not wanted. */
  readonly value: number;
  readonly previous: number;
  readonly duration: number;
  readonly since: number;
  readonly count: number;
}

function outputOf(settings: Settings): Output | undefined {
  const names: string[] = [];
  const index = (name: string | undefined): number => (name === undefined ? -1 : names.push(name) - 1);
  const { value, previous, duration, since, count } = settings.outputs;
  const indexes = {
    value: index(value),
    previous: index(previous),
    duration: index(duration),
    since: index(since),
    count: index(count),
  };
  return names.length === 0 ? undefined : { added: new AddedFields(names), ...indexes };
}
