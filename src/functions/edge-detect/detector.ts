import type {
  BatchView,
  Emit,
  Handler,
  NodeContext,
  StatesPage,
  StatesQuery,
} from '../../function/contract.ts';
import { Keys } from '../../wire/keys.ts';
import { KIND } from '../../wire/point.ts';
import { PointReader, type PointView } from '../../wire/point-view.ts';
import { varint64 } from '../../wire/varint.ts';
import { Filters } from './filters.ts';
import { GroupCursor } from './group-cursor.ts';
import { groupStates } from './group-states.ts';
import { FLAG, Groups, int64At, isImmediate, type Layout, layoutOf, PENDING_FLAGS } from './groups.ts';
import { IgnoredValues } from './ignored-values.ts';
import { Limit } from './limit.ts';
import { Observation } from './observation.ts';
import type { Settings } from './options.ts';
import { Output } from './output.ts';
import { Silence } from './silence.ts';
import { restoreState } from './snapshot-reader.ts';
import { snapshotState } from './snapshot-writer.ts';
import type { Candidate, State } from './state.ts';
import { Texts } from './texts.ts';
import { HIGH_WORD_NS, RESTORE_STEP, Timeliness, VERDICT } from './timeliness.ts';
import { copy, release, textOf, VALUE_WORDS } from './values.ts';
import { Warnings } from './warnings.ts';

/** One `@edgeDetect()` or `@edgeDetectBatch()` of a task. */
export class Detector implements Handler {
  readonly keys: Keys;
  /** Only a node that knows silence wants to be told of the clock. */
  readonly tick?: (nowMs: number, emit: Emit) => void;
  readonly #settings: Settings;
  readonly #layout: Layout;
  readonly #groups: Groups;
  readonly #group: GroupCursor;
  readonly #texts = new Texts();
  readonly #candidates = new Map<number, Candidate>();
  /** When the last edges of a group were emitted, as `limit` needs them. */
  readonly #made = new Map<number, bigint[]>();
  readonly #state: State;
  readonly #clockMs: () => number;
  readonly #warnings: Warnings;
  readonly #isBatch: boolean;
  readonly #isImmediate: boolean;
  /** Whether the time of every point matters, not only that of edges. */
  readonly #watchesTime: boolean;
  readonly #timeliness: Timeliness;
  readonly #silence: Silence | undefined;
  readonly #ignored: IgnoredValues | undefined;
  readonly #everyNs: number;
  readonly #observation: Observation;
  /** The length of a state: a value per key. */
  readonly #stateWords: number;
  /** What a group had before the edge at hand. */
  readonly #before: Int32Array;
  readonly #filters: Filters;
  readonly #limit: Limit | undefined;
  readonly #output: Output | undefined;
  /** What is added to a point that is made anew. */
  readonly #madeOutput: Output | undefined;
  readonly #held = new PointReader();
  /** Where the group of the batch that is open lies. */
  #batchBytes: Uint8Array = Buffer.alloc(0);
  #batchGroupStart = 0;
  #batchGroupEnd = 0;
  /** Groups that were forgotten for their age. */
  #freed = 0;

  constructor(context: NodeContext, settings: Settings, isBatch: boolean) {
    const { keys } = settings;
    this.keys = new Keys(keys);
    this.#settings = settings;
    this.#layout = layoutOf(settings);
    this.#groups = new Groups(this.#layout);
    this.#group = new GroupCursor(this.#groups, this.#layout.flags);
    this.#filters = new Filters(settings, this.#layout, this.#texts);
    this.#limit = settings.limit === undefined ? undefined : new Limit(settings.limit, this.#made);
    this.#clockMs = context.clockMs;
    this.#isBatch = isBatch;
    this.#isImmediate = isImmediate(settings);
    this.#watchesTime = this.#layout.newest >= 0;
    this.#everyNs = Number(settings.everyNs ?? 0n);
    this.#stateWords = keys.length * VALUE_WORDS;
    this.#before = new Int32Array(this.#stateWords);
    this.#output = Output.of(settings, this.#layout, this.#texts);
    const { ignored, silent } = settings;
    this.#ignored = ignored.length === 0 ? undefined : new IgnoredValues(ignored, this.#texts);
    this.#silence =
      silent === undefined ? undefined : new Silence(silent, settings, this.#groups, this.#layout, context);
    this.#madeOutput = silent === undefined ? undefined : Output.ofMade(settings, this.#layout, this.#texts);
    this.#warnings = new Warnings(keys, context.log, context.clockMs);
    this.#state = {
      settings,
      layout: this.#layout,
      groups: this.#groups,
      texts: this.#texts,
      candidates: this.#candidates,
      made: this.#made,
      silence: this.#silence,
      newestNs: undefined,
      freedNs: undefined,
    };
    this.#observation = new Observation(this.keys, this.#state);
    this.#timeliness = new Timeliness(this.#state, isBatch, context.clockMs, this.#warnings);
    const silence = this.#silence;
    if (silence !== undefined) {
      this.tick = (nowMs, emit) => {
        silence.time.advance(nowMs);
        silence.decide(this.#fallSilent, emit, nowMs);
      };
    }
  }

  beginBatch(batch: BatchView): void {
    this.#batchBytes = batch.bytes;
    this.#batchGroupStart = batch.groupStart;
    this.#batchGroupEnd = batch.groupEnd;
    if (this.#warnings.isWatching) this.#warnings.seeBatch(batch);
    if (this.#watchesTime)
      this.#timeliness.beginBatch(this.#groups.find(batch.bytes, batch.groupStart, batch.groupEnd));
  }

  point(point: PointView, emit: Emit): void {
    const keys = this.keys;
    const groups = this.#groups;
    const silence = this.#silence;
    if (this.#warnings.isWatching) this.#warnings.see(point, keys.found > 0);
    if (silence !== undefined) {
      silence.note(point);
      silence.decide(this.#fallSilent, emit);
    }
    this.#ignored?.dropFrom(keys, point.bytes);
    if (keys.found === 0) {
      this.#warnings.ignored++;
      return;
    }
    let id = this.#isBatch
      ? groups.find(this.#batchBytes, this.#batchGroupStart, this.#batchGroupEnd)
      : groups.lookUp(point.bytes, point.groupStart, point.groupEnd);
    if (this.#watchesTime) {
      const verdict = this.#timeliness.judge(id, point);
      if (verdict === VERDICT.ignore) return;
      if (verdict === VERDICT.forget) {
        this.#forgetOver(id);
        id = -1;
      }
    }
    if (id < 0) {
      this.#begin(point, emit);
      return;
    }
    if (silence !== undefined) {
      this.#group.moveTo(id);
      silence.hear(this.#group, point);
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
    if (this.#silence !== undefined) {
      this.#silence.begin(group);
      this.#silence.hear(group, point);
    }
    if (this.#filters.passesFirst(group)) this.#emit(time, point, emit);
  }

  /** A point of the group at hand that brings something new, or meets something unfinished. */
  #observe(point: PointView, emit: Emit): void {
    const group = this.#group;
    const { time } = point;
    this.#learnBegin(time);
    this.#observation.bringUpToDate(group, point.bytes, this.#candidates.get(group.id));
    if (
      !this.#observation.differs(this.#observation.current, 0, group.page, group.at + this.#layout.accepted)
    )
      this.#agree(time, point, emit);
    else if (this.#isImmediate) this.#accept(this.#observation.current, time, time, point, emit);
    else this.#consider(time, point, emit);
    this.#observation.release(this.#observation.current);
  }

  /** A snapshot did not say when the state of the group at hand began: no later than now. */
  #learnBegin(now: bigint): void {
    const group = this.#group;
    if (!group.has(FLAG.beginUnknown)) return;
    group.unset(FLAG.beginUnknown);
    if (this.#layout.began >= 0) group.setInt64(this.#layout.began, now);
  }

  /** The point agrees with the state. */
  #agree(now: bigint, point: PointView, emit: Emit): void {
    const group = this.#group;
    this.#dropCandidate();
    if (group.has(FLAG.owed) && this.#limit?.hasRoom(group.id, now) === true) {
      group.unset(FLAG.owed);
      const { page, at } = group;
      const { accepted, emitted } = this.#layout;
      if (!group.has(FLAG.hasEmitted) || this.#observation.differs(page, at + accepted, page, at + emitted)) {
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
    if (
      candidate !== undefined &&
      !this.#observation.differs(this.#observation.current, 0, candidate.values, 0)
    )
      candidate.points++;
    else {
      this.#dropCandidate();
      const values = new Int32Array(this.#stateWords);
      this.#observation.copy(this.#observation.current, 0, values, 0);
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
    this.#observation.release(candidate.values);
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
    this.#observation.release(this.#before);
  }

  /** Makes this the group's state, and leaves the one before in {@link #before}, to be released. */
  #enter(state: Int32Array, happened: bigint): void {
    const group = this.#group;
    const { page, at } = group;
    const { accepted, observed, previous, began, lasted, count } = this.#layout;
    this.#observation.copy(page, at + accepted, this.#before, 0);
    this.#observation.copy(state, 0, page, at + accepted);
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

  /** The silence of a group: an edge at the time at which it was due, whenever that is noticed. */
  readonly #fallSilent = (id: number, { text, afterNs, lastPoints }: Silence, emit: Emit): void => {
    const group = this.#group;
    group.moveTo(id);
    const texts = this.#texts;
    const { accepted, newest } = this.#layout;
    group.set(FLAG.silent);
    this.#dropCandidate();
    const valueAt = group.at + accepted;
    if (group.page[valueAt] !== KIND.string) {
      this.#warnings.seeSilentNumber(this.#groups.name(group.id), text);
      return;
    }
    if (texts.equals(group.page[valueAt + 1], text, 0, text.length)) return;
    const newestNs = group.int64(newest);
    const happened = newestNs + afterNs;
    this.#learnBegin(newestNs);
    const state = Int32Array.of(KIND.string, texts.hold(text, 0, text.length), 0);
    this.#enter(state, happened);
    if (this.#filters.passes(this.#before, group))
      this.#emit(happened, lastPoints.make(group, happened, text), emit, this.#madeOutput);
    this.#observation.release(this.#before);
    this.#observation.release(state);
  };

  /** Emits the state of the group at hand. @param now the time of the point at hand */
  #emit(now: bigint, point: PointView, emit: Emit, output = this.#output): void {
    const group = this.#group;
    const { accepted, emitted, made } = this.#layout;
    group.set(FLAG.emitted);
    if (made >= 0) group.setInt64(made, now);
    if (emitted >= 0) {
      group.set(FLAG.hasEmitted);
      this.#observation.copy(group.page, group.at + accepted, group.page, group.at + emitted);
    }
    if (output === undefined) emit.forward(point);
    else emit.forward(point, output.fieldsOf(group));
  }

  #dropCandidate(): void {
    const group = this.#group;
    if (!group.has(FLAG.candidate)) return;
    group.unset(FLAG.candidate);
    const candidate = this.#candidates.get(group.id);
    if (candidate !== undefined) this.#observation.release(candidate.values);
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
    this.#observation.release(page, at + accepted);
    if (observed >= 0) this.#observation.release(page, at + observed);
    if (emitted >= 0) this.#observation.release(page, at + emitted);
    if (previous >= 0) release(page, at + previous, this.#texts);
    this.#silence?.forget(group);
    this.#groups.remove(id);
  }

  #evict(): void {
    const id = this.#groups.longestUnseen();
    if (id < 0) return;
    this.#warnings.seeEviction(this.#groups.name(id), this.#settings.maxGroups);
    this.#forget(id);
  }

  settle(): void {
    this.#silence?.time.settle();
    this.#timeliness.sweep(this.#forgetOver);
  }

  /** Its `ttl` is over. */
  readonly #forgetOver = (id: number): void => {
    this.#freed++;
    this.#forget(id);
  };

  *snapshot(): Generator<Uint8Array> {
    yield* snapshotState(this.#state);
  }

  *restore(snapshot: Uint8Array): Generator<void> {
    const problem = yield* restoreState(this.#state, snapshot);
    if (problem !== undefined) {
      this.#warnings.refuseSnapshot(snapshot.length, problem);
      return;
    }
    for (let excess = this.#groups.size - this.#settings.maxGroups; excess > 0; excess--) {
      this.#evict();
      if (excess % RESTORE_STEP === 0) yield;
    }
    if (this.#silence !== undefined) yield* this.#silence.restored(this.#group);
    yield* this.#timeliness.restored();
  }

  states(query: StatesQuery): StatesPage {
    return groupStates(this.#state, query);
  }

  counts(): Record<string, number> {
    const freed = this.#freed > 0 ? { freed: this.#freed } : {};
    return { groups: this.#groups.size, ...freed, ...this.#warnings.counts() };
  }
}
