import type { Group, GroupSummary, IntervalsAnswer, State } from '../api/schemas.ts';
import type { Interval } from '../api/state-schemas.ts';
import { groupKey, groupName, valueText } from './format.ts';
import type { Sort } from './settings.ts';

/** One line of the timeline: a group, what it is in now, and what it was in. */
export interface TimelineRow {
  readonly key: string;
  readonly name: string;
  readonly group: Group;
  readonly state: State | undefined;
  readonly summary: GroupSummary | undefined;
  readonly intervals: readonly Interval[];
  /** Milliseconds since the epoch, as the intervals have them: to draw many quickly. */
  readonly fromMs: Float64Array;
  readonly toMs: Float64Array;
}

/** Puts together what the answers say of each group. */
export function timelineRows(
  intervals: IntervalsAnswer | undefined,
  states: readonly State[],
  summaries: readonly GroupSummary[],
): TimelineRow[] {
  const stateOf = new Map(states.map((state) => [groupKey(state.group), state]));
  const summaryOf = new Map(summaries.map((summary) => [groupKey(summary.group), summary]));
  const rows = new Map<string, TimelineRow>();
  const add = (group: Group, list: readonly Interval[]): void => {
    const key = groupKey(group);
    rows.set(key, {
      key,
      name: groupName(group),
      group,
      state: stateOf.get(key),
      summary: summaryOf.get(key),
      intervals: list,
      fromMs: Float64Array.from(list, ({ from }) => Date.parse(from)),
      toMs: Float64Array.from(list, ({ to }) => Date.parse(to)),
    });
  };
  for (const { group, intervals: list } of intervals?.groups ?? []) add(group, list);
  for (const { group } of states) if (!rows.has(groupKey(group))) add(group, []);
  return [...rows.values()];
}

const collator = new Intl.Collator(undefined, { numeric: true });

/** The rows that a text is found in, in the order wanted. */
export function arranged(rows: readonly TimelineRow[], filter: string, sort: Sort): TimelineRow[] {
  const wanted = filter.trim().toLowerCase();
  const found = rows.filter(
    ({ name, state }) =>
      wanted === '' ||
      name.toLowerCase().includes(wanted) ||
      valueText(state?.value ?? null)
        .toLowerCase()
        .includes(wanted),
  );
  const byName = (a: TimelineRow, b: TimelineRow): number => collator.compare(a.name, b.name);
  return found.sort((a, b) => order(a, b, sort) || byName(a, b));
}

function order(a: TimelineRow, b: TimelineRow, sort: Sort): number {
  switch (sort) {
    case 'name':
      return 0;
    case 'state':
      return collator.compare(valueText(a.state?.value ?? null), valueText(b.state?.value ?? null));
    case 'since':
      // The youngest state first: that is where something happens.
      return (a.state?.seconds ?? Number.POSITIVE_INFINITY) - (b.state?.seconds ?? Number.POSITIVE_INFINITY);
    case 'availability':
      return (a.summary?.availability ?? 2) - (b.summary?.availability ?? 2);
  }
}

/** The interval of a row at a moment; undefined where there is none. */
export function intervalAt(row: TimelineRow, ms: number): Interval | undefined {
  let low = 0;
  let high = row.fromMs.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if ((row.toMs[middle] ?? 0) <= ms) low = middle + 1;
    else if ((row.fromMs[middle] ?? 0) > ms) high = middle - 1;
    else return row.intervals[middle];
  }
  return undefined;
}
