import type { Writable } from 'node:stream';
import { messageOf } from '../../errors.ts';
import { GoneError, type Target } from './target.ts';

/** Writes line protocol to a stream. */
export class StreamTarget implements Target {
  readonly name = 'standard output';
  readonly lingerMs = 0;
  readonly #stream: Writable;
  #failure: Error | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('error', this.#onError);
  }

  write(lines: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(gone(this.#failure));
      this.#stream.write(`${lines.join('\n')}\n`, (error) => (error ? reject(gone(error)) : resolve()));
    });
  }

  close(): void {
    this.#stream.off('error', this.#onError);
  }

  /** A pipe that its reader has closed says so as an event as well, which without a listener would end the process. */
  readonly #onError = (error: Error): void => {
    this.#failure = error;
  };
}

function gone(error: unknown): GoneError {
  return new GoneError(`standard output can't be written to: ${messageOf(error)}`);
}
