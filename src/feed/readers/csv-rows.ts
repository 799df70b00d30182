import { MAX_RECORD_LENGTH, REJECTION_MARK } from '../reading.ts';

/** A row of CSV. */
export interface CsvRow {
  /** Without quotes and the blanks around them; none at all: a blank line. */
  readonly cells: readonly string[];
  /** The row as it stood, without its line break. */
  readonly raw: string;
  /** The number of its first line, from 1. */
  readonly line: number;
  /** What is wrong with it. */
  readonly problem: string | undefined;
}

const QUOTE = '"';

/**
 * Takes CSV apart into rows, in pieces cut anywhere: lines end with LF, CRLF or CR, a file may have all of them. A quote
 * within a cell is text, and one that is never closed costs the line that it stands in, not all that follow: what
 * spreadsheets, loggers and people write is not always what RFC 4180 has.
 */
export class CsvRows {
  readonly #delimiter: string;
  #text = '';
  #line: number;
  /** Where the text is known to have no end of the quoted cell that is open in its first row. */
  #openUntil = 0;

  /** @param delimiter one character @param line the number of the first line */
  constructor(delimiter: string, line: number) {
    this.#delimiter = delimiter;
    this.#line = line;
  }

  push(text: string): CsvRow[] {
    this.#text += text;
    // Within a quoted cell only a quote can bring news.
    if (this.#openUntil > 0 && !text.includes(QUOTE) && this.#text.length <= MAX_RECORD_LENGTH) return [];
    return this.#take(false);
  }

  end(): CsvRow[] {
    return this.#take(true);
  }

  #take(isFinal: boolean): CsvRow[] {
    const rows: CsvRow[] = [];
    let start = 0;
    this.#openUntil = 0;
    while (start < this.#text.length) {
      const scan = this.#scan(start, isFinal);
      if (scan === undefined) break;
      const raw = this.#text.slice(start, scan.end);
      if (!raw.startsWith(REJECTION_MARK))
        rows.push({ cells: scan.cells, raw, line: this.#line, problem: scan.problem });
      this.#line += countLines(raw) + 1;
      start = scan.next;
    }
    this.#text = this.#text.slice(start);
    return rows;
  }

  /** The row that begins here; undefined if it may go on in the next piece. */
  #scan(
    start: number,
    isFinal: boolean,
  ): { cells: string[]; end: number; next: number; problem?: string } | undefined {
    const text = this.#text;
    const cells: string[] = [];
    let at = start;
    for (;;) {
      const cell = this.#cell(at, start);
      if (cell === undefined) {
        if (!isFinal && text.length - start <= MAX_RECORD_LENGTH) {
          this.#openUntil = text.length;
          return undefined;
        }
        return { ...this.#lineAt(start), cells: [], problem: 'a quote in it is not closed' };
      }
      cells.push(cell.value);
      at = cell.end;
      if (text.charAt(at) === this.#delimiter) {
        at++;
        continue;
      }
      const next = lineBreakEnd(text, at);
      // What ends with the text may go on; and a CR may be half a line break.
      if (!isFinal && (at === text.length || (text.charAt(at) === '\r' && at + 1 === text.length))) {
        if (text.length - start <= MAX_RECORD_LENGTH) return undefined;
        return { cells: [], end: at, next, problem: `a line is longer than ${MAX_RECORD_LENGTH} characters` };
      }
      const isBlank = cells.length === 1 && cells[0] === '' && text.slice(start, at).trim() === '';
      return { cells: isBlank ? [] : cells, end: at, next };
    }
  }

  /** The cell that begins here, and where it ends; undefined if a quote in it is open. */
  #cell(start: number, rowStart: number): { value: string; end: number } | undefined {
    const text = this.#text;
    let at = start;
    while (this.#isBlank(text.charAt(at))) at++;
    // A line that tells why the next was refused has no cells.
    if (start === rowStart && text.startsWith(REJECTION_MARK, start)) {
      const { end } = this.#lineAt(start);
      return { value: text.slice(start, end), end };
    }
    if (text.charAt(at) === QUOTE) {
      const close = this.#closingQuote(at);
      if (close === undefined) return undefined;
      let end = close + 1;
      while (this.#isBlank(text.charAt(end))) end++;
      if (end === text.length || text.charAt(end) === this.#delimiter || isLineBreak(text.charAt(end)))
        return { value: text.slice(at + 1, close).replaceAll('""', QUOTE), end };
    }
    let end = at;
    while (end < text.length && text.charAt(end) !== this.#delimiter && !isLineBreak(text.charAt(end))) end++;
    return { value: text.slice(at, end).trimEnd(), end };
  }

  #closingQuote(start: number): number | undefined {
    const text = this.#text;
    let at = start + 1;
    for (;;) {
      at = text.indexOf(QUOTE, at);
      if (at < 0) return undefined;
      if (text.charAt(at + 1) !== QUOTE) return at;
      at += 2;
    }
  }

  #lineAt(start: number): { end: number; next: number } {
    let end = start;
    while (end < this.#text.length && !isLineBreak(this.#text.charAt(end))) end++;
    return { end, next: lineBreakEnd(this.#text, end) };
  }

  #isBlank(character: string): boolean {
    return (
      (character === ' ' || character === '\t' || character === '\u00a0') && character !== this.#delimiter
    );
  }
}

function isLineBreak(character: string): boolean {
  return character === '\n' || character === '\r';
}

/** Where what begins with a line break goes on behind it. */
function lineBreakEnd(text: string, at: number): number {
  if (text.charAt(at) === '\r' && text.charAt(at + 1) === '\n') return at + 2;
  return Math.min(at + 1, text.length);
}

function countLines(text: string): number {
  return text.match(/\r\n|\n|\r/g)?.length ?? 0;
}
