import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lookEveryMs, StallJudge, type StallVerdict } from '../../../src/agent/watchdog/stall-judge.ts';

const LIMIT_MS = 5000;
const EVERY_MS = lookEveryMs(LIMIT_MS);

/** Looks once after each pause, with the number of beats so far; returns the verdicts. */
function verdicts(looks: Iterable<{ pauseMs: number; isBeating: boolean }>): StallVerdict[] {
  let nowMs = 1_000_000;
  let beats = 0;
  const judge = new StallJudge(LIMIT_MS, nowMs);
  const all: StallVerdict[] = [];
  for (const { pauseMs, isBeating } of looks) {
    nowMs += pauseMs;
    if (isBeating) beats++;
    all.push(judge.look(nowMs, beats));
  }
  return all;
}

describe('StallJudge', () => {
  test('finds a stall within the limit and three looks, and not before the limit', () => {
    const still = Array.from({ length: 20 }, () => ({ pauseMs: EVERY_MS, isBeating: false }));
    const all = verdicts([{ pauseMs: EVERY_MS, isBeating: true }, ...still]);
    const stalledMs = all.indexOf('stalled') * EVERY_MS;
    expect(stalledMs).toBeGreaterThan(LIMIT_MS);
    expect(stalledMs).toBeLessThanOrEqual(LIMIT_MS + 3 * EVERY_MS);
  });

  test('says nothing of a stall without having suspected it at the look before', () => {
    const look = fc.record({ pauseMs: fc.integer({ min: 1, max: 20_000 }), isBeating: fc.boolean() });
    fc.assert(
      fc.property(fc.array(look, { maxLength: 60 }), (looks) => {
        const all = verdicts(looks);
        for (const [i, verdict] of all.entries())
          if (verdict === 'stalled') expect(['suspect', 'stalled']).toContain(all[i - 1]);
      }),
    );
  });

  test('never blames whoever beats again before the limit, however late the looks are', () => {
    const look = fc.record({
      pauseMs: fc.oneof(fc.integer({ min: 1, max: EVERY_MS }), fc.integer({ min: 1, max: 1_000_000 })),
      isBeating: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(look, { maxLength: 100 }), (looks) => {
        let stillMs = 0;
        const kept = looks.map(({ pauseMs, isBeating }) => {
          const mustBeat = stillMs + Math.min(pauseMs, 2 * EVERY_MS) > LIMIT_MS;
          stillMs = isBeating || mustBeat ? 0 : stillMs + Math.min(pauseMs, 2 * EVERY_MS);
          return { pauseMs, isBeating: isBeating || mustBeat };
        });
        expect(verdicts(kept)).not.toContain('stalled');
      }),
    );
  });

  test('does not count the time in which it could not look itself: all were suspended together', () => {
    const day = 24 * 3_600_000;
    expect(
      verdicts([
        { pauseMs: EVERY_MS, isBeating: true },
        { pauseMs: day, isBeating: false },
        { pauseMs: EVERY_MS, isBeating: false },
        { pauseMs: EVERY_MS, isBeating: true },
      ]),
    ).not.toContain('stalled');
  });

  test('does not take the second look right after a suspension', () => {
    const still = Array.from({ length: 10 }, () => ({ pauseMs: EVERY_MS, isBeating: false }));
    const all = verdicts([
      { pauseMs: EVERY_MS, isBeating: true },
      ...still,
      { pauseMs: EVERY_MS, isBeating: false },
      { pauseMs: 60_000, isBeating: false },
      { pauseMs: EVERY_MS, isBeating: false },
    ]);
    expect(all.slice(-3)).toEqual(['suspect', 'suspect', 'stalled']);
  });
});
