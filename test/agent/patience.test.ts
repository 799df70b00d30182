import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { Keepalives, type Patience } from '../../src/agent/patience.ts';

const INTERVAL_MS = 5000;
/** The peer's clock: that of a wall, somewhere in 2026. */
const WALL_MS = 1_790_000_000_000;

let nowMs: number;
let keepalives: Keepalives;

beforeEach(() => {
  nowMs = 1000;
  keepalives = new Keepalives(() => nowMs);
});

/** The event loop runs for so long, and looks at its connections four times a second. */
function run(ms: number): void {
  for (const endMs = nowMs + ms; nowMs < endMs; ) {
    nowMs = Math.min(endMs, nowMs + 250);
    keepalives.comeRound();
  }
}

/** A connection to a peer that has sent so many keepalives, each answered at once. */
function connected(count: number, intervalMs = INTERVAL_MS, name = 'edgeDetect'): Patience {
  const patience = keepalives.open(name);
  for (let i = 0; i < count; i++) {
    run(intervalMs);
    patience.keepalive(WALL_MS + nowMs);
    patience.answered();
  }
  return patience;
}

describe('the patience of a peer', () => {
  test('is told from two keepalives, and over after 1.9 intervals without an answer', () => {
    const patience = connected(2);
    nowMs += 1.9 * INTERVAL_MS;
    expect(patience.overrun()).toBeUndefined();
    nowMs += 1;
    expect(patience.overrun()).toEqual({ silentMs: 9501, timeoutMs: 10_000, isPresumed: false });
  });

  test('counts from the last answer, not from what was heard: that is what the peer goes by', () => {
    const patience = connected(2);
    run(INTERVAL_MS);
    patience.keepalive(WALL_MS + nowMs);
    run(INTERVAL_MS);
    expect(patience.overrun()).toBeDefined();
    patience.answered();
    expect(patience.overrun()).toBeUndefined();
  });

  test('is that of the keepalives in between, where they come all at once after a standstill', () => {
    const patience = connected(1);
    nowMs += 12_000;
    for (const sentMs of [5000, 10_000]) patience.keepalive(WALL_MS + 6000 + sentMs - 5000);
    expect(patience.overrun()).toMatchObject({ timeoutMs: 10_000 });
  });

  test('is presumed where no two keepalives came: over once the process stood still for 9.5 s', () => {
    const patience = connected(1);
    nowMs += 9500;
    expect(patience.overrun()).toBeUndefined();
    nowMs += 1;
    expect(patience.overrun()).toMatchObject({ timeoutMs: 10_000, isPresumed: true });
  });

  test('is presumed to be that of the other connections to the same function', () => {
    connected(2, 500);
    const patience = keepalives.open('edgeDetect');
    const other = keepalives.open('edgeDetectBatch');
    nowMs += 1000;
    expect(patience.overrun()).toMatchObject({ timeoutMs: 1000, isPresumed: true });
    expect(other.overrun()).toBeUndefined();
  });

  test('has no end for one that sends no keepalives, as long as this process runs', () => {
    const patience = keepalives.open('edgeDetect');
    run(3_600_000);
    expect(patience.overrun()).toBeUndefined();
  });

  test('is not that of a peer that asks for answers as fast as it can', () => {
    const patience = keepalives.open('edgeDetect');
    for (let i = 0; i < 20; i++) {
      run(7);
      patience.keepalive(i / 1_000_000);
      patience.answered();
    }
    run(60_000);
    expect(patience.overrun()).toBeUndefined();
  });

  test('does not change when the clock of the peer is set, back or forward', () => {
    for (const stepMs of [-3_600_000, 3_600_000, -2000, 2000]) {
      const patience = connected(3);
      let wallMs = WALL_MS + stepMs;
      for (let i = 0; i < 3; i++) {
        run(INTERVAL_MS);
        patience.keepalive(wallMs + nowMs);
        patience.answered();
        wallMs += i === 0 ? stepMs : 0;
      }
      nowMs += 9501;
      expect(patience.overrun()).toMatchObject({ timeoutMs: 10_000 });
    }
  });

  test('whatever comes early or late, lasts between its least and its most for a peer of regular habits', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 30_000 }),
        fc.array(fc.double({ min: -0.08, max: 0.08, noNaN: true }), { minLength: 3, maxLength: 30 }),
        (intervalMs, jitter) => {
          const patience = keepalives.open('edgeDetect');
          const startMs = nowMs;
          for (const [i, part] of jitter.entries()) {
            const atMs = startMs + (i + 1) * intervalMs;
            nowMs = atMs + Math.max(0, part) * intervalMs;
            keepalives.comeRound();
            patience.keepalive(WALL_MS + atMs);
            patience.answered();
          }
          nowMs += 2.3 * intervalMs + 1;
          const overrun = patience.overrun();
          expect(overrun?.isPresumed).toBe(false);
          expect(overrun?.timeoutMs).toBeGreaterThan(1.75 * intervalMs);
          expect(overrun?.timeoutMs).toBeLessThan(2.4 * intervalMs);
        },
      ),
    );
  });
});
