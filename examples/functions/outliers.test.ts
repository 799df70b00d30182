import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHostile, checkRestarts, runFunction } from 'kapacitor-edge-detect/testing';
import { outliers } from './outliers.ts';

const usual = [10, 11, 12, 11, 10, 12, 11, 10];
const lines = [...usual, 95, ...usual, -40].map((value) => `temperature,room=cellar value=${value}`);
const run = { options: { field: 'value' }, batches: [lines, usual.map((v) => `temperature value=${v}`)] };

test('keeps of a batch only what lies far from the others, and no batch that has nothing', async () => {
  const { points, batches } = await runFunction(outliers, run);
  assert.deepEqual(
    points.map(({ fields }) => fields.value),
    [-40, 95],
  );
  assert.equal(batches.length, 1);
});

test('takes more of a distance for usual with a greater scale', async () => {
  const { points } = await runFunction(outliers, { ...run, options: { field: 'value', scale: 60 } });
  assert.deepEqual(points, []);
});

test('refuses a scale that would take nearly everything for one', () =>
  assert.rejects(
    runFunction(outliers, { ...run, options: { field: 'value', scale: 0.5 } }),
    /scale\(0.5\): must be 1 or more/,
  ));

test('keeps nothing that a restart could lose', () => checkRestarts(outliers, run));

test('takes whatever there is', () => checkHostile(outliers, { options: { field: 'value' } }));
