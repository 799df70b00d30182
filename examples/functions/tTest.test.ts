import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHostile, checkRestarts, runFunction } from 'kapacitor-edge-detect/testing';
import { twoSided } from './_student.ts';
import { tTest } from './tTest.ts';

/** A hotend at 220 degrees, by chance a little more or less; from point 300 on it cools down slowly. */
const temperatures = Array.from({ length: 400 }, (_, i) => {
  const chance = Math.sin(i * 12.9898) * 0.5 + Math.sin(i * 78.233) * 0.5;
  return 220 + chance - (i < 300 ? 0 : (i - 300) * 0.05);
});
const lines = temperatures.map((value) => `temperatures,printer=a hotend=${value}`);
const run = { options: { field: 'hotend', size: 100, window: 20 }, lines, groupBy: ['printer'] };

test('finds the hotend that begins to cool down, soon, and nothing before', async () => {
  const { points } = await runFunction(tTest, run);
  const first = points.findIndex(({ fields }) => fields.unusual === true);
  const at = Number(points[first].time / 1_000_000_000n);
  assert.ok(at > 300 && at < 340, `found at ${at}`);
  assert.ok(points.slice(first + 20).every(({ fields }) => fields.unusual === true));
});

test('knows the probabilities of the tables', () => {
  for (const [t, freedom, expected] of [
    [2.228, 10, 0.05],
    [2.8609, 19, 0.01],
    [12.706, 1, 0.05],
    [0, 5, 1],
  ])
    assert.ok(Math.abs(twoSided(t, freedom) - expected) < 1e-4, `${t} with ${freedom}`);
});

test('goes on after a restart as if nothing had been', () =>
  checkRestarts(tTest, {
    ...run,
    options: { field: 'hotend', size: 10, window: 4 },
    lines: lines.slice(280, 330),
  }));

test('takes whatever there is', () => checkHostile(tTest, { options: { field: 'hotend', window: 2 } }));
