import { InputError, messageOf } from '../../errors.ts';
import { LineParser } from '../../line-protocol/parser.ts';
import { formatLine } from '../../line-protocol/writer.ts';
import { REJECTION_MARK, type Reader, type ReaderReading, refused } from '../reading.ts';
import type { LineOptions } from './lines.ts';
import { scaleToNs } from './times.ts';

/**
 * Reads a stream recording of Kapacitor: before each point a line with its database and one with its retention policy.
 * What is wrong in it ends it: a line too many, and every name after it would be taken for another thing.
 */
export class RecordingReader implements Reader {
  readonly #options: LineOptions;
  #pending = '';
  #line = 1;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  /** @throws InputError with file and line at the first thing that is wrong */
  push(text: string): readonly ReaderReading[] {
    const whole = this.#pending + text;
    const end = whole.lastIndexOf('\n') + 1;
    this.#pending = whole.slice(end);
    return this.#scan(whole.slice(0, end), false);
  }

  end(): readonly ReaderReading[] {
    const rest = this.#pending;
    this.#pending = '';
    return this.#scan(rest, true);
  }

  #scan(text: string, isFinal: boolean): readonly ReaderReading[] {
    const readings: ReaderReading[] = [];
    const scanner = new LineParser(text, { file: this.#options.name, line: this.#line }, isFinal);
    let start = 0;
    for (;;) {
      const database = nextName(scanner);
      const retentionPolicy = database === undefined ? undefined : nextName(scanner);
      const pointStart = scanner.position;
      const point = retentionPolicy === undefined ? undefined : scanner.next();
      if (database === undefined || retentionPolicy === undefined || point === undefined) break;
      const record = text.slice(pointStart, scanner.position).trimEnd();
      start = scanner.position;
      const { fixedTags, precision } = this.#options;
      const read = { ...point, tags: new Map([...point.tags, ...fixedTags]) };
      const origin = { record: `${database}\n${retentionPolicy}\n${record}`, head: '' };
      try {
        const timeNs = point.time === undefined ? undefined : scaleToNs(point.time, precision);
        const line = formatLine({ ...read, time: undefined });
        readings.push({
          kind: 'point',
          text: line,
          timeNs,
          point: read,
          origin,
          place: { database, retentionPolicy },
        });
      } catch (error) {
        readings.push(refused(origin.record, messageOf(error)));
      }
    }
    this.#line += text.slice(0, start).split('\n').length - 1;
    const rest = text.slice(start);
    if (!isFinal) this.#pending = rest + this.#pending;
    else if (rest.trim() !== '')
      throw new InputError(
        'BAD_RECORDING',
        `${this.#options.name}:${this.#line}: the recording ends inside its last record ` +
          '(a line each for database, retention policy and point); it was cut off',
      );
    return readings;
  }
}

/** The next line that is no reason of a rejection. */
function nextName(scanner: LineParser): string | undefined {
  for (;;) {
    const line = scanner.line();
    if (line?.startsWith(REJECTION_MARK) !== true) return line;
  }
}
