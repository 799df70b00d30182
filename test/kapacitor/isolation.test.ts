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
});
