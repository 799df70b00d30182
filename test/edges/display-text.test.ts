import { describe, expect, test } from 'vitest';
import {
  columnsOf,
  countText,
  cut,
  durationText,
  shownTime,
  someOf,
  visible,
} from '../../src/edges/display-text.ts';

describe('durationText', () => {
  test.each([
    [0, '0ms'],
    [0.0000015, '0.0015ms'],
    [0.25, '250ms'],
    [0.9996, '1s'],
    [1.25, '1.3s'],
    [59.94, '59.9s'],
    [59.96, '1m'],
    [90.005, '1m 30s'],
    [119.7, '2m'],
    [3599, '59m 59s'],
    [3599.6, '1h'],
    [5400, '1h 30m'],
    [86_399, '1d'],
    [100_000, '1d 4h'],
    [1e7, '115d 18h'],
  ])('writes %d seconds as %s', (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });
});

describe('shownTime', () => {
  test.each([
    [0n, '1970-01-01T00:00:00Z'],
    [-1n, '1969-12-31T23:59:59.999999999Z'],
    [1514979051065000000n, '2018-01-03T11:30:51.065Z'],
    [1514979051000001000n, '2018-01-03T11:30:51.000001Z'],
    [-9223372036854775807n, '1677-09-21T00:12:43.145224193Z'],
  ])('writes %d nanoseconds as %s', (timeNs, text) => {
    expect(shownTime(timeNs)).toBe(text);
  });
});

describe('cut', () => {
  test('leaves what fits, and marks what is cut off by columns, not by characters', () => {
    expect(cut('abc', 3)).toBe('abc');
    expect(cut('abcd', 3)).toBe('ab…');
    expect(cut('日本語', 5)).toBe('日本…');
    expect(columnsOf('👩‍👩‍👧 日é')).toBe(6);
  });
});

describe('visible', () => {
  test('shows a line break as a space, and other control characters as no more than their place', () => {
    expect(visible('m\nhost=\u001b[31ma\u0000')).toBe('m host=\ufffd[31ma\ufffd');
  });
});

describe('texts of counts and lists', () => {
  test('counts with the right form of the noun', () => {
    expect([countText(0, 'edge'), countText(1, 'edge'), countText(1_234_567, 'edge')]).toEqual([
      '0 edges',
      '1 edge',
      '1,234,567 edges',
    ]);
  });

  test('lists the first names and says how many more there are', () => {
    expect(someOf(['a', 'b', 'c'], 2)).toBe("'a', 'b' and 1 more");
  });
});
