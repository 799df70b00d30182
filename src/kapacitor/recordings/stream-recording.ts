import { isUtf8 } from 'node:buffer';
import { InputError } from '../../errors.ts';
import { LineParser, type LinePoint } from '../../line-protocol/parser.ts';

/** A point of a stream, and where it was written to; both empty if the file doesn't say. */
export interface StreamRecord {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly point: LinePoint;
}

/**
 * How a file lays out its points: `lines` is line protocol, `triples` Kapacitor's own recordings, where a line with
 * the database and one with the retention policy come before each point.
 */
export type StreamLayout = 'lines' | 'triples';

/** Longer than any real line; a file that never ends its line, or its string, is refused here instead of kept. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;
const LF = 0x0a;
const QUOTE = 0x22;

/**
 * Reads points as they come, those of a chunk at a time.
 * @param layout what the file is known to be; undefined to tell by its first lines
 * @throws InputError with file and line at the first thing that is wrong
 */
export async function* readStreamRecords(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  layout: StreamLayout | undefined,
): AsyncGenerator<StreamRecord[]> {
  const text = new LineText(file);
  let known = layout;
  for await (const chunk of chunks) {
    if (!text.push(chunk)) continue;
    known ??= text.layout(false);
    if (known !== undefined) yield text.take(known, false);
  }
  text.end();
  yield text.take(known ?? text.layout(true) ?? 'lines', true);
}

/** Text from chunks of bytes, whole lines at a time, and how far it has been read. */
class LineText {
  readonly #file: string;
  /** Bytes of a line whose end has not come. */
  #part: Uint8Array[] = [];
  #partBytes = 0;
  #text = '';
  /** The number of the text's first line. */
  #line = 1;
  #atStart = true;
  /** The text ends in a string, so that looking again is of no use before the next quote. */
  #stringIsOpen = false;

  constructor(file: string) {
    this.#file = file;
  }

  /** @returns whether there is more to read than before */
  push(chunk: Uint8Array): boolean {
    const end = chunk.lastIndexOf(LF) + 1;
    if (end > 0) {
      this.#append([...this.#part, chunk.subarray(0, end)]);
      this.#part = [];
      this.#partBytes = 0;
    }
    if (end < chunk.length) {
      this.#part.push(chunk.subarray(end));
      this.#partBytes += chunk.length - end;
    }
    if (this.#text.length + this.#partBytes > MAX_LINE_BYTES && (end === 0 || this.#stringIsOpen))
      this.#refuseLength();
    return end > 0 && (!this.#stringIsOpen || chunk.includes(QUOTE));
  }

  end(): void {
    this.#append(this.#part);
    this.#part = [];
  }

  /** What the first lines look like; undefined if there are not enough of them yet. */
  layout(isFinal: boolean): StreamLayout | undefined {
    const lines = this.#text.split('\n', 4);
    const [database = '', retentionPolicy = '', point = ''] = lines;
    if (lines.length > 1 && /^\s*$|[=#]/.test(database)) return 'lines';
    if (lines.length < 4 && !isFinal) return undefined;
    return point.includes('=') && !retentionPolicy.includes('=') ? 'triples' : 'lines';
  }

  /** Every record that is complete. */
  take(layout: StreamLayout, isFinal: boolean): StreamRecord[] {
    const scanner = new LineParser(this.#text, { file: this.#file, line: this.#line }, isFinal);
    const records: StreamRecord[] = [];
    let start = 0;
    for (;;) {
      const record = layout === 'lines' ? nextLine(scanner) : this.#nextTriple(scanner, isFinal);
      if (record === undefined) break;
      records.push(record);
      start = scanner.position;
    }
    if (layout === 'lines') start = scanner.position;
    this.#line += countLineFeeds(this.#text, start);
    this.#text = this.#text.slice(start);
    this.#stringIsOpen = this.#text !== '';
    return records;
  }

  #nextTriple(scanner: LineParser, isFinal: boolean): StreamRecord | undefined {
    const start = scanner.position;
    const database = scanner.line();
    const retentionPolicy = scanner.line();
    const point = retentionPolicy === undefined ? undefined : scanner.next();
    if (database !== undefined && retentionPolicy !== undefined && point !== undefined)
      return { database, retentionPolicy, point };
    if (isFinal && this.#text.slice(start).trim() !== '') {
      const line = this.#line + countLineFeeds(this.#text, start);
      throw new InputError(
        'BAD_RECORDING',
        `${this.#file}:${line}: the recording ends inside its last record ` +
          '(a line each for database, retention policy and point); it was cut off',
      );
    }
    return undefined;
  }

  #append(parts: readonly Uint8Array[]): void {
    const bytes = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    if (!isUtf8(bytes)) this.#refuseEncoding(bytes);
    let text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    if (this.#atStart && text.startsWith('\ufeff')) text = text.slice(1);
    if (text !== '') this.#atStart = false;
    this.#text += text;
  }

  #refuseEncoding(bytes: Uint8Array): never {
    let line = this.#line + countLineFeeds(this.#text, this.#text.length);
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(LF, start);
      if (end < 0 || !isUtf8(bytes.subarray(start, end))) break;
      start = end + 1;
      line++;
    }
    throw new InputError(
      'NOT_UTF8',
      `${this.#file}:${line}: this line is not UTF-8, so Kapacitor 1.8 could not hand it to a UDF; convert the file, for example with iconv`,
    );
  }

  #refuseLength(): never {
    throw new InputError(
      'BAD_RECORDING',
      `${this.#file}:${this.#line}: a line or string that begins here does not end within ${MAX_LINE_BYTES} bytes; ` +
        'this is no line protocol, or a closing " is missing',
    );
  }
}

function nextLine(scanner: LineParser): StreamRecord | undefined {
  const point = scanner.next();
  return point && { database: '', retentionPolicy: '', point };
}

function countLineFeeds(text: string, end: number): number {
  let count = 0;
  for (let pos = text.indexOf('\n'); pos >= 0 && pos < end; pos = text.indexOf('\n', pos + 1)) count++;
  return count;
}
