import { InputError } from '../errors.ts';
import type { FieldValue } from '../wire/point.ts';
import { MAX_INT, MAX_TIME, MAX_UNSIGNED, MIN_INT, MIN_TIME } from './limits.ts';

export type { FieldValue };

/** One point of line protocol, its names and texts unescaped. */
export interface LinePoint {
  readonly measurement: string;
  /** In the order of the line. */
  readonly tags: ReadonlyMap<string, string>;
  /** At least one; of a field given twice the last value counts. */
  readonly fields: ReadonlyMap<string, FieldValue>;
  /** The number at the end of the line (nanoseconds, unless its writer says otherwise), if there is one. */
  readonly time: bigint | undefined;
}

/** Where a text comes from, for the messages about it. */
export interface LineContext {
  readonly file: string;
  /** The number of the text's first line, from 1. */
  readonly line: number;
}

const NUL = 0x00;
const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const HASH = 0x23;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

const FLOAT = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INTEGER = /^-?\d+$/;
const UNSIGNED = /^\d+u$/;
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['t', 'T', 'true', 'True', 'TRUE'].map((text) => [text, true] as const),
  ...['f', 'F', 'false', 'False', 'FALSE'].map((text) => [text, false] as const),
]);

/** The longest excerpt of a line that a message shows. */
const EXCERPT_LENGTH = 24;

/**
 * Reads one point.
 * @param text a line, with or without its line break; a quoted string may hold more line breaks
 * @throws InputError with file, line and column if this is no line protocol that Kapacitor takes
 */
export function parseLine(text: string, context: LineContext): LinePoint {
  const parser = new LineParser(text, context, true);
  const point = parser.next();
  if (point === undefined) throw parser.unexpected('a point (measurement key=value)', 0);
  const rest = parser.position;
  if (parser.next() !== undefined) throw parser.unexpected('the end of the text after one point', rest);
  return point;
}

/**
 * Reads the points of a text one after another, in place. What is legal is what the parser in Kapacitor takes:
 * in a measurement or tag a backslash makes the comma, space or equals sign after it part of the name and is
 * itself otherwise; in a string it escapes quotes and backslashes alone. What that parser takes but then reads as
 * another value than was written (text behind a closing quote, a field key that ends in a backslash) is refused.
 */
export class LineParser {
  readonly #text: string;
  readonly #context: LineContext;
  readonly #isFinal: boolean;
  readonly #takesUnsigned: boolean;
  #lineStart = 0;
  #pos = 0;

  /**
   * @param isFinal whether the text ends here; if not, a string still open at its end waits for more text
   * @param takesUnsigned whether `1u` is an integer, as some servers have it; its value then is beyond int64, maybe
   */
  constructor(text: string, context: LineContext, isFinal: boolean, takesUnsigned = false) {
    this.#text = text;
    this.#context = context;
    this.#isFinal = isFinal;
    this.#takesUnsigned = takesUnsigned;
  }

  /** Where the first line begins that `next` has not read. */
  get position(): number {
    return this.#lineStart;
  }

  /** The next line as it is, without its line break; undefined if the text has no more, or only a part of one. */
  line(): string | undefined {
    const start = this.#lineStart;
    const lineFeed = this.#text.indexOf('\n', start);
    if (lineFeed < 0 && (!this.#isFinal || start === this.#text.length)) return undefined;
    const end = lineFeed < 0 ? this.#text.length : lineFeed;
    this.#lineStart = lineFeed < 0 ? end : lineFeed + 1;
    return this.#text.slice(start, this.#text.charCodeAt(end - 1) === CR && end > start ? end - 1 : end);
  }

  /**
   * The next point; blank lines and comments are passed over.
   * @returns undefined at the end of the text, or when a string is open there that more text may close
   * @throws InputError with file, line and column
   */
  next(): LinePoint | undefined {
    const text = this.#text;
    for (;;) {
      this.#pos = this.#lineStart;
      this.#skipWhitespace();
      if (this.#pos >= text.length) {
        this.#lineStart = text.length;
        return undefined;
      }
      if (text.charCodeAt(this.#pos) !== HASH && !this.#isLineEnd(this.#pos)) break;
      this.#lineStart = text.indexOf('\n', this.#pos) + 1 || text.length;
    }

    const measurement = this.#measurement();
    const tags = new Map<string, string>();
    while (text.charCodeAt(this.#pos) === COMMA) this.#tag(tags);
    this.#skipWhitespace();
    const fields = new Map<string, FieldValue>();
    for (;;) {
      if (!this.#field(fields)) return undefined;
      if (text.charCodeAt(this.#pos) !== COMMA) break;
      this.#pos++;
    }
    const time = this.#time();
    this.#lineStart = text.indexOf('\n', this.#pos) + 1 || text.length;
    return { measurement, tags, fields, time };
  }

  /** An error that says what should stand at `position`, and what does. */
  unexpected(expected: string, position: number, hint = ''): InputError {
    return this.#error(
      `expected ${expected}, found ${this.#excerpt(position)}${hint && `; ${hint}`}`,
      position,
    );
  }

  #measurement(): string {
    const start = this.#pos;
    if (this.#text.charCodeAt(start) === COMMA) throw this.unexpected('a measurement', start);
    const end = this.#nameEnd(start, false);
    this.#pos = end;
    if (this.#isLineEnd(end))
      throw this.unexpected('a space and fields (key=value) after the measurement', end);
    const name = this.#text.slice(start, end);
    return name.includes('\\') ? name.replace(/\\([,"= ])/g, '$1') : name;
  }

  #tag(tags: Map<string, string>): void {
    const text = this.#text;
    const keyStart = this.#pos + 1;
    const first = text.charCodeAt(keyStart);
    if (first === COMMA || first === SPACE || first === EQUALS || this.#isLineEnd(keyStart))
      throw this.unexpected('a tag key', keyStart, 'is the comma before it one too many?');
    const keyEnd = this.#nameEnd(keyStart, true);
    const key = unescapeTag(text.slice(keyStart, keyEnd));
    if (text.charCodeAt(keyEnd) !== EQUALS)
      throw this.unexpected(
        `= and a value after tag ${excerptOf(key)}`,
        keyEnd,
        'a space or comma in a name needs a \\ before it',
      );

    const valueStart = keyEnd + 1;
    const firstOfValue = text.charCodeAt(valueStart);
    if (firstOfValue === COMMA || firstOfValue === SPACE || this.#isLineEnd(valueStart))
      throw this.unexpected(
        `a value for tag ${excerptOf(key)}`,
        valueStart,
        'a tag without a value is left out whole',
      );
    const valueEnd = this.#nameEnd(valueStart, true);
    if (text.charCodeAt(valueEnd) === EQUALS)
      throw this.unexpected(
        `a comma or space after tag ${excerptOf(key)}`,
        valueEnd,
        'a = in a value needs a \\ before it',
      );
    if (this.#isLineEnd(valueEnd))
      throw this.unexpected('a space and fields (key=value) after the tags', valueEnd);
    if (tags.has(key)) throw this.#error(`tag ${excerptOf(key)} stands there twice`, keyStart);
    tags.set(key, unescapeTag(text.slice(valueStart, valueEnd)));
    this.#pos = valueEnd;
  }

  /** The end of a name that starts here; its first character is part of it, whatever it is. */
  #nameEnd(start: number, endsAtEquals: boolean): number {
    const text = this.#text;
    let before = text.charCodeAt(start);
    for (let pos = start + 1; pos < text.length; pos++) {
      const code = text.charCodeAt(pos);
      if (code === LF) return before === CR ? pos - 1 : pos;
      if (before !== BACKSLASH) {
        if (code === COMMA || code === SPACE || (code === EQUALS && endsAtEquals)) return pos;
      }
      before = code;
    }
    return text.length;
  }

  /** @returns false if the value is a string that more text may close */
  #field(fields: Map<string, FieldValue>): boolean {
    const text = this.#text;
    const keyStart = this.#pos;
    const keyEnd = this.#fieldKeyEnd(keyStart);
    if (keyEnd === keyStart) throw this.unexpected('a field key', keyStart);
    const raw = text.slice(keyStart, keyEnd);
    const key = raw.includes('\\') ? raw.replace(/\\([,"= ])/g, '$1') : raw;
    if (text.charCodeAt(keyEnd) !== EQUALS)
      throw this.unexpected(
        `= and a value after field ${excerptOf(key)}`,
        keyEnd,
        'a space or comma in a name needs a \\ before it',
      );
    if (raw.endsWith('\\'))
      throw this.#error(
        `field key ${excerptOf(key)} ends in a backslash, which can't be told from \\=`,
        keyStart,
      );
    this.#pos = keyEnd + 1;
    const value = text.charCodeAt(this.#pos) === QUOTE ? this.#string(key) : this.#plainValue(key);
    if (value === undefined) return false;
    fields.set(key, value);
    return true;
  }

  /** Unlike in tags, two backslashes are a pair here, so that the second one escapes nothing. */
  #fieldKeyEnd(start: number): number {
    const text = this.#text;
    for (let pos = start; pos < text.length; pos++) {
      const code = text.charCodeAt(pos);
      if (code === LF) return pos > start && text.charCodeAt(pos - 1) === CR ? pos - 1 : pos;
      if (code === COMMA || code === SPACE || code === EQUALS) return pos;
      if (code === BACKSLASH && text.charCodeAt(pos + 1) !== LF) pos++;
    }
    return text.length;
  }

  #string(key: string): FieldValue | undefined {
    const text = this.#text;
    const start = this.#pos + 1;
    let end = start;
    for (;;) {
      end = text.indexOf('"', end);
      if (end < 0) {
        if (!this.#isFinal) return undefined;
        throw this.#error(
          `expected a closing " for the string in field ${excerptOf(key)}, found none`,
          start - 1,
        );
      }
      let backslashes = 0;
      while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
      if (backslashes % 2 === 0) break;
      end++;
    }
    this.#pos = end + 1;
    this.#checkFieldEnd(key);
    const raw = text.slice(start, end);
    return raw.includes('\\') ? raw.replace(/\\([\\"])/g, '$1') : raw;
  }

  #plainValue(key: string): FieldValue {
    const text = this.#text;
    const start = this.#pos;
    let end = start;
    for (; end < text.length; end++) {
      const code = text.charCodeAt(end);
      if (code === COMMA || code === SPACE || code === LF || code === CR) break;
    }
    this.#pos = end;
    this.#checkFieldEnd(key);
    const word = text.slice(start, end);
    if (FLOAT.test(word)) {
      const value = Number(word);
      if (!Number.isFinite(value))
        throw this.#error(`field ${excerptOf(key)}: ${excerptOf(word)} is beyond a 64 bit float`, start);
      return value;
    }
    if (word.endsWith('i') && INTEGER.test(word.slice(0, -1))) {
      const value = BigInt(word.slice(0, -1));
      if (value < MIN_INT || value > MAX_INT)
        throw this.#error(`field ${excerptOf(key)}: ${excerptOf(word)} is beyond a 64 bit integer`, start);
      return value;
    }
    const bool = BOOLEANS.get(word);
    if (bool !== undefined) return bool;
    if (UNSIGNED.test(word)) {
      const value = BigInt(word.slice(0, -1));
      if (this.#takesUnsigned && value <= MAX_UNSIGNED) return value;
      if (this.#takesUnsigned)
        throw this.#error(`field ${excerptOf(key)}: ${excerptOf(word)} is beyond a 64 bit integer`, start);
      throw this.#error(
        `field ${excerptOf(key)}: ${excerptOf(word)} is unsigned, and Kapacitor cannot hand unsigned integers to a UDF; ` +
          'write it with i (an integer) or as a float',
        start,
      );
    }
    const hint = /^[\p{L}_]/u.test(word) ? 'a string needs "double quotes"' : '';
    throw this.unexpected(`a value for field ${excerptOf(key)} (1.5, 1i, true or "text")`, start, hint);
  }

  #checkFieldEnd(key: string): void {
    const code = this.#text.charCodeAt(this.#pos);
    if (code === COMMA || code === SPACE || this.#isLineEnd(this.#pos)) return;
    throw this.unexpected(`a comma, a space or the end of the line after field ${excerptOf(key)}`, this.#pos);
  }

  #time(): bigint | undefined {
    const text = this.#text;
    this.#skipWhitespace();
    const start = this.#pos;
    if (this.#isLineEnd(start)) return undefined;
    let end = start;
    while (!this.#isLineEnd(end) && text.charCodeAt(end) !== SPACE) end++;
    const word = text.slice(start, end);
    if (!INTEGER.test(word)) throw this.unexpected('a timestamp (an integer) or the end of the line', start);
    const time = BigInt(word);
    if (time < MIN_TIME || time > MAX_TIME)
      throw this.#error(
        `timestamp ${excerptOf(word)} is outside of the years 1677 to 2262 (in nanoseconds)`,
        start,
      );
    this.#pos = end;
    while (text.charCodeAt(this.#pos) === SPACE) this.#pos++;
    if (!this.#isLineEnd(this.#pos))
      throw this.unexpected('the end of the line after the timestamp', this.#pos);
    return time;
  }

  #skipWhitespace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#pos);
      if (code !== SPACE && code !== TAB && code !== NUL) return;
      this.#pos++;
    }
  }

  #isLineEnd(pos: number): boolean {
    const text = this.#text;
    if (pos >= text.length) return true;
    const code = text.charCodeAt(pos);
    if (code === LF) return true;
    return code === CR && (pos + 1 === text.length || text.charCodeAt(pos + 1) === LF);
  }

  #excerpt(position: number): string {
    if (this.#isLineEnd(position)) return 'the end of the line';
    const end = this.#text.slice(position).search(/[, \r\n]/);
    const word = end < 0 ? this.#text.slice(position) : this.#text.slice(position, position + end);
    if (word !== '') return `'${excerptOf(word)}'`;
    return this.#text.charCodeAt(position) === SPACE ? 'a space' : `'${this.#text.charAt(position)}'`;
  }

  #error(message: string, position: number): InputError {
    const before = this.#text.slice(0, position).split('\n');
    const line = this.#context.line + before.length - 1;
    const column = [...(before.at(-1) ?? '')].length + 1;
    // A file may hold what a terminal takes for commands.
    const text = message.replace(/\p{Cc}/gu, '\ufffd');
    return new InputError('BAD_LINE', `${this.#context.file}:${line}:${column}: ${text}`);
  }
}

function excerptOf(word: string): string {
  return word.length > EXCERPT_LENGTH ? `${word.slice(0, EXCERPT_LENGTH)}…` : word;
}

function unescapeTag(raw: string): string {
  return raw.includes('\\') ? raw.replace(/\\([,= ])/g, '$1') : raw;
}
