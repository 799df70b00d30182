import { describe, expect, test } from 'vitest';
import { isoTime } from '../../src/iso-time.ts';
import { globMatcher, plainValues } from '../../src/status/report.ts';
import { TotalsTable } from '../../src/status/totals.ts';

describe('what is told in JSON', () => {
  test.each([
    [0n, '1970-01-01T00:00:00Z'],
    [1_514_979_141_070_000_000n, '2018-01-03T11:32:21.07Z'],
    [1_514_979_141_070_000_001n, '2018-01-03T11:32:21.070000001Z'],
    [-1n, '1969-12-31T23:59:59.999999999Z'],
  ])('the time %s', (ns, text) => {
    expect(isoTime(ns)).toBe(text);
  });

  test('integers keep all their digits, and what JSON has not is a text', () => {
    const values = plainValues(
      new Map<string, bigint | number | string | boolean>([
        ['small', 5n],
        ['large', 2n ** 60n],
        ['nan', Number.NaN],
        ['text', 'UP'],
        ['flag', true],
      ]),
    );
    expect(values).toEqual({ small: 5, large: '1152921504606846976', nan: 'NaN', text: 'UP', flag: true });
  });

  test.each([
    ['host=router*', 'host=router12', true],
    ['host=router?', 'host=router12', false],
    ['*', '', true],
    ['a.c', 'abc', false],
    ['host=a,port=[1]', 'host=a,port=[1]', true],
  ])('the pattern %s and the group %s', (pattern, group, isMeant) => {
    expect(globMatcher(pattern)(group)).toBe(isMeant);
  });
});

test('sums of more nodes than are told apart still hold everything', () => {
  const sums = new TotalsTable();
  for (let n = 0; n < 1_500; n++) sums.of('edgeDetect', `task${n}`, 'node').points += 1;
  const all = sums.all();
  expect(all.length).toBeLessThanOrEqual(1_001);
  expect(all.reduce((sum, { points }) => sum + points, 0)).toBe(1_500);
});
