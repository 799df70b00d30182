import { pause } from '../pause.ts';

/** While waiting, the clock is looked at this often: it may have been set, or the machine may have slept. */
const MAX_WAIT_MS = 10_000;

/**
 * Comes back at once, and then at the multiples of an interval on the wall clock (of 90 s: 11:30:00, 11:31:30, …).
 * A multiple that passes while the loop's body runs is skipped, so runs never overlap.
 * @param everyMs 1 or more
 * @returns the number of multiples skipped since the last one
 */
export async function* onGrid(everyMs: number, signal: AbortSignal): AsyncGenerator<number> {
  let lastMs = nextOnGrid(everyMs) - everyMs;
  if (!signal.aborted) yield 0;
  while (!signal.aborted) {
    let nextMs = nextOnGrid(everyMs);
    // A timer may fire a little early, and its multiple must not come twice.
    if (nextMs === lastMs) nextMs += everyMs;
    for (;;) {
      const waitMs = nextMs - Date.now();
      if (waitMs <= 0) break;
      // The clock was set back meanwhile.
      if (waitMs > 2 * everyMs) nextMs = nextOnGrid(everyMs);
      await pause(Math.min(waitMs, MAX_WAIT_MS), signal);
      if (signal.aborted) return;
    }
    const skipped = Math.max(0, (nextMs - lastMs) / everyMs - 1);
    lastMs = nextMs;
    yield skipped;
  }
}

function nextOnGrid(everyMs: number): number {
  return (Math.floor(Date.now() / everyMs) + 1) * everyMs;
}
