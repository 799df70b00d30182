import inspector from 'node:inspector';
import { Worker } from 'node:worker_threads';
import { lookEveryMs } from './stall-judge.ts';

/** Shared with the watching thread: how often the event loop came round, and whether a debugger may hold it. */
export const BEATS = 0;
export const IS_DEBUGGED = 1;
const SLOTS = 2;

export interface WatchdogData {
  readonly limitMs: number;
  readonly shared: Int32Array;
}

/**
 * Has a second thread watch this thread's event loop. If it stands still for longer than the limit, that thread writes
 * why on standard error and kills the process: an agent that hangs while Kapacitor disables a task freezes all of
 * Kapacitor, whereas one that is gone costs no more than its own tasks, and whatever started it can start it again.
 * @param limitMs more than 0
 * @param onFailure told when the second thread fails, and nobody watches any more
 * @returns stops the watch
 */
export function startWatchdog(limitMs: number, onFailure: (error: Error) => void): () => Promise<void> {
  const shared = new Int32Array(new SharedArrayBuffer(SLOTS * Int32Array.BYTES_PER_ELEMENT));
  const beat = (): void => {
    Atomics.store(shared, IS_DEBUGGED, inspector.url() === undefined ? 0 : 1);
    Atomics.add(shared, BEATS, 1);
  };
  beat();
  const beats = setInterval(beat, lookEveryMs(limitMs));
  beats.unref();
  const data: WatchdogData = { limitMs, shared };
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const program = new URL(`./watchdog-thread${extension}`, import.meta.url);
  const thread = new Worker(program, { name: 'watchdog', workerData: data });
  thread.unref();
  thread.on('error', onFailure);
  return async () => {
    clearInterval(beats);
    await thread.terminate();
  };
}
