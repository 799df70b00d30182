import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { onGrid } from '../../../src/feed/sources/grid.ts';

const EVERY_MS = 90_000;

/** Runs a body on the grid and notes when each run began. */
function runOnGrid(body: (run: number) => Promise<void>): {
  starts: string[];
  skips: number[];
  stop: () => Promise<void>;
} {
  const controller = new AbortController();
  const starts: string[] = [];
  const skips: number[] = [];
  const done = (async () => {
    for await (const skipped of onGrid(EVERY_MS, controller.signal)) {
      starts.push(new Date().toISOString().slice(11, 23));
      skips.push(skipped);
      await body(starts.length);
    }
  })();
  return {
    starts,
    skips,
    async stop() {
      controller.abort();
      // A run under way comes to its end first.
      await vi.advanceTimersByTimeAsync(EVERY_MS);
      await done;
    },
  };
}

function takes(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

describe('onGrid', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: Date.UTC(2018, 0, 3, 11, 30, 51, 65) });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('begins at once and then keeps to the multiples of the interval, however long a run takes', async () => {
    const { starts, skips, stop } = runOnGrid((run) => takes(run * 10_000));
    await vi.advanceTimersByTimeAsync(5 * EVERY_MS);
    await stop();
    expect(starts).toEqual([
      '11:30:51.065',
      '11:31:30.000',
      '11:33:00.000',
      '11:34:30.000',
      '11:36:00.000',
      '11:37:30.000',
    ]);
    expect(skips).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('leaves out what a long run ran over, says how much, and never runs two at once', async () => {
    let running = 0;
    const { starts, skips, stop } = runOnGrid(async (run) => {
      running++;
      expect(running).toBe(1);
      await takes(run === 2 ? 200_000 : 1_000);
      running--;
    });
    await vi.advanceTimersByTimeAsync(6 * EVERY_MS);
    await stop();
    expect(starts.slice(0, 4)).toEqual(['11:30:51.065', '11:31:30.000', '11:36:00.000', '11:37:30.000']);
    expect(skips.slice(0, 4)).toEqual([0, 0, 2, 0]);
  });

  test('goes on within an interval when the clock is set back by a day', async () => {
    const { starts, stop } = runOnGrid(() => Promise.resolve());
    await vi.advanceTimersByTimeAsync(60_000);
    vi.setSystemTime(Date.UTC(2018, 0, 2, 11, 32, 0));
    await vi.advanceTimersByTimeAsync(EVERY_MS);
    await stop();
    expect(starts.slice(2)).toEqual(['11:33:00.000']);
  });

  test('ends without another run when it is stopped', async () => {
    const { starts, stop } = runOnGrid(() => Promise.resolve());
    await vi.advanceTimersByTimeAsync(10);
    await stop();
    await vi.advanceTimersByTimeAsync(5 * EVERY_MS);
    expect(starts).toHaveLength(1);
  });
});
