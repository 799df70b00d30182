import { parseDuration } from '../tickscript/durations.ts';

/** What `+0s` is where a file does not say: a whole second, minute, hour, day, month and year. */
export const DEFAULT_START_NS = 1_704_067_200_000_000_000n;

/**
 * A time of a case: relative to its start (`+90s`, `-10s`), a date (RFC 3339), or nanoseconds since the epoch.
 * @returns undefined for anything else
 */
export function parseCaseTime(text: string, startNs: bigint): bigint | undefined {
  const [, sign, duration] = /^([+-])(\d+\D\S*)$/.exec(text) ?? [];
  if (sign !== undefined && duration !== undefined) {
    const offsetNs = parseDuration(duration);
    if (offsetNs === undefined) return undefined;
    return sign === '+' ? startNs + offsetNs : startNs - offsetNs;
  }
  if (/^-?\d+$/.test(text)) return BigInt(text);
  return parseDate(text);
}

const DATE = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d)?(?:\.(\d{1,9}))?)?(Z|z|[+-]\d\d:\d\d)?$/;

/** An RFC 3339 date, exact to the nanosecond; without a zone it is UTC. */
export function parseDate(text: string): bigint | undefined {
  const [, day, minute = '00:00', second = ':00', fraction = '', zone = 'Z'] = DATE.exec(text) ?? [];
  if (day === undefined) return undefined;
  const ms = Date.parse(`${day}T${minute}${second}${zone.toUpperCase()}`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** A time relative to the start, as a case has it. */
export function formatCaseTime(timeNs: bigint, startNs: bigint): string {
  const offsetNs = timeNs - startNs;
  const sign = offsetNs < 0n ? '-' : '+';
  const ns = offsetNs < 0n ? -offsetNs : offsetNs;
  const units: readonly (readonly [string, bigint])[] = [
    ['h', 3_600_000_000_000n],
    ['m', 60_000_000_000n],
    ['s', 1_000_000_000n],
    ['ms', 1_000_000n],
    ['us', 1_000n],
    ['ns', 1n],
  ];
  // Seconds up to ten minutes, as the cases are written by hand; hours and minutes above.
  if (ns % 1_000_000_000n === 0n && ns <= 600_000_000_000n) return `${sign}${ns / 1_000_000_000n}s`;
  let rest = ns;
  let text = sign;
  for (const [unit, unitNs] of units) {
    const count = rest / unitNs;
    rest %= unitNs;
    if (count > 0n) text += `${count}${unit}`;
  }
  return text;
}
