import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { brief, edgeScript, stateLine } from './points.ts';
import { describeWithKapacitor, startCollector, startStack } from './stack.ts';

describeWithKapacitor('tasks that could be taken for each other', () => {
  test('keep states and stored snapshots apart, also over a restart', async () => {
    const { collector: alpha, kapacitor } = await startStack({ snapshotInterval: '1s' });
    const beta = await startCollector();
    await kapacitor.define('alpha', edgeScript(alpha.url), 'alpha');
    await kapacitor.define('beta', edgeScript(beta.url), 'beta');

    await kapacitor.feed([stateLine(0, 'UP')], 'alpha');
    await kapacitor.feed([stateLine(1, 'DOWN')], 'beta');
    await kapacitor.feed([stateLine(2, 'UP'), stateLine(3, 'ALPHA')], 'alpha');
    await kapacitor.feed([stateLine(4, 'DOWN'), stateLine(5, 'BETA')], 'beta');
    await kapacitor.keeps('ALPHA');
    await kapacitor.keeps('BETA');
    await kapacitor.stop();
    await kapacitor.up();
    await kapacitor.feed([stateLine(6, 'BETA'), stateLine(7, 'END')], 'beta');
    await kapacitor.feed([stateLine(8, 'ALPHA'), stateLine(9, 'END')], 'alpha');

    expect((await alpha.received(3)).map(brief)).toEqual([
      'router1 0s value=UP',
      'router1 3s value=ALPHA',
      'router1 9s value=END',
    ]);
    expect((await beta.received(3)).map(brief)).toEqual([
      'router1 1s value=DOWN',
      'router1 5s value=BETA',
      'router1 7s value=END',
    ]);
  });

  test('a replay beside the live task starts empty and leaves its snapshot alone', async () => {
    const { agent, collector, kapacitor } = await startStack({ snapshotInterval: '1s' });
    await kapacitor.defineDisabled('edges', edgeScript(collector.url));
    // Five seconds, played in real time: long enough for Kapacitor to ask the replay for snapshots too.
    await kapacitor.record('monday', 'edges', [
      stateLine(100, 'LIVE'),
      stateLine(101, 'OLD1'),
      stateLine(103, 'OLD1'),
      stateLine(105, 'OLD2'),
    ]);
    await kapacitor.enable('edges');
    await kapacitor.feed([stateLine(1000, 'UP'), stateLine(1001, 'LIVE')]);
    await kapacitor.keeps('LIVE');

    const isRefused = agent.logged(({ msg }) => /a replay starts empty/.test(String(msg)));
    const replay = await kapacitor.startReplay({ task: 'edges', recording: 'monday', clock: 'real' });
    await isRefused;
    await kapacitor.feed([stateLine(1002, 'LIVE'), stateLine(1003, 'NEXT')]);
    await kapacitor.keeps('NEXT');
    await kapacitor.replayed(replay);
    await kapacitor.feed([stateLine(1004, 'NEXT'), stateLine(1005, 'LAST')]);
    await kapacitor.keeps('LAST');
    expect(readFileSync(join(kapacitor.folder, 'kapacitor.db')).includes('OLD')).toBe(false);
    await kapacitor.stop();
    await kapacitor.up();
    await kapacitor.feed([stateLine(1006, 'LAST'), stateLine(1007, 'END')]);

    const edges = (await collector.received(8)).map(brief);
    const replayed = edges.filter((edge) => / 10\ds /.test(edge));
    const live = edges.filter((edge) => !replayed.includes(edge));
    expect({ live, replayed }).toEqual({
      // The first one would be missing, had the live state been restored.
      replayed: ['router1 100s value=LIVE', 'router1 101s value=OLD1', 'router1 105s value=OLD2'],
      live: [
        'router1 1000s value=UP',
        'router1 1001s value=LIVE',
        'router1 1003s value=NEXT',
        'router1 1005s value=LAST',
        'router1 1007s value=END',
      ],
    });
  });
});
