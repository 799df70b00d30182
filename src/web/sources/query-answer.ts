import type { CellValue } from './state-source.ts';

/** One row of a series that InfluxDB answers with; the first cell is its time. */
export interface AnswerRow {
  readonly series: AnswerSeries;
  readonly timeNs: bigint;
  readonly cells: readonly (CellValue | null)[];
}

export interface AnswerSeries {
  name: string;
  readonly tags: Map<string, string>;
  readonly columns: string[];
}

/** InfluxDB's own words for what is wrong with a query. */
export class QueryRefused extends Error {
  override readonly name = 'QueryRefused';
}

/** What is not JSON, or not as InfluxDB answers. */
export class StrangeAnswer extends Error {
  override readonly name = 'StrangeAnswer';
}

interface Frame {
  readonly isObject: boolean;
  /** The key under which it stands. */
  readonly under: string;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE = 0x5d;

/** Marks what is not whole yet. */
const INCOMPLETE = -1;

const SPACE = /[ \t\r\n]*/y;
const SCALAR = /-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null/y;
const INTEGER = /^-?\d+$/;

/**
 * Reads what `/query` answers in pieces cut anywhere, so that an answer of any length needs no room:
 *
 *     {"results":[{"statement_id":0,"series":[{"name":N,"tags":{…},"columns":[…],"values":[[TIME,CELL,…],…]}]}]}
 *
 * once, or once a chunk. Unlike `JSON.parse` it keeps all digits of times and integers.
 */
export class QueryAnswer {
  #text = '';
  #pos = 0;
  readonly #frames: Frame[] = [];
  /** The key that the next value stands under. */
  #key = '';
  #wantsKey = false;
  #isInRows = false;
  #series: AnswerSeries = { name: '', tags: new Map(), columns: [] };

  /**
   * Takes the next piece.
   * @returns the rows that have become whole with it
   * @throws QueryRefused, StrangeAnswer
   */
  push(text: string): AnswerRow[] {
    this.#text = this.#text.slice(this.#pos) + text;
    this.#pos = 0;
    const rows: AnswerRow[] = [];
    while (this.#isInRows ? this.#row(rows) : this.#token()) {
      // On to the next.
    }
    return rows;
  }

  /** @throws StrangeAnswer if the answer was not whole */
  end(): void {
    if (this.#frames.length > 0 || this.#isInRows || this.#text.slice(this.#pos).trim() !== '')
      throw new StrangeAnswer('the answer broke off');
  }

  /** @returns false if more text is needed */
  #token(): boolean {
    SPACE.lastIndex = this.#pos;
    SPACE.exec(this.#text);
    const start = Math.max(this.#pos, SPACE.lastIndex);
    this.#pos = start;
    switch (this.#text[start]) {
      case undefined:
        return false;
      case '{':
        this.#open(true);
        return true;
      case '[':
        if (this.#key === 'values' && this.#under() === 'series') this.#isInRows = true;
        else this.#open(false);
        this.#pos = start + 1;
        return true;
      case '}':
      case ']':
        this.#close();
        return true;
      case ',':
        this.#wantsKey = this.#frames.at(-1)?.isObject === true;
        this.#pos++;
        return true;
      case ':':
        this.#wantsKey = false;
        this.#pos++;
        return true;
      case '"':
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #open(isObject: boolean): void {
    if (isObject && this.#key === '' && this.#under() === 'series')
      this.#series = { name: '', tags: new Map(), columns: [] };
    this.#frames.push({ isObject, under: isObject && this.#key === '' ? this.#under() : this.#key });
    this.#key = '';
    this.#wantsKey = isObject;
    this.#pos++;
  }

  #close(): void {
    this.#frames.pop();
    this.#key = '';
    this.#wantsKey = false;
    this.#pos++;
  }

  #under(): string {
    return this.#frames.at(-1)?.under ?? '';
  }

  #string(): boolean {
    const end = stringEnd(this.#text, this.#pos);
    if (end === INCOMPLETE) return false;
    const value = stringOf(this.#text, this.#pos, end);
    this.#pos = end;
    if (this.#wantsKey) {
      this.#key = value;
      return true;
    }
    const under = this.#under();
    if (under === 'columns') this.#series.columns.push(value);
    else if (under === 'tags') this.#series.tags.set(this.#key, value);
    else if (this.#key === 'name' && under === 'series') this.#series.name = value;
    else if (this.#key === 'error') throw new QueryRefused(value);
    this.#key = '';
    return true;
  }

  #scalar(): boolean {
    SCALAR.lastIndex = this.#pos;
    const [found] = SCALAR.exec(this.#text) ?? [];
    if (found === undefined) {
      // A word that the end of the piece may have cut.
      if (this.#text.length - this.#pos < 5) return false;
      throw new StrangeAnswer('it is not the JSON of InfluxDB');
    }
    const end = this.#pos + found.length;
    if (end === this.#text.length) return false;
    this.#pos = end;
    this.#key = '';
    return true;
  }

  /** @returns false if more text is needed */
  #row(rows: AnswerRow[]): boolean {
    const text = this.#text;
    let pos = this.#pos;
    let code = text.charCodeAt(pos);
    while (code === COMMA || code === 0x0a || code === 0x20) code = text.charCodeAt(++pos);
    if (code === CLOSE) {
      this.#pos = pos + 1;
      this.#isInRows = false;
      this.#key = '';
      return true;
    }
    if (code !== OPEN) {
      if (pos < text.length) throw new StrangeAnswer('its rows are no lists');
      return false;
    }
    pos++;
    const timeEnd = scalarEnd(text, pos);
    if (timeEnd === INCOMPLETE) return false;
    const time = text.slice(pos, timeEnd);
    if (!INTEGER.test(time)) throw new StrangeAnswer('its rows have no times');
    const cells: (CellValue | null)[] = [];
    pos = timeEnd;
    while (text.charCodeAt(pos) === COMMA) {
      pos++;
      const isString = text.charCodeAt(pos) === QUOTE;
      const end = isString ? stringEnd(text, pos) : scalarEnd(text, pos);
      if (end === INCOMPLETE) return false;
      cells.push(isString ? stringOf(text, pos, end) : scalarOf(text.slice(pos, end)));
      pos = end;
    }
    if (pos >= text.length) return false;
    if (text.charCodeAt(pos) !== CLOSE) throw new StrangeAnswer('its rows are not lists of values');
    this.#pos = pos + 1;
    rows.push({ series: this.#series, timeNs: BigInt(time), cells });
    return true;
  }
}

/** Where the string ends that starts here, behind its quote. */
function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end + 1;
  }
  return INCOMPLETE;
}

function stringOf(text: string, start: number, end: number): string {
  const inner = text.slice(start + 1, end - 1);
  if (!inner.includes('\\')) return inner;
  const value: unknown = JSON.parse(text.slice(start, end));
  return String(value);
}

/** Where a number or word ends: at a comma or bracket. */
function scalarEnd(text: string, start: number): number {
  for (let end = start; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === COMMA || code === CLOSE) return end;
  }
  return INCOMPLETE;
}

function scalarOf(text: string): CellValue | null {
  switch (text) {
    case 'null':
      return null;
    case 'true':
      return true;
    case 'false':
      return false;
    default: {
      const value = Number(text);
      if (Number.isNaN(value)) throw new StrangeAnswer('one of its values is none');
      return INTEGER.test(text) && !Number.isSafeInteger(value) ? BigInt(text) : value;
    }
  }
}
