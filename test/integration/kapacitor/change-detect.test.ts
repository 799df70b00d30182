import { expect, test } from 'vitest';
import type { Collector } from '../../support/kapacitor/collector.ts';
import type { Kapacitor } from '../../support/kapacitor/kapacitor.ts';
import { brief, line, stateLine } from './points.ts';
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

interface Both {
  readonly native: Collector;
  readonly edges: Collector;
}

/** The last value of a router of its own: once it has come, everything before has. */
const END = stateLine(999, 'END', 'end');
const END_EDGE = 'end 999s value=END';

describeWithKapacitor('|changeDetect and @edgeDetect on the same points', () => {
  test('let the same through where every point has the field, in one type', async () => {
    const states = ['UP', 'UP', 'DOWN', 'DOWN', 'DOWN', 'UP', 'IDLE', 'UP', 'UP'];
    const { edges, native } = await fedToBoth(
      states.flatMap((state, at) => [stateLine(at, state), stateLine(at, `${state}2`, 'router2')]),
    );
    expect(edges).toEqual([
      'router1 0s value=UP',
      'router2 0s value=UP2',
      'router1 2s value=DOWN',
      'router2 2s value=DOWN2',
      'router1 5s value=UP',
      'router2 5s value=UP2',
      'router1 6s value=IDLE',
      'router2 6s value=IDLE2',
      'router1 7s value=UP',
      'router2 7s value=UP2',
    ]);
    expect(native).toEqual(edges);
  });

  test('differ after a missing field: |changeDetect forgets its value', async () => {
    const { edges, native } = await fedToBoth(
      [line(0, 'a=1,value="UP"'), line(1, 'a=2'), line(2, 'a=2,value="UP"')],
      ['value', 'a'],
    );
    expect(edges).toEqual(['router1 0s a=1 value=UP', 'router1 1s a=2']);
    expect(native).toEqual(['router1 0s a=1 value=UP', 'router1 1s a=2', 'router1 2s a=2 value=UP']);
  });

  test('differ between an integer and a float of the same value: for |changeDetect that is a change', async () => {
    const { edges, native } = await fedToBoth([line(0, 'value=1'), line(1, 'value=1i'), line(2, 'value=2i')]);
    expect(edges).toEqual(['router1 0s value=1', 'router1 2s value=2']);
    expect(native).toEqual(['router1 0s value=1', 'router1 1s value=1', 'router1 2s value=2']);
  });

  test('differ in batches: |changeDetect begins anew with each, and windows that overlap repeat', async () => {
    const folder = socketFolder();
    const influxDb = await startInflux();
    const both = { native: await startCollector(), edges: await startCollector() };
    await startAgent(folder);
    const kapacitor = await startKapacitor(folder, { influxDb: accessTo(influxDb) });
    // The tests' epoch is twenty seconds past a minute.
    await store(influxDb, [
      stateLine(5, 'UP'),
      stateLine(35, 'DOWN'),
      stateLine(95, 'DOWN'),
      stateLine(125, 'UP'),
    ]);
    const script = `var points = batch
    |query('SELECT "value" FROM "telegraf"."autogen"."adsl_connection"')
        .period(2m)
        .every(1m)
        .groupBy('host')
points
    |changeDetect('value')
    |httpPost('${both.native.url}')
points
    @edgeDetectBatch()
        .field('value')
    |httpPost('${both.edges.url}')
`;
    await kapacitor.defineDisabled('both', script);
    await kapacitor.recordBatch('past', 'both', '2023-11-14T22:12:20Z', '2023-11-14T22:16:20Z');
    await kapacitor.replay({ task: 'both', recording: 'past' });
    expect(both.edges.points.map(brief)).toEqual([
      'router1 5s value=UP',
      'router1 35s value=DOWN',
      'router1 125s value=UP',
    ]);
    expect(both.native.points.map(brief)).toEqual([
      'router1 5s value=UP',
      'router1 35s value=DOWN',
      'router1 5s value=UP',
      'router1 35s value=DOWN',
      'router1 95s value=DOWN',
      'router1 125s value=UP',
    ]);
  });

  test('differ after a restart: |changeDetect has forgotten everything', async () => {
    const folder = socketFolder();
    const both = { native: await startCollector(), edges: await startCollector() };
    await startAgent(folder);
    const kapacitor = await startKapacitor(folder, { snapshotInterval: '1s' });
    await kapacitor.define('both', streamScript(both, ['value']));
    await kapacitor.feed([stateLine(0, 'UP-before')]);
    await kapacitor.keeps('UP-before');
    expect(await kapacitor.stop()).toBe(0);
    await kapacitor.up();
    await kapacitor.feed([stateLine(1, 'UP-before'), END]);
    expect(await untilEnd(both.edges)).toEqual(['router1 0s value=UP-before']);
    expect(await untilEnd(both.native)).toEqual(['router1 0s value=UP-before', 'router1 1s value=UP-before']);
  });
});

async function fedToBoth(
  lines: readonly string[],
  fields: readonly string[] = ['value'],
): Promise<{ readonly native: string[]; readonly edges: string[] }> {
  const { collector: native, kapacitor } = await startStack();
  const both = { native, edges: await startCollector() };
  await kapacitor.define('both', streamScript(both, fields));
  await feedOneByOne(kapacitor, [...lines, END]);
  return { native: await untilEnd(both.native), edges: await untilEnd(both.edges) };
}

/** A request each: there is no promise about the order within one. */
async function feedOneByOne(kapacitor: Kapacitor, lines: readonly string[]): Promise<void> {
  for (const one of lines) await kapacitor.feed([one]);
}

async function untilEnd(collector: Collector): Promise<string[]> {
  for (let count = 1; ; count++) {
    const edges = (await collector.received(count)).map(brief);
    const end = edges.indexOf(END_EDGE);
    if (end >= 0) return edges.slice(0, end);
  }
}

function streamScript({ edges, native }: Both, fields: readonly string[]): string {
  return `var points = stream
    |from()
        .measurement('adsl_connection')
        .groupBy('host')
points
    |changeDetect(${fields.map((field) => `'${field}'`).join(', ')})
    |httpPost('${native.url}')
points
    @edgeDetect()
        ${fields.map((field) => `.field('${field}')`).join('')}
    |httpPost('${edges.url}')
`;
}
