import { describe, expect, test } from 'vitest';
import { generatePoints, parsePoints } from '../../src/script-tests/points.ts';
import { formatCaseTime, parseCaseTime, parseDate } from '../../src/script-tests/times.ts';

const START = 1_704_067_200_000_000_000n;
const SECOND = 1_000_000_000n;

describe('points of a case', () => {
  test('have times from the start of the case, or their own', () => {
    const points = parsePoints(
      'm v=1 +0s\n\n# a note\n  m,h=a s="x +5s" +1m30s\nm v=1i 1514979051065000000\nm v=1 -1s',
      START,
    );
    expect(points.map(({ time }) => time)).toEqual([
      START,
      START + 90n * SECOND,
      1_514_979_051_065_000_000n,
      START - SECOND,
    ]);
    expect(points[1]?.fields.get('s')).toBe('x +5s');
  });

  test.each([
    ['m v=1', 'line 1: a point needs a time: m v=1 +0s'],
    ['m v=1 +0s\nm v=1 +5x', "line 2: '+5x' is no time such as +90s or +1m30s"],
    ['m v= +0s', 'line 1'],
  ])('%j is refused with its line', (text, message) => {
    expect(() => parsePoints(text, START)).toThrow(message);
  });

  test('are made from a description: values in a row, for every group, in the order of time', () => {
    const points = generatePoints(
      'adsl value: SHOWTIME x2, TRAINING every 90s from +10s for host=router{1..2},site={a,b}',
      START,
    );
    expect(points).toHaveLength(12);
    expect(points.slice(0, 2).map(({ tags }) => Object.fromEntries(tags))).toEqual([
      { host: 'router1', site: 'a' },
      { host: 'router1', site: 'b' },
    ]);
    expect(points.at(-1)).toMatchObject({ time: START + 190n * SECOND });
    expect(points.at(-1)?.fields.get('value')).toBe('TRAINING');
  });

  test('made ones have the types of line protocol, and texts without quotes', () => {
    const values = generatePoints('m v: 1, 1i, true, T, "a b", up 2 x2 every 1s', START).map(({ fields }) =>
      fields.get('v'),
    );
    expect(values).toEqual([1, 1n, true, 'T', 'a b', 'up 2', 'up 2']);
  });

  test.each(['m v: A every', 'v: A every 1s', 'm v: A x2', 'm v: A every 1s for host'])(
    '%j makes none, and says what was expected',
    (text) => {
      expect(() => generatePoints(text, START)).toThrow(/expected|no duration/);
    },
  );
});

test('a time of a case is what it was written as', () => {
  for (const text of ['+0s', '+90s', '-10s', '+1h', '+1h1m1s5ms', '+250ms'])
    expect(formatCaseTime(parseCaseTime(text, START) ?? 0n, START)).toBe(text);
});

test.each([
  ['2024-01-01T00:00:00Z', START],
  ['2024-01-01', START],
  ['2024-01-01T01:00:00.000000001+01:00', START + 1n],
  ['2018-01-03T11:32:21.07Z', 1_514_979_141_070_000_000n],
  ['yesterday', undefined],
  ['2024-13-01', undefined],
])('the date %s', (text, expected) => {
  expect(parseDate(text)).toBe(expected);
});
