import type { Gap, Segment } from './group-states.ts';
import { labelOf, type Tally } from './intervals.ts';
import { clipped, type Range } from './segments.ts';

/** What a range comes to. Times in nanoseconds. */
export interface Figures {
  /** The range without unknown and maintenance. */
  readonly baseNs: bigint;
  readonly unknownNs: bigint;
  readonly maintenanceNs: bigint;
  readonly states: ReadonlyMap<string, Tally>;
  /** Undefined where nobody says what counts as available. */
  readonly outages: Outages | undefined;
}

export interface Outages {
  readonly upNs: bigint;
  readonly count: number;
  readonly totalNs: bigint;
  readonly longestNs: bigint;
}

/**
 * Adds up a group's segments in a range. Maintenance and the unknown are cut out of the time; an outage is a longest
 * stretch of what is left in which no value is one of `up`. So what is cut out neither begins nor ends an outage.
 * @param segments in order of time; those outside of the range don't count
 * @param maintenance windows in order of time, none of which touches another
 * @param up labels; empty: no outages are looked for
 */
export function figuresOf(
  segments: readonly Segment[],
  range: Range,
  maintenance: readonly Gap[],
  up: ReadonlySet<string>,
): Figures {
  const states = new Map<string, Tally>();
  const outages = { upNs: 0n, count: 0, totalNs: 0n, longestNs: 0n };
  let baseNs = 0n;
  let outageNs = 0n;
  for (const segment of segments) {
    if (segment.value === null) continue;
    const partNs = leftOf(clipped(segment, range), maintenance);
    if (partNs === 0n) continue;
    baseNs += partNs;
    const label = labelOf(segment.value);
    const tally = states.get(label) ?? { totalNs: 0n, count: 0 };
    tally.totalNs += partNs;
    tally.count++;
    states.set(label, tally);
    if (up.size === 0) continue;
    if (up.has(label)) {
      outages.upNs += partNs;
      outageNs = 0n;
      continue;
    }
    if (outageNs === 0n) outages.count++;
    outageNs += partNs;
    outages.totalNs += partNs;
    if (outageNs > outages.longestNs) outages.longestNs = outageNs;
  }
  const rangeNs = range.toNs - range.fromNs;
  const maintenanceNs = rangeNs - leftOf(range, maintenance);
  return {
    baseNs,
    unknownNs: rangeNs - maintenanceNs - baseNs,
    maintenanceNs,
    states,
    outages: up.size === 0 ? undefined : outages,
  };
}

/** Figures of several groups: times and counts added up, the longest of all. */
export function addFigures(all: readonly Figures[]): Figures {
  const states = new Map<string, Tally>();
  let [baseNs, unknownNs, maintenanceNs] = [0n, 0n, 0n];
  let outages: { upNs: bigint; count: number; totalNs: bigint; longestNs: bigint } | undefined;
  for (const figures of all) {
    baseNs += figures.baseNs;
    unknownNs += figures.unknownNs;
    maintenanceNs += figures.maintenanceNs;
    for (const [label, { count, totalNs }] of figures.states) {
      const tally = states.get(label) ?? { totalNs: 0n, count: 0 };
      tally.totalNs += totalNs;
      tally.count += count;
      states.set(label, tally);
    }
    if (figures.outages === undefined) continue;
    outages ??= { upNs: 0n, count: 0, totalNs: 0n, longestNs: 0n };
    outages.upNs += figures.outages.upNs;
    outages.count += figures.outages.count;
    outages.totalNs += figures.outages.totalNs;
    if (figures.outages.longestNs > outages.longestNs) outages.longestNs = figures.outages.longestNs;
  }
  return { baseNs, unknownNs, maintenanceNs, states, outages };
}

/** Windows in order of time, those that touch as one. */
export function joined(windows: readonly Gap[]): Gap[] {
  const sorted = [...windows]
    .filter(({ fromNs, toNs }) => fromNs < toNs)
    .sort((a, b) => (a.fromNs < b.fromNs ? -1 : a.fromNs > b.fromNs ? 1 : 0));
  const result: Gap[] = [];
  for (const window of sorted) {
    const last = result.at(-1);
    if (last === undefined || last.toNs < window.fromNs) result.push(window);
    else if (window.toNs > last.toNs) result[result.length - 1] = { fromNs: last.fromNs, toNs: window.toNs };
  }
  return result;
}

/** How much of a piece of time is left without the windows. */
function leftOf(piece: Range, windows: readonly Gap[]): bigint {
  if (piece.toNs <= piece.fromNs) return 0n;
  let leftNs = piece.toNs - piece.fromNs;
  for (const window of windows) {
    if (window.fromNs >= piece.toNs) break;
    if (window.toNs <= piece.fromNs) continue;
    const cut = clipped(window, piece);
    leftNs -= cut.toNs - cut.fromNs;
  }
  return leftNs;
}
