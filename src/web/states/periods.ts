import { DateTime } from 'luxon';
import type { Range } from './segments.ts';

export type PeriodUnit = 'day' | 'week' | 'month';

const NS_PER_MS = 1_000_000n;
/** More than these nobody looks at; a day each for ten years. */
const MAX_PERIODS = 3_700;

export class TooManyPeriods extends Error {
  override readonly name = 'TooManyPeriods';
}

/**
 * The days, weeks (from Monday) or months of a zone that a range touches, clipped to it. A day on which clocks change has 23
 * or 25 hours.
 * @param zone an IANA name that luxon knows
 * @throws TooManyPeriods
 */
export function periodsOf(range: Range, unit: PeriodUnit, zone: string): Range[] {
  const periods: Range[] = [];
  let start = DateTime.fromMillis(floorMs(range.fromNs), { zone }).startOf(unit);
  for (let fromNs = range.fromNs; fromNs < range.toNs; ) {
    start = start.plus({ [unit]: 1 }).startOf(unit);
    const endNs = BigInt(start.toMillis()) * NS_PER_MS;
    const toNs = endNs < range.toNs ? endNs : range.toNs;
    if (toNs > fromNs) periods.push({ fromNs, toNs });
    if (periods.length > MAX_PERIODS) throw new TooManyPeriods(`more than ${MAX_PERIODS} periods`);
    fromNs = toNs;
  }
  return periods;
}

/** Whether luxon knows the zone. */
export function isZone(zone: string): boolean {
  return DateTime.fromMillis(0, { zone }).isValid;
}

function floorMs(timeNs: bigint): number {
  const ms = timeNs / NS_PER_MS;
  return Number(timeNs < 0n && timeNs % NS_PER_MS !== 0n ? ms - 1n : ms);
}
