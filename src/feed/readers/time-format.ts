import { DateTime } from 'luxon';
import { InputError } from '../../errors.ts';
import { setting, wording } from '../../wording.ts';

/** What a time says of itself: an instant, or what the clocks of some zone showed; in nanoseconds since the epoch. */
export interface StatedTime {
  readonly ns: bigint;
  readonly isLocal: boolean;
}

/** Unicode's runs of letters, as luxon writes them. */
const TOKENS: ReadonlyMap<string, string> = new Map([
  ...[
    'y',
    'yy',
    'yyyy',
    'M',
    'MM',
    'MMM',
    'MMMM',
    'd',
    'dd',
    'H',
    'HH',
    'h',
    'hh',
    'm',
    'mm',
    's',
    'ss',
    'a',
  ].map((token) => [token, token] as const),
  ...(['L', 'LL', 'LLL', 'LLLL'] as const).map((token) => [token, token] as const),
  ['yyy', 'yyyy'],
  ['u', 'y'],
  ['uuuu', 'yyyy'],
  ['E', 'EEE'],
  ['EE', 'EEE'],
  ['EEE', 'EEE'],
  ['EEEE', 'EEEE'],
  ['VV', 'z'],
  // Not a token, but what stands in the middle of ISO 8601, and nobody quotes.
  ['T', "'T'"],
]);
/** Runs that state an offset: `Z`, `+01`, `+0100` or `+01:00`. */
const OFFSET = /^(?:X{1,3}|x{1,3}|Z{1,5})$/;
/** What an offset may look like, as luxon reads it. */
const OFFSET_FORMS = ['ZZ', 'ZZZ', "'Z'"] as const;
/** What people mean by letters that mean another thing. */
const MISTAKEN: ReadonlyMap<string, string> = new Map([
  ['Y', 'Y is the year that a week belongs to: write yyyy'],
  ['D', 'D is the day of the year: write dd for the day of the month'],
  ['k', 'k is an hour from 1 to 24: write HH'],
  ['K', 'K is an hour from 0 to 11: write hh and a'],
  ['n', 'a fraction of a second is S for each of its digits'],
  ['z', "the name of a zone is VV (Europe/Berlin); abbreviations such as CET can't be told apart"],
]);
const NS_PER_MS = 1_000_000n;
/** The names of months and days are English, whatever the machine speaks. */
const LOCALE = { locale: 'en-US' };

/** Reads times that are written in one way. */
export class TimeFormat {
  readonly #source: string;
  /** In the order in which they are tried; the one that matched last comes first. */
  readonly #formats: {
    readonly text: string;
    readonly parser: ReturnType<typeof DateTime.buildFormatParser>;
  }[];
  readonly #isLocal: boolean;
  readonly #hasFraction: boolean;

  /**
   * @param source Unicode's tokens: `dd.MM.yyyy HH:mm:ss`
   * @throws InputError if it has none, or some that can't be read
   */
  constructor(source: string) {
    this.#source = source;
    const parts = partsOf(source);
    this.#hasFraction = parts.some(({ kind }) => kind === 'fraction');
    const offset = parts.find(({ kind }) => kind === 'offset');
    const forms = offset === undefined ? [''] : OFFSET_FORMS;
    this.#formats = forms.map((form) => {
      const text = parts.map((part) => (part.kind === 'offset' ? form : part.text)).join('');
      return { text, parser: DateTime.buildFormatParser(text, LOCALE) };
    });
    this.#isLocal = offset === undefined && !parts.some(({ text }) => text === 'z');
  }

  /** @returns undefined if the text is not written in this way */
  read(text: string): StatedTime | undefined {
    for (const [at, format] of this.#formats.entries()) {
      const time = DateTime.fromFormatParser(text, format.parser, { zone: 'utc', ...LOCALE });
      if (!time.isValid) continue;
      if (at > 0) this.#formats.unshift(...this.#formats.splice(at, 1));
      return {
        ns: BigInt(time.toMillis()) * NS_PER_MS + this.#belowMs(text, format.text),
        isLocal: this.#isLocal,
      };
    }
    return undefined;
  }

  toString(): string {
    return this.#source;
  }

  /** The nanoseconds that a fraction of a second has below its milliseconds, where luxon ends. */
  #belowMs(text: string, format: string): bigint {
    if (!this.#hasFraction || !/[.,]\d{4}/.test(text)) return 0n;
    const { matches } = DateTime.fromFormatExplain(text, format, LOCALE);
    return BigInt(
      String(matches?.u ?? '')
        .slice(3, 9)
        .padEnd(6, '0'),
    );
  }
}

interface Part {
  readonly kind: 'literal' | 'token' | 'offset' | 'fraction';
  /** As luxon writes it. */
  readonly text: string;
}

function partsOf(source: string): Part[] {
  const parts: Part[] = [];
  for (const [text, quoted, letters] of source.matchAll(/'((?:[^']|'')*)'|(([A-Za-z])\3*)|[^A-Za-z']+|'/g)) {
    if (quoted !== undefined) parts.push({ kind: 'literal', text: quoted === '' ? "'" : `'${quoted}'` });
    else if (letters === undefined) parts.push({ kind: 'literal', text });
    else if (OFFSET.test(letters)) parts.push({ kind: 'offset', text: '' });
    else if (/^S+$/.test(letters)) parts.push({ kind: 'fraction', text: 'u' });
    else parts.push({ kind: letters === 'T' ? 'literal' : 'token', text: tokenOf(letters, source) });
  }
  if (!parts.some(({ kind }) => kind !== 'literal')) throw unreadable(source, 'it has no token such as yyyy');
  return parts;
}

function tokenOf(letters: string, source: string): string {
  const token = TOKENS.get(letters);
  if (token !== undefined) return token;
  if (source.includes('%'))
    throw unreadable(source, "it has tokens of strptime (%Y): write Unicode's, such as yyyy");
  throw unreadable(source, MISTAKEN.get(letters.charAt(0)) ?? `'${letters}' is no token that can be read`);
}

function unreadable(source: string, why: string): InputError {
  return new InputError(
    'BAD_TIME',
    wording`${setting('timeFormat')} '${source}': ${why} (such as dd.MM.yyyy HH:mm:ss; 'text' in quotes is text)`,
  );
}
