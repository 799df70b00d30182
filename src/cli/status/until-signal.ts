import { setTimeout as pause } from 'node:timers/promises';
import type { Io } from '../io.ts';

/** Whether somebody has seen enough. */
export interface Stopped {
  readonly signal: AbortSignal;
  off(): void;
  pause(ms: number): Promise<void>;
}

/** Ctrl+C ends a look that goes on. */
export function untilSignal(io: Io): Stopped {
  const abort = new AbortController();
  const off = io.onSignal(() => abort.abort());
  return {
    signal: abort.signal,
    off,
    async pause(ms: number): Promise<void> {
      await pause(ms, undefined, { signal: abort.signal }).catch(() => undefined);
    },
  };
}
