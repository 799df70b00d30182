import { messageOf } from '../../errors.ts';
import { LineParser, type LinePoint } from '../../line-protocol/parser.ts';
import { formatLine } from '../../line-protocol/writer.ts';
import { MAX_RECORD_LENGTH, type Place, type Reader, type ReaderReading, refused } from '../reading.ts';
import { reasonNotKept } from './kept.ts';
import { ReadingNotes, shownValue } from './notes.ts';
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

/** What is before a point in its text: blanks, blank lines, comments. */
const BEFORE = /^(?:[ \t\0]*(?:#[^\n]*)?\r?\n)*[ \t\0]*/;
/** What exports say besides points, to be done before these are written. */
const STATEMENT = /^\s*(?:CREATE|DROP|ALTER|GRANT|REVOKE|SET|SHOW|SELECT|DELETE|KILL|USE)\s+[\w"]/i;
/** `# CONTEXT-DATABASE: telegraf`, and where the statements of an export begin and end. */
const CONTEXT = /^[ \t\0]*#[ \t]*(?:CONTEXT-(DATABASE|RETENTION-POLICY):[ \t]*(.*?)|(DDL|DML))[ \t]*\r?$/gm;

/**
 * Reads line protocol, and what exports of InfluxDB have between it: statements are passed over, contexts say where
 * points belong. A line that is none is refused by itself, even if a quote in it is never closed.
 */
export class LineReader implements Reader {
  readonly #options: LineOptions;
  readonly #notes: ReadingNotes;
  #pending = '';
  #line = 1;
  #isInStatements = false;
  #place: Place | undefined;
  /** The comments that say the place. */
  #head = '';

  constructor(options: LineOptions, notes = new ReadingNotes()) {
    this.#options = options;
    this.#notes = notes;
  }

  push(text: string): readonly ReaderReading[] {
    const whole = this.#pending + text;
    // Up to the last line break only: the end of a line cut off could pass for a shorter one.
    const end = whole.lastIndexOf('\n') + 1;
    const { readings, position } = this.#scan(whole.slice(0, end), false);
    this.#pending = whole.slice(position);
    return readings;
  }

  end(): readonly ReaderReading[] {
    const { readings } = this.#scan(this.#pending, true);
    return readings;
  }

  #scan(text: string, isFinal: boolean): { readings: readonly ReaderReading[]; position: number } {
    const readings: ReaderReading[] = [];
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
        this.#noteContext(text.slice(start + position, start + scanner.position));
        position = scanner.position;
        if (start + position < text.length && text.length - start - position > MAX_RECORD_LENGTH)
          problem = `a string is not closed within ${MAX_RECORD_LENGTH} characters`;
      } catch (error) {
        this.#noteContext(text.slice(start + position, start + scanner.position));
        position = scanner.position;
        problem = messageOf(error);
      }
      this.#line += countLines(text, start, start + position);
      start += position;
      if (problem === undefined) break;
      const lineEnd = text.indexOf('\n', start);
      const next = lineEnd < 0 ? text.length : lineEnd + 1;
      const line = text.slice(start, next).trimEnd();
      if (this.#isInStatements || STATEMENT.test(line)) this.#passOver(line);
      else readings.push(refused(line, problem, this.#head));
      this.#line++;
      start = next;
    }
    return { readings, position: start };
  }

  #passOver(statement: string): void {
    this.#notes.once('statement', `statements are passed over, such as ${shownValue(statement.trim())}`);
    this.#notes.count('statement passed over', 'statements passed over');
  }

  #noteContext(between: string): void {
    if (!between.includes('#')) return;
    for (const [, kind, name = '', section] of between.matchAll(CONTEXT)) {
      if (section !== undefined) this.#isInStatements = section === 'DDL';
      if (kind === undefined) continue;
      this.#isInStatements = false;
      const { database = '', retentionPolicy = '' } = this.#place ?? {};
      this.#place =
        kind === 'DATABASE'
          ? { database: name, retentionPolicy: '' }
          : { database, retentionPolicy: name || retentionPolicy };
      this.#head = `# CONTEXT-DATABASE: ${this.#place.database}`;
      if (this.#place.retentionPolicy !== '')
        this.#head += `\n# CONTEXT-RETENTION-POLICY: ${this.#place.retentionPolicy}`;
    }
  }

  #reading(point: LinePoint, slice: string): ReaderReading {
    const { fixedTags, precision } = this.#options;
    const before = BEFORE.exec(slice)?.[0] ?? '';
    this.#noteContext(before);
    const raw = slice.slice(before.length).trimEnd();
    const reason = reasonNotKept(point, raw);
    if (reason !== undefined) return refused(raw, reason, this.#head);
    try {
      const { measurement, fields } = point;
      const tags = fixedTags.size === 0 ? point.tags : new Map([...point.tags, ...fixedTags]);
      const read = { measurement, tags, fields };
      const text = fixedTags.size === 0 ? textOf(point, raw) : withTags(read, textOf(point, raw));
      const timeNs = point.time === undefined ? undefined : scaleToNs(point.time, precision);
      // Fed again in the same way, a line must have its time as it was.
      const origin = precision === 'ns' && this.#head === '' ? undefined : { record: raw, head: this.#head };
      return { kind: 'point', text, timeNs, point: read, origin, place: this.#place };
    } catch (error) {
      return refused(raw, messageOf(error), this.#head);
    }
  }
}

function textOf(point: LinePoint, raw: string): string {
  return point.time === undefined ? raw : raw.replace(/[ \t\0]+-?\d+$/, '');
}

/** Its fields stay as they were written, which may be more than can be written here. */
function withTags({ measurement, tags }: Omit<LinePoint, 'time'>, text: string): string {
  const head = formatLine({ measurement, tags, fields: ANY_FIELD, time: undefined });
  return head.slice(0, -' any=true'.length) + text.slice(FIELDS.exec(text)?.index ?? 0);
}

function countLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
