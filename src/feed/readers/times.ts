import { InputError } from '../../errors.ts';
import { MAX_TIME, MIN_TIME } from '../../line-protocol/limits.ts';

export const PRECISIONS = ['ns', 'us', 'ms', 's'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** How many decimal digits a unit is away from nanoseconds. */
const DIGITS: Readonly<Record<Precision, number>> = { ns: 0, us: 3, ms: 6, s: 9 };
const NS_PER_MS = 1_000_000n;

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?$/;
const DATE =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)? ?(Z|[+-]\d\d(?::?\d\d)?)?$/i;

/**
 * Reads a time, exact to the nanosecond: a number since 1970 or a date such as `2018-01-03T11:30:51.065Z`
 * (without a zone it is taken for UTC).
 * @param precision the unit of a number; undefined: by its size, which is right for every time from May 1970 to 2286
 * @returns nanoseconds since the epoch
 * @throws InputError if it is neither, or outside of what InfluxDB can hold (1677 to 2262)
 */
export function parseTimeNs(text: string, precision: Precision | undefined): bigint {
  const timeNs = parseNumber(text, precision) ?? parseDate(text);
  if (timeNs === undefined)
    throw new InputError(
      'BAD_TIME',
      `'${text}' is no time: expected a number since 1970 or a date such as 2018-01-03T11:30:51.065Z`,
    );
  return checked(timeNs, text);
}

/**
 * Brings a whole number since 1970 to nanoseconds.
 * @throws InputError if it is outside of what InfluxDB can hold
 */
export function scaleToNs(time: bigint, precision: Precision): bigint {
  return checked(time * 10n ** BigInt(DIGITS[precision]), String(time));
}

function checked(timeNs: bigint, text: string): bigint {
  if (timeNs < MIN_TIME || timeNs > MAX_TIME)
    throw new InputError(
      'BAD_TIME',
      `time ${text} is outside of the years 1677 to 2262 that InfluxDB can hold`,
    );
  return timeNs;
}

function parseNumber(text: string, precision: Precision | undefined): bigint | undefined {
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = ''] = match;
  const digits = DIGITS[precision ?? precisionOf(whole)];
  const ns = BigInt(whole + fraction.slice(0, digits).padEnd(digits, '0'));
  return sign === '-' ? -ns : ns;
}

function precisionOf(digits: string): Precision {
  if (digits.length <= 10) return 's';
  if (digits.length <= 13) return 'ms';
  return digits.length <= 16 ? 'us' : 'ns';
}

function parseDate(text: string): bigint | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = match;
  const utcMs = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  // Date.UTC carries 31 February over into March; a date that comes back as another one was none.
  const back = new Date(utcMs);
  const isSame =
    back.getUTCMonth() === Number(month) - 1 &&
    back.getUTCDate() === Number(day) &&
    back.getUTCHours() === Number(hour) &&
    back.getUTCMinutes() === Number(minute) &&
    back.getUTCSeconds() === Number(second);
  if (!isSame) return undefined;
  return BigInt(utcMs - zoneMs(zone)) * NS_PER_MS + BigInt(fraction.padEnd(9, '0'));
}

function zoneMs(zone: string): number {
  const match = /^([+-])(\d\d):?(\d\d)?$/.exec(zone);
  if (match === null) return 0;
  const [, sign, hours, minutes = '0'] = match;
  const ms = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return sign === '-' ? -ms : ms;
}
