import { expect, test } from 'vitest';
import { Backoff } from '../../src/feed/backoff.ts';

test('pauses longer each time up to a bound, and from the beginning after a success', () => {
  const steady = new Backoff(() => 0.5);
  const pauses = Array.from({ length: 12 }, () => steady.next());
  expect(pauses.slice(0, 4)).toEqual([500, 1_000, 2_000, 4_000]);
  expect(pauses.at(-1)).toBe(60_000);
  steady.reset();
  expect(steady.next()).toBe(500);
});

test('does not let two clients come back at the same time', () => {
  expect(new Backoff(() => 0).next()).toBe(250);
  expect(new Backoff(() => 0.75).next()).toBe(625);
});
