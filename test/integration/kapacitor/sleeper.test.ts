import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Kapacitor, until } from '../../support/kapacitor/kapacitor.ts';
import { brief, edgeScript, stateLine } from './points.ts';
import {
  describeWithKapacitor,
  prepareKapacitor,
  socketFolder,
  startAgent,
  startCollector,
} from './stack.ts';

const TASKS = ['one', 'two'];
/** Kapacitor gives up after ten seconds, and ends the connection itself twenty later. */
const SLEEPS_S = [12, 25, 35];
/** Twenty points a second are enough for Kapacitor to fall. */
const EVERY_MS = 50;
/** A test lasts as long as the agent sleeps, and then until all is back. */
const TEST_MS = 180_000;

describeWithKapacitor('an agent that stood still for longer than Kapacitor waits for it', () => {
  test('breaks its connections off before it says a word, after 12, 25 and 35 s, and brings its tasks back', {
    timeout: TEST_MS,
  }, async () => {
    await Promise.all(SLEEPS_S.map((seconds) => sleep(seconds, [], (pids) => pids.slice(0, 1))));
  });

  test('does so too where it is one worker of several', { timeout: TEST_MS }, async () => {
    // The watchdog would end it: that is tested elsewhere.
    await sleep(12, ['--workers', '2', '--watchdog', '0'], (pids) => pids.slice(1));
  });
});

/** @param chosen who sleeps, of the agent's first process and its workers */
async function sleep(
  seconds: number,
  args: readonly string[],
  chosen: (pids: readonly number[]) => readonly number[],
): Promise<void> {
  const folder = socketFolder();
  const collector = await startCollector();
  const kapacitor = await prepareKapacitor(folder, { udfTimeout: '10s' });
  const agent = await startAgent(folder, ['--revive', kapacitor.url, ...args]);
  await kapacitor.up();
  for (const task of TASKS) await kapacitor.define(task, edgeScript(collector.url));
  const load = startLoad(kapacitor);
  // Two keepalives tell how long Kapacitor waits.
  await pause(11_000);
  const sleepers = chosen([agent.pid, ...agent.workers]);
  for (const pid of sleepers) process.kill(pid, 'SIGSTOP');
  await pause(seconds * 1000);
  const broken = agent.logged(({ msg }) => String(msg).startsWith('the connection is broken off'));
  const backs = TASKS.map((id) =>
    agent.logged(({ msg, task }) => task === id && String(msg).includes('was brought back'), 60_000),
  );
  for (const pid of sleepers) process.kill(pid, 'SIGCONT');
  await broken;
  await Promise.all(backs);
  await load.stop();
  expect(kapacitor.hasPanicked).toBe(false);
  for (const id of TASKS)
    expect(await kapacitor.task(id)).toMatchObject({ status: 'enabled', executing: true, error: '' });
  await kapacitor.feed([stateLine(1_000_000, 'END')]);
  await until(
    'both tasks tell the end',
    () => collector.points.filter((point) => brief(point).includes('END')).length === 2 || undefined,
  );
}

/** Points of which each is an edge. */
function startLoad(kapacitor: Kapacitor): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const load = (async (): Promise<void> => {
    for (let i = 0; !stopping.signal.aborted; i++) {
      await kapacitor.feed([stateLine(i, i % 2 === 0 ? 'UP' : 'DOWN')]);
      await pause(EVERY_MS);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await load;
    },
  };
}
