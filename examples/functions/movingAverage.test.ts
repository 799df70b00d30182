import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHostile, checkRestarts, runFunction } from 'kapacitor-edge-detect/testing';
import { movingAverage } from './movingAverage.ts';

const run = {
  options: { field: 'value', size: 3 },
  lines: [1, 2, 6, 4, 5].flatMap((value) => [`m,host=a value=${value}`, `m,host=b value=${10 * value}`]),
  groupBy: ['host'],
};

test('averages the last points of each group', async () => {
  const { points } = await runFunction(movingAverage, run);
  const averages = points.filter(({ tags }) => tags.host === 'a').map(({ fields }) => fields.avg);
  assert.deepEqual(averages, [1, 1.5, 3, 4, 5]);
});

test('leaves points without the field out, and those that are no float', async () => {
  const lines = ['m other=1', 'm value="text"', 'm value=3i', 'm value=3'];
  const { points } = await runFunction(movingAverage, { ...run, lines });
  assert.deepEqual(
    points.map(({ fields }) => fields),
    [{ value: 3, avg: 3 }],
  );
});

test('goes on after a restart as if nothing had been', () => checkRestarts(movingAverage, run));

test('takes whatever there is', () => checkHostile(movingAverage, run));
