import { InvalidArgumentError } from 'commander';
import { durationNs } from '../kapacitor/tickscript-options.ts';

const NS_PER_MS = 1_000_000;

/** Makes a parser of durations in TICKscript's notation, in milliseconds; 0 goes without a unit where it is allowed. */
export function durationParser(minMs: number, maxMs: number, isOffAllowed = false): (text: string) => number {
  return (text) => {
    if (isOffAllowed && /^0[a-zµ]*$/.test(text)) return 0;
    const ms = Number(durationNs(text) ?? 0n) / NS_PER_MS;
    if (ms >= minMs && ms <= maxMs) return ms;
    const off = isOffAllowed ? ', or 0' : '';
    throw new InvalidArgumentError(
      `It must be a duration from ${textOf(minMs)} to ${textOf(maxMs)}, for example 5s${off}.`,
    );
  };
}

function textOf(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
