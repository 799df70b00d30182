import { CsvError, type InfoRecord, type Parser, parse } from 'csv-parse';
import { InputError, messageOf } from '../../errors.ts';
import { MAX_RECORD_LENGTH, type Reader, type Reading, refused } from '../reading.ts';
import type { Cell, RecordMapper } from './record-mapper.ts';

/** Reads CSV with a header. A row that does not fit it is refused by itself. */
export class CsvReader implements Reader {
  readonly #mapper: RecordMapper;
  readonly #parser: Parser;
  #header: readonly string[] | undefined;
  #readings: Reading[] = [];

  /** @param delimiter what stands between two columns */
  constructor(mapper: RecordMapper, delimiter: string) {
    this.#mapper = mapper;
    this.#parser = parse({
      delimiter,
      bom: true,
      raw: true,
      relax_column_count: true,
      // A stray quote is part of its text; refused, it would take the rows after it along, up to the next quote.
      relax_quotes: true,
      skip_empty_lines: true,
      max_record_size: MAX_RECORD_LENGTH,
      on_record: (row: unknown, info) => this.#takeRow(row, info),
    });
    // Errors come back from write() and end(); an error event without a listener would end the process.
    this.#parser.on('error', () => {});
  }

  push(text: string): Promise<readonly Reading[]> {
    return this.#settle((done) => this.#parser.write(text, done));
  }

  async end(): Promise<readonly Reading[]> {
    const readings = await this.#settle((done) => this.#parser.end(done));
    this.#parser.destroy();
    return readings;
  }

  async #settle(act: (done: (error?: Error | null) => void) => void): Promise<readonly Reading[]> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    act((error) => (error ? reject(error) : resolve()));
    try {
      await promise;
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      // What the library says of rows that are too long tells nobody what to look for.
      const reason =
        error.code === 'CSV_MAX_RECORD_SIZE'
          ? `a row before line ${error.lines} is longer than ${MAX_RECORD_LENGTH} characters; is a quote not closed?`
          : messageOf(error);
      throw new InputError('BAD_RECORDS', `the CSV can't be read on: ${reason}`);
    }
    return this.#taken();
  }

  #taken(): readonly Reading[] {
    const taken = this.#readings;
    this.#readings = [];
    return taken;
  }

  /** The library's types say that a row is its texts; with `raw` it is an object that holds them. */
  #takeRow(row: unknown, info: InfoRecord): undefined {
    if (typeof row !== 'object' || row === null || !('record' in row) || !Array.isArray(row.record)) return;
    const texts = row.record.map(String);
    if (this.#header === undefined) this.#takeHeader(texts);
    else this.#readings.push(this.#read(this.#header, texts, (info.raw ?? '').trimEnd(), info.lines));
  }

  #takeHeader(names: readonly string[]): void {
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined)
      throw new InputError('BAD_RECORDS', `the CSV's header has two columns called '${twice}'`);
    this.#mapper.checkNames(names, 'column');
    this.#header = names;
  }

  #read(header: readonly string[], texts: readonly string[], raw: string, line: number): Reading {
    if (texts.length !== header.length)
      return refused(raw, `line ${line}: ${texts.length} columns where the header has ${header.length}`);
    const record = new Map<string, Cell>();
    for (const [at, name] of header.entries()) record.set(name, { kind: 'text', text: texts[at] ?? '' });
    const reading = this.#mapper.read(record, raw);
    return reading.kind === 'refused' ? refused(raw, `line ${line}: ${reading.reason}`) : reading;
  }
}
