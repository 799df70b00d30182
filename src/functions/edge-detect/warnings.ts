import type { BatchView, NodeLog } from '../../function/contract.ts';
import { isoTime } from '../../iso-time.ts';
import type { PointView } from '../../wire/point-view.ts';
import type { TrackedKey } from './options.ts';

/** How many points of a connection are looked at. */
const WATCHED_POINTS = 20;
/** Warnings that name groups come at most this often. */
const NAMING_PAUSE_MS = 60_000;

/** Tells people what is probably wrong with their task: each warning saves somebody a day. */
export class Warnings {
  /** Points without any tracked key. */
  ignored = 0;
  readonly #keys: readonly TrackedKey[];
  readonly #log: NodeLog;
  readonly #clockMs: () => number;
  #seen = 0;
  #carrying = 0;
  #late = 0;
  #lateWarnedMs = -Infinity;
  #evicted = 0;
  readonly #measurements = new Set<string>();
  readonly #fields = new Set<string>();
  readonly #tags = new Set<string>();
  /** The tags of the first point of each group. */
  readonly #tagsOf = new Map<string, string>();
  #hasWarnedOfMix = false;
  #hasWarnedOfDimension = false;
  #hasWarnedOfKind = false;

  constructor(keys: readonly TrackedKey[], log: NodeLog, clockMs: () => number) {
    this.#keys = keys;
    this.#log = log;
    this.#clockMs = clockMs;
  }

  /** Whether {@link see} still wants the points: only a connection's first ones cost anything. */
  get isWatching(): boolean {
    return this.#seen < WATCHED_POINTS;
  }

  /** One of the first points. */
  see(view: PointView, carriesKey: boolean): void {
    const point = view.toPoint();
    for (const name of point.fields.keys()) this.#fields.add(name);
    for (const name of point.tags.keys()) this.#tags.add(name);
    this.#measurements.add(point.name);
    this.#seen++;
    if (carriesKey) this.#carrying++;
    this.#warnOfDimensions(point.dimensions);
    // Another value of the tracked tag is what the node is there for.
    const tracked = new Set(this.#keys.filter((key) => key.type === 'tag').map((key) => key.name));
    const others = [...point.tags].filter(([name]) => !tracked.has(name)).sort();
    const tags = others.map(([name, value]) => `${name}=${value}`).join(',');
    const first = this.#tagsOf.get(point.group);
    if (first === undefined) this.#tagsOf.set(point.group, tags);
    else if (first !== tags && !this.#hasWarnedOfMix) {
      this.#hasWarnedOfMix = true;
      this.#hint(
        { group: point.group, tags: [first, tags] },
        'one group holds points of different tags: is a groupBy missing in front of the node?',
      );
    }
    // Where points of several measurements come along, some are of no concern to this task.
    if (this.#seen === WATCHED_POINTS && this.#carrying === 0 && this.#measurements.size === 1) {
      this.#hint(
        {
          keys: this.#keys.map(({ type, name }) => `${type} ${name}`),
          fields: [...this.#fields],
          tags: [...this.#tags],
        },
        `none of the first ${WATCHED_POINTS} points carried a tracked key: is its name right?`,
      );
    }
  }

  #hint(fields: Readonly<Record<string, unknown>>, message: string): void {
    if (this.#log.hint === undefined) this.#log.warn(fields, message);
    else this.#log.hint(fields, message);
  }

  /** The begin of one of the first batches: there the group's tags are the dimensions. */
  seeBatch(batch: BatchView): void {
    this.#warnOfDimensions([...batch.tags().keys()]);
  }

  #warnOfDimensions(dimensions: readonly string[]): void {
    if (this.#hasWarnedOfDimension) return;
    const key = this.#keys.find(({ type, name }) => type === 'tag' && dimensions.includes(name));
    if (key === undefined) return;
    this.#hasWarnedOfDimension = true;
    this.#hint(
      { tag: key.name, dimensions },
      'the tracked tag is one that the points are grouped by: within a group it can never change',
    );
  }

  /** A point that `late('drop')` leaves out. */
  seeLate(point: PointView, newestNs: bigint): void {
    this.#late++;
    const now = this.#clockMs();
    if (now - this.#lateWarnedMs < NAMING_PAUSE_MS) return;
    this.#lateWarnedMs = now;
    this.#log.warn(
      { group: point.group, time: isoTime(point.time), newest: isoTime(newestNs), late: this.#late },
      'a point older than the newest of its group was dropped: a single one from the future silences a group',
    );
  }

  /** A silent group whose state is no string, so that it keeps it: a field holds values of one kind. */
  seeSilentNumber(name: Uint8Array, silent: Uint8Array): void {
    if (this.#hasWarnedOfKind) return;
    this.#hasWarnedOfKind = true;
    this.#log.warn(
      { group: Buffer.from(name).toString('utf8'), silent: Buffer.from(silent).toString('utf8') },
      'a group that fell silent keeps its state, which is no string: a field cannot hold both',
    );
  }

  /** A group that goes since there are too many. */
  seeEviction(name: Uint8Array, maxGroups: number): void {
    if (this.#evicted++ > 0) return;
    this.#log.warn(
      { group: Buffer.from(name).toString('utf8'), maxGroups },
      'there are more groups than maxGroups: the longest unseen ones are forgotten from now on',
    );
  }

  refuseSnapshot(bytes: number, problem: string): void {
    this.#log.warn({ bytes }, `the snapshot was not restored, the node starts empty: ${problem}`);
  }

  counts(): Record<string, number> {
    return {
      ignored: this.ignored,
      ...(this.#late > 0 ? { late: this.#late } : {}),
      ...(this.#evicted > 0 ? { evicted: this.#evicted } : {}),
    };
  }
}
