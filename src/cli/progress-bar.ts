import { SingleBar } from 'cli-progress';
import type { Io } from './io.ts';

/** A progress bar for a person who watches. @param format with `{bar}` in it, and what else is to be told */
export function makeBar(io: Io, format: string): SingleBar {
  return new SingleBar({
    format,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    stream: io.stderr,
    clearOnComplete: true,
    hideCursor: false,
    // A signal is for the command, which may have something to finish before it ends.
    gracefulExit: false,
  });
}
