import { expect, test } from 'vitest';
import { until } from '../support/kapacitor.ts';
import { restartWithoutSnapshots } from './kept-snapshots.ts';
import { brief, edgeScript, line } from './points.ts';
import { describeWithKapacitor, startAgent, startStack } from './stack.ts';

/** How soon after the agent's start its tasks must be back. */
const BACK_MS = 5000;
/** Each with a field of its own, so that it can be seen when both states are in Kapacitor's snapshots. */
const TASKS = new Map([
  ['edges', `.field('value')`],
  ['more', `.field('other')`],
]);

function states(seconds: number, value: string, other: string): string {
  return line(seconds, `value="${value}",other="${other}"`);
}

describeWithKapacitor('an agent that revives', () => {
  test('brings back every task that it had when it was killed under load, state and all, and no other', async () => {
    const { agent, collector, kapacitor } = await startStack({ snapshotInterval: '1s' });
    for (const [task, options] of TASKS) await kapacitor.define(task, edgeScript(collector.url, options));
    await kapacitor.defineDisabled('off', edgeScript(collector.url));
    await kapacitor.feed([states(0, 'UP', 'ON'), states(1, 'KEPT', 'ALSO')]);
    await kapacitor.keeps('KEPT');
    await kapacitor.keeps('ALSO');
    await restartWithoutSnapshots(kapacitor);
    let seconds = 2;
    const load = new AbortController();
    const loading = (async (): Promise<void> => {
      while (!load.signal.aborted) await kapacitor.feed([states(seconds++, 'KEPT', 'ALSO')]);
    })();
    await until('the load runs', () => (seconds > 50 ? true : undefined));

    await agent.kill();
    const lostFrom = seconds;
    const started = performance.now();
    await startAgent(agent.folder, ['--revive', kapacitor.url]);
    await until('all tasks are back', async () => {
      const tasks = await Promise.all([...TASKS.keys()].map((task) => kapacitor.task(task)));
      return (
        tasks.every((task) => task.status === 'enabled' && task.executing && task.error === '') || undefined
      );
    });
    expect(performance.now() - started).toBeLessThan(BACK_MS);
    const lost = seconds - lostFrom;
    load.abort();
    await loading;
    expect((await kapacitor.task('off')).status).toBe('disabled');

    // Nothing of the load is news to a node that has its state back: only the last point is.
    await kapacitor.feed([states(seconds, 'END', 'END')]);
    await until(
      'both tasks tell the end',
      () => collector.points.filter((point) => brief(point).includes('END')).length === 2 || undefined,
    );
    expect(collector.points.map(brief).sort((a, b) => order(a) - order(b))).toEqual([
      ...new Array(2).fill('router1 0s other=ON value=UP'),
      ...new Array(2).fill('router1 1s other=ALSO value=KEPT'),
      ...new Array(2).fill(`router1 ${seconds}s other=END value=END`),
    ]);
    console.log(`points fed between the kill and the tasks' return, lost to them: about ${lost}`);
  });
});

/** The seconds in what {@link brief} says. */
function order(text: string): number {
  return Number(/(\d+)s/.exec(text)?.[1]);
}
