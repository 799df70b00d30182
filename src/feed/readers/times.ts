import { InputError } from '../../errors.ts';
import { MAX_TIME, MIN_TIME } from '../../line-protocol/limits.ts';
import { setting, wording } from '../../wording.ts';
import { type ReadingNotes, shownValue } from './notes.ts';
import type { ReadSettings } from './settings.ts';
import { type StatedTime, TimeFormat } from './time-format.ts';
import { isZone, Zone } from './zones.ts';

export const PRECISIONS = ['ns', 'us', 'ms', 's'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** How many decimal digits a unit is away from nanoseconds. */
const DIGITS: Readonly<Record<Precision, number>> = { ns: 0, us: 3, ms: 6, s: 9 };
const NS_PER_MS = 1_000_000n;
const NS_PER_DAY = 86_400_000_000_000n;
/** Years of four digits that a compact date may begin with. */
const COMPACT =
  /^((?:19|20|21)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?:([01]\d|2[0-3])([0-5]\d)(?:([0-5]\d)(\d{3})?)?)?$/;
const NUMBER = /^(-?)(\d+)(?:[.,](\d+))?$/;
const DATE =
  /^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:(?:[T ]|, ?)(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)? ?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?(?: ?\[?([A-Za-z_]+(?:\/[A-Za-z0-9_+-]+)+)\]?)?$/i;
/** Spreadsheets count days since then; 60 is the day of 1900 that never was. */
const EXCEL_EPOCH_DAYS = -25_569n;
/** Serials of the years 1954 to 2119: as seconds they would all be of the first day of 1970. */
const EXCEL_MIN = 20_000n;
const EXCEL_MAX = 80_000n;

/** Reads the times of one text, and says what it takes them for where that can't be seen. */
export class TimeReader {
  readonly #precision: Precision | undefined;
  readonly #format: TimeFormat | undefined;
  readonly #zone: Zone | undefined;
  readonly #zones = new Map<string, Zone>();
  readonly #notes: ReadingNotes;

  /** @throws InputError if the form of times can't be read, or there is no such zone */
  constructor(settings: Pick<ReadSettings, 'precision' | 'timeFormat' | 'timeZone'>, notes: ReadingNotes) {
    const { precision, timeFormat, timeZone } = settings;
    this.#precision = precision;
    this.#format = timeFormat === undefined ? undefined : new TimeFormat(timeFormat);
    this.#notes = notes;
    if (timeZone === undefined) return;
    if (!isZone(timeZone))
      throw new InputError(
        'BAD_TIME',
        wording`${setting('timeZone')} ${timeZone}: there is no such zone; name one as IANA does, such as Europe/Berlin`,
      );
    this.#zone = new Zone(timeZone);
  }

  /**
   * Reads a time, exact to the nanosecond.
   * @returns nanoseconds since the epoch
   * @throws InputError if it is none, or outside of what InfluxDB can hold (1677 to 2262)
   */
  read(text: string): bigint {
    return checked(this.#read(text.trim()), text);
  }

  #read(text: string): bigint {
    if (this.#format !== undefined) {
      const stated = this.#format.read(text);
      if (stated === undefined)
        throw new InputError('BAD_TIME', `${shownValue(text)} is no time of the form ${this.#format}`);
      return this.#instant(stated);
    }
    const stated = this.#precision === undefined ? (compactDate(text) ?? this.#serial(text)) : undefined;
    if (stated !== undefined) return this.#instant(stated);
    const number = parseNumber(text, this.#precision);
    if (number !== undefined) return number;
    const date = parseDate(text);
    if (date === undefined) throw new InputError('BAD_TIME', noTimeText(text));
    if (date.zone === undefined) return this.#instant(date);
    return this.#instant(date, this.#zoneNamed(date.zone));
  }

  /** Of a time on the clocks of some zone, the instant. */
  #instant({ ns, isLocal }: StatedTime, zone = this.#zone): bigint {
    if (!isLocal) return ns;
    if (zone === undefined) {
      this.#notes.once(
        'zone',
        wording`times without a zone are taken for UTC; ${setting('timeZone')} Europe/Berlin says otherwise`,
      );
      return ns;
    }
    // Rounded down, also before 1970.
    const belowMs = ((ns % NS_PER_MS) + NS_PER_MS) % NS_PER_MS;
    const { utcMs, is } = zone.toUtc(Number((ns - belowMs) / NS_PER_MS));
    if (is === 'twice')
      this.#notes.count(
        'time was shown twice by the clocks of its zone: it was taken for the first',
        'times were shown twice by the clocks of their zone: each was taken for the first',
      );
    if (is === 'never')
      this.#notes.count(
        'time was never shown by the clocks of its zone: it was taken for the next that was',
        'times were never shown by the clocks of their zone: each was taken for the next that was',
      );
    return BigInt(utcMs) * NS_PER_MS + (is === 'never' ? 0n : belowMs);
  }

  #zoneNamed(name: string): Zone {
    const known = this.#zones.get(name);
    if (known !== undefined) return known;
    if (!isZone(name)) throw new InputError('BAD_TIME', `there is no zone ${name}`);
    const zone = new Zone(name);
    this.#zones.set(name, zone);
    return zone;
  }

  #serial(text: string): StatedTime | undefined {
    const ns = excelSerial(text);
    if (ns === undefined) return undefined;
    this.#notes.once(
      'serial',
      wording`times such as ${text} are taken for the days that spreadsheets count; ${setting('precision')} s says that they are seconds since 1970`,
    );
    return { ns, isLocal: true };
  }
}

/**
 * Reads a time, exact to the nanosecond: a number since 1970 or a date such as `2018-01-03T11:30:51.065Z`
 * (without a zone it is taken for UTC; the names of zones are for {@link TimeReader}).
 * @param precision the unit of a number; undefined: by its size, which is right for every time from May 1970 to 2286
 * @returns nanoseconds since the epoch
 * @throws InputError if it is neither, or outside of what InfluxDB can hold (1677 to 2262)
 */
export function parseTimeNs(text: string, precision: Precision | undefined): bigint {
  const date = parseDate(text);
  const timeNs = parseNumber(text, precision) ?? (date?.zone === undefined ? date?.ns : undefined);
  if (timeNs === undefined) throw new InputError('BAD_TIME', noTimeText(text));
  return checked(timeNs, text);
}

/** Whether a text is a date, of whatever form, or a number that is a time of this century in some unit. */
export function looksLikeTime(text: string): boolean {
  return (
    (parseDate(text) ?? compactDate(text)) !== undefined ||
    /^\d{1,4}[./-]\d{1,2}[./-]\d{2,4}(?:\D|$)/.test(text) ||
    /^1\d{9}(?:\d{3}|\d{6}|\d{9})?(?:\.\d+)?$/.test(text)
  );
}

/** Whether a text is a date and no number. */
export function isDate(text: string): boolean {
  return parseDate(text) !== undefined || /^\d{1,2}[./]\d{1,2}[./]\d{2,4}(?:\D|$)/.test(text);
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

function noTimeText(text: string): string {
  const hint = /^\d{1,2}\.\d{1,2}\.\d{2,4}/.test(text)
    ? wording`; for dates such as this say ${setting('timeFormat')} 'dd.MM.yyyy HH:mm:ss'`
    : /^\d{1,2}\/\d{1,2}\/\d{2,4}/.test(text)
      ? wording`; say which is the day: ${setting('timeFormat')} 'dd/MM/yyyy HH:mm:ss', or 'MM/dd/yyyy …'`
      : wording`; ${setting('timeFormat')} says how others are written`;
  return `${shownValue(text)} is no time: expected a number since 1970 or a date such as 2018-01-03T11:30:51.065Z${hint}`;
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

/** `20250101`, `202501011200`, `20250101120000`: as a number since 1970, each would be of the seventies. */
function compactDate(text: string): StatedTime | undefined {
  const [match, year, month, day, hour = '0', minute = '0', second = '0', millis = '0'] =
    COMPACT.exec(text) ?? [];
  if (match === undefined) return undefined;
  const ms = calendarMs([year, month, day, hour, minute, second].map(Number));
  return ms === undefined ? undefined : { ns: BigInt(ms + Number(millis)) * NS_PER_MS, isLocal: true };
}

/**
 * The days since 1900 that spreadsheets make of a date, as what a clock showed. A second is taken for what was meant
 * where the digits are too few to tell.
 */
function excelSerial(text: string): bigint | undefined {
  const [, sign, whole = '', fraction = ''] = NUMBER.exec(text) ?? [];
  if (sign !== '' || whole.length !== 5 || BigInt(whole) < EXCEL_MIN || BigInt(whole) >= EXCEL_MAX)
    return undefined;
  const scale = 10n ** BigInt(fraction.length);
  const ofDayNs = (BigInt(fraction === '' ? '0' : fraction) * NS_PER_DAY) / scale;
  const toleranceNs = NS_PER_DAY / scale / 2n + 1n;
  const rounded = [1_000_000_000n, NS_PER_MS]
    .map((unit) => ((ofDayNs + unit / 2n) / unit) * unit)
    .find((ns) => (ns > ofDayNs ? ns - ofDayNs : ofDayNs - ns) <= toleranceNs);
  return (BigInt(whole) + EXCEL_EPOCH_DAYS) * NS_PER_DAY + (rounded ?? ofDayNs);
}

function parseDate(text: string): (StatedTime & { readonly zone: string | undefined }) | undefined {
  const [match, year, , month, day, hour = '0', minute = '0', second = '0', fraction = '', offset, zone] =
    DATE.exec(text) ?? [];
  if (match === undefined || (offset !== undefined && zone !== undefined && !isZone(zone))) return undefined;
  const ms = calendarMs([year, month, day, hour, minute, second].map(Number));
  if (ms === undefined) return undefined;
  const ns = BigInt(ms - offsetMs(offset ?? '')) * NS_PER_MS + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return { ns, isLocal: offset === undefined, zone };
}

/** The milliseconds since the epoch of year, month, day, hour, minute and second; undefined if there is no such date. */
function calendarMs([year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0]: readonly number[]):
  | number
  | undefined {
  // The end of a day may be written as 24:00.
  if (hour > 24 || minute > 59 || second > 60 || (hour === 24 && minute + second > 0)) return undefined;
  const date = new Date(Date.UTC(year, month - 1, day));
  // Date.UTC carries 31 February over into March; a date that comes back as another one was none.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1_000;
}

function offsetMs(offset: string): number {
  const match = /^([+-])(\d\d):?(\d\d)?$/.exec(offset);
  if (match === null) return 0;
  const [, sign, hours, minutes = '0'] = match;
  const ms = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return sign === '-' ? -ms : ms;
}
