import type { Readable, Writable } from 'node:stream';

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
