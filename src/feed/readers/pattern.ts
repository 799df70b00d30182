import { InputError, messageOf } from '../../errors.ts';
import { setting, wording } from '../../wording.ts';
import type { Reader, ReaderReading } from '../reading.ts';
import { dialectAdvice, misreadPart } from './pattern-dialects.ts';
import type { Cell, RecordMapper } from './record-mapper.ts';
import { plainText, plainValue } from './terminal-text.ts';

/** How much of a line a note shows. */
const EXCERPT_LENGTH = 60;

/** What may stand behind a group and takes nothing: its quantifier, the ends of groups around it, places, blanks if any. */
const TAKES_NOTHING = /^(?:[*+?]|\{\d+(?:,\d*)?\}|\)|\\b|(?:\\[sW]|[ :;,])[*?])*/;
/** What takes whatever there is, or the end of an alternative. */
const TAKES_ANYTHING = /^(?:\||\.|\[\^\]|\[\\([sdw])\\[SDW]\]|\[\\[SDW]\\[sdw]\]|\\[DSW]|\(\?:\.\|)/;

/** Takes a text apart by a regular expression with named groups. What does not match gives nothing. */
export class PatternReader implements Reader {
  readonly #mapper: RecordMapper;
  readonly #pattern: Pattern;
  readonly #isPerLine: boolean;
  #text = '';

  /** @param isPerLine whether each line may match and give a point; else the first match of the text gives one */
  constructor(mapper: RecordMapper, pattern: Pattern, isPerLine: boolean) {
    this.#mapper = mapper;
    this.#pattern = pattern;
    this.#isPerLine = isPerLine;
  }

  push(text: string): readonly ReaderReading[] {
    this.#text += text;
    return [];
  }

  end(): readonly ReaderReading[] {
    const text = plainText(this.#text).trimEnd();
    const parts = this.#isPerLine ? text.split('\n') : [text];
    return parts.flatMap((part) => this.#read(part));
  }

  #read(text: string): ReaderReading[] {
    const values = this.#pattern.find(text);
    if (values === undefined) return [];
    const record = new Map<string, Cell>();
    for (const [name, value] of values) record.set(name, { kind: 'text', text: value });
    return [this.#mapper.read({ cells: record, raw: text })];
  }
}

/**
 * A regular expression whose named groups are wanted; in it `^` and `$` stand for the ends of lines. It watches where
 * its groups end: `\w+` makes `G` of `G.994 Training`, and nobody would notice.
 */
export class Pattern {
  readonly groupNames: readonly string[];
  readonly #expression: RegExp;
  readonly #note: (message: string) => void;
  /** The groups whose end is to be watched: those that the expression itself does not say the end of. */
  readonly #watched: Set<string>;

  /**
   * @param note is told what should be known of the first values found
   * @throws InputError if it is no regular expression, or has no named group
   */
  constructor(source: string, note: (message: string) => void) {
    this.#note = note;
    try {
      this.#expression = new RegExp(source, 'dmu');
      const misread = misreadPart(source);
      if (misread !== undefined) throw new Error(`${misread} is a set of its letters there`);
    } catch (error) {
      throw new InputError('BAD_PATTERN', wording`${setting('pattern')}: ${complaintOf(error, source)}`);
    }
    // With an empty alternative it matches anything, and then tells its groups.
    this.groupNames = Object.keys(new RegExp(`${source}|`, 'mu').exec('')?.groups ?? {});
    if (this.groupNames.length === 0)
      throw new InputError(
        'BAD_PATTERN',
        wording`${setting('pattern')} has no named group such as (?<state>\\w+), so nothing would become a field`,
      );
    this.#watched = new Set(this.groupNames.filter((name) => !isEndStated(source, name)));
  }

  /** @returns the groups that took part in the first match; undefined if there is none */
  find(text: string): ReadonlyMap<string, string> | undefined {
    const match = this.#expression.exec(text);
    if (match === null) return undefined;
    const values = new Map<string, string>();
    for (const name of this.groupNames) {
      const [start, end] = match.indices?.groups?.[name] ?? [];
      if (start === undefined || end === undefined) continue;
      values.set(name, plainValue(text.slice(start, end)));
      if (this.#watched.has(name)) this.#watchEnd(name, text, start, end);
    }
    return values;
  }

  #watchEnd(name: string, text: string, start: number, end: number): void {
    const lineEnd = text.indexOf('\n', end);
    const value = text.slice(start, end);
    const rest = text.slice(end, lineEnd < 0 ? text.length : lineEnd).trimEnd();
    if (!isCutShort(value, rest)) return;
    this.#watched.delete(name);
    const whole = `${value}${rest}`;
    const shown = whole.length > EXCERPT_LENGTH ? `${whole.slice(0, EXCERPT_LENGTH)}…` : whole;
    this.#note(
      `the group ${name} took '${value}' of '${shown}'; ` +
        `if all of it is meant, (?<${name}>.+) goes to the end of the line`,
    );
  }
}

/** Whether a value ends where nobody would end it: inside a word or number, or a text before more text. */
function isCutShort(value: string, rest: string): boolean {
  if (value.trim() === '' || rest === '' || value.includes('\n')) return false;
  // A number is whole before its unit, or before the next column.
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(value.trim())) return /^(?:\d|[.,:/-]\d)/.test(rest);
  // What encloses a value or separates it from the next is no part of it.
  return !/^\s*(?:[,;|)\]}>"'<]|$)/.test(rest);
}

/** Whether the expression itself says what comes right after a group, other than by something that takes whatever there is. */
function isEndStated(source: string, name: string): boolean {
  let at = endOfGroup(source, source.indexOf(`(?<${name}>`));
  at += TAKES_NOTHING.exec(source.slice(at))?.[0].length ?? 0;
  const next = source.slice(at);
  return next !== '' && !TAKES_ANYTHING.test(next);
}

/** Where a group ends that begins here: behind its parenthesis. */
function endOfGroup(source: string, start: number): number {
  let depth = 0;
  let isInClass = false;
  for (let at = start; at < source.length; at++) {
    const character = source[at];
    if (character === '\\') at++;
    else if (isInClass) isInClass = character !== ']';
    else if (character === '[') isInClass = true;
    else if (character === '(') depth++;
    else if (character === ')' && --depth === 0) return at + 1;
  }
  return source.length;
}

function complaintOf(error: unknown, source: string): string {
  // JavaScript repeats the expression, with the flags that it has here.
  const complaint = messageOf(error).replace(/^Invalid regular expression: \/.*\/[a-z]*: /s, '');
  const advice = dialectAdvice(source, complaint);
  return `'${source}' is no regular expression of JavaScript (${complaint})${advice === undefined ? '' : `; ${advice}`}`;
}
