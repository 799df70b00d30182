import type { CellValue } from '../sources/state-source.ts';
import type { StateEdge } from '../states/edge-reader.ts';
import type { DrawnInterval, Tally } from '../states/intervals.ts';
import type { Range } from '../states/segments.ts';
import type { Figures } from '../states/summary.ts';

// Answers are written as JSON by hand: an integer keeps all its digits, and a million intervals need no object each.

const NS_PER_SECOND = 1e9;

export function secondsOf(ns: bigint): number {
  return Number(ns) / NS_PER_SECOND;
}

export function valueText(value: CellValue | null): string {
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}

export function groupText(names: readonly string[], tags: readonly string[]): string {
  const members = names.map((name, at) => `${JSON.stringify(name)}:${JSON.stringify(tags[at] ?? '')}`);
  return `{${members.join(',')}}`;
}

const NS_PER_SECOND_EXACT = 1_000_000_000n;
const DAY_S = 86_400;
/** The day of the last time that was written, and its text: times come by the thousand, most of one day. */
let lastDay = Number.NaN;
let lastDate = '';

/** RFC 3339 with as many digits of a second as it needs. */
export function plainTime(timeNs: bigint): string {
  let second = timeNs / NS_PER_SECOND_EXACT;
  let ns = Number(timeNs - second * NS_PER_SECOND_EXACT);
  if (ns < 0) {
    second -= 1n;
    ns += NS_PER_SECOND;
  }
  const seconds = Number(second);
  const day = Math.floor(seconds / DAY_S);
  if (day !== lastDay) {
    lastDay = day;
    lastDate = new Date(day * DAY_S * 1000).toISOString().slice(0, 11);
  }
  const ofDay = seconds - day * DAY_S;
  const text = `${lastDate}${two(Math.floor(ofDay / 3600))}:${two(Math.floor(ofDay / 60) % 60)}:${two(ofDay % 60)}`;
  return ns === 0 ? `${text}Z` : `${text}.${String(ns).padStart(9, '0').replace(/0+$/, '')}Z`;
}

function two(number: number): string {
  return number < 10 ? `0${number}` : String(number);
}

export function timeText(timeNs: bigint): string {
  return `"${plainTime(timeNs)}"`;
}

export interface IntervalContext {
  readonly range: Range;
  /** When the group's first interval began. */
  readonly beganNs: bigint;
}

export function intervalText(interval: DrawnInterval, { beganNs, range }: IntervalContext): string {
  const { fromNs, merged, toNs, value } = interval;
  const kind = merged !== undefined ? 'merged' : value === null ? 'unknown' : 'state';
  let text = `{"value":${valueText(value)},"from":${timeText(fromNs)},"to":${timeText(toNs)},"seconds":${secondsOf(toNs - fromNs)},"kind":"${kind}"`;
  if (fromNs === range.fromNs && beganNs < fromNs) text += ',"began":"before"';
  if (toNs === range.toNs) text += ',"open":true';
  if (merged !== undefined) {
    text += `,"states":${talliesText(merged.states, toNs - fromNs)}`;
    if (merged.unknown !== undefined) text += `,"unknown":${tallyText(merged.unknown, toNs - fromNs)}`;
  }
  return `${text}}`;
}

function talliesText(tallies: ReadonlyMap<string, Tally>, wholeNs: bigint): string {
  const members = [...tallies].map(
    ([label, tally]) => `${JSON.stringify(label)}:${tallyText(tally, wholeNs)}`,
  );
  return `{${members.join(',')}}`;
}

function tallyText({ count, totalNs }: Tally, wholeNs: bigint): string {
  return `{"seconds":${secondsOf(totalNs)},"share":${share(totalNs, wholeNs)},"count":${count}}`;
}

function share(partNs: bigint, wholeNs: bigint): number {
  return wholeNs === 0n ? 0 : Number(partNs) / Number(wholeNs);
}

/** The members of an object, without its braces. */
export function figuresText(figures: Figures): string {
  const { baseNs, maintenanceNs, outages, states, unknownNs } = figures;
  const availability = outages === undefined || baseNs === 0n ? null : share(outages.upNs, baseNs);
  return (
    `"seconds":${secondsOf(baseNs)},"unknownSeconds":${secondsOf(unknownNs)},` +
    `"maintenanceSeconds":${secondsOf(maintenanceNs)},"availability":${availability},` +
    `"states":${talliesText(states, baseNs)},"outages":${outagesText(outages)}`
  );
}

function outagesText(outages: Figures['outages']): string {
  if (outages === undefined) return 'null';
  const { count, longestNs, totalNs, upNs } = outages;
  const of = (ns: bigint): number | null => (count === 0 ? null : secondsOf(ns));
  const each = (ns: bigint): number | null => (count === 0 ? null : secondsOf(ns) / count);
  return (
    `{"count":${count},"seconds":${secondsOf(totalNs)},"longestSeconds":${of(longestNs)},` +
    `"meanSeconds":${each(totalNs)},"betweenSeconds":${each(upNs)}}`
  );
}

/** How long the state before lasted, in seconds, where it is known. */
export function lastedSeconds({ previous, timeNs }: StateEdge): number | null {
  return previous?.sinceNs === undefined ? null : secondsOf(timeNs - previous.sinceNs);
}

export function edgeText(edge: StateEdge, names: readonly string[]): string {
  return (
    `{"time":${timeText(edge.timeNs)},"group":${groupText(names, edge.tags)},"value":${valueText(edge.value)},` +
    `"previous":${valueText(edge.previous?.value ?? null)},"lastedSeconds":${lastedSeconds(edge)}}`
  );
}
