import { MIN_TIME } from '../line-protocol/limits.ts';
import { columnsOf, cut, padded, visible } from './display-text.ts';
import { OTHER_STYLE, stateStyles } from './state-styles.ts';
import { timeAxis } from './time-axis.ts';

/** The states of one group: each begins at its time and lasts until the next. In order of time. */
export interface GroupStates {
  readonly group: string;
  readonly states: readonly { readonly atNs: bigint; readonly label: string }[];
}

export interface TimelineOptions {
  /** Where the axis begins and ends, in nanoseconds since the epoch. */
  readonly fromNs: bigint;
  readonly toNs: bigint;
  /** Columns of the terminal. */
  readonly width: number;
  /** How long each state lasted in all groups, also those that are not drawn, in nanoseconds. */
  readonly totals: ReadonlyMap<string, number>;
  /** Gives a text one of many colours; leaves it alone where there are no colours. */
  readonly paint: (text: string, color: number) => string;
}

const LEVELS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
/** Numbers of more values than this are drawn by their size instead. */
const MAX_NUMERIC_STATES = 4;
const MAX_LABEL_COLUMNS = 28;
const MIN_CHART_COLUMNS = 20;
const LEGEND_GAP = '   ';

/**
 * Draws what state each group was in and when. A state too short for a column of its own is still seen: where states
 * share one, the rarest is drawn. Numbers of many values are drawn by their size.
 * @returns lines; none if the time or the width is too short for a drawing
 */
export function drawTimeline(groups: readonly GroupStates[], options: TimelineOptions): string[] {
  const labels = groups.map(({ group }) => cut(visible(group), MAX_LABEL_COLUMNS));
  const labelColumns = Math.max(0, ...labels.map(columnsOf));
  const indent = labelColumns === 0 ? 0 : labelColumns + 2;
  const columns = options.width - indent - 1;
  if (columns < MIN_CHART_COLUMNS || options.toNs <= options.fromNs) return [];

  const { totals, paint } = options;
  const labelsDrawn = new Set(groups.flatMap(({ states }) => states.map(({ label }) => label)));
  const drawing = isByLevel([...totals.keys()])
    ? levelDrawing([...labelsDrawn])
    : stateDrawing(totals, labelsDrawn, paint);
  const rows = groups.map(({ states }, index) => {
    const cells = columnLabels(states, columns, options);
    const bar = cells.map((label) => (label === undefined ? ' ' : drawing.cell(label))).join('');
    return padded(labels[index] ?? '', indent) + bar;
  });
  const axis = timeAxis(options.fromNs, options.toNs, columns).map((line) => ' '.repeat(indent) + line);
  const legend = legendLines(drawing.legend, columns).map((line) => ' '.repeat(indent) + line);
  return [...rows, ...axis, ...legend];
}

/** How a label is drawn, and what explains it. */
interface Drawing {
  cell(label: string): string;
  readonly legend: readonly { readonly glyph: string; readonly text: string }[];
}

/** The explanations in lines of at most this many columns. */
function legendLines(legend: Drawing['legend'], columns: number): string[] {
  const lines: string[] = [];
  let used = columns;
  for (const { glyph, text } of legend) {
    const needed = LEGEND_GAP.length + 2 + columnsOf(text);
    if (used + needed > columns) {
      lines.push(`${glyph} ${text}`);
      used = needed - LEGEND_GAP.length;
    } else {
      lines.push(`${lines.pop() ?? ''}${LEGEND_GAP}${glyph} ${text}`);
      used += needed;
    }
  }
  return lines;
}

function stateDrawing(
  totals: ReadonlyMap<string, number>,
  drawn: ReadonlySet<string>,
  paint: TimelineOptions['paint'],
): Drawing {
  const styles = stateStyles(totals);
  const cell = (label: string): string => {
    const { glyph, color } = styles.get(label) ?? OTHER_STYLE;
    return paint(glyph, color);
  };
  const explained = [...totals.keys()].filter((label) => drawn.has(label)).sort(byTotal(totals));
  const named = explained.filter((label) => styles.get(label) !== OTHER_STYLE);
  const legend = named.map((label) => ({ glyph: cell(label), text: cut(visible(label), MAX_LABEL_COLUMNS) }));
  const others = explained.length - named.length;
  if (others > 0) legend.push({ glyph: paint(OTHER_STYLE.glyph, OTHER_STYLE.color), text: `${others} more` });
  return { cell, legend };
}

/** What there is most of comes first. */
function byTotal(totals: ReadonlyMap<string, number>): (a: string, b: string) => number {
  return (a, b) => (totals.get(b) ?? 0) - (totals.get(a) ?? 0);
}

function isByLevel(labels: readonly string[]): boolean {
  return labels.length > MAX_NUMERIC_STATES && labels.every(isNumeric);
}

/** Whether a text can be read as a number. */
export function isNumeric(label: string): boolean {
  return label.trim() !== '' && Number.isFinite(Number(label));
}

function levelDrawing(labels: readonly string[]): Drawing {
  const numbers = labels.map(Number);
  const least = Math.min(...numbers);
  const most = Math.max(...numbers);
  const cell = (label: string): string => {
    const share = (Number(label) - least) / (most - least);
    return LEVELS[Math.min(LEVELS.length - 1, Math.floor(share * LEVELS.length))] ?? LEVELS[0];
  };
  const legend = [
    { glyph: LEVELS[0], text: String(least) },
    { glyph: LEVELS.at(-1) ?? '', text: String(most) },
  ];
  return { cell, legend };
}

/** Over all groups, how long each state lasted, in nanoseconds. */
export function durationsByLabel(
  groups: readonly GroupStates[],
  toNs: bigint,
  fromNs: bigint = MIN_TIME,
): Map<string, number> {
  const totals = new Map<string, number>();
  for (const { states } of groups) {
    states.forEach(({ atNs, label }, index) => {
      const endNs = states[index + 1]?.atNs ?? toNs;
      const startNs = atNs < fromNs ? fromNs : atNs;
      totals.set(label, (totals.get(label) ?? 0) + Number(endNs - startNs));
    });
  }
  return totals;
}

/** The label that each column shows; undefined before the first state. */
function columnLabels(
  states: GroupStates['states'],
  columns: number,
  { fromNs, toNs, totals }: TimelineOptions,
): (string | undefined)[] {
  const cells = new Array<string | undefined>(columns).fill(undefined);
  const columnOf = (timeNs: bigint): number => (Number(timeNs - fromNs) / Number(toNs - fromNs)) * columns;
  states.forEach(({ atNs, label }, index) => {
    const first = Math.min(columns - 1, Math.max(0, Math.floor(columnOf(atNs))));
    const end = Math.min(columns, Math.ceil(columnOf(states[index + 1]?.atNs ?? toNs)));
    for (let column = first; column < Math.max(end, first + 1); column++) {
      const there = cells[column];
      if (there === undefined || (totals.get(label) ?? 0) < (totals.get(there) ?? 0)) cells[column] = label;
    }
  });
  return cells;
}
