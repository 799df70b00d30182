import { messageOf } from '../../errors.ts';
import { parseTimeNs } from '../../feed/readers/times.ts';
import { MAX_TIME, MIN_TIME } from '../../line-protocol/limits.ts';
import { ProblemError, wrongParameter } from '../problem.ts';
import type { Range } from '../states/segments.ts';

const NS_PER_UNIT: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
  ['d', 86_400_000_000_000n],
  ['w', 604_800_000_000_000n],
]);
const DURATION = /^(?:\d{1,18}(?:ns|us|ms|[smhdw]))+$/;
const RFC_3339 = /^\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d)?)?$/;
const EXPECTED = 'a time as 2018-01-03T11:30:00Z, a duration before now as -7d, or now';

/** The present, in nanoseconds since the epoch. */
export function systemNowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

/** Nanoseconds of a duration as 90s, 15m or 1h30m; undefined for anything else. */
export function parseDurationNs(text: string): bigint | undefined {
  if (!DURATION.test(text)) return undefined;
  let totalNs = 0n;
  for (const [, number = '', unit = ''] of text.matchAll(/(\d+)(\D+)/g))
    totalNs += BigInt(number) * (NS_PER_UNIT.get(unit) ?? 0n);
  return totalNs;
}

/** @throws ProblemError that names the parameter */
export function staleNsOf(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const ns = parseDurationNs(text);
  if (ns === undefined || ns === 0n || ns > MAX_TIME)
    throw wrongParameter('stale', text, 'a duration of more than 0, such as 15m');
  return ns;
}

/**
 * A time of a range: RFC 3339, a duration before or after now, or now.
 * @throws ProblemError that names the parameter
 */
export function timeNsOf(parameter: string, text: string, nowNs: bigint): bigint {
  if (text === 'now') return nowNs;
  // A plus in an address is a space.
  const relative = /^([-+ ])(.+)$/.exec(text);
  if (relative !== null) {
    const ns = parseDurationNs(relative[2] ?? '');
    if (ns === undefined) throw wrongParameter(parameter, text, EXPECTED);
    const timeNs = relative[1] === '-' ? nowNs - ns : nowNs + ns;
    if (timeNs < MIN_TIME || timeNs > MAX_TIME)
      throw wrongParameter(parameter, text, 'a time from 1677 to 2262');
    return timeNs;
  }
  const zoned = text.replace(/ (\d\d:\d\d)$/, '+$1');
  if (!RFC_3339.test(zoned)) throw wrongParameter(parameter, text, EXPECTED);
  try {
    return parseTimeNs(zoned, undefined);
  } catch (error) {
    throw new ProblemError('PARAMETER_WRONG', `${parameter}: ${messageOf(error)}`, {
      parameter,
      value: text,
      expected: EXPECTED,
    });
  }
}

/**
 * @param maxNs how long the range may be
 * @throws ProblemError
 */
export function rangeOf(
  query: { readonly from: string; readonly to: string },
  nowNs: bigint,
  maxNs: bigint,
): Range {
  const fromNs = timeNsOf('from', query.from, nowNs);
  const toNs = timeNsOf('to', query.to, nowNs);
  checkOrder(fromNs, toNs, query);
  if (toNs - fromNs > maxNs)
    throw new ProblemError(
      'RANGE_TOO_LONG',
      `the range is ${(toNs - fromNs) / 86_400_000_000_000n} days long; at most ${maxNs / 86_400_000_000_000n} are answered here`,
      { parameter: 'from', value: query.from },
    );
  return { fromNs, toNs };
}

/** A range that may begin with the first point. */
export function openRangeOf(
  query: { readonly from?: string | undefined; readonly to: string },
  nowNs: bigint,
): { readonly fromNs: bigint | undefined; readonly toNs: bigint } {
  const toNs = timeNsOf('to', query.to, nowNs);
  if (query.from === undefined) return { fromNs: undefined, toNs };
  const fromNs = timeNsOf('from', query.from, nowNs);
  checkOrder(fromNs, toNs, { from: query.from, to: query.to });
  return { fromNs, toNs };
}

function checkOrder(
  fromNs: bigint,
  toNs: bigint,
  query: { readonly from: string; readonly to: string },
): void {
  if (fromNs >= toNs) throw wrongParameter('from', query.from, `a time before to, which is ${query.to}`);
}
