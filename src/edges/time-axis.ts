const NS_PER_SECOND = 1_000_000_000;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Steps that people count in, in seconds. */
const STEPS = [
  ...[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365, 3650].map((days) => days * DAY),
] as const;

/**
 * Two lines: a rule with marks, and the times in UTC below the marks.
 * @param fromNs where it begins, in nanoseconds since the epoch @param columns how wide it is
 */
export function timeAxis(fromNs: bigint, toNs: bigint, columns: number): [rule: string, times: string] {
  const from = Number(fromNs) / NS_PER_SECOND;
  const span = Number(toNs - fromNs) / NS_PER_SECOND;
  const step =
    STEPS.find((seconds) => (seconds / span) * columns >= labelOf(from, seconds, span).length + 3) ?? span;
  const rule = new Array<string>(columns).fill('─');
  let times = '';
  for (let tick = Math.ceil(from / step) * step; tick <= from + span; tick += step) {
    const column = Math.min(columns - 1, Math.floor(((tick - from) / span) * columns));
    const label = labelOf(tick, step, span);
    if (column < times.length + (times === '' ? 0 : 1) || column + label.length > columns) continue;
    rule[column] = '┬';
    times = times.padEnd(column) + label;
  }
  return [rule.join(''), times];
}

/** A time with what tells it from its neighbours. */
function labelOf(seconds: number, step: number, span: number): string {
  const iso = new Date(Math.round(seconds * 1000)).toISOString();
  if (step >= DAY) return iso.slice(0, 10);
  const time = step >= MINUTE ? iso.slice(11, 16) : step >= 1 ? iso.slice(11, 19) : iso.slice(11, 23);
  return span > DAY ? `${iso.slice(5, 10)} ${time}` : time;
}
