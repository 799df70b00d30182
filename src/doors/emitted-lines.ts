import { messageOf } from '../errors.ts';
import type { NodeSink } from '../function/node.ts';
import { SOURCE_LINE } from '../line-protocol/scanner.ts';
import { formatField, formatLine } from '../line-protocol/writer.ts';
import { skipValue } from '../wire/envelope.ts';
import { PointReader } from '../wire/point-view.ts';
import { lengthEnd, readVarint64, varint64 } from '../wire/varint.ts';
import type { OutputBytes } from './output-bytes.ts';

const SPACE = 0x20;
const COMMA = 0x2c;
const EQUALS = 0x3d;

/**
 * Turns what a node emits back into lines: a point that came as a line leaves as that line, with the fields that were
 * added behind its own; one that was made anew is written anew.
 */
export class EmittedLines implements NodeSink {
  readonly #output: OutputBytes;
  readonly #complain: (problem: string) => void;
  readonly #view = new PointReader();
  readonly #addedView = new PointReader();

  /** @param complain is told of a point that no line can hold */
  constructor(output: OutputBytes, complain: (problem: string) => void) {
    this.#output = output;
    this.#complain = complain;
  }

  /** No function makes batches of a stream. */
  beginBatch(): void {}
  endBatch(): void {}

  point(bytes: Uint8Array, start: number, end: number): void {
    this.#view.read(bytes, start, end);
    try {
      if (!this.#writeSource(bytes, start, end)) {
        const point = this.#view.toPoint();
        this.#output.text(`${formatLine({ ...point, measurement: point.name })}\n`);
      }
    } catch (error) {
      this.#complain(messageOf(error));
    }
  }

  /** Writes the line that the point came as. @returns false if it came as none, or a field of its own was replaced */
  #writeSource(bytes: Uint8Array, start: number, end: number): boolean {
    let p = start;
    while (p < end) {
      p = readVarint64(bytes, p, end);
      const tag = varint64[0];
      p = skipValue(bytes, p, end, tag & 7);
      if (tag >>> 3 !== SOURCE_LINE) continue;
      const line = lengthEnd[0];
      const added = this.#added(bytes, line, p, end);
      if (added === undefined) return false;
      const output = this.#output;
      output.append(bytes, line, p);
      output.text(`${added} ${this.#view.time}\n`);
      return true;
    }
    return false;
  }

  /** The fields that were added to the point: they stand behind its line. @returns undefined if the line has one of them */
  #added(bytes: Uint8Array, line: number, lineEnd: number, end: number): string | undefined {
    if (lineEnd === end) return '';
    let text = '';
    this.#addedView.read(bytes, lineEnd, end);
    for (const [key, value] of this.#addedView.toPoint().fields) {
      if (mayHaveField(bytes, line, lineEnd, key)) return undefined;
      text += `,${formatField(key, value)}`;
    }
    return text;
  }
}

/** Whether a line may have a field of that name; if not, it has none for certain. */
function mayHaveField(bytes: Uint8Array, start: number, end: number, key: string): boolean {
  // With an escape it looks different in the line.
  if (/[\\,=" ]/.test(key)) return true;
  const name = Buffer.from(key);
  const line = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  for (let at = line.indexOf(name); at > 0; at = line.indexOf(name, at + 1)) {
    const before = line[at - 1];
    if ((before === COMMA || before <= SPACE) && line[at + name.length] === EQUALS) return true;
  }
  return false;
}
