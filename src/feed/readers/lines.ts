import { messageOf } from '../../errors.ts';
import { LineParser, type LinePoint } from '../../line-protocol/parser.ts';
import { formatLine } from '../../line-protocol/writer.ts';
import { MAX_RECORD_LENGTH, type Reader, type Reading, refused } from '../reading.ts';
import { reasonNotKept } from './kept.ts';
import { type Precision, scaleToNs } from './times.ts';

export interface LineOptions {
  /** Where the lines come from, for messages. */
  readonly name: string;
  readonly precision: Precision;
  /** Tags that every point gets, in place of its own of that name. */
  readonly fixedTags: ReadonlyMap<string, string>;
  /** Whether unsigned integers (`1u`) are passed on. */
  readonly takesUnsigned?: boolean;
}

const ANY_FIELD = new Map([['any', true]]);
/** Where the fields begin: at the first blank without a backslash before it. */
const FIELDS = /(?<!\\) /;

/** Reads line protocol. A line that is none is refused by itself, even if a quote in it is never closed. */
export class LineReader implements Reader {
  readonly #options: LineOptions;
  #pending = '';
  #line = 1;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  push(text: string): readonly Reading[] {
    const whole = this.#pending + text;
    // Up to the last line break only: the end of a line cut off could pass for a shorter one.
    const end = whole.lastIndexOf('\n') + 1;
    const { readings, position } = this.#scan(whole.slice(0, end), false);
    this.#pending = whole.slice(position);
    return readings;
  }

  end(): readonly Reading[] {
    const { readings } = this.#scan(this.#pending, true);
    return readings;
  }

  #scan(text: string, isFinal: boolean): { readings: readonly Reading[]; position: number } {
    const readings: Reading[] = [];
    let start = 0;
    while (start < text.length) {
      const scanner = new LineParser(
        text.slice(start),
        { file: this.#options.name, line: this.#line },
        isFinal,
        this.#options.takesUnsigned === true,
      );
      let position = 0;
      let problem: string | undefined;
      try {
        for (let point = scanner.next(); point !== undefined; point = scanner.next()) {
          readings.push(this.#reading(point, text.slice(start + position, start + scanner.position)));
          position = scanner.position;
        }
        position = scanner.position;
        if (start + position < text.length && text.length - start - position > MAX_RECORD_LENGTH)
          problem = `a string is not closed within ${MAX_RECORD_LENGTH} characters`;
      } catch (error) {
        position = scanner.position;
        problem = messageOf(error);
      }
      this.#line += countLines(text, start, start + position);
      start += position;
      if (problem === undefined) break;
      const lineEnd = text.indexOf('\n', start);
      const next = lineEnd < 0 ? text.length : lineEnd + 1;
      readings.push(refused(text.slice(start, next).trimEnd(), problem));
      this.#line++;
      start = next;
    }
    return { readings, position: start };
  }

  #reading(point: LinePoint, slice: string): Reading {
    const { fixedTags, precision } = this.#options;
    const raw = slice.replace(/^(?:[ \t\0]*(?:#[^\n]*)?\r?\n)*[ \t\0]*/, '').trimEnd();
    const reason = reasonNotKept(point, raw);
    if (reason !== undefined) return refused(raw, reason);
    try {
      const text = fixedTags.size === 0 ? textOf(point, raw) : withTags(point, textOf(point, raw), fixedTags);
      const timeNs = point.time === undefined ? undefined : scaleToNs(point.time, precision);
      return { kind: 'point', text, timeNs };
    } catch (error) {
      return refused(raw, messageOf(error));
    }
  }
}

function textOf(point: LinePoint, raw: string): string {
  return point.time === undefined ? raw : raw.replace(/[ \t\0]+-?\d+$/, '');
}

/** Its fields stay as they were written, which may be more than can be written here. */
function withTags(point: LinePoint, text: string, fixedTags: ReadonlyMap<string, string>): string {
  const tags = new Map([...point.tags, ...fixedTags]);
  const head = formatLine({ measurement: point.measurement, tags, fields: ANY_FIELD, time: undefined });
  return head.slice(0, -' any=true'.length) + text.slice(FIELDS.exec(text)?.index ?? 0);
}

function countLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
