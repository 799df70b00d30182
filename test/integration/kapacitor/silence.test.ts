import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Collector, PostedPoint } from '../../support/kapacitor/collector.ts';
import type { Kapacitor } from '../../support/kapacitor/kapacitor.ts';
import { edgeScript } from './points.ts';
import { describeWithKapacitor, startStack } from './stack.ts';

const SILENT = `.field('value').silent('SILENT', 3s)`;
const DURATION_MS = 3000;
/** A silence is noticed within two seconds of its time. */
const NOTICED_MS = 2000;
const YEAR_MS = 365 * 86_400_000;

/** A line of line protocol at a time of the clock. */
function lineAt(ms: number, host: string, state = 'UP'): string {
  return `adsl_connection,host=${host} value="${state}" ${ms}000000`;
}

/** `router1 UP 1700000000123`. */
function brief({ tags, fields, timeNs }: PostedPoint): string {
  return `${tags.host} ${fields.value} ${timeNs / 1_000_000n}`;
}

/** Devices report each half second, so many times. @returns their lines */
async function report(kapacitor: Kapacitor, hosts: readonly string[], times: number): Promise<string[]> {
  const lines: string[] = [];
  for (let i = 0; i < times; i++) {
    const batch = hosts.map((host) => lineAt(Date.now(), host));
    await kapacitor.feed(batch);
    lines.push(...batch);
    await pause(500);
  }
  return lines;
}

async function silenceOf(collector: Collector, count: number, ms: number): Promise<void> {
  await collector.received(count);
  const arrivedMs = Date.now();
  expect(brief(collector.points[count - 1])).toBe(`router1 SILENT ${ms + DURATION_MS}`);
  expect(arrivedMs - (ms + DURATION_MS)).toBeLessThan(NOTICED_MS);
}

describeWithKapacitor('a device that falls silent', () => {
  test('is an edge within two seconds of its time, with nothing but the clock to say so', async () => {
    const { collector, kapacitor } = await startStack();
    await kapacitor.define('edges', edgeScript(collector.url, SILENT));
    const ms = Date.now();
    await kapacitor.feed([lineAt(ms, 'router1')]);
    await silenceOf(collector, 2, ms);
    const back = Date.now();
    await kapacitor.feed([lineAt(back, 'router1')]);
    expect((await collector.received(3)).map(brief)).toEqual([
      `router1 UP ${ms}`,
      `router1 SILENT ${ms + DURATION_MS}`,
      `router1 UP ${back}`,
    ]);
  });

  test('is the same edges in a fast replay', async () => {
    const { collector, kapacitor } = await startStack();
    await kapacitor.define('edges', edgeScript(collector.url, SILENT));
    const ms = Date.now();
    const first = [lineAt(ms, 'router1'), lineAt(ms, 'router3')];
    await kapacitor.feed(first);
    const lines = [...first, ...(await report(kapacitor, ['router2', 'router3'], 10))];
    const back = lineAt(Date.now(), 'router1', 'DOWN');
    await kapacitor.feed([back]);
    const live = (await collector.received(5)).map(brief);
    expect(live.filter((edge) => edge.startsWith('router1'))).toEqual([
      `router1 UP ${ms}`,
      `router1 SILENT ${ms + DURATION_MS}`,
      expect.stringMatching(/^router1 DOWN/),
    ]);
    await kapacitor.disable('edges');
    // What is old enough is not taken for now.
    await pause(DURATION_MS);
    const before = collector.points.length;
    await kapacitor.record('today', 'edges', [...lines, back]);
    await kapacitor.replay({ task: 'edges', recording: 'today' });
    expect((await collector.received(before + 5)).slice(before).map(brief)).toEqual(live);
  });

  test('is not said of the others where one has a clock that is a year ahead', async () => {
    const { collector, kapacitor } = await startStack();
    await kapacitor.define('edges', edgeScript(collector.url, SILENT));
    await kapacitor.feed([lineAt(Date.now() + YEAR_MS, 'ahead')]);
    for (let i = 0; i < 4; i++) {
      await report(kapacitor, ['router1', 'router2'], 2);
      await kapacitor.feed([lineAt(Date.now() + YEAR_MS, 'ahead')]);
    }
    expect(collector.points.map(({ fields }) => fields.value)).toEqual(['UP', 'UP', 'UP']);
    const ms = Date.now();
    await kapacitor.feed([lineAt(ms, 'router1')]);
    await report(kapacitor, ['router2'], 4);
    await silenceOf(collector, 4, ms);
  });

  test.each([
    ['short', 0],
    ['longer than the duration', 2 * DURATION_MS],
  ])('is told from a Kapacitor that was away itself, %s', async (_how, awayMs) => {
    const { collector, kapacitor } = await startStack({ snapshotInterval: '1s' });
    await kapacitor.define('edges', edgeScript(collector.url, SILENT));
    const ms = Date.now();
    await kapacitor.feed([lineAt(ms, 'router1'), lineAt(ms, 'router2')]);
    await kapacitor.keeps('router2');
    expect(await kapacitor.stop()).toBe(0);
    await pause(awayMs);
    await kapacitor.up();
    const again = Date.now();
    await report(kapacitor, ['router2'], 9);
    // Nobody fell silent before Kapacitor had been there for as long as it takes; then router1 did, when it was due.
    const [, , silence] = await collector.received(3);
    expect(brief(silence)).toBe(`router1 SILENT ${ms + DURATION_MS}`);
    expect(collector.points).toHaveLength(3);
    expect(Date.now()).toBeGreaterThan(again + DURATION_MS);
  });
});
