import type { CellValue, StateSource } from '../sources/state-source.ts';
import { type Change, type ChangeFinder, groupKey } from './group-states.ts';
import type { OpenRange, Series, StateReader } from './state-reader.ts';

/** A change of a group's state, or its first state. */
export interface StateEdge {
  readonly timeNs: bigint;
  readonly tags: readonly string[];
  readonly value: CellValue;
  /** Undefined for the first state of a group. */
  readonly previous: { readonly value: CellValue; readonly sinceNs: bigint | undefined } | undefined;
}

interface Group {
  readonly finder: ChangeFinder;
  present:
    | { readonly value: CellValue; sinceNs: bigint | undefined; readonly isFromBefore: boolean }
    | undefined;
}

/**
 * The changes of all groups in the order of time, in pieces; any number of them, as only the groups' present states are
 * kept.
 */
export async function* readEdges(
  source: StateSource,
  reader: StateReader,
  series: Series,
  range: OpenRange,
  signal: AbortSignal,
): AsyncGenerator<readonly StateEdge[]> {
  const finderOf = reader.finderOf(series);
  const isDetected = series.options.length > 0;
  const fromNs = isDetected ? undefined : range.fromNs;
  const groups = new Map<string, Group>();
  for (const [key, { tags, timeNs, value }] of await reader.before(series, fromNs, signal)) {
    const finder = finderOf(tags);
    finder.point(timeNs, value);
    groups.set(key, { finder, present: { value, sinceNs: undefined, isFromBefore: true } });
  }
  for await (const rows of source.byTime({ ...series.selection, fromNs, toNs: range.toNs }, signal)) {
    const edges: StateEdge[] = [];
    for (const { tags, timeNs, values } of rows) {
      const value = values[0];
      if (value === undefined || value === null) continue;
      const key = groupKey(tags);
      let group = groups.get(key);
      if (group === undefined) {
        group = { finder: finderOf(tags), present: undefined };
        groups.set(key, group);
      }
      for (const change of group.finder.point(timeNs, value)) {
        const edge = await edgeOf(group, change, tags);
        if (!isDetected || range.fromNs === undefined || edge.timeNs >= range.fromNs) edges.push(edge);
      }
    }
    if (edges.length > 0) yield edges;
  }

  async function edgeOf(group: Group, change: Change, tags: readonly string[]): Promise<StateEdge> {
    const { present } = group;
    if (present?.isFromBefore === true && range.fromNs !== undefined)
      present.sinceNs = await reader.sinceNs(series, tags, present.value, range.fromNs, signal);
    group.present = { value: change.value, sinceNs: change.atNs, isFromBefore: false };
    return { timeNs: change.atNs, tags, value: change.value, previous: present };
  }
}
