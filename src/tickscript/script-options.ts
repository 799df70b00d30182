import { InputError } from '../errors.ts';
import type { OptionValue, ValueType } from '../wire/messages.ts';
import { parseTickscriptDuration } from './durations.ts';

/** An option of a UDF with its arguments, and how it was written. */
export interface WrittenOption {
  readonly name: string;
  readonly values: readonly OptionValue[];
  readonly text: string;
}

/** The types of an option's arguments, by its name, as an agent's Info answer declares them. */
export type OptionTypes = Readonly<Record<string, readonly ValueType[]>>;

const MAX_INT = 2n ** 63n - 1n;

/** Three quotes let a string hold quotes; between single ones a backslash does. */
const STRING = /'''[\s\S]*?'''|'(?:\\'|(?!\\')[^'])*'/y;

/** A reference, a regular expression, a lambda (with parentheses one level deep), or a star. */
const VALUELESS_TEXT = /"(?:\\"|(?!\\")[^"])*"|\/(?:\\\/|(?!\\\/)[^/])+\/|lambda:(?:[^()]|\([^()]*\))*|\*/y;

/** A regular expression, a lambda and a reference are sent without a value, and by this type. */
const VALUELESS: OptionValue = { type: 'BOOL', value: undefined };

/**
 * Reads options as a TICKscript has them: `hold(30s)`, `.holdTo('DOWN', 1m).initial(FALSE)`.
 * @throws InputError with the text, the place and what TICKscript has there
 */
export function parseOptions(text: string): WrittenOption[] {
  const reader = new OptionReader(text);
  const options: WrittenOption[] = [];
  do options.push(reader.option(options.length === 0));
  while (!reader.isAtEnd);
  return options;
}

/**
 * Checks options as Kapacitor does when a task is defined.
 * @throws InputError in Kapacitor's words, and what to write instead
 */
export function checkOptions(options: readonly WrittenOption[], types: OptionTypes): void {
  for (const { name, values, text } of options) {
    const expected = Object.hasOwn(types, name) ? types[name] : undefined;
    if (expected === undefined) {
      const similar = Object.keys(types).find((each) => each.toLowerCase() === name.toLowerCase());
      const hint = similar === undefined ? `there are ${Object.keys(types).join(', ')}` : `write ${similar}`;
      throw refusal(text, `no method or property "${name}" on *pipeline.UDFNode`, hint);
    }
    if (values.length !== expected.length)
      throw refusal(
        text,
        `unexpected number of args to ${name}, got ${values.length} expected ${expected.length}`,
        `write ${name}(${expected.map(exampleOf).join(', ')})`,
      );
    values.forEach((value, index) => {
      const type = expected[index];
      if (type === undefined || value.type === type) return;
      throw refusal(
        text,
        `unexpected arg to ${name}, got ${value.type} expected ${type}`,
        hintFor(value, type, text),
      );
    });
  }
}

function refusal(text: string, reason: string, hint: string): InputError {
  return new InputError('BAD_OPTION', `option ${text}: ${reason}; ${hint}`);
}

function exampleOf(type: ValueType): string {
  switch (type) {
    case 'BOOL':
      return 'TRUE';
    case 'INT':
      return '3';
    case 'DOUBLE':
      return '1.5';
    case 'STRING':
      return "'text'";
    case 'DURATION':
      return '30s';
  }
}

function hintFor(value: OptionValue, expected: ValueType, text: string): string {
  if (value.type === 'INT' && expected === 'DOUBLE') return `write ${value.value}.0`;
  if (value.type === 'INT' && expected === 'DURATION')
    return `write the unit as well, for example ${value.value}s`;
  if (expected === 'STRING' && text.includes('"')) return 'a string stands in single quotes';
  if (expected === 'STRING') return `a string stands in single quotes, for example 'text'`;
  return `a ${expected} is for example ${exampleOf(expected)}`;
}

class OptionReader {
  readonly #text: string;
  #pos = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    this.#skipSpace();
    return this.#pos >= this.#text.length;
  }

  option(isFirst: boolean): WrittenOption {
    this.#skipSpace();
    if (this.#take(/\./y) === undefined && !isFirst) throw this.#unexpected('a dot before the next option');
    this.#skipSpace();
    const start = this.#pos;
    const name = this.#take(/\p{L}[\p{L}\p{Nd}_]*/uy);
    if (name === undefined) throw this.#unexpected('the name of an option, as in hold(30s)');
    this.#skipSpace();
    this.#expect('(', `( after ${name}`);
    const values: OptionValue[] = [];
    for (;;) {
      this.#skipSpace();
      if (this.#take(/\)/y) !== undefined) break;
      values.push(this.#value());
      this.#skipSpace();
      if (this.#take(/,/y) === undefined) {
        this.#expect(')', `, or ) in ${name}`);
        break;
      }
    }
    return { name, values, text: this.#text.slice(start, this.#pos) };
  }

  #value(): OptionValue {
    if (this.#take(/-\s*/y) !== undefined) return this.#negated(this.#value());
    if (this.#take(/!\s*/y) !== undefined) {
      const value = this.#value();
      if (value.type !== 'BOOL' || value.value === undefined) throw this.#unexpected('TRUE or FALSE after !');
      return { type: 'BOOL', value: !value.value };
    }
    const quoted = this.#take(STRING);
    if (quoted !== undefined) return { type: 'STRING', value: unquote(quoted) };
    if (this.#take(VALUELESS_TEXT) !== undefined) return VALUELESS;
    const duration = this.#take(/\d+(?:ms|[uµsmhdw])(?![\p{L}\p{Nd}_.])/uy);
    if (duration !== undefined) return { type: 'DURATION', value: this.#nanoseconds(duration) };
    const double = this.#take(/(?:\d+\.\d*|\.\d+)(?![\p{L}\p{Nd}_.])/uy);
    if (double !== undefined) return { type: 'DOUBLE', value: Number(double) };
    const integer = this.#take(/\d+(?![\p{L}\p{Nd}_.])/uy);
    if (integer !== undefined) return { type: 'INT', value: this.#integer(integer) };
    const word = this.#take(/(?:TRUE|FALSE)(?![\p{L}\p{Nd}_])/uy);
    if (word !== undefined) return { type: 'BOOL', value: word === 'TRUE' };
    throw this.#unexpected(
      "'a string', 3, 1.5, TRUE, FALSE, or a duration of one number and one unit (30s, not 1m30s)",
    );
  }

  #negated(value: OptionValue): OptionValue {
    if (value.type === 'DOUBLE' && value.value !== undefined) return { type: 'DOUBLE', value: -value.value };
    if ((value.type === 'INT' || value.type === 'DURATION') && value.value !== undefined)
      return { type: value.type, value: -value.value };
    throw this.#unexpected('a number or a duration after -');
  }

  #nanoseconds(text: string): bigint {
    const duration = parseTickscriptDuration(text);
    if (duration === undefined || duration > MAX_INT)
      throw this.#unexpected(`a duration of at most 15250 weeks, not ${text}`);
    return duration;
  }

  /** TICKscript takes a number that starts with 0 for an octal one. */
  #integer(text: string): bigint {
    const isOctal = text.length > 1 && text.startsWith('0');
    if (isOctal && /[89]/.test(text)) throw this.#unexpected(`a number without a leading 0, not ${text}`);
    const value = BigInt(isOctal ? `0o${text}` : text);
    if (value > MAX_INT) throw this.#unexpected(`a 64 bit integer, not ${text}`);
    return value;
  }

  #skipSpace(): void {
    this.#take(/\s*/y);
  }

  #expect(token: string, expected: string): void {
    if (!this.#text.startsWith(token, this.#pos)) throw this.#unexpected(expected);
    this.#pos += token.length;
  }

  /** What a sticky pattern matches here; it is passed over. */
  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#pos;
    const match = pattern.exec(this.#text)?.[0];
    if (match !== undefined) this.#pos += match.length;
    return match;
  }

  #unexpected(expected: string): InputError {
    const rest = this.#text.slice(this.#pos, this.#pos + 20);
    return new InputError(
      'BAD_OPTION',
      `option ${this.#text}: at character ${this.#pos + 1}: expected ${expected}${rest === '' ? '' : `, found ${rest}`}`,
    );
  }
}

function unquote(text: string): string {
  if (text.startsWith("'''") && text.length >= 6) return text.slice(3, -3);
  return text.slice(1, -1).replaceAll("\\'", "'");
}
