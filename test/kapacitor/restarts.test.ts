import { expect, test } from 'vitest';
import { brief, edgeScript, stateLine } from './points.ts';
import { describeWithKapacitor, startStack } from './stack.ts';

/** Kapacitor takes snapshots at this interval and none on stopping: what it has not yet taken is lost. */
const SNAPSHOTS = { snapshotInterval: '1s' };
const OPTIONS = `.field('value').previousAs('was').durationAs('lasted')`;
/** The states are of this test alone, so that a snapshot with one of them is known to be the newest. */
const BEFORE = [stateLine(0, 'UP-a'), stateLine(10, 'DOWN-b')];
const EDGES_BEFORE = ['router1 0s value=UP-a', 'router1 10s lasted=10 value=DOWN-b was=UP-a'];
/** The same state as before, which is no edge, and then another. */
const AFTER = [stateLine(20, 'DOWN-b'), stateLine(70, 'UP-c')];
const EDGE_AFTER = 'router1 70s lasted=60 value=UP-c was=DOWN-b';

describeWithKapacitor('a task that was restored', () => {
  test('goes on where it was after being disabled and enabled', async () => {
    const { collector, kapacitor } = await startStack(SNAPSHOTS);
    await kapacitor.define('edges', edgeScript(collector.url, OPTIONS));
    await kapacitor.feed(BEFORE);
    await kapacitor.keeps('DOWN-b');
    await kapacitor.disable('edges');
    await kapacitor.enable('edges');
    await kapacitor.feed(AFTER);
    expect((await collector.received(3)).map(brief)).toEqual([...EDGES_BEFORE, EDGE_AFTER]);
  });

  test('goes on where it was after kapacitord was stopped and started', async () => {
    const { collector, kapacitor } = await startStack(SNAPSHOTS);
    await kapacitor.define('edges', edgeScript(collector.url, OPTIONS));
    await kapacitor.feed(BEFORE);
    await kapacitor.keeps('DOWN-b');
    expect(await kapacitor.stop()).toBe(0);
    await kapacitor.up();
    await kapacitor.feed(AFTER);
    expect((await collector.received(3)).map(brief)).toEqual([...EDGES_BEFORE, EDGE_AFTER]);
  });

  test('goes on where it was with another script, as long as it tracks the same', async () => {
    const { collector, kapacitor } = await startStack(SNAPSHOTS);
    await kapacitor.define('edges', edgeScript(collector.url, OPTIONS));
    await kapacitor.feed(BEFORE);
    await kapacitor.keeps('DOWN-b');
    await kapacitor.redefine('edges', edgeScript(collector.url, `${OPTIONS}.unit(1m).as('now')`));
    await kapacitor.disable('edges');
    await kapacitor.enable('edges');
    await kapacitor.feed(AFTER);
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
    await kapacitor.disable('edges');
    const warned = agent.logged((entry) => String(entry.msg).includes('the snapshot was not restored'));
    await kapacitor.enable('edges');
    await warned;
    await kapacitor.feed([stateLine(20, 'DOWN-b')]);
    expect((await collector.received(3)).map(brief)).toEqual([...EDGES_BEFORE, 'router1 20s value=DOWN-b']);
  });

  test('starts empty after it was deleted and defined anew', async () => {
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

  test('has forgotten what came after the last snapshot, and tells it again', async () => {
    // The next snapshot is a minute and more away.
    const { collector, kapacitor } = await startStack({ snapshotInterval: '60s' });
    await kapacitor.define('edges', edgeScript(collector.url, OPTIONS));
    await kapacitor.feed(BEFORE);
    await collector.received(2);
    expect(await kapacitor.stop()).toBe(0);
    await kapacitor.up();
    await kapacitor.feed(AFTER);
    expect((await collector.received(4)).map(brief)).toEqual([
      ...EDGES_BEFORE,
      'router1 20s value=DOWN-b',
      'router1 70s lasted=50 value=UP-c was=DOWN-b',
    ]);
  });
});
