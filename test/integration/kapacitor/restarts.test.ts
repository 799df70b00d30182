import { expect, test } from 'vitest';
import type { PostedPoint } from '../../support/kapacitor/collector.ts';
import type { Kapacitor } from '../../support/kapacitor/kapacitor.ts';
import { restartWithoutSnapshots } from './kept-snapshots.ts';
import { brief, edgeScript, SECOND_NS, stateLine } from './points.ts';
import {
  accessTo,
  describeWithKapacitor,
  socketFolder,
  startAgent,
  startCollector,
  startInflux,
  startKapacitor,
  startStack,
  store,
} from './stack.ts';

const RESTARTS = {
  'its task was disabled and enabled': async (kapacitor: Kapacitor): Promise<void> => {
    await kapacitor.reenable('edges');
    expect((await kapacitor.task('edges')).executing).toBe(true);
  },
  'kapacitord was stopped and started': async (kapacitor: Kapacitor): Promise<void> => {
    expect(await kapacitor.stop()).toBe(0);
    await kapacitor.up();
  },
};

describeWithKapacitor('a node that Kapacitor restores', () => {
  test.each(Object.entries(RESTARTS))(
    'goes on exactly where its snapshot was, after %s',
    async (_how, restart) => {
      const { collector, kapacitor } = await startStack({ snapshotInterval: '1s' });
      await kapacitor.define(
        'edges',
        edgeScript(collector.url, `.field('value').confirm(2).previousAs('was').durationAs('lasted')`),
      );
      // A change that waits to be seen a second time is in the snapshot as well.
      await kapacitor.feed([stateLine(0, 'UP', 'router2'), stateLine(0, 'UP'), stateLine(1, 'KEPT')]);
      await kapacitor.keeps('KEPT');
      await restart(kapacitor);
      await kapacitor.feed([
        stateLine(2, 'UP', 'router2'),
        stateLine(2, 'KEPT'),
        stateLine(3, 'END'),
        stateLine(4, 'END'),
      ]);
      expect((await collector.received(4)).map(brief)).toEqual([
        'router2 0s value=UP',
        'router1 0s value=UP',
        'router1 1s lasted=1 value=KEPT was=UP',
        'router1 3s lasted=2 value=END was=KEPT',
      ]);
    },
  );

  test.each(Object.entries(RESTARTS))(
    'has forgotten what came after its last snapshot, after %s: stopping takes none',
    async (_how, restart) => {
      const { collector, kapacitor } = await startStack({ snapshotInterval: '1s' });
      await kapacitor.define('edges', edgeScript(collector.url, `.field('value').previousAs('was')`));
      await kapacitor.feed([stateLine(0, 'UP', 'router2'), stateLine(1, 'KEPT')]);
      await kapacitor.keeps('KEPT');
      await restartWithoutSnapshots(kapacitor);
      await kapacitor.feed([stateLine(2, 'DOWN', 'router2'), stateLine(3, 'DOWN')]);
      await collector.received(4);
      await restart(kapacitor);
      await kapacitor.feed([
        stateLine(4, 'UP', 'router2'),
        stateLine(5, 'DOWN'),
        stateLine(6, 'END', 'router2'),
        stateLine(7, 'END'),
      ]);
      expect((await collector.received(7)).map(brief)).toEqual([
        'router2 0s value=UP',
        'router1 1s value=KEPT',
        'router2 2s value=DOWN was=UP',
        'router1 3s value=DOWN was=KEPT',
        // At 4 s router2 is in the state of the snapshot: no edge. That of router1 at 3 s is found a second time.
        'router1 5s value=DOWN was=KEPT',
        'router2 6s value=END was=UP',
        'router1 7s value=END was=DOWN',
      ]);
    },
  );

  test('starts empty after a restart before its first snapshot', async () => {
    const { collector, kapacitor } = await startStack({ snapshotInterval: '60s' });
    await kapacitor.define('edges', edgeScript(collector.url, `.field('value').previousAs('was')`));
    await kapacitor.feed([stateLine(0, 'UP'), stateLine(1, 'DOWN')]);
    await collector.received(2);
    expect(await kapacitor.stop()).toBe(0);
    await kapacitor.up();
    await kapacitor.feed([stateLine(2, 'DOWN'), stateLine(3, 'END')]);
    expect((await collector.received(4)).map(brief)).toEqual([
      'router1 0s value=UP',
      'router1 1s value=DOWN was=UP',
      'router1 2s value=DOWN',
      'router1 3s value=END was=DOWN',
    ]);
  });

  test('finds no edge twice in windows that overlap a restart, and loses none after an old snapshot', async () => {
    const [folder, influxDb, collector] = [socketFolder(), await startInflux(), await startCollector()];
    await startAgent(folder);
    const startNs = (BigInt(Date.now()) / 1000n - 600n) * SECOND_NS;
    const stateAt = (seconds: number, state: string): string =>
      `adsl_connection,host=router1 value="${state}" ${startNs + BigInt(seconds) * SECOND_NS}`;
    const edgeOf = ({ fields, timeNs }: PostedPoint): string =>
      `${(timeNs - startNs) / SECOND_NS}s ${fields.value}`;
    await store(influxDb, [stateAt(0, 'UP'), stateAt(1, 'UP'), stateAt(2, 'KEPT')]);
    const kapacitor = await startKapacitor(folder, {
      influxDb: accessTo(influxDb),
      snapshotInterval: '1s',
    });
    await kapacitor.define(
      'edges',
      `batch
    |query('SELECT "value" FROM "telegraf"."autogen"."adsl_connection"')
        .period(1h)
        .every(200ms)
        .groupBy('host')
    @edgeDetectBatch()
        .field('value')
    |httpPost('${collector.url}')`,
    );
    await kapacitor.keeps('KEPT');

    await restartWithoutSnapshots(kapacitor);
    await store(influxDb, [stateAt(3, 'DOWN'), stateAt(4, 'KEPT')]);
    expect((await collector.received(4)).map(edgeOf)).toEqual(['0s UP', '2s KEPT', '3s DOWN', '4s KEPT']);

    // The snapshot is of 2 s still. What was found since is found again, at the same times: in InfluxDB the same points.
    await kapacitor.stop();
    await store(influxDb, [stateAt(5, 'END')]);
    await kapacitor.up();
    expect((await collector.received(7)).slice(4).map(edgeOf)).toEqual(['3s DOWN', '4s KEPT', '5s END']);
  });
});
