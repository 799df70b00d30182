import { PassThrough, Readable } from 'node:stream';
import type { Io } from '../../src/cli/io.ts';

/** What a command is run with in a test: input given, output kept, signals sent by hand. */
export class CapturedIo implements Io {
  readonly stdin: Readable;
  readonly stdout = new PassThrough();
  readonly stderr: PassThrough & { isTTY?: boolean } = new PassThrough();
  #out = '';
  #err = '';
  #listener: ((signal: NodeJS.Signals) => void) | undefined;
  readonly #waiting: { text: string; resolve: () => void }[] = [];

  constructor(input: string | Buffer | Readable = '') {
    this.stdin =
      input instanceof Readable ? input : Readable.from([Buffer.from(input)], { objectMode: false });
    this.stdout.on('data', (chunk: Buffer) => {
      this.#out += chunk.toString('utf8');
      this.#settle();
    });
    this.stderr.on('data', (chunk: Buffer) => {
      this.#err += chunk.toString('utf8');
      this.#settle();
    });
  }

  get out(): string {
    return this.#out;
  }

  get err(): string {
    return this.#err;
  }

  onSignal(listener: (signal: NodeJS.Signals) => void): () => void {
    this.#listener = listener;
    return () => {
      this.#listener = undefined;
    };
  }

  signal(signal: NodeJS.Signals): void {
    this.#listener?.(signal);
  }

  /** Waits until a text stands in either output. */
  async said(text: string): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push({ text, resolve });
      this.#settle();
    });
  }

  #settle(): void {
    for (const { text, resolve } of this.#waiting)
      if (this.#out.includes(text) || this.#err.includes(text)) resolve();
  }
}
