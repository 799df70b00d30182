import { messageOf } from '../../errors.ts';
import { edgeText } from '../api/answer-texts.ts';
import type { Row, StateSource } from '../sources/state-source.ts';
import { type Change, type ChangeFinder, groupKey } from '../states/group-states.ts';
import type { Series, StateReader } from '../states/state-reader.ts';
import type { LiveEvent } from './live-edges.ts';

export interface EdgeWatchOptions {
  readonly source: StateSource;
  readonly reader: StateReader;
  readonly series: Series;
  readonly nowNs: () => bigint;
  readonly onEvents: (events: readonly LiveEvent[]) => void;
}

/** How often the source is looked at, and how long one look may take. */
const LOOK_EVERY_MS = 1_000;
const LOOK_TIMEOUT_MS = 10_000;
/** Points may arrive so late: Kapacitor gathers what it writes for up to ten seconds. */
const LATE_NS = 60_000_000_000n;

interface Group {
  readonly finder: ChangeFinder;
  /** The time of the last point that was taken. */
  fedNs: bigint;
  present: Change | undefined;
}

/** Watches one series: what changes is told of, once. */
export class EdgeWatch {
  readonly #options: EdgeWatchOptions;
  readonly #finderOf: (tags: readonly string[]) => ChangeFinder;
  readonly #groups = new Map<string, Group>();
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  /** From here on points are looked at. */
  #fromNs: bigint;
  #isStarted = false;
  #isInTrouble = false;

  constructor(options: EdgeWatchOptions) {
    this.#options = options;
    this.#finderOf = options.reader.finderOf(options.series);
    this.#fromNs = options.nowNs();
    void this.#look();
  }

  stop(): void {
    this.#stop.abort(new Error('nobody watches any more'));
    clearTimeout(this.#timer);
  }

  /** A point that was heard of before the source could tell it; what the source tells later is no news then. */
  heard(row: Row): void {
    if (!this.#isStarted) return;
    const events = this.#take([row]);
    if (events.length > 0) this.#options.onEvents(events);
  }

  async #look(): Promise<void> {
    const { nowNs, onEvents } = this.#options;
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)]);
    try {
      if (!this.#isStarted) await this.#start(signal);
      const startedNs = nowNs();
      await this.#readNew(signal);
      this.#fromNs = startedNs - LATE_NS;
      if (this.#isInTrouble) onEvents([{ event: 'fine', id: '', data: '{}' }]);
      this.#isInTrouble = false;
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      if (!this.#isInTrouble)
        onEvents([{ event: 'trouble', id: '', data: JSON.stringify({ detail: messageOf(error) }) }]);
      this.#isInTrouble = true;
    }
    if (!this.#stop.signal.aborted) this.#timer = setTimeout(() => void this.#look(), LOOK_EVERY_MS);
  }

  /** The states that groups are in before anything is news. */
  async #start(signal: AbortSignal): Promise<void> {
    const { reader, series, source } = this.#options;
    this.#groups.clear();
    if (series.options.length > 0) {
      // The detector needs all that it would have seen.
      const selection = { ...series.selection, fromNs: undefined, toNs: this.#fromNs };
      for await (const rows of source.byTime(selection, signal)) this.#take(rows);
    } else {
      for (const row of (await reader.before(series, this.#fromNs, signal)).values()) {
        this.#take([row]);
        const group = this.#groups.get(groupKey(row.tags));
        const sinceNs = await reader.sinceNs(series, row.tags, row.value, this.#fromNs, signal);
        if (group !== undefined && sinceNs !== undefined) group.present = { value: row.value, atNs: sinceNs };
      }
    }
    this.#isStarted = true;
  }

  async #readNew(signal: AbortSignal): Promise<void> {
    const { onEvents, series, source } = this.#options;
    const selection = { ...series.selection, fromNs: this.#fromNs, toNs: undefined };
    for await (const rows of source.byTime(selection, signal)) {
      const events = this.#take(rows);
      if (events.length > 0) onEvents(events);
    }
  }

  /** Points that are older than what a group has been told, or the same, are no news. */
  #take(rows: readonly Row[]): LiveEvent[] {
    const events: LiveEvent[] = [];
    for (const { tags, timeNs, values } of rows) {
      const value = values[0];
      if (value === undefined || value === null) continue;
      const key = groupKey(tags);
      const group: Group = this.#groups.get(key) ?? {
        finder: this.#finderOf(tags),
        fedNs: -(2n ** 63n),
        present: undefined,
      };
      this.#groups.set(key, group);
      if (timeNs <= group.fedNs) continue;
      group.fedNs = timeNs;
      for (const change of group.finder.point(timeNs, value)) {
        const { present } = group;
        group.present = change;
        const previous = present === undefined ? undefined : { value: present.value, sinceNs: present.atNs };
        const edge = { timeNs: change.atNs, tags, value: change.value, previous };
        events.push({
          event: 'edge',
          id: String(change.atNs),
          data: edgeText(edge, this.#options.series.selection.group),
        });
      }
    }
    return events;
  }
}
