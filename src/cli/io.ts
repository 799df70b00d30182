import type { Readable, Writable } from 'node:stream';
import { codeOf } from '../errors.ts';

/** What a command may touch of the process it runs in, so that a test can run it with streams of its own. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  /** Calls back at each SIGTERM and SIGINT until the function returned is called. */
  onSignal(listener: (signal: NodeJS.Signals) => void): () => void;
}

/** The standard streams and signals of this process. */
export function processIo(): Io {
  process.stdout.on('error', onOutputError);
  process.stderr.on('error', onOutputError);
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    onSignal(listener) {
      process.on('SIGTERM', listener);
      process.on('SIGINT', listener);
      return () => {
        process.off('SIGTERM', listener);
        process.off('SIGINT', listener);
      };
    },
  };
}

/**
 * Whoever closes a pipe has read enough, as `head` does, and an agent outlives the reader of its log. Without a listener
 * Node would end the program.
 */
function onOutputError(error: Error): void {
  if (codeOf(error) !== 'EPIPE') process.exitCode = 1;
}
