import { UsageError } from '../errors.ts';

const UNIT_NS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
  ['d', 86_400_000_000_000n],
  ['w', 604_800_000_000_000n],
]);

/**
 * Reads a duration such as `90s`, `1m30s` or `200ms`.
 * @returns nanoseconds, 0 or more
 * @throws UsageError if the text is no duration
 */
export function parseDurationNs(text: string): bigint {
  let totalNs = 0n;
  let end = 0;
  for (const match of text.matchAll(/(\d+)(ns|us|ms|s|m|h|d|w)/gy)) {
    const [whole, count, unit] = match;
    totalNs += BigInt(count ?? 0) * (UNIT_NS.get(unit ?? '') ?? 0n);
    end += whole.length;
  }
  if (end === 0 || end < text.length)
    throw new UsageError(`'${text}' is no duration: expected one such as 90s, 1m30s or 200ms`);
  return totalNs;
}
