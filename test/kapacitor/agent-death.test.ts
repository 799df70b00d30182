import { expect, test } from 'vitest';
import { until } from '../support/kapacitor.ts';
import { brief, edgeScript, stateLine } from './points.ts';
import { describeWithKapacitor, socketFolder, startAgent, startCollector, startKapacitor } from './stack.ts';

const OPTIONS = `.field('value').previousAs('was')`;

describeWithKapacitor('an agent that is killed', () => {
  test('fails its tasks at their next points, and they come back with their state', async () => {
    const folder = socketFolder();
    const collector = await startCollector();
    const agent = await startAgent(folder);
    const kapacitor = await startKapacitor(folder, { snapshotInterval: '1s', udfTimeout: '1s' });
    await kapacitor.define('edges', edgeScript(collector.url, OPTIONS));
    await kapacitor.define(
      'native',
      `stream|from().measurement('adsl_connection').groupBy('host')|httpPost('${collector.url}')`,
    );
    await kapacitor.feed([stateLine(0, 'UP-a')]);
    await collector.received(2);
    await kapacitor.keeps('UP-a');
    await agent.kill();

    // As long as nothing is written, Kapacitor knows nothing.
    expect(await kapacitor.task('edges')).toMatchObject({ status: 'enabled', executing: true });
    let lost = 0;
    const failed = await until('the task has failed', async () => {
      await kapacitor.feed([stateLine(10 + lost++, 'LOST')]);
      const task = await kapacitor.task('edges');
      // The error is noted a little later than the failure.
      return task.executing || task.error === '' ? undefined : task;
    });
    expect(failed.status).toBe('enabled');
    expect(failed.error).toMatch(/^edgeDetect2: stopping UDF server: (write error|read error|keepalive)/);
    // The others don't notice: every point reaches them.
    await collector.received(2 + lost);
    expect(await kapacitor.task('native')).toMatchObject({ executing: true, error: '' });

    // Enabling alone does nothing for a task that is called enabled already.
    await startAgent(folder);
    await kapacitor.enable('edges');
    expect((await kapacitor.task('edges')).executing).toBe(false);
    await kapacitor.disable('edges');
    await kapacitor.enable('edges');
    await kapacitor.feed([stateLine(500, 'UP-a'), stateLine(501, 'DOWN-b')]);
    const edges = (
      await until('the edge after it', () => {
        const all = collector.points.filter(({ fields }) => fields.value !== 'LOST').map(brief);
        return all.some((edge) => edge.includes('was=UP-a')) ? all : undefined;
      })
    ).sort();
    // Of the points in between nothing was learned; of those before, nothing is told again.
    expect(edges).toEqual([
      'router1 0s value=UP-a',
      'router1 0s value=UP-a',
      'router1 500s value=UP-a',
      'router1 501s value=DOWN-b',
      'router1 501s value=DOWN-b was=UP-a',
    ]);
    expect(kapacitor.hasPanicked).toBe(false);
  });
});
