import { describe, expect, test } from 'vitest';
import { durationParser, parseDuration } from '../../src/cli/duration.ts';

describe('a duration on the command line', () => {
  test.each([
    ['90s', 90_000_000_000n],
    ['1m30s', 90_000_000_000n],
    ['200ms', 200_000_000n],
    ['1w2d3h4m5s6ms7us8ns', 788_645_006_007_008n],
    ['1u2us3µs4µ', 10_000n],
    ['0s', 0n],
    ['9007199254740993ns', 9_007_199_254_740_993n],
  ])('%s is read exactly', (text, ns) => {
    expect(parseDuration(text)).toBe(ns);
  });

  test.each(['', '90', '1m30', 's', '90 s', '1m 30s', '-1s', '1.5s', '90sx', 'x90s', '90S', '1y', '١s'])(
    '%j is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  test('has to be in the range of its flag, of which both ends are part', () => {
    const parse = durationParser(100, 3_600_000);
    expect(['100ms', '59m60s'].map(parse)).toEqual([100_000_000n, 3_600_000_000_000n]);
    for (const text of ['99999999ns', '1h1ns', '0s', '0'])
      expect(() => parse(text)).toThrow(/^It must be a duration from 100ms to 1h, such as 90s, 1m30s/);
  });

  test('may be 0 where its flag can be off, with a unit or without', () => {
    const parse = durationParser(100, 3_600_000, true);
    expect(['0', '0s', '0m0s'].map(parse)).toEqual([0n, 0n, 0n]);
    for (const text of ['00', '0x', '1ms'])
      expect(() => parse(text)).toThrow(/^It must be 0 or a duration from 100ms to 1h/);
  });
});
