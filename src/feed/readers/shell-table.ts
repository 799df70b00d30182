import { REJECTION_MARK, type Reader, type ReaderReading, refused } from '../reading.ts';
import { shellTags } from './csv-layouts.ts';
import type { Cell, RecordMapper } from './record-mapper.ts';
import { RecordWindow } from './record-window.ts';

/** What the influx shell prints besides: its greeting, prompts, and what was typed. */
const TALK =
  /^\s*(?:>.*|Connected to .*|InfluxDB shell .*|Using database .*|Visit .*|Enter an InfluxQL query)?\s*$/;

interface Column {
  readonly name: string;
  /** In characters. */
  readonly start: number;
}

/**
 * Reads tables as the influx shell prints them:
 *
 *     name: adsl_connection
 *     tags: host=router1
 *     time                value
 *     ----                -----
 *     1514979051065000000 SHOWTIME
 */
export class ShellTableReader implements Reader {
  readonly #window: RecordWindow;
  #pending = '';
  #line = 0;
  #measurement: string | undefined;
  #tags: ReadonlyMap<string, string> = new Map();
  /** The lines above the rows, as far as they have come. */
  #head: string[] = [];
  #headText = '';
  #names = '';
  #columns: readonly Column[] | undefined;

  constructor(mapper: RecordMapper) {
    this.#window = new RecordWindow(mapper);
  }

  push(text: string): readonly ReaderReading[] {
    const lines = (this.#pending + text).split('\n');
    this.#pending = lines.pop() ?? '';
    return lines.flatMap((line) => this.#read(line));
  }

  settle(): readonly ReaderReading[] {
    return this.#window.settle();
  }

  end(): readonly ReaderReading[] {
    const readings = this.#pending === '' ? [] : this.#read(this.#pending);
    return [...readings, ...this.#window.settle()];
  }

  #read(whole: string): readonly ReaderReading[] {
    this.#line++;
    const line = whole.replace(/\r$/, '');
    if (line.startsWith(REJECTION_MARK)) return [];
    const measurement = /^name: (.*)$/.exec(line)?.[1];
    if (measurement !== undefined) {
      this.#measurement = measurement;
      this.#tags = new Map();
      this.#head = [line];
      this.#names = '';
      this.#columns = undefined;
      return [];
    }
    if (this.#measurement === undefined || line.trim() === '')
      return TALK.test(line)
        ? []
        : this.#window.refuse(refused(line, `line ${this.#line}: it belongs to no table`));
    if (this.#columns === undefined) return this.#readHead(line);
    return TALK.test(line) ? [] : this.#readRow(line, this.#columns);
  }

  #readHead(line: string): readonly ReaderReading[] {
    this.#head.push(line);
    if (line.startsWith('tags: ') && this.#names === '') this.#tags = shellTags(line.slice('tags: '.length));
    else if (/^-+(?: +-+)*\s*$/.test(line) && this.#names !== '') {
      const starts = [...line.matchAll(/-+/g)].map(({ index }) => index);
      const names = [...this.#names];
      this.#columns = starts.map((start, at) => ({
        start,
        name: names
          .slice(start, starts[at + 1])
          .join('')
          .trim(),
      }));
      this.#headText = this.#head.join('\n');
    } else if (this.#names === '') this.#names = line;
    else
      return this.#window.refuse(
        refused(line, `line ${this.#line}: expected the line of dashes that stands below the names`),
      );
    return [];
  }

  #readRow(line: string, columns: readonly Column[]): readonly ReaderReading[] {
    const where = `line ${this.#line}`;
    const characters = [...line];
    const cells = new Map<string, Cell>();
    for (const [tag, value] of this.#tags) cells.set(tag, { kind: 'tag', text: value });
    for (const [at, { name, start }] of columns.entries()) {
      if (at > 0 && start < characters.length && characters[start - 1] !== ' ')
        return this.#window.refuse(
          refused(line, `${where}: it does not stand below the names`, this.#headText),
        );
      const text = characters
        .slice(start, columns[at + 1]?.start)
        .join('')
        .trim();
      cells.set(name, { kind: 'text', text });
    }
    const measurement = this.#measurement;
    return this.#window.add({ cells, raw: line, head: this.#headText, where, measurement, timeName: 'time' });
  }
}
