import { setTimeout as timer } from 'node:timers/promises';

/** The longest delay that a timer of Node takes, in milliseconds; it turns longer ones into 1. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Waits, or until the signal is aborted; 0 and less is no wait. */
export async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  if (durationMs <= 0 || signal.aborted) return;
  try {
    await timer(Math.min(durationMs, MAX_TIMER_MS), undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
