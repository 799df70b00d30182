import Table from 'cli-table3';
import type { FieldValue } from '../wire/point.ts';
import { setting, wording } from '../wording.ts';
import { columnsOf, countText, cut, durationText, shownTime, visible } from './display-text.ts';
import type { Edge, TrackedKey } from './edges.ts';
import { OTHER_STYLE, type StateStyle, stateStyles } from './state-styles.ts';
import { drawTimeline, durationsByLabel, type GroupStates, isNumeric } from './timeline.ts';

export interface TableOptions {
  readonly keys: readonly TrackedKey[];
  /** Columns of the terminal. */
  readonly width: number;
  /** Whether the table may be wider: into a file it is. */
  readonly mayBeWider: boolean;
  /** Gives a text one of many colours, or `dim`s it; leaves it alone where there are no colours. */
  readonly paint: (text: string, color: number | 'dim') => string;
  /** When what is drawn begins and ends, in nanoseconds since the epoch. */
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
/** A time without an edge that leaves so little room for the rest is pointed out. */
const GAP_SHARE = 0.9;
const MIN_GAP_NS = 30n * 86_400n * 1_000_000_000n;

/** Edges for a person: a table of them, and a timeline of the groups' states. */
export class EdgeTable {
  readonly #edges: Edge[] = [];
  /** The last edge of each group before those that are shown: it says in which state the drawing begins. */
  readonly #before = new Map<string, Edge>();
  #leftOut = 0;

  add(edge: Edge): void {
    if (this.#edges.length < MAX_TABLE_EDGES) this.#edges.push(edge);
    else this.#leftOut++;
  }

  /** Takes an edge that is not shown, before all that are. */
  addBefore(edge: Edge): void {
    if (edge.kind !== 'repeat') this.#before.set(edge.point.group, edge);
  }

  /** Empty if there is no edge and no state. */
  lines(options: TableOptions): string[] {
    if (this.#edges.length === 0 && this.#before.size === 0) return [];
    const groups = statesOf([...this.#before.values(), ...this.#edges], options);
    const totals = durationsByLabel(groups, options.toNs, options.fromNs);
    const lines = this.#edges.length === 0 ? [] : this.#fittingTable(options, stateStyles(totals));
    if (this.#leftOut > 0)
      lines.push(
        String(
          wording`${countText(this.#leftOut, 'more edge')}: ${setting('format')} json or lp shows them all`,
        ),
      );
    lines.push(...timelineLines(groups, totals, options));
    return lines;
  }

  #fittingTable(options: TableOptions, styles: ReadonlyMap<string, StateStyle>): string[] {
    let lines: string[] = [];
    for (const cellColumns of CELL_COLUMNS) {
      lines = this.#table(options, styles, cellColumns);
      if (options.mayBeWider || columnsOf(lines[0] ?? '') <= options.width) break;
    }
    return lines;
  }

  #table(options: TableOptions, styles: ReadonlyMap<string, StateStyle>, cellColumns: number): string[] {
    const times = alignedTimes(this.#edges.map(({ point }) => point.time));
    const shown = (text: string): string => cut(visible(text), cellColumns);
    const state = (edge: Edge, values: Edge['values']): string => {
      const label = labelOf(options.keys, edge, values);
      return options.paint(shown(label), (styles.get(label) ?? OTHER_STYLE).color);
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
  const from = shownTime(options.fromNs);
  const to = shownTime(options.toNs);
  const isOneDay = from.slice(0, 10) === to.slice(0, 10);
  const title = `${from.slice(0, 10)} ${from.slice(11, 19)} to ${isOneDay ? '' : `${to.slice(0, 10)} `}${to.slice(11, 19)} UTC`;
  const leftOut = groups.length - shown.length;
  const gap = gapHint(groups, options);
  return [
    '',
    title,
    ...drawing,
    ...(leftOut > 0 ? [`${countText(leftOut, 'more group')} with fewer edges not drawn`] : []),
    ...(gap === undefined ? [] : [options.paint(gap, 'dim')]),
  ];
}

/** Where hardly anything but one long time without an edge is drawn, how to look at what lies on its sides. */
function gapHint(groups: readonly GroupStates[], { fromNs, toNs }: TableOptions): string | undefined {
  const times = groups
    .flatMap(({ states }) => states.map(({ atNs }) => atNs))
    .filter((atNs) => atNs >= fromNs);
  const sorted = [...times, toNs].sort((a, b) => (a < b ? -1 : 1));
  for (const [index, endNs] of sorted.entries()) {
    const startNs = sorted[index - 1] ?? endNs;
    const gapNs = endNs - startNs;
    if (gapNs < MIN_GAP_NS || Number(gapNs) < GAP_SHARE * Number(toNs - fromNs)) continue;
    const lasted = durationText(Number(gapNs) / NS_PER_SECOND);
    return String(
      wording`${lasted} without an edge from ${shownTime(startNs)} on: ${setting('until')} and ${setting('since')} show what lies before and after`,
    );
  }
  return undefined;
}

/** The times without their T and Z, all with as many digits of a second as the one that needs most. */
function alignedTimes(timesNs: readonly bigint[]): string[] {
  const times = timesNs.map((timeNs) => shownTime(timeNs).replace('T', ' ').slice(0, -1));
  const length = Math.max(...times.map((time) => time.length));
  return times.map((time) =>
    time.length === length ? time : (time.includes('.') ? time : `${time}.`).padEnd(length, '0'),
  );
}

/** What each group's states were, as far as its edges tell; those with most edges first. */
function statesOf(edges: readonly Edge[], { fromNs, keys, toNs }: TableOptions): GroupStates[] {
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
      states: states
        .sort((a, b) => Number(a.atNs - b.atNs))
        .filter(({ atNs }, index) => atNs <= toNs && (states[index + 1]?.atNs ?? toNs) >= fromNs),
    }))
    .sort((a, b) => b.states.length - a.states.length);
}

/** A state as a text: the value, or each of them with its name. */
function labelOf(keys: readonly TrackedKey[], edge: Edge, values: Edge['values']): string {
  if (keys.length === 0) return [...edge.point.fields].map(([name, value]) => `${name}=${value}`).join(' ');
  if (keys.length === 1) return textOf(values[0]);
  return keys.map(({ name }, index) => `${name}=${textOf(values[index])}`).join(' ');
}

/** A text that looks like a number or a truth value has quotes: it is another state than those. */
function textOf(value: FieldValue | undefined): string {
  if (value === undefined) return NOTHING;
  if (value === '') return "''";
  const isLikeAnother = typeof value === 'string' && (/^(?:true|false)$/.test(value) || isNumeric(value));
  return isLikeAnother ? JSON.stringify(value) : String(value);
}
