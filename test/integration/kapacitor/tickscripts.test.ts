import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { InfluxServer, StoredPoint } from '../../support/influxdb/influxdb.ts';
import { type Kapacitor, until } from '../../support/kapacitor/kapacitor.ts';
import { line } from './points.ts';
import {
  accessTo,
  describeWithKapacitor,
  prepareKapacitor,
  socketFolder,
  startAgent,
  startCollector,
  startInflux,
  store,
} from './stack.ts';

const TICKSCRIPTS = fileURLToPath(new URL('../../../tickscripts', import.meta.url));
const STREAM = fileURLToPath(new URL('../../fixtures/recordings/adsl-stream.srpl', import.meta.url));

/** The router of the recorded stream: every change, at the time of the point that brought it. */
const STREAM_EDGES = [
  '2018-01-03T11:30:51.065Z router1 value="SHOWTIME"',
  '2018-01-03T11:32:21.070Z router1 value="TRAINING"',
  '2018-01-03T11:33:51.065Z router1 value="SHOWTIME"',
  '2018-01-03T11:41:21.040Z router1 value="TRAINING"',
  '2018-01-03T11:47:21.020Z router1 value="SHOWTIME"',
  '2018-01-03T11:50:21.010Z router1 value="TRAINING"',
];

describeWithKapacitor('a TICKscript of the folder', () => {
  test('adsl_edges.tick writes the changes of a stream that Kapacitor recorded itself', async () => {
    const { influxDb, kapacitor } = await startWithInflux();
    await kapacitor.defineDisabled('edges-2', script('adsl_edges'));
    await kapacitor.record('own', 'edges-2', linesOf(STREAM));
    await kapacitor.replay({ task: 'edges-2', recording: 'own' });
    expect(await stored(influxDb, 'adsl_edges')).toEqual(STREAM_EDGES);
  });

  test('adsl_alert.tick tells handlers of every outage, what was before, and for how long', async () => {
    const collector = await startCollector();
    const folder = socketFolder();
    const log = join(folder, 'alerts.log');
    const load = loadFolder(folder, ['adsl_alert.tick'], (handler) =>
      handler.replace('http://localhost:8081/adsl', collector.url).replace('/tmp/adsl_alert.log', log),
    );
    await startAgent(folder);
    const kapacitor = await prepareKapacitor(folder, { load });
    await kapacitor.up();
    await kapacitor.feed(linesOf(STREAM));
    const expected = [
      '11:32:21.07Z CRITICAL router1 is TRAINING, was SHOWTIME for 1.5 min',
      '11:33:51.065Z OK router1 is SHOWTIME, was TRAINING for 1.5 min',
      '11:41:21.04Z CRITICAL router1 is TRAINING, was SHOWTIME for 7.5 min',
      '11:47:21.02Z OK router1 is SHOWTIME, was TRAINING for 6.0 min',
      '11:50:21.01Z CRITICAL router1 is TRAINING, was SHOWTIME for 3.0 min',
    ].map((text) => `2018-01-03T${text}`);
    const alertLine = ({ level, message, time }: { level: string; message: string; time: string }) =>
      `${time} ${level} ${message}`;
    expect((await collector.alerted(5)).map(alertLine)).toEqual(expected);
    const lines = await until('five alerts are logged', () => {
      const all = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
      return all.length >= 5 ? all : undefined;
    });
    expect(lines.map((text) => alertLine(JSON.parse(text)))).toEqual(expected);
  });

  test('adsl_edges_batch.tick finds the same changes as the stream, by windows of ten minutes a minute', async () => {
    const { influxDb, kapacitor } = await startWithInflux();
    await store(influxDb, linesOf(STREAM));
    await kapacitor.defineDisabled('batch-2', script('adsl_edges_batch'));
    await kapacitor.recordBatch('past', 'batch-2', '2018-01-03T11:20:00Z', '2018-01-03T12:10:00Z');
    await kapacitor.replay({ task: 'batch-2', recording: 'past' });
    expect(await stored(influxDb, 'adsl_edges_batch')).toEqual(STREAM_EDGES);
  });

  test('adsl_downsample.tick has means and extremes of five minutes for every router', async () => {
    const { influxDb, kapacitor } = await startWithInflux();
    // 100 s after the tests' epoch is a multiple of five minutes.
    await store(influxDb, [
      line(100, 'value="SHOWTIME",snr_margin_down=6.5,rate_down=5000i'),
      line(190, 'value="TRAINING"'),
      line(280, 'value="SHOWTIME",snr_margin_down=7.5,rate_down=6000i'),
      line(399, 'value="SHOWTIME",snr_margin_down=4,rate_down=4000i'),
      line(400, 'value="SHOWTIME",snr_margin_down=9,rate_down=8000i'),
      line(100, 'value="SHOWTIME",snr_margin_down=1,rate_down=1i', 'router2'),
    ]);
    await kapacitor.defineDisabled('downsample-1', script('adsl_downsample'));
    await kapacitor.recordBatch('past', 'downsample-1', '2023-11-14T22:10:00Z', '2023-11-14T22:30:00Z');
    await kapacitor.replay({ task: 'downsample-1', recording: 'past' });
    expect(await stored(influxDb, 'adsl_connection_5m')).toEqual([
      '2023-11-14T22:15:00.000Z router1 rate_down_max=6000 rate_down_mean=5000 rate_down_min=4000 snr_margin_down_max=7.5 snr_margin_down_mean=6 snr_margin_down_min=4',
      '2023-11-14T22:15:00.000Z router2 rate_down_max=1 rate_down_mean=1 rate_down_min=1 snr_margin_down_max=1 snr_margin_down_mean=1 snr_margin_down_min=1',
      '2023-11-14T22:20:00.000Z router1 rate_down_max=8000 rate_down_mean=8000 rate_down_min=8000 snr_margin_down_max=9 snr_margin_down_mean=9 snr_margin_down_min=9',
    ]);
  });
});

interface WithInflux {
  readonly influxDb: InfluxServer;
  readonly kapacitor: Kapacitor;
}

async function startWithInflux(
  beforeStart: (kapacitor: Kapacitor) => unknown = () => undefined,
  loaded: readonly string[] = [],
): Promise<WithInflux> {
  const folder = socketFolder();
  const influxDb = await startInflux();
  await startAgent(folder);
  const load = loadFolder(folder, loaded);
  const kapacitor = await prepareKapacitor(folder, { influxDb: accessTo(influxDb), load });
  beforeStart(kapacitor);
  await kapacitor.up();
  return { influxDb, kapacitor };
}

/** A folder for [load] with some of the tasks, and all templates and handlers. */
function loadFolder(
  folder: string,
  tasks: readonly string[],
  edit: (handler: string) => string = (handler) => handler,
): string {
  const load = join(folder, 'load');
  mkdirSync(join(load, 'tasks'), { recursive: true });
  for (const task of tasks) cpSync(join(TICKSCRIPTS, 'tasks', task), join(load, 'tasks', task));
  cpSync(join(TICKSCRIPTS, 'templates'), join(load, 'templates'), { recursive: true });
  mkdirSync(join(load, 'handlers'));
  for (const name of ['adsl_log.yaml', 'adsl_post.yaml']) {
    const text = readFileSync(join(TICKSCRIPTS, 'handlers', name), 'utf8');
    writeFileSync(join(load, 'handlers', name), edit(text));
  }
  return load;
}

function script(name: string): string {
  return readFileSync(join(TICKSCRIPTS, 'tasks', `${name}.tick`), 'utf8');
}

function linesOf(recording: string): string[] {
  const text = gunzipSync(readFileSync(recording)).toString('utf8');
  return text.split('\n').filter((_, at) => at % 3 === 2);
}

async function stored(influxDb: InfluxServer, measurement: string): Promise<string[]> {
  const points = await influxDb.points('telegraf', measurement);
  return points.map((point) => `${isoOf(point.timeNs)} ${point.tags.host} ${values(point)}`);
}

/** A time to the millisecond, which is all that the recordings have. */
function isoOf(timeNs: string): string {
  return new Date(Number(BigInt(timeNs) / 1_000_000n)).toISOString();
}

function values({ fields }: StoredPoint): string {
  return Object.keys(fields)
    .sort()
    .map((name) => `${name}=${fields[name]}`)
    .join(' ');
}
