/** The longest delay that a timer of Node takes, in milliseconds; it turns longer ones into 1. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Waits (24 days at most), or until the signal is aborted; 0 and less is no wait. */
export function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (durationMs <= 0 || signal.aborted) {
      resolve();
      return;
    }
    const timer = setTimeout(end, Math.min(durationMs, MAX_TIMER_MS));
    signal.addEventListener('abort', end);
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    }
  });
}
