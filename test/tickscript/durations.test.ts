import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatTickscriptDuration, parseTickscriptDuration } from '../../src/tickscript/durations.ts';

describe("a duration in TICKscript's notation", () => {
  test.each([
    [0n, '0s'],
    [-1_000_000_000n, '-1s'],
    [90_000_000_000n, '90s'],
    [3_600_000_000_000n, '1h'],
    [1_209_600_000_000_000n, '2w'],
    [1_500_000n, '1500u'],
    [1n, '1ns'],
  ])('of %s ns is written %s', (ns, text) => {
    expect(formatTickscriptDuration(ns)).toBe(text);
  });

  test('is read as what was written, to the microsecond that TICKscript can write', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n / 1000n }), (us) => {
        expect(parseTickscriptDuration(formatTickscriptDuration(us * 1000n))).toBe(us * 1000n);
      }),
    );
  });

  test.each(['', '30', 's', '1m30s', '1us', '1ns', '1.5s', '-1s', '1s\n'])('is not %j', (text) => {
    expect(parseTickscriptDuration(text)).toBeUndefined();
  });
});
