import { InvalidArgumentError } from 'commander';
import { parseTimeNs } from '../feed/readers/times.ts';
import { DURATION_NOTATION, parseDuration } from './duration.ts';

/**
 * The parser of flags that take a time: a date, or how long ago it was, as in `-24h`.
 * @returns nanoseconds since the epoch
 */
export function parseMoment(text: string): bigint {
  if (text.startsWith('-')) {
    const agoNs = parseDuration(text.slice(1));
    if (agoNs === undefined)
      throw new InvalidArgumentError(`After - it must be a duration ${DURATION_NOTATION}.`);
    return BigInt(Date.now()) * 1_000_000n - agoNs;
  }
  try {
    return parseTimeNs(text, undefined);
  } catch {
    throw new InvalidArgumentError('It must be a date such as 2018-01-03T11:30:51Z, or -24h for a day ago.');
  }
}
