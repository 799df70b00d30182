import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHostile, checkRestarts, runFunction } from 'kapacitor-edge-detect/testing';
import { stateTime } from './stateTime.ts';

const line = (state: string, time: number) => `line,router=a state="${state}" ${time}`;
const run = {
  options: { field: 'state' },
  groupBy: ['router'],
  batches: [
    [line('UP', 0), line('DOWN', 75), line('DOWN', 100)],
    [line('UP', 150), line('UP', 200)],
  ],
};

test('says which share of the window each state had', async () => {
  const { points } = await runFunction(stateTime, run);
  assert.deepEqual(
    points.map(({ time, fields }) => [time, fields]),
    [
      [100n, { share_UP: 0.75, share_DOWN: 0.25 }],
      [200n, { share_DOWN: 0.5, share_UP: 0.5 }],
    ],
  );
});

test('counts points that come again in the next window once', async () => {
  const [first] = run.batches;
  const { points } = await runFunction(stateTime, { ...run, batches: [first, [...first, line('UP', 200)]] });
  assert.deepEqual(points[1].fields, { share_DOWN: 1 });
});

test('goes on after a restart as if nothing had been', () => checkRestarts(stateTime, run));

test('takes whatever there is', () => checkHostile(stateTime, { options: { field: 'state' } }));
