import type { Group, Value } from '../api/schemas.ts';

const SECOND_UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
];

/** A duration as people say it: its two largest units. */
export function formatSeconds(seconds: number): string {
  if (seconds < 1) return seconds <= 0 ? '0 s' : `${Math.max(1, Math.round(seconds * 1000))} ms`;
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [unit, size] of SECOND_UNITS) {
    const count = Math.floor(rest / size);
    rest %= size;
    if (count > 0) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

/** A share; 100 % only where it is all. */
export function formatShare(share: number): string {
  const percent = share * 100;
  if (percent > 99.99 && percent < 100) return '99.99 %';
  return `${percent.toFixed(percent < 10 || percent > 99 ? 2 : 1)} %`;
}

/** What people call a group. */
export function groupName(group: Group): string {
  const values = Object.values(group);
  return values.length === 0 ? 'all' : values.map((value) => (value === '' ? '–' : value)).join(' · ');
}

/** The same for every look at it. */
export function groupKey(group: Group): string {
  return JSON.stringify(Object.entries(group).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function valueText(value: Value | null): string {
  return value === null ? 'unknown' : String(value);
}

const DAY_MS = 86_400_000;

/** A moment in the zone of the browser, with as much of it as a range of so many milliseconds needs. */
export function formatMoment(ms: number, spanMs: number): string {
  const date = new Date(ms);
  const time = date.toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit',
    ...(spanMs < 2 * DAY_MS ? { second: '2-digit' as const } : {}),
  });
  if (spanMs < DAY_MS && new Date().toDateString() === date.toDateString()) return time;
  const day = date.toLocaleDateString([], { year: 'numeric', month: '2-digit', day: '2-digit' });
  return `${day} ${time}`;
}

export interface Tick {
  readonly ms: number;
  readonly text: string;
}

const STEPS_MS = [
  1e3, 5e3, 15e3, 6e4, 3e5, 9e5, 3.6e6, 1.08e7, 2.16e7, 4.32e7, 8.64e7, 1.728e8, 6.048e8, 2.592e9, 7.776e9,
  3.1536e10,
];

/** The marks of an axis: round moments of the browser's zone, no closer than `minPixels`. */
export function axisTicks(fromMs: number, toMs: number, width: number, minPixels = 90): Tick[] {
  const span = toMs - fromMs;
  const least = (span / Math.max(1, width)) * minPixels;
  const step = STEPS_MS.find((each) => each >= least) ?? 3.1536e10;
  const ticks: Tick[] = [];
  const zoneMs = (ms: number): number => new Date(ms).getTimezoneOffset() * 60_000;
  const first = Math.ceil((fromMs - zoneMs(fromMs)) / step) * step + zoneMs(fromMs);
  for (let ms = first; ms < toMs && ticks.length < 200; ms += step)
    ticks.push({ ms, text: tickText(ms, step) });
  return ticks;
}

function tickText(ms: number, stepMs: number): string {
  const date = new Date(ms);
  if (stepMs >= DAY_MS) return date.toLocaleDateString([], { month: 'short', day: 'numeric' });
  const isMidnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
  if (isMidnight) return date.toLocaleDateString([], { month: 'short', day: 'numeric' });
  return date.toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit',
    ...(stepMs < 60_000 ? { second: '2-digit' as const } : {}),
  });
}
