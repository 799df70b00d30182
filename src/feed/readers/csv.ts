import { InputError } from '../../errors.ts';
import { setting, wording } from '../../wording.ts';
import { REJECTION_MARK, type Reader, type ReaderReading, refused } from '../reading.ts';
import { type CsvLayout, isErrorHeader, isFluxHeader, isShellHeader, layoutOf } from './csv-layouts.ts';
import { type CsvRow, CsvRows } from './csv-rows.ts';
import { delimiterOf } from './delimiter.ts';
import { shownValue } from './notes.ts';
import type { RecordMapper } from './record-mapper.ts';
import { RecordWindow } from './record-window.ts';
import type { ReadSettings } from './settings.ts';

/** What stands in the first cell of a line above a header. */
const ANNOTATION = /^#(group|datatype|default|constant|timezone|concat)\b ?/;

/**
 * Reads CSV: with a header, as spreadsheets and loggers write it; the annotated one of Flux and of `influx write`, and
 * that of the influx shell, which have several tables. A row that does not fit its header is refused by itself.
 */
export class CsvReader implements Reader {
  readonly #mapper: RecordMapper;
  readonly #settings: ReadSettings;
  readonly #window: RecordWindow;
  /** The text until what stands before the rows is known. */
  #start = '';
  #rows: CsvRows | undefined;
  /** The lines above everything. */
  #preamble: readonly string[] = [];
  /** Annotations that stand above the next header. */
  #above: string[] = [];
  #annotations = new Map<string, string[]>();
  #header: readonly string[] = [];
  #layout: CsvLayout | undefined;
  /** What the rows at hand need before them. */
  #head = '';

  constructor(mapper: RecordMapper, settings: ReadSettings) {
    this.#mapper = mapper;
    this.#settings = settings;
    this.#window = new RecordWindow(mapper);
  }

  /** @throws InputError if the header can't be understood, or does not have a name that was asked for */
  push(text: string): readonly ReaderReading[] {
    if (this.#rows !== undefined) return this.#readAll(this.#rows.push(text));
    this.#start = this.#start === '' ? text.replace(/^\uFEFF/, '') : this.#start + text;
    return this.#begin(false);
  }

  settle(): readonly ReaderReading[] {
    return this.#window.settle();
  }

  end(): readonly ReaderReading[] {
    const begun = this.#begin(true);
    return [...begun, ...this.#readAll(this.#rows?.end() ?? []), ...this.#window.settle()];
  }

  /** Passes over what stands before the header, and finds what separates its columns. */
  #begin(isFinal: boolean): readonly ReaderReading[] {
    if (this.#rows !== undefined) return [];
    const lines = this.#start.split(/\r\n|\n|\r(?!$)/);
    // The last one may go on.
    const whole = isFinal ? lines.length : lines.length - 1;
    let at = this.#settings.skippedLines;
    while (at < whole && isPassedOver(lines[at] ?? '')) at++;
    if (at >= whole) return [];
    let { delimiter } = this.#settings;
    const stated = /^"?sep=(.|\\t)"?$/i.exec((lines[at] ?? '').trimEnd())?.[1];
    if (stated !== undefined) {
      delimiter ??= stated === '\\t' ? '\t' : stated;
      at++;
      while (at < whole && isPassedOver(lines[at] ?? '')) at++;
    }
    if (delimiter === undefined) {
      const header = lines[at] ?? '';
      const row = lines.slice(at + 1, whole).find((line) => !isPassedOver(line) && !ANNOTATION.test(line));
      // The first row tells, too; where there is none yet, it is waited for.
      if (row === undefined && !isFinal) return [];
      delimiter = delimiterOf(header, row) ?? refuseNarrowHeader(header, at + 2);
    }
    this.#preamble = lines.slice(0, at).filter((line) => !line.startsWith(REJECTION_MARK));
    this.#rows = new CsvRows(delimiter, at + 1);
    const rest = restFrom(this.#start, at);
    this.#start = '';
    return this.#readAll(this.#rows.push(rest));
  }

  #readAll(rows: readonly CsvRow[]): readonly ReaderReading[] {
    return rows.flatMap((row) => this.#read(row));
  }

  #read(row: CsvRow): readonly ReaderReading[] {
    const { cells, raw } = row;
    const [first] = cells;
    if (row.problem !== undefined) return this.#refuse(row, row.problem);
    // A blank line stands between tables, and after the last.
    if (first === undefined) return [];
    if (ANNOTATION.test(first) && this.#layout?.kind !== 'plain') {
      this.#annotate(first, cells.slice(1), raw);
      return [];
    }
    if (this.#layout === undefined || this.#above.length > 0 || this.#isOtherHeader(cells)) {
      this.#takeHeader(row);
      return [];
    }
    // Files that were put together, and loggers that begin again, have their header again.
    if (cells.length === this.#header.length && cells.every((cell, at) => cell === this.#header[at]))
      return [];
    return this.#readRow(row, this.#layout);
  }

  #readRow(row: CsvRow, layout: CsvLayout): readonly ReaderReading[] {
    const cells = row.cells.slice(0, layout.width);
    const isTooLong = row.cells.slice(layout.width).some((cell) => cell !== '');
    if (layout.width === 1 && isTooLong && layout.kind === 'plain')
      refuseNarrowHeader(this.#header[0] ?? '', row.line);
    if (cells.length < layout.width || isTooLong)
      return this.#refuse(row, `${row.cells.length} columns where the header has ${layout.width}`);
    const record = layout.record(cells);
    if (typeof record === 'string') return this.#refuse(row, record);
    const where = `line ${row.line}`;
    return this.#window.add({ ...record, raw: row.raw, head: this.#head, where });
  }

  #refuse({ line, raw }: CsvRow, reason: string): readonly ReaderReading[] {
    return this.#window.refuse(refused(raw, `line ${line}: ${reason}`, this.#head));
  }

  /** Whether a row begins another table, of those texts that have several. */
  #isOtherHeader(cells: readonly string[]): boolean {
    const kind = this.#layout?.kind;
    if (kind === 'shell') return isShellHeader(cells, this.#settings);
    return (kind === 'flux' || kind === 'error') && (isFluxHeader(cells) || isErrorHeader(cells));
  }

  #annotate(first: string, rest: readonly string[], raw: string): void {
    if (this.#above.length === 0) this.#annotations = new Map();
    this.#above.push(raw);
    const name = ANNOTATION.exec(first)?.[1] ?? '';
    const own = first.replace(ANNOTATION, '');
    if (name === 'timezone' || name === 'concat')
      throw new InputError('BAD_RECORDS', `the CSV has a line #${name}, which can't be read here`);
    if (name === 'constant') {
      const values = [...(own === '' ? [] : [own]), ...rest];
      this.#annotations.set(name, [...(this.#annotations.get(name) ?? []), values.join('\n')]);
    } else this.#annotations.set(name, [own, ...rest]);
  }

  #takeHeader({ cells, raw }: CsvRow): void {
    this.#layout = layoutOf(cells, this.#annotations, this.#settings, this.#mapper.notes);
    if (this.#layout.names !== undefined) this.#mapper.checkNames(this.#layout.names, 'column');
    this.#header = cells;
    this.#head = [...this.#preamble, ...this.#above, raw].join('\n');
    this.#above = [];
  }
}

/** @throws InputError as nothing below a line with one name can be read: it is a title, or has another delimiter */
function refuseNarrowHeader(header: string, line: number): never {
  throw new InputError(
    'BAD_RECORDS',
    wording`the CSV's header has one column (${shownValue(header)}), and line ${line} more: ${setting('skipLines')} N passes over lines before a header, ${setting('delimiter')} says what stands between columns`,
  );
}

function isPassedOver(line: string): boolean {
  return line.trim() === '' || line.startsWith(REJECTION_MARK);
}

/** The text from one of its lines on. */
function restFrom(text: string, line: number): string {
  const lineBreak = /\r\n|\n|\r/g;
  for (let at = 0; at < line; at++) lineBreak.exec(text);
  return line === 0 ? text : text.slice(lineBreak.lastIndex);
}
