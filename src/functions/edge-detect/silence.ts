import type { Emit } from '../../function/contract.ts';
import type { PointView } from '../../wire/point-view.ts';
import type { GroupCursor } from './group-cursor.ts';
import { FLAG, type Groups, type Layout, setInt64 } from './groups.ts';
import { LastPoints } from './last-points.ts';
import { type Clocks, NodeTime } from './node-time.ts';
import type { Settings } from './options.ts';
import { TimeQueue } from './time-queue.ts';
import { RESTORE_STEP } from './timeliness.ts';

/**
 * How far a group may be ahead of its place in the queue: a part of the duration, so that most points move nothing there,
 * and a group that reports often never comes to its front.
 */
const STALE_PART = 1 / 4;

/**
 * If very many groups fall silent at once, a look at the clock leaves the rest to the next one after so long a time, or to
 * the next point; other connections have their turn meanwhile.
 */
const LOOK_MS = 250;
/** How often it is asked how long it takes. */
const LOOK_STEP = 64;

/** `silent`: whose turn it is to fall silent, by node time. */
export class Silence {
  readonly time: NodeTime;
  readonly lastPoints: LastPoints;
  /** The text of the state. */
  readonly text: Buffer;
  readonly afterNs: bigint;
  /**
   * After a restore nobody falls silent before this: who was away is not the one to say that others were. Undefined where
   * nothing holds silences back.
   */
  notBeforeNs: bigint | undefined;
  readonly #clockMs: () => number;
  readonly #groups: Groups;
  readonly #layout: Layout;
  readonly #queue: TimeQueue;
  readonly #staleNs: number;
  readonly #after = new Int32Array(2);
  #nextOrder = 0;
  /** Whether a state was restored, and the first point that says how late it is has still to come. */
  #awaitsFirst = false;

  constructor(
    { text, afterNs }: NonNullable<Settings['silent']>,
    settings: Settings,
    groups: Groups,
    layout: Layout,
    clocks: Clocks,
  ) {
    const [key] = settings.keys;
    this.text = Buffer.from(text);
    this.afterNs = afterNs;
    this.#clockMs = clocks.clockMs;
    this.#groups = groups;
    this.#layout = layout;
    this.#staleNs = Number(afterNs) * STALE_PART;
    setInt64(this.#after, 0, afterNs);
    this.#queue = new TimeQueue(groups, layout.slot);
    this.time = new NodeTime(clocks, afterNs);
    this.lastPoints = new LastPoints(groups, layout, key.type === 'tag' ? key.name : undefined);
  }

  /** A point reaches the node, of whatever group. */
  note(point: PointView): void {
    const isCounted = this.time.note(point);
    if (!this.#awaitsFirst || !isCounted) return;
    this.#awaitsFirst = false;
    if (this.time.isFresh) this.notBeforeNs = point.time + this.afterNs;
  }

  /** A group comes for the first time. */
  begin({ page, at }: GroupCursor): void {
    page[at + this.#layout.order] = this.#nextOrder++;
  }

  /** The group is heard: it has a point that is not ignored. */
  hear(group: GroupCursor, point: PointView): void {
    this.lastPoints.keep(group, point);
    const { page, at, id } = group;
    const { newest, slot, order } = this.#layout;
    const lo = page[at + newest];
    const hi = page[at + newest + 1];
    const place = page[at + slot];
    if (place === 0 || this.#queue.behindNs(place, hi, lo) > this.#staleNs)
      this.#queue.put(id, hi, lo, page[at + order]);
  }

  /**
   * Every silence that is due, in the order of the groups' newest times.
   * @param fall lets a group fall silent: one function for all calls, since a point more often than not has none to fall
   * @param startedMs when a look at the clock began
   */
  decide(fall: (id: number, silence: Silence, emit: Emit) => void, emit: Emit, startedMs = Infinity): void {
    let decided = 0;
    for (let id = this.#takeDue(); id >= 0; id = this.#takeDue()) {
      fall(id, this, emit);
      if (++decided % LOOK_STEP === 0 && this.#clockMs() - startedMs > LOOK_MS) return;
    }
  }

  /** Takes the next group that is due out of the queue. @returns its id, or -1 */
  #takeDue(): number {
    const queue = this.#queue;
    const { newest, order } = this.#layout;
    while (queue.size > 0 && this.#isFirstDue()) {
      const id = queue.firstId;
      const page = this.#groups.page(id);
      const at = this.#groups.at(id);
      const lo = page[at + newest];
      const hi = page[at + newest + 1];
      if (lo === queue.firstLo && hi === queue.firstHi) {
        queue.remove(id);
        return id;
      }
      queue.put(id, hi, lo, page[at + order]);
    }
    return -1;
  }

  #isFirstDue(): boolean {
    const lo = (this.#queue.firstLo >>> 0) + (this.#after[0] >>> 0);
    const hi = this.#queue.firstHi + this.#after[1] + (lo > 0xffffffff ? 1 : 0);
    if (!this.time.isAfter(hi, lo | 0) || this.#awaitsFirst) return false;
    if (this.notBeforeNs === undefined) return true;
    if ((this.time.value ?? this.notBeforeNs) < this.notBeforeNs) return false;
    this.notBeforeNs = undefined;
    return true;
  }

  /** The group is forgotten. */
  forget(group: GroupCursor): void {
    this.#queue.remove(group.id);
    this.lastPoints.drop(group);
  }

  /** A state was restored: everybody takes his place again, step by step. */
  *restored(group: GroupCursor): Generator<void> {
    const { newest, order, flags } = this.#layout;
    this.#awaitsFirst = true;
    for (let id = 0; id < this.#groups.idLimit; id++) {
      if (id % RESTORE_STEP === 0) yield;
      if (!this.#groups.has(id)) continue;
      group.moveTo(id);
      const { page, at } = group;
      this.#nextOrder = Math.max(this.#nextOrder, (page[at + order] >>> 0) + 1);
      if (!this.lastPoints.has(group) || (page[at + flags] & FLAG.silent) !== 0) continue;
      this.#queue.put(id, page[at + newest + 1], page[at + newest], page[at + order]);
    }
  }

  clear(): void {
    this.#queue.clear();
    this.lastPoints.clear();
    this.time.value = undefined;
    this.notBeforeNs = undefined;
    this.#nextOrder = 0;
    this.#awaitsFirst = false;
  }
}
