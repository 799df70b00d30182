/** The units of TICKscript's durations, the largest first, in nanoseconds. */
export const TICKSCRIPT_UNITS: ReadonlyMap<string, bigint> = new Map([
  ['w', 604_800_000_000_000n],
  ['d', 86_400_000_000_000n],
  ['h', 3_600_000_000_000n],
  ['m', 60_000_000_000n],
  ['s', 1_000_000_000n],
  ['ms', 1_000_000n],
  ['u', 1_000n],
  ['µ', 1_000n],
]);

/**
 * The nanoseconds of a duration as TICKscript has it: one number, one unit (u, ms, s, m, h, d, w).
 * @returns undefined for anything else
 */
export function parseTickscriptDuration(text: string): bigint | undefined {
  const [, number = '', unit = ''] = /^(\d+)(\D+)$/.exec(text) ?? [];
  const unitNs = TICKSCRIPT_UNITS.get(unit);
  return unitNs === undefined ? undefined : BigInt(number) * unitNs;
}

/** Nanoseconds in the largest unit of TICKscript that divides them, or in ns where none does. */
export function formatTickscriptDuration(ns: bigint): string {
  if (ns === 0n) return '0s';
  for (const [unit, unitNs] of TICKSCRIPT_UNITS) if (ns % unitNs === 0n) return `${ns / unitNs}${unit}`;
  return `${ns}ns`;
}

/** What TICKscript has, and what Go and InfluxDB write besides. */
const NS_PER_UNIT: ReadonlyMap<string, bigint> = new Map([
  ...TICKSCRIPT_UNITS,
  ['us', 1_000n],
  ['µs', 1_000n],
  ['ns', 1n],
]);

/**
 * The nanoseconds of a duration as people write it outside of scripts: numbers, each with its unit, as in `90s` or
 * `1m30s`.
 * @returns undefined for anything else
 */
export function parseDuration(text: string): bigint | undefined {
  if (!/^(?:\d+\D+)+$/.test(text)) return undefined;
  let totalNs = 0n;
  for (const [, number = '', unit = ''] of text.matchAll(/(\d+)(\D+)/g)) {
    const unitNs = NS_PER_UNIT.get(unit);
    if (unitNs === undefined) return undefined;
    totalNs += BigInt(number) * unitNs;
  }
  return totalNs;
}
