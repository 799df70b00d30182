import { expect, test } from 'vitest';
import { brief, edgeScript, stateLine } from './points.ts';
import { describeWithKapacitor, startStack } from './stack.ts';

/** The states are of this test alone, so that a snapshot with one of them is known to be the newest. */
const BEFORE = [stateLine(0, 'UP-a'), stateLine(10, 'DOWN-b')];
const EDGES_BEFORE = ['router1 0s value=UP-a', 'router1 10s lasted=10 value=DOWN-b was=UP-a'];
const OPTIONS = `.field('value').previousAs('was').durationAs('lasted')`;
const SNAPSHOTS = { snapshotInterval: '1s' };

describeWithKapacitor('a task that is defined again', () => {
  test('goes on where it was with another script, as long as it tracks the same', async () => {
    const { collector, kapacitor } = await startStack(SNAPSHOTS);
    await kapacitor.define('edges', edgeScript(collector.url, OPTIONS));
    await kapacitor.feed(BEFORE);
    await kapacitor.keeps('DOWN-b');
    await kapacitor.redefine('edges', edgeScript(collector.url, `${OPTIONS}.unit(1m).as('now')`));
    await kapacitor.reenable('edges');
    await kapacitor.feed([stateLine(20, 'DOWN-b'), stateLine(70, 'UP-c')]);
    expect((await collector.received(3)).map(brief)).toEqual([
      ...EDGES_BEFORE,
      'router1 70s lasted=1 now=UP-c value=UP-c was=DOWN-b',
    ]);
  });

  test('starts empty, with a warning, with a script that tracks something else', async () => {
    const { agent, collector, kapacitor } = await startStack(SNAPSHOTS);
    await kapacitor.define('edges', edgeScript(collector.url, OPTIONS));
    await kapacitor.feed(BEFORE);
    await kapacitor.keeps('DOWN-b');
    await kapacitor.redefine('edges', edgeScript(collector.url, `.tag('host').field('value')`));
    const warned = agent.logged((entry) => String(entry.msg).includes('the snapshot was not restored'));
    await kapacitor.reenable('edges');
    await warned;
    await kapacitor.feed([stateLine(20, 'DOWN-b')]);
    expect((await collector.received(3)).map(brief)).toEqual([...EDGES_BEFORE, 'router1 20s value=DOWN-b']);
  });

  test('starts empty with a script that has a node more: Kapacitor then restores nothing', async () => {
    const { collector, kapacitor } = await startStack(SNAPSHOTS);
    const script = edgeScript(collector.url);
    await kapacitor.define('edges', script);
    await kapacitor.feed([stateLine(0, 'KEPT')]);
    await kapacitor.keeps('KEPT');
    await kapacitor.redefine('edges', script.replace('@edgeDetect', '|where(lambda: TRUE)\n    @edgeDetect'));
    await kapacitor.reenable('edges');
    await kapacitor.feed([stateLine(1, 'KEPT')]);
    expect((await collector.received(2)).map(brief)).toEqual([
      'router1 0s value=KEPT',
      'router1 1s value=KEPT',
    ]);
  });

  test('starts empty if it was deleted before', async () => {
    const { collector, kapacitor } = await startStack(SNAPSHOTS);
    await kapacitor.define('edges', edgeScript(collector.url, OPTIONS));
    await kapacitor.feed(BEFORE);
    await kapacitor.keeps('DOWN-b');
    await kapacitor.disable('edges');
    await kapacitor.remove('edges');
    await kapacitor.define('edges', edgeScript(collector.url, OPTIONS));
    await kapacitor.feed([stateLine(20, 'DOWN-b')]);
    expect((await collector.received(3)).map(brief)).toEqual([...EDGES_BEFORE, 'router1 20s value=DOWN-b']);
  });
});
