import { InvalidArgumentError } from 'commander';
import { formatTickscriptDuration, parseDuration } from '../tickscript/durations.ts';

export { parseDuration };

const NS_PER_MS = 1_000_000n;
/** The longest that a timer of Node can wait, in whole days. */
export const MAX_TIMER_MS = 24 * 86_400_000;

/** How a duration is written, for messages. */
export const DURATION_NOTATION = 'such as 90s, 1m30s or 200ms (units: w, d, h, m, s, ms, us, ns)';

/** Makes the parser of a flag that takes a duration within a range, in nanoseconds; where it may be off, also 0. */
export function durationParser(minMs: number, maxMs: number, isOffAllowed = false): (text: string) => bigint {
  return (text) => {
    const ns = isOffAllowed && text === '0' ? 0n : parseDuration(text);
    if (isOffAllowed && ns === 0n) return ns;
    if (ns !== undefined && ns >= nsOf(minMs) && ns <= nsOf(maxMs)) return ns;
    const [least, most] = [minMs, maxMs].map((ms) => formatTickscriptDuration(nsOf(ms)));
    throw new InvalidArgumentError(
      `It must be ${isOffAllowed ? '0 or ' : ''}a duration from ${least} to ${most}, ${DURATION_NOTATION}.`,
    );
  };
}

/** The whole milliseconds of a duration in nanoseconds. */
export function wholeMs(ns: bigint): number {
  return Number(ns / NS_PER_MS);
}

function nsOf(ms: number): bigint {
  return BigInt(ms) * NS_PER_MS;
}
