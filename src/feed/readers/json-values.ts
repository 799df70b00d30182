import { MAX_RECORD_LENGTH, REJECTION_MARK } from '../reading.ts';

/** A number as it was written. */
export class Digits {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What is written where a number should be and is none: Python's `NaN` and `Infinity`. */
export class NoNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A value that stands by itself, or a text that is none. */
export interface JsonItem {
  readonly text: string;
  /** Undefined: the text is no JSON. */
  readonly value: unknown;
  /** The number of its first line, from 1. */
  readonly line: number;
  readonly problem?: string;
}

/** Arrays within arrays whose elements stand by themselves: a list of records, and a list of such lists. */
const MAX_LISTS = 2;
/** Answers of servers are one object, however many points they hold. */
const MAX_ANSWER_LENGTH = 128 * 1_048_576;
/** What stands before each value in a JSON text sequence. */
const RECORD_SEPARATOR = '\u001e';
const ANSWER = /^\{\s*"(?:results|metrics)"/;
const BARE = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/gs;
/** What stands for such a word while the text is parsed. */
const BARE_MARK = '\u0000bare ';

/**
 * Takes a text apart into the JSON values in it, in pieces cut anywhere: one a line, one after another over many lines,
 * or as elements of an array. What is damaged costs its line.
 */
export class JsonValues {
  #text = '';
  #line = 1;
  /** How many arrays are open whose elements are values by themselves. */
  #lists = 0;
  /** Where the scan of the value that begins the text has come to. */
  #at = 0;
  #depth = 0;
  #isQuoted = false;

  push(text: string): JsonItem[] {
    this.#text += text;
    return this.#take(false);
  }

  end(): JsonItem[] {
    const items = this.#take(true);
    if (this.#lists > 0)
      items.push({
        text: '',
        value: undefined,
        line: this.#line,
        problem: 'an array is not closed: the text was cut off',
      });
    return items;
  }

  #take(isFinal: boolean): JsonItem[] {
    const items: JsonItem[] = [];
    let position = 0;
    for (;;) {
      // A value that is being scanned begins the text.
      if (this.#at === 0) position = this.#skip(position, isFinal);
      if (position >= this.#text.length) break;
      if (this.#at > 0 || position > 0) {
        const shift = this.#at > 0 ? 0 : position;
        this.#drop(shift);
        position = 0;
      }
      const item = this.#next(isFinal);
      if (item === undefined) return items;
      if (item.text !== '') items.push(item);
    }
    this.#drop(this.#text.length);
    return items;
  }

  /** Passes over what stands between values, and opens and closes lists. */
  #skip(from: number, isFinal: boolean): number {
    let at = from;
    for (; at < this.#text.length; at++) {
      const character = this.#text.charAt(at);
      if (character === '[' && this.#lists < MAX_LISTS) this.#lists++;
      else if (character === ']' && this.#lists > 0) this.#lists--;
      else if (character === '#' && this.#isAtMark(at)) {
        const end = this.#text.indexOf('\n', at);
        if (end < 0 && !isFinal) return at;
        at = end < 0 ? this.#text.length : end;
      } else if (!/[\s,\uFEFF]/.test(character) && character !== RECORD_SEPARATOR) return at;
    }
    return at;
  }

  /** Whether a line begins here that tells why the next was refused, as far as can be seen yet. */
  #isAtMark(at: number): boolean {
    return REJECTION_MARK.startsWith(this.#text.slice(at, at + REJECTION_MARK.length));
  }

  /** The value that begins the text; undefined if it may go on. */
  #next(isFinal: boolean): JsonItem | undefined {
    const first = this.#text.charAt(0);
    if (first === '#' && this.#isAtMark(0) && !isFinal) return undefined;
    if (first !== '{' && first !== '[') return this.#scalar(isFinal);
    const end = this.#valueEnd();
    const isTooLong = this.#text.length > (ANSWER.test(this.#text) ? MAX_ANSWER_LENGTH : MAX_RECORD_LENGTH);
    if (end === undefined) {
      if (!isFinal && !isTooLong) return undefined;
      return this.#refuseLine('it is not closed');
    }
    if (end < 0) return this.#refuseLine('a text in it is not closed');
    const text = this.#text.slice(0, end);
    const value = parseJson(text);
    // Lines below may be values by themselves.
    if (value === undefined)
      return text.includes('\n') ? this.#refuseLine(undefined) : this.#taken(end, undefined);
    return this.#taken(end, value);
  }

  /** Where the object or array ends that begins the text; undefined: further on; negative: a text in it ends nowhere. */
  #valueEnd(): number | undefined {
    const text = this.#text;
    for (; this.#at < text.length; this.#at++) {
      const character = text.charAt(this.#at);
      if (this.#isQuoted) {
        if (character === '\\') this.#at++;
        else if (character === '"') this.#isQuoted = false;
        else if (character === '\n') return -1;
      } else if (character === '"') this.#isQuoted = true;
      else if (character === '{' || character === '[') this.#depth++;
      else if (character === '}' || character === ']') {
        this.#depth--;
        if (this.#depth === 0) return this.#at + 1;
      }
    }
    return undefined;
  }

  /** A value that is no object, or what is no JSON at all: the rest of its line. */
  #scalar(isFinal: boolean): JsonItem | undefined {
    const [word = ''] = /^(?:"(?:[^"\\\n]|\\.)*"|[^\s,\][{}]+)/.exec(this.#text) ?? [];
    if (word.length === this.#text.length && !isFinal && word.length < MAX_RECORD_LENGTH) return undefined;
    const value = word === '' ? undefined : parseJson(word);
    if (value !== undefined) return this.#taken(word.length, value);
    if (!this.#text.includes('\n') && !isFinal && this.#text.length < MAX_RECORD_LENGTH) return undefined;
    return this.#refuseLine(undefined);
  }

  #refuseLine(problem: string | undefined): JsonItem {
    const end = this.#text.indexOf('\n');
    return {
      ...this.#taken(end < 0 ? this.#text.length : end + 1, undefined),
      ...(problem === undefined ? {} : { problem }),
    };
  }

  #taken(end: number, value: unknown): JsonItem {
    const item = { text: this.#text.slice(0, end).trim(), value, line: this.#line };
    this.#at = 0;
    this.#depth = 0;
    this.#isQuoted = false;
    this.#drop(end);
    return item;
  }

  #drop(length: number): void {
    for (let at = this.#text.indexOf('\n'); at >= 0 && at < length; at = this.#text.indexOf('\n', at + 1))
      this.#line++;
    this.#text = this.#text.slice(length);
  }
}

/** Reads JSON, and what Python writes for it; numbers keep their digits. @returns undefined if it is none */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, reviveNumber);
  } catch {
    if (!text.includes('NaN') && !text.includes('Infinity')) return undefined;
  }
  try {
    const quoted = text.replace(BARE, (word) =>
      word.startsWith('"') ? word : JSON.stringify(BARE_MARK + word),
    );
    return JSON.parse(quoted, (_key, value: unknown, context?: { readonly source?: string }) =>
      typeof value === 'string' && value.startsWith(BARE_MARK)
        ? new NoNumber(value.slice(BARE_MARK.length))
        : reviveNumber(_key, value, context),
    );
  } catch {
    return undefined;
  }
}

/** The third argument, the text that a value was read from, is not in the compiler's library yet. */
function reviveNumber(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' ? new Digits(context?.source ?? String(value)) : value;
}

/** Writes what {@link parseJson} read, in one line. */
export function jsonText(value: unknown): string {
  if (value instanceof Digits || value instanceof NoNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  return `{${Object.entries(value)
    .filter(([, part]) => part !== undefined)
    .map(([key, part]) => `${JSON.stringify(key)}:${jsonText(part)}`)
    .join(',')}}`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Digits) &&
    !(value instanceof NoNumber)
  );
}
