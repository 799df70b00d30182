import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { messageOf, OperationError } from '../errors.ts';
import { setting, wording } from '../wording.ts';
import { REJECTION_MARK } from './reading.ts';

/** So many are reported one by one; a file with a wrong delimiter has millions. */
const MAX_REPORTED = 100;
/** How much of a record a report shows. */
const MAX_SHOWN_LENGTH = 400;
const BYTE_ORDER_MARK = '\uFEFF';

export interface RejectionOptions {
  /** The file to be appended to; undefined: everything is reported instead. */
  readonly file: string | undefined;
  /** Whether the file is to begin with a mark that says that it is UTF-8, as its readers would take it for another encoding. */
  readonly isMarked: boolean;
  readonly report: (message: string) => void;
}

/**
 * Where what was refused goes, each with its reason: a report, or a file that can be mended and fed again. The file is of
 * the input's own format: what must stand before its records once, and the reasons in lines that every reader passes over.
 */
export class Rejections {
  readonly #options: RejectionOptions;
  #file: number | undefined;
  /** What the records at the file's end stand below; undefined: nothing was written yet. */
  #head: string | undefined;
  #reported = 0;

  /** @throws OperationError if the file can't be opened */
  constructor(options: RejectionOptions) {
    this.#options = options;
    const { file } = options;
    if (file === undefined) return;
    try {
      this.#file = openSync(file, 'a+');
    } catch (error) {
      throw new OperationError(wording`${setting('rejected')} ${file} can't be opened: ${messageOf(error)}`);
    }
  }

  /** @param head what must stand before the record for a reader to understand it */
  add(record: string, reason: string, head: string): void {
    if (this.#file !== undefined) {
      try {
        if (this.#takesRecordsBelow(this.#file, head)) {
          writeSync(this.#file, `${REJECTION_MARK}${oneLine(reason)}\n${record}\n`);
          return;
        }
        this.#giveUp(
          wording`${setting('rejected')} ${this.#options.file} holds records of another kind`.toString(),
        );
      } catch (error) {
        this.#giveUp(wording`${setting('rejected')} can't be written to: ${messageOf(error)}`.toString());
      }
    }
    this.#report(record, reason);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    if (this.#reported > MAX_REPORTED)
      this.#options.report(
        `rejected: ${this.#reported - MAX_REPORTED} more; ${wording`${setting('rejected')} FILE keeps them all`}`,
      );
    this.#reported = 0;
  }

  /** Writes what must stand before a record, unless it stands there already; false: the file holds other records. */
  #takesRecordsBelow(file: number, head: string): boolean {
    if (head === this.#head) return true;
    const text = head === '' ? '' : `${head}\n`;
    if (this.#head === undefined && fstatSync(file).size > 0) {
      const start = Buffer.alloc(BYTE_ORDER_MARK.length * 3 + Buffer.byteLength(text));
      const length = readSync(file, start, 0, start.length, 0);
      const existing = start.toString('utf8', 0, length).replace(BYTE_ORDER_MARK, '');
      if (!existing.startsWith(text)) return false;
    } else
      writeSync(file, (this.#head === undefined && this.#options.isMarked ? BYTE_ORDER_MARK : '') + text);
    this.#head = head;
    return true;
  }

  #giveUp(why: string): void {
    this.#options.report(`${why}; what is rejected follows here`);
    this.close();
  }

  #report(record: string, reason: string): void {
    this.#reported++;
    if (this.#reported > MAX_REPORTED) return;
    const shown = record.length > MAX_SHOWN_LENGTH ? `${record.slice(0, MAX_SHOWN_LENGTH)}…` : record;
    this.#options.report(`rejected: ${oneLine(reason)}: ${shown}`);
  }
}

function oneLine(text: string): string {
  return text.replace(/\s*[\n\r]\s*/g, ' ');
}
