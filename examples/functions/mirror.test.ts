import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHostile, checkRestarts, runFunction } from 'kapacitor-edge-detect/testing';
import { mirror } from './mirror.ts';

const run = { lines: ['cpu,host=a usage=1.5,n=3i,up=true 1', 'cpu,host=b usage=2 2'] };

test('sends every point on as it came', async () => {
  assert.deepEqual((await runFunction(mirror, run)).lines, run.lines);
});

test('keeps nothing that a restart could lose', () => checkRestarts(mirror, run));

test('takes whatever there is', () => checkHostile(mirror, run));
