import Table from 'cli-table3';
import type { FieldValue } from '../wire/point.ts';
import { setting, wording } from '../wording.ts';
import { columnsOf, countText, cut, durationText, isoTime, visible } from './display-text.ts';
import type { Edge, TrackedKey } from './edges.ts';
import { drawTimeline, durationsByLabel, type GroupStates, stateRanks } from './timeline.ts';

export interface TableOptions {
  readonly keys: readonly TrackedKey[];
  /** Columns of the terminal. */
  readonly width: number;
  /** Whether the table may be wider: into a file it is. */
  readonly mayBeWider: boolean;
  /** Colours a text for the n-th state, or `dim`s it; leaves it alone where there are no colours. */
  readonly paint: (text: string, state: number | 'dim') => string;
  /** When the recording begins and ends, in nanoseconds since the epoch. */
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

/** More edges than a person reads; the other formats have them all. */
const MAX_TABLE_EDGES = 10_000;
/** More groups than a person takes in at once. */
const MAX_TIMELINE_GROUPS = 20;
/** How wide a group or value may be: the first of these with which the table fits. */
const CELL_COLUMNS = [40, 24, 16, 10] as const;
const NOTHING = '–';
const NS_PER_SECOND = 1e9;

/** Edges for a person: a table of them, and a timeline of the groups' states. */
export class EdgeTable {
  readonly #edges: Edge[] = [];
  #leftOut = 0;

  add(edge: Edge): void {
    if (this.#edges.length < MAX_TABLE_EDGES) this.#edges.push(edge);
    else this.#leftOut++;
  }

  /** Empty if there are no edges. */
  lines(options: TableOptions): string[] {
    if (this.#edges.length === 0) return [];
    const groups = statesOf(this.#edges, options);
    const totals = durationsByLabel(groups, options.toNs);
    const lines = this.#fittingTable(options, stateRanks(totals));
    if (this.#leftOut > 0)
      lines.push(
        String(
          wording`${countText(this.#leftOut, 'more edge')}: ${setting('format')} json or lp shows them all`,
        ),
      );
    lines.push(...timelineLines(groups, totals, options));
    return lines;
  }

  #fittingTable(options: TableOptions, ranks: ReadonlyMap<string, number>): string[] {
    let lines: string[] = [];
    for (const cellColumns of CELL_COLUMNS) {
      lines = this.#table(options, ranks, cellColumns);
      if (options.mayBeWider || columnsOf(lines[0] ?? '') <= options.width) break;
    }
    return lines;
  }

  #table(options: TableOptions, ranks: ReadonlyMap<string, number>, cellColumns: number): string[] {
    const times = alignedTimes(this.#edges.map(({ point }) => point.time));
    const shown = (text: string): string => cut(visible(text), cellColumns);
    const state = (edge: Edge, values: Edge['values']): string => {
      const label = labelOf(options.keys, edge, values);
      return options.paint(shown(label), ranks.get(label) ?? 0);
    };
    const columns: Column[] = [{ head: 'Time (UTC)', cell: (_, index) => times[index] ?? '' }];
    if (this.#edges.some(({ point }) => point.group !== ''))
      columns.push({ head: 'Group', cell: ({ point }) => shown(point.group) });
    if (options.keys.length === 0) columns.push({ head: 'Fields', cell: (edge) => state(edge, []) });
    else
      columns.push(
        { head: 'Value', cell: (edge) => state(edge, edge.values) },
        {
          head: 'Previous',
          cell: (edge) => {
            if (edge.kind === 'repeat') return options.paint('(still)', 'dim');
            return edge.previous === undefined ? NOTHING : state(edge, edge.previous);
          },
        },
        {
          head: 'Lasted',
          cell: ({ kind, lastedSeconds }) =>
            lastedSeconds === undefined || kind === 'repeat' ? NOTHING : durationText(lastedSeconds),
        },
      );
    const table = new Table({
      head: columns.map(({ head }) => head),
      style: { head: [], border: [], compact: true },
    });
    this.#edges.forEach((edge, index) => {
      table.push(columns.map(({ cell }) => cell(edge, index)));
    });
    return table.toString().split('\n');
  }
}

interface Column {
  readonly head: string;
  readonly cell: (edge: Edge, index: number) => string;
}

function timelineLines(
  groups: readonly GroupStates[],
  totals: ReadonlyMap<string, number>,
  options: TableOptions,
): string[] {
  if (options.keys.length === 0) return [];
  const shown = groups.slice(0, MAX_TIMELINE_GROUPS).sort((a, b) => (a.group < b.group ? -1 : 1));
  const drawing = drawTimeline(shown, { ...options, totals });
  if (drawing.length === 0) return [];
  const from = isoTime(options.fromNs);
  const to = isoTime(options.toNs);
  const isOneDay = from.slice(0, 10) === to.slice(0, 10);
  const title = `${from.slice(0, 10)} ${from.slice(11, 19)} to ${isOneDay ? '' : `${to.slice(0, 10)} `}${to.slice(11, 19)} UTC`;
  const leftOut = groups.length - shown.length;
  return [
    '',
    title,
    ...drawing,
    ...(leftOut > 0 ? [`${countText(leftOut, 'more group')} with fewer edges not drawn`] : []),
  ];
}

/** The times without their T and Z, all with as many digits of a second as the one that needs most. */
function alignedTimes(timesNs: readonly bigint[]): string[] {
  const times = timesNs.map((timeNs) => isoTime(timeNs).replace('T', ' ').slice(0, -1));
  const length = Math.max(...times.map((time) => time.length));
  return times.map((time) =>
    time.length === length ? time : (time.includes('.') ? time : `${time}.`).padEnd(length, '0'),
  );
}

/** What each group's states were, as far as its edges tell; those with most edges first. */
function statesOf(edges: readonly Edge[], { keys, toNs }: TableOptions): GroupStates[] {
  const groups = new Map<string, { atNs: bigint; label: string }[]>();
  for (const edge of edges) {
    if (edge.kind === 'repeat') continue;
    const states = groups.get(edge.point.group) ?? [];
    groups.set(edge.point.group, states);
    const { previous, lastedSeconds, sinceNs } = edge;
    if (previous !== undefined && lastedSeconds !== undefined) {
      // Where filters hold edges back, an edge is the first to tell of the state before it.
      const before = labelOf(keys, edge, previous);
      const atNs = sinceNs - BigInt(Math.round(lastedSeconds * NS_PER_SECOND));
      if (states.at(-1)?.label !== before) states.push({ atNs, label: before });
    }
    states.push({ atNs: sinceNs, label: labelOf(keys, edge, edge.values) });
  }
  return [...groups]
    .map(([group, states]) => ({
      group,
      states: states.sort((a, b) => Number(a.atNs - b.atNs)).filter(({ atNs }) => atNs <= toNs),
    }))
    .sort((a, b) => b.states.length - a.states.length);
}

/** A state as a text: the value, or each of them with its name. */
function labelOf(keys: readonly TrackedKey[], edge: Edge, values: Edge['values']): string {
  if (keys.length === 0) return [...edge.point.fields].map(([name, value]) => `${name}=${value}`).join(' ');
  if (keys.length === 1) return textOf(values[0]);
  return keys.map(({ name }, index) => `${name}=${textOf(values[index])}`).join(' ');
}

function textOf(value: FieldValue | undefined): string {
  return value === undefined ? NOTHING : value === '' ? "''" : String(value);
}
