import { expect, test } from 'vitest';
import { brief, edgeScript, stateLine } from './points.ts';
import { describeWithKapacitor, startCollector, startStack } from './stack.ts';

describeWithKapacitor('sessions of one agent', () => {
  test('of two tasks know nothing of each other', async () => {
    const { collector, kapacitor } = await startStack();
    const other = await startCollector();
    await kapacitor.define('first', edgeScript(collector.url));
    await kapacitor.feed([stateLine(0, 'UP')]);
    await collector.received(1);
    await kapacitor.define('second', edgeScript(other.url, `.field('value').confirm(2)`));
    await kapacitor.feed([
      stateLine(1, 'UP'),
      stateLine(2, 'DOWN'),
      stateLine(3, 'DOWN'),
      stateLine(4, 'UP'),
    ]);
    expect((await collector.received(3)).map(brief)).toEqual([
      'router1 0s value=UP',
      'router1 2s value=DOWN',
      'router1 4s value=UP',
    ]);
    expect((await other.received(2)).map(brief)).toEqual(['router1 1s value=UP', 'router1 2s value=DOWN']);
  });

  test('of a live task and its replay mix neither states nor snapshots', async () => {
    const { agent, collector, kapacitor } = await startStack({ snapshotInterval: '1s' });
    const script = edgeScript(collector.url, `.field('value').previousAs('was')`);
    await kapacitor.define('edges', script);
    await kapacitor.feed([stateLine(0, 'LIVE-a')]);
    await kapacitor.keeps('LIVE-a');
    await kapacitor.defineDisabled('other', script);
    const recorded = [0, 1, 2, 3].map((seconds) => stateLine(seconds, `OLD-${seconds}`, 'router2'));
    await kapacitor.disable('edges');
    await kapacitor.record('past', 'other', recorded);
    await kapacitor.enable('edges');

    // In real time, so that it takes longer than Kapacitor's snapshots are apart.
    const isReplay = agent.logged((entry) => entry.msg === 'replay connected' && entry.task === 'edges');
    const replay = await kapacitor.startReplay({ task: 'edges', recording: 'past', clock: 'real' });
    await isReplay;
    await kapacitor.feed([stateLine(100, 'LIVE-b')]);
    await kapacitor.replayed(replay);
    await kapacitor.feed([stateLine(101, 'OLD-3', 'router2')]);
    // The replay began with nothing, though Kapacitor had restored the live task's snapshot into it.
    expect((await collector.received(7)).map(brief).sort()).toEqual([
      'router1 0s value=LIVE-a',
      'router1 100s value=LIVE-b was=LIVE-a',
      'router2 0s value=OLD-0',
      'router2 101s value=OLD-3',
      'router2 1s value=OLD-1 was=OLD-0',
      'router2 2s value=OLD-2 was=OLD-1',
      'router2 3s value=OLD-3 was=OLD-2',
    ]);

    // And what is stored is the live task's.
    await kapacitor.keeps('LIVE-b');
    await kapacitor.reenable('edges');
    await kapacitor.feed([stateLine(102, 'LIVE-b'), stateLine(103, 'LIVE-c')]);
    expect((await collector.received(8)).map(brief).at(-1)).toBe('router1 103s value=LIVE-c was=LIVE-b');
  });
});
