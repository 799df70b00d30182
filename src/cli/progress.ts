import type { RecordingProgress } from '../kapacitor/recordings/recording.ts';
import type { Io } from './io.ts';
import { makeBar } from './progress-bar.ts';

/** Files below this are read before a person has seen a bar. */
const LARGE_BYTES = 8 * 1024 * 1024;
const MIB = 1024 * 1024;

/** Shows how far a large file has been read, if a person watches. */
export interface Progress {
  update(): void;
  stop(): void;
}

const NONE: Progress = { update() {}, stop() {} };

/** @param read tells how far it has been read */
export function startProgress(io: Io, read: () => RecordingProgress): Progress {
  const { totalBytes } = read();
  if (io.stderr.isTTY !== true || totalBytes === undefined || totalBytes < LARGE_BYTES) return NONE;
  const bar = makeBar(io, '{bar} {percentage}% of {total} MiB, {eta_formatted} left');
  const mib = (bytes: number): number => Math.round(bytes / MIB);
  bar.start(mib(totalBytes), 0);
  return {
    update: () => bar.update(mib(read().readBytes)),
    stop: () => bar.stop(),
  };
}
