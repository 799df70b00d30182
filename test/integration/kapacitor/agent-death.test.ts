import { expect, test } from 'vitest';
import type { PostedPoint } from '../../support/kapacitor/collector.ts';
import { type Kapacitor, type TaskState, until } from '../../support/kapacitor/kapacitor.ts';
import { restartWithoutSnapshots } from './kept-snapshots.ts';
import { brief, edgeScript, line, stateLine } from './points.ts';
import { describeWithKapacitor, type Stack, startAgent, startCollector, startStack } from './stack.ts';

/** What Kapacitor says of a task whose agent has died: the socket is gone, and it was found out by writing. */
const DEATH =
  /^edgeDetect2: stopping UDF server: write error: write unix .*edgeDetect\.sock: write: broken pipe$/;

describeWithKapacitor('a Kapacitor whose agent is killed', () => {
  test('reports the task failed when points arrive, and goes on with the others', async () => {
    const { agent, collector, kapacitor } = await startStack();
    const others = await startCollector();
    await kapacitor.define('edges', edgeScript(collector.url));
    await kapacitor.define('all', `stream|from().measurement('adsl_connection')|httpPost('${others.url}')`);
    await kapacitor.feed([stateLine(0, 'UP')]);
    await collector.received(1);
    await agent.kill();
    expect(await stateOf(kapacitor)).toEqual({ status: 'enabled', executing: true, error: '' });
    // The first of these finds the socket closed, the next one finds the node failed.
    await kapacitor.feed([stateLine(1, 'DOWN')]);
    const { error, executing, status } = await failed(kapacitor, 2);
    expect({ executing, status }).toEqual({ executing: false, status: 'enabled' });
    expect(error).toMatch(DEATH);

    await kapacitor.feed([stateLine(1000, 'END')]);
    await until('the other task has the last point', () =>
      others.points.map(brief).includes('router1 1000s value=END') ? true : undefined,
    );
    expect(others.points.slice(0, 2).map(brief)).toEqual(['router1 0s value=UP', 'router1 1s value=DOWN']);
    expect((await kapacitor.task('all')).executing).toBe(true);
    expect(kapacitor.hasPanicked).toBe(false);
  });

  test('reports nothing while the stream is quiet, although it has missed the keepalives', async () => {
    const { agent, collector, kapacitor } = await startStack({ udfTimeout: '500ms' });
    await kapacitor.define('edges', edgeScript(collector.url));
    await kapacitor.feed([stateLine(0, 'UP')]);
    await collector.received(1);
    await agent.kill();
    await until('the keepalives are missed', () => kapacitor.log.includes('keepalive timedout') || undefined);
    expect(await stateOf(kapacitor)).toEqual({ status: 'enabled', executing: true, error: '' });
    await kapacitor.feed([stateLine(1, 'DOWN')]);
    expect((await failed(kapacitor, 2)).error).toMatch(DEATH);
  });

  test('takes the task up again from its last snapshot once it is disabled and enabled', async () => {
    const stack = await startStack({ snapshotInterval: '1s' });
    const { agent, collector, kapacitor } = stack;
    await kapacitor.define('edges', edgeScript(collector.url, `.field('value').previousAs('was')`));
    await kapacitor.feed([
      stateLine(0, 'UP', 'router1'),
      stateLine(0, 'UP', 'router2'),
      stateLine(1, 'KEPT', 'router1'),
    ]);
    await kapacitor.keeps('KEPT');
    await restartWithoutSnapshots(kapacitor);
    await kapacitor.feed([stateLine(2, 'DOWN', 'router1'), stateLine(3, 'DOWN', 'router2')]);
    await collector.received(5);

    await agent.kill();
    // Lost: router2 was up again for a while.
    await kapacitor.feed([stateLine(4, 'UP', 'router2')]);
    await failed(kapacitor, 5);
    await startAgent(agent.folder);
    await takeUp(stack);

    await kapacitor.feed([
      stateLine(2001, 'DOWN', 'router1'),
      stateLine(2002, 'UP', 'router2'),
      stateLine(2003, 'END', 'router1'),
      stateLine(2003, 'END', 'router2'),
    ]);
    expect((await collector.received(8)).map(brief)).toEqual([
      'router1 0s value=UP',
      'router2 0s value=UP',
      'router1 1s value=KEPT was=UP',
      'router1 2s value=DOWN was=KEPT',
      'router2 3s value=DOWN was=UP',
      // The edge at 2 s was after the snapshot, so it is found again, at the first point that shows it.
      'router1 2001s value=DOWN was=KEPT',
      // router2 is up as in the snapshot: nobody is told that it came back. This edge is lost.
      'router1 2003s value=END was=DOWN',
      'router2 2003s value=END was=UP',
    ]);
  });

  test('tells the end of an outage that came while it was away only where every() repeats the state', async () => {
    const { agent, collector, kapacitor } = await startStack({ snapshotInterval: '1s' });
    const healed = await startCollector();
    await kapacitor.define('edges', edgeScript(collector.url));
    await kapacitor.define('healed', edgeScript(healed.url, `.field('other').every(60s)`));
    const feed = (seconds: number, value: string): Promise<void> =>
      kapacitor.feed([line(seconds, `value="${value}ONE",other="${value}TWO"`)]);
    await feed(0, 'UP');
    await kapacitor.keeps('UPONE');
    await kapacitor.keeps('UPTWO');
    await restartWithoutSnapshots(kapacitor);
    await feed(1, 'DOWN');
    await collector.received(2);
    await healed.received(2);

    await agent.kill();
    await feed(2, 'UP');
    await startAgent(agent.folder);
    for (const task of ['edges', 'healed']) await kapacitor.reenable(task);
    await feed(61, 'UP');
    await feed(62, 'END');
    const states = (points: readonly PostedPoint[], name: string) => points.map(({ fields }) => fields[name]);
    expect(states(await collector.received(3), 'value')).toEqual(['UPONE', 'DOWNONE', 'ENDONE']);
    expect(states(await healed.received(4), 'other')).toEqual(['UPTWO', 'DOWNTWO', 'UPTWO', 'ENDTWO']);
  });
});

/** Does what a person or a supervisor does; enabling alone changes nothing. */
async function takeUp({ kapacitor }: Stack): Promise<void> {
  await kapacitor.enable('edges');
  expect((await kapacitor.task('edges')).executing).toBe(false);
  await kapacitor.reenable('edges');
  expect(await stateOf(kapacitor)).toEqual({ status: 'enabled', executing: true, error: '' });
}

async function stateOf(kapacitor: Kapacitor): Promise<Pick<TaskState, 'error' | 'executing' | 'status'>> {
  const { error, executing, status } = await kapacitor.task('edges');
  return { error, executing, status };
}

/** Feeds a point that is no news every now and then until the task has failed. @param seconds of the first one */
function failed(kapacitor: Kapacitor, seconds: number): Promise<TaskState> {
  let at = seconds;
  return until('the task is reported failed', async () => {
    await kapacitor.feed([stateLine(at++, 'DOWN')]);
    const task = await kapacitor.task('edges');
    // Kapacitor notes the error a moment after it has stopped the task.
    return task.executing || task.error === '' ? undefined : task;
  });
}
