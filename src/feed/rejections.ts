import { closeSync, openSync, writeSync } from 'node:fs';
import { messageOf, OperationError } from '../errors.ts';
import { setting, wording } from '../wording.ts';

/** Where what was refused goes, each with its reason: a file that can be mended and fed again, or a report. */
export class Rejections {
  #file: number | undefined;
  readonly #report: (message: string) => void;

  /**
   * @param path undefined: everything is reported instead
   * @throws OperationError if the file can't be opened
   */
  constructor(path: string | undefined, report: (message: string) => void) {
    this.#report = report;
    if (path === undefined) return;
    try {
      this.#file = openSync(path, 'a');
    } catch (error) {
      throw new OperationError(wording`${setting('rejected')} ${path} can't be opened: ${messageOf(error)}`);
    }
  }

  /** @param isLine whether the record is line protocol, which the file then holds as it is, the reason above it */
  add(record: string, reason: string, isLine: boolean): void {
    if (this.#file !== undefined) {
      try {
        writeSync(this.#file, `${comment(reason)}${isLine ? `${record}\n` : comment(record)}`);
        return;
      } catch (error) {
        const problem = wording`${setting('rejected')} can't be written to, what is rejected follows here: ${messageOf(error)}`;
        this.#report(String(problem));
        this.close();
      }
    }
    this.#report(`rejected: ${reason}: ${record}`);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

function comment(text: string): string {
  return `# ${text.replaceAll('\n', '\n# ')}\n`;
}
