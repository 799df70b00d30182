import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Kapacitor } from '../../support/kapacitor/kapacitor.ts';
import { brief, edgeScript, stateLine } from './points.ts';
import {
  accessTo,
  describeWithKapacitor,
  prepareKapacitor,
  type Stack,
  socketFolder,
  startAgent,
  startCollector,
  startInflux,
  startKapacitor,
  startStack,
} from './stack.ts';

const TICKSCRIPTS = fileURLToPath(new URL('../../../tickscripts', import.meta.url));
const TASKS = [
  'adsl_alert',
  'adsl_downsample',
  'adsl_edges',
  'adsl_edges_batch',
  'adsl_normalise',
  'flapping',
  'service_state',
  'threshold',
];

describeWithKapacitor('a Kapacitor that starts', () => {
  test('comes up with the agent there, and edges flow', async () => {
    await expectEdges(await startStack());
  });

  test('waits for an agent that is started ten seconds later', { timeout: 120_000 }, async () => {
    const folder = socketFolder();
    const collector = await startCollector();
    const kapacitor = await prepareKapacitor(folder);
    const up = kapacitor.up();
    // The delay is what is tested: Kapacitor tries again and again meanwhile.
    await Promise.race([pause(10_000), up]);
    expect(await kapacitor.ping()).toBe(false);
    const agent = await startAgent(folder);
    await up;
    await expectEdges({ agent, collector, kapacitor });
  });

  test('comes up beside an agent that found a stale socket', async () => {
    const folder = socketFolder();
    const path = join(folder, 'edgeDetect.sock');
    const gone = await startAgent(folder);
    await gone.kill();
    expect(existsSync(path)).toBe(true);
    const [collector, agent] = [await startCollector(), await startAgent(folder)];
    await expectEdges({ agent, collector, kapacitor: await startKapacitor(folder) });
  });

  test('has every TICKscript of the folder at each of three starts', { timeout: 120_000 }, async () => {
    const folder = socketFolder();
    const influxDb = await startInflux();
    await startAgent(folder);
    const load = join(folder, 'load');
    cpSync(TICKSCRIPTS, load, { recursive: true });
    const kapacitor = await startKapacitor(folder, { load, influxDb: accessTo(influxDb) });
    for (let restarts = 0; ; restarts++) {
      expect(await kapacitor.taskIds()).toEqual(TASKS);
      for (const id of TASKS)
        expect({ id, isExecuting: await runs(kapacitor, id) }).toMatchObject({ isExecuting: true });
      expect(await kapacitor.handlerIds('uplink')).toEqual(['adsl_log', 'adsl_post']);
      if (restarts === 3) break;
      // It is enabled again by the next start, whoever disabled it.
      if (restarts === 1) await kapacitor.disable('threshold');
      expect(await kapacitor.stop()).toBe(0);
      await upAtLast(kapacitor);
    }
  });
});

async function expectEdges({ collector, kapacitor }: Stack): Promise<void> {
  await kapacitor.define('edges', edgeScript(collector.url));
  await kapacitor.feed([stateLine(0, 'UP'), stateLine(1, 'UP'), stateLine(2, 'DOWN')]);
  expect((await collector.received(2)).map(brief)).toEqual(['router1 0s value=UP', 'router1 2s value=DOWN']);
}

/**
 * At each start [load] disables and enables the tasks that Kapacitor has just started itself. The error of the first,
 * noted late, may write an old status over the new one, and then the task stays as it was: a race of Kapacitor's own.
 * Disabled and enabled, it runs.
 */
async function runs(kapacitor: Kapacitor, id: string): Promise<boolean> {
  if ((await kapacitor.task(id)).executing) return true;
  await kapacitor.disable(id);
  await kapacitor.enable(id);
  return (await kapacitor.task(id)).executing;
}

/** In the same place kapacitord itself may fall, while a node is disabled that has only just begun; it is started again. */
async function upAtLast(kapacitor: Kapacitor): Promise<void> {
  try {
    await kapacitor.up();
  } catch (error) {
    if (!kapacitor.hasPanicked) throw error;
    await kapacitor.up();
  }
}
