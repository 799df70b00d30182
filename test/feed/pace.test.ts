import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type PaceOptions, Pacer } from '../../src/feed/pace.ts';
import type { PointReading } from '../../src/feed/reading.ts';

const NOW_NS = 1_700_000_000_000_000_000n;
const PLAIN: PaceOptions = { speed: Number.POSITIVE_INFINITY, isShifted: false, catchesUp: false };

function point(timeNs: bigint | undefined): PointReading {
  return { kind: 'point', text: 'm v=1', timeNs };
}

function pacer(options: Partial<PaceOptions>): Pacer {
  return new Pacer({ ...PLAIN, ...options }, () => NOW_NS);
}

describe('Pacer', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('keeps the distances of the points, at any factor', () => {
    const tenTimes = pacer({ speed: 10 });
    expect(tenTimes.waitMs(point(5_000_000_000n))).toBe(0);
    expect(tenTimes.waitMs(point(95_000_000_000n))).toBe(9_000);
    vi.advanceTimersByTime(4_000);
    expect(tenTimes.waitMs(point(95_000_000_000n))).toBe(5_000);
    expect(tenTimes.waitMs(point(6_000_000_000n))).toBeLessThan(0);
  });

  test('moves all times by as much as brings the first one to the present, to the nanosecond', () => {
    const shifting = pacer({ isShifted: true });
    const first = point(1_514_979_051_065_000_001n);
    const second = point(1_514_979_141_070_000_003n);
    shifting.waitMs(first);
    expect(shifting.timeNs(first)).toBe(NOW_NS);
    shifting.waitMs(second);
    expect(shifting.timeNs(second)).toBe(NOW_NS + 90_005_000_002n);
  });

  test('leaves times as they are otherwise, and gives the present to points without one', () => {
    const plain = pacer({});
    expect(plain.waitMs(point(7n))).toBe(0);
    expect(plain.timeNs(point(7n))).toBe(7n);
    expect(plain.timeNs(point(undefined))).toBe(NOW_NS);
  });

  test('hands out the past at once and begins to wait at the present', () => {
    const live = pacer({ speed: 1, catchesUp: true });
    expect(live.waitMs(point(NOW_NS - 3_600_000_000_000n))).toBeLessThan(0);
    expect(live.waitMs(point(NOW_NS - 1n))).toBeLessThan(0);
    expect(live.waitMs(point(NOW_NS + 2_000_000_000n))).toBe(2_000);
  });

  test('stops waiting when it is stopped', async () => {
    const slow = pacer({ speed: 1 });
    const controller = new AbortController();
    slow.waitMs(point(0n));
    const waiting = slow.wait(point(3_600_000_000_000n), controller.signal);
    controller.abort();
    await waiting;
    expect(vi.getTimerCount()).toBe(0);
  });
});
