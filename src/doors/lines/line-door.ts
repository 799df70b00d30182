import type { Readable, Writable } from 'node:stream';
import { codeOf, messageOf, OperationError } from '../../errors.ts';
import { Ticker } from '../../function/ticker.ts';
import type { StateFile } from '../state-file.ts';
import type { LineFilter } from './line-filter.ts';

export interface LineDoorOptions {
  readonly input: Readable;
  readonly output: Writable;
  readonly clockMs: () => number;
  /** Where the node's state is kept; undefined: nowhere. */
  readonly state: StateFile | undefined;
  readonly saveEveryMs: number;
}

/**
 * Runs a filter between two streams: what is read is answered at once, nothing is read while what was emitted cannot go
 * out, and the state is saved each time once everything that it covers has gone out.
 */
export class LineDoor {
  readonly #filter: LineFilter;
  readonly #options: LineDoorOptions;
  readonly #ticker: Ticker;
  #saving: Promise<void> | undefined;
  #isBlocked = false;
  /** Whether nobody reads the output any more. */
  #isBroken = false;
  #failure: Error | undefined;
  #finish: () => void = () => {};

  constructor(filter: LineFilter, options: LineDoorOptions) {
    this.#filter = filter;
    this.#options = options;
    this.#ticker = new Ticker(options.clockMs, this.#onTick);
  }

  /**
   * Resolves at the end of the input, once the output is written and the state saved; also where nobody reads the output
   * any more.
   * @throws OperationError if the input or output fails, or the function
   */
  async run(): Promise<void> {
    const { input, output, saveEveryMs, state } = this.#options;
    this.#restore();
    const saves = state === undefined ? undefined : setInterval(() => void this.#save(), saveEveryMs);
    this.#ticker.start();
    try {
      await new Promise<void>((resolve) => {
        this.#finish = resolve;
        output.on('drain', this.#onDrain);
        output.on('error', this.#onOutputError);
        input.on('error', this.#onInputError);
        input.on('end', this.#onEnd);
        input.on('close', resolve);
        input.on('data', this.#onData);
      });
    } finally {
      clearInterval(saves);
      this.#ticker.stop();
      input.off('data', this.#onData);
      input.destroy();
    }
    await this.#saving;
    await this.#save();
    await this.#written();
    output.off('drain', this.#onDrain);
    output.off('error', this.#onOutputError);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Ends as at the end of the input, except that a line without its end is no line. */
  stop(): void {
    this.#finish();
  }

  /** Ends at once: what has not gone out is lost, and the state stays that of the last time. */
  abort(): void {
    this.#isBroken = true;
    this.#options.output.destroy();
    this.#finish();
  }

  readonly #onData = (chunk: Uint8Array): void => {
    this.#ticker.noteRead();
    this.#do(() => this.#filter.push(chunk));
  };

  readonly #onEnd = (): void => {
    this.#do(() => this.#filter.end());
    this.#finish();
  };

  readonly #onTick = (): void => {
    if (!this.#isBlocked) this.#do(() => this.#filter.tick(this.#options.clockMs()));
  };

  readonly #onDrain = (): void => {
    this.#isBlocked = false;
    this.#options.input.resume();
  };

  readonly #onInputError = (error: Error): void => {
    this.#fail(new OperationError(`the input cannot be read: ${messageOf(error)}`));
  };

  readonly #onOutputError = (error: Error): void => {
    this.#isBroken = true;
    if (codeOf(error) === 'EPIPE') this.#finish();
    else this.#fail(new OperationError(`the output cannot be written: ${messageOf(error)}`));
  };

  /** What was emitted before a failure still goes out. */
  #do(work: () => void): void {
    if (this.#failure !== undefined || this.#isBroken) return;
    try {
      work();
    } catch (error) {
      this.#fail(
        new OperationError(`the function failed, near line ${this.#filter.lines}: ${messageOf(error)}`, {
          cause: error,
        }),
      );
    }
    this.#write();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#finish();
  }

  #write(): void {
    const lines = this.#filter.takeOutput();
    if (lines.length === 0 || this.#isBroken || this.#options.output.write(lines)) return;
    this.#isBlocked = true;
    this.#options.input.pause();
  }

  #restore(): void {
    const snapshot = this.#options.state?.read();
    if (snapshot === undefined || snapshot.length === 0) return;
    // Nothing else waits for this process: all steps are done at once.
    for (const _ of this.#filter.node.restore(snapshot));
  }

  /** Saves the state as it is now, once what it has told has been written. */
  #save(): Promise<void> {
    this.#saving ??= this.#saveNow().finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  async #saveNow(): Promise<void> {
    const { state } = this.#options;
    if (state === undefined || this.#failure !== undefined || this.#isBroken) return;
    const { lines, node } = this.#filter;
    const pieces = [...node.snapshot()];
    await this.#written();
    if (!this.#isBroken) await state.write(pieces, lines);
  }

  /** Resolves when everything that was given to the output has gone out, or never will. */
  #written(): Promise<void> {
    const { output } = this.#options;
    if (this.#isBroken || output.writableLength === 0) return Promise.resolve();
    return new Promise((resolve) => {
      // Called back when all before it has been written as well, or has failed to be.
      output.write('', () => resolve());
    });
  }
}
