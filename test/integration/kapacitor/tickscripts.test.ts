import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { InfluxServer, StoredPoint } from '../../support/influxdb/influxdb.ts';
import { type Kapacitor, until } from '../../support/kapacitor/kapacitor.ts';
import { EPOCH_NS, line, SECOND_NS, stateLine } from './points.ts';
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
const BATCHES = fileURLToPath(new URL('../../fixtures/recordings/adsl-overlap.brpl', import.meta.url));

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
  test('adsl_edges.tick writes the changes of a recorded stream', async () => {
    const { influxDb, kapacitor } = await startWithInflux((it) => it.adopt(STREAM));
    await kapacitor.defineDisabled('edges-1', script('adsl_edges'));
    await kapacitor.replay({ task: 'edges-1', recording: 'adsl-stream' });
    expect(await stored(influxDb, 'adsl_edges')).toEqual(STREAM_EDGES);
  });

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

  test('adsl_alert.tick has a whole message where a router is first seen in TRAINING', async () => {
    const collector = await startCollector();
    const folder = socketFolder();
    const load = loadFolder(folder, ['adsl_alert.tick'], (handler) =>
      handler.replace('http://localhost:8081/adsl', collector.url).replace('/tmp/', `${folder}/`),
    );
    await startAgent(folder);
    const kapacitor = await prepareKapacitor(folder, { load });
    await kapacitor.up();
    await kapacitor.feed([stateLine(0, 'TRAINING', 'router7')]);
    const [alert] = await collector.alerted(1);
    expect(alert).toMatchObject({ id: 'router7', level: 'CRITICAL', message: 'router7 is TRAINING' });
  });

  test('adsl_edges_batch.tick writes the changes of recorded, overlapping windows', async () => {
    const { influxDb, kapacitor } = await startWithInflux((it) => it.adopt(BATCHES));
    await kapacitor.defineDisabled('batch-1', script('adsl_edges_batch'));
    await kapacitor.replay({ task: 'batch-1', recording: 'adsl-overlap' });
    const expected = {
      router0:
        '56:12 S, 56:15 T, 56:51 S, 58:03 T, 58:06 S, 58:09 T, 58:36 S, 00:06 T, 00:24 S, 00:27 T, 00:30 S',
      router1: '56:12 S, 57:45 T, 58:06 S, 58:39 T, 00:39 S, 00:42 T, 00:57 S, 01:00 T',
      router2:
        '56:12 S, 56:21 T, 56:42 S, 57:21 T, 57:24 S, 57:51 T, 59:21 S, 59:33 T, 00:33 S, 00:45 T, 00:48 S, 00:51 T',
    };
    const points = await influxDb.points('telegraf', 'adsl_edges_batch');
    const edgesOf = (host: string): string =>
      points
        .filter(({ tags }) => tags.host === host)
        .map(({ fields, timeNs }) => `${isoOf(timeNs).slice(14, 19)} ${fields.value?.slice(1, 2)}`)
        .join(', ');
    expect({
      router0: edgesOf('router0'),
      router1: edgesOf('router1'),
      router2: edgesOf('router2'),
    }).toEqual(expected);
    expect(points).toHaveLength(31);
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

  test('adsl_normalise.tick brings two makes of router to one form', async () => {
    const { influxDb, kapacitor } = await startWithInflux();
    await kapacitor.defineDisabled('normalise-1', script('adsl_normalise'));
    const at = (seconds: number): bigint => EPOCH_NS + BigInt(seconds) * SECOND_NS;
    await kapacitor.record('two-makes', 'normalise-1', [
      `modem_a,device=r1 status="up",margin=65i,rate=5120000i ${at(0)}`,
      `modem_a,device=r1 status="training",margin=0i,rate=0i ${at(1)}`,
      `modem_a,device=r1 status="down",margin=0i,rate=0i ${at(2)}`,
      `modem_b,host=r2 showtime=2i,snr=7i,kbps=4096 ${at(3)}`,
      `modem_b,host=r2 showtime=1i,snr=0.5,kbps=0 ${at(4)}`,
      `modem_b,host=r2 showtime=0i,snr=0.0,kbps=0 ${at(5)}`,
    ]);
    await kapacitor.replay({ task: 'normalise-1', recording: 'two-makes' });
    expect(await stored(influxDb, 'adsl_connection')).toEqual([
      '2023-11-14T22:13:20.000Z r1 rate_down=5120i snr_margin_down=6.5 value="SHOWTIME"',
      '2023-11-14T22:13:21.000Z r1 rate_down=0i snr_margin_down=0 value="TRAINING"',
      '2023-11-14T22:13:22.000Z r1 rate_down=0i snr_margin_down=0 value="IDLE"',
      '2023-11-14T22:13:23.000Z r2 rate_down=4096i snr_margin_down=7 value="SHOWTIME"',
      '2023-11-14T22:13:24.000Z r2 rate_down=0i snr_margin_down=0.5 value="TRAINING"',
      '2023-11-14T22:13:25.000Z r2 rate_down=0i snr_margin_down=0 value="IDLE"',
    ]);
  });

  test('flapping.tick passes what lasts, at most three changes in ten minutes, and the truth in the end', async () => {
    const { influxDb, kapacitor } = await startWithInflux();
    await kapacitor.defineDisabled('flapping-1', script('flapping'));
    const states: readonly [number, string][] = [
      [0, 'UP'],
      // Once only, and twice but for half a minute: noise.
      [30, 'DOWN'],
      [60, 'UP'],
      [90, 'DOWN'],
      [120, 'DOWN'],
      [130, 'UP'],
      // Lasts: three changes that are let through, with the times at which they happened.
      [200, 'DOWN'],
      [260, 'DOWN'],
      [300, 'UP'],
      [360, 'UP'],
      [400, 'DOWN'],
      [460, 'DOWN'],
      // The fourth and fifth within ten minutes are not; after the sixth it stays.
      [500, 'UP'],
      [560, 'UP'],
      [600, 'DOWN'],
      [660, 'DOWN'],
      [700, 'UP'],
      [760, 'UP'],
      // The first of the three was made at 260 s: room again from 860 s on.
      [850, 'UP'],
      [870, 'UP'],
      [900, 'UP'],
    ];
    await kapacitor.record(
      'noisy',
      'flapping-1',
      states.map(([seconds, state]) => stateLine(seconds, state)),
    );
    await kapacitor.replay({ task: 'flapping-1', recording: 'noisy' });
    expect(await storedSeconds(influxDb, 'adsl_steady')).toEqual([
      '0s router1 value="UP"',
      '200s router1 value="DOWN"',
      '300s router1 value="UP"',
      '400s router1 value="DOWN"',
      '870s router1 value="UP"',
    ]);
  });

  test('threshold.tick reports a hundred more errors, and learns that a counter began again', async () => {
    const { influxDb, kapacitor } = await startWithInflux();
    await kapacitor.defineDisabled('threshold-1', script('threshold'));
    const counts = [500, 550, 600, 601, 700, 702, 20, 100, 121, 122];
    await kapacitor.record(
      'errors',
      'threshold-1',
      counts.map((count, at) => line(at, `value="SHOWTIME",crc_errors=${count}i`)),
    );
    await kapacitor.replay({ task: 'threshold-1', recording: 'errors' });
    expect(await storedSeconds(influxDb, 'adsl_crc_errors')).toEqual([
      '3s router1 crc_errors=601i crc_errors_before=500i value="SHOWTIME"',
      '5s router1 crc_errors=702i crc_errors_before=601i value="SHOWTIME"',
      '8s router1 crc_errors=121i crc_errors_before=20i value="SHOWTIME"',
    ]);
  });

  test('state_change.tick does so for any measurement, as its example says', async () => {
    const { influxDb, kapacitor } = await startWithInflux(undefined, ['service_state.yaml']);
    const at = (seconds: number): bigint => EPOCH_NS + BigInt(seconds) * SECOND_NS;
    const service = (seconds: number, name: string, state: string): string =>
      `service,host=web1,name=${name} state="${state}" ${at(seconds)}`;
    await kapacitor.record('services', 'service_state', [
      service(0, 'nginx', 'running'),
      service(0, 'redis', 'running'),
      service(0, 'cron', 'running'),
      service(10, 'nginx', 'failed'),
      service(20, 'nginx', 'failed'),
      service(30, 'redis', 'failed'),
      service(30, 'cron', 'failed'),
      service(45, 'nginx', 'failed'),
      service(50, 'redis', 'running'),
      service(90, 'cron', 'failed'),
    ]);
    await kapacitor.replay({ task: 'service_state', recording: 'services' });
    const points = await influxDb.points('telegraf', 'service_edges');
    expect(
      points.map((point) => `${seconds(point)}s ${point.tags.host} ${point.tags.name} ${values(point)}`),
    ).toEqual([
      '0s web1 nginx state="running"',
      '0s web1 redis state="running"',
      '10s web1 nginx lasted=10 previous="running" state="failed"',
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

async function storedSeconds(influxDb: InfluxServer, measurement: string): Promise<string[]> {
  const points = await influxDb.points('telegraf', measurement);
  return points.map((point) => `${seconds(point)}s ${point.tags.host} ${values(point)}`);
}

function seconds({ timeNs }: StoredPoint): bigint {
  return (BigInt(timeNs) - EPOCH_NS) / SECOND_NS;
}

function values({ fields }: StoredPoint): string {
  return Object.keys(fields)
    .sort()
    .map((name) => `${name}=${fields[name]}`)
    .join(' ');
}
