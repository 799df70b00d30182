import { readFileSync } from 'node:fs';
import { describe, expect, inject, test } from 'vitest';
import { run } from '../../../src/cli/run.ts';
import { simulateAdsl } from '../../../src/feed/sources/simulation.ts';
import { startAgentProcess } from '../../support/agent/agent-process.ts';
import { CapturedIo } from '../../support/captured-io.ts';
import { ADMIN, type StoredPoint, startInfluxDb } from '../../support/influxdb/influxdb.ts';
import { Kapacitor, until } from '../../support/kapacitor/kapacitor.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const influxCandidate = inject('influxdb').find(({ how, major }) => how !== 'missing' && major === 1);
const kapacitorCandidate = inject('kapacitor');

const START = '2018-01-03T11:30:51.065Z';
const SIMULATION = {
  devices: 3,
  seed: 'chain',
  everyNs: 90_000_000_000n,
  polls: 960,
  startNs: 1514979051065000000n,
};

/** The first state of each router and every one that differs from the last, found the plain way. */
function edgesOf(simulation: typeof SIMULATION): string[] {
  const states = new Map<string, string>();
  const edges: string[] = [];
  for (const { text, timeNs } of [...simulateAdsl(simulation)].flat()) {
    const [, host = '', state = ''] = /host=(\w+) value="(\w+)"/.exec(text) ?? [];
    if (states.get(host) !== state) edges.push(`${timeNs} ${host} ${state}`);
    states.set(host, state);
  }
  return edges;
}

function shown({ fields, tags, timeNs }: StoredPoint): string {
  return `${timeNs} ${tags.host} ${fields.value?.replaceAll('"', '')}`;
}

describe.skipIf(influxCandidate === undefined || kapacitorCandidate === undefined)('the whole way', () => {
  test('goes from simulated routers over InfluxDB and Kapacitor to the table of their outages', async () => {
    if (influxCandidate === undefined || kapacitorCandidate === undefined) throw new Error('skipped above');
    const socketFolder = temporaryFolder();
    await using influx = await startInfluxDb(influxCandidate);
    await influx.create('telegraf');
    const agent = await startAgentProcess({ folder: socketFolder });
    const influxDb = { url: influx.url, user: ADMIN.user, password: ADMIN.password };
    const kapacitor = await Kapacitor.start(kapacitorCandidate, {
      socketFolder,
      influxDb,
      isSubscribed: true,
    });
    try {
      await kapacitor.define('adsl_edges', readFileSync('tickscripts/tasks/adsl_edges.tick', 'utf8'));
      // InfluxDB takes its time until it serves a new subscription. A point without a state leaves no trace.
      await until('points arrive in Kapacitor', async () => {
        const probe = new CapturedIo('adsl_connection,host=probe probe=1');
        await run(['feed', '--file', '-', ...influx.flags('telegraf')], probe);
        const { nodes } = await kapacitor.task('adsl_edges');
        return (nodes.from1?.collected ?? 0) > 0 ? true : undefined;
      });
      const io = new CapturedIo();
      const simulation = [
        '--devices',
        '3',
        '--seed',
        'chain',
        '--start',
        START,
        '--polls',
        '960',
        '--pace',
        'max',
      ];
      const code = await run(['feed', '--simulate', 'adsl', ...simulation, ...influx.flags('telegraf')], io);
      expect(io.err).toContain('points: 2880 read, 2880 written, 0 rejected, 0 lost');
      expect(code).toBe(0);
      const expected = edgesOf(SIMULATION);
      const edges = await until('all edges stand in adsl_edges', async () => {
        const points = await influx.points('telegraf', 'adsl_edges');
        return points.length >= expected.length ? points : undefined;
      });
      expect(edges.map(shown)).toEqual(expected);
      // The line's quality comes along, as far as the router gave it.
      expect(edges.find(({ fields }) => fields.value === '"SHOWTIME"')?.fields).toHaveProperty(
        'snr_margin_down',
      );
    } finally {
      await kapacitor[Symbol.asyncDispose]();
      await agent.stop();
    }
  });

  test('waits for Kapacitor to notice a new database, and loses nothing of a history', async () => {
    if (influxCandidate === undefined || kapacitorCandidate === undefined) throw new Error('skipped above');
    const socketFolder = temporaryFolder();
    await using influx = await startInfluxDb(influxCandidate);
    const agent = await startAgentProcess({ folder: socketFolder });
    const influxDb = { url: influx.url, user: ADMIN.user, password: ADMIN.password };
    const kapacitor = await Kapacitor.start(kapacitorCandidate, {
      socketFolder,
      influxDb,
      isSubscribed: true,
    });
    try {
      await kapacitor.define('adsl_edges', readFileSync('tickscripts/tasks/adsl_edges.tick', 'utf8'));
      const lines = [...simulateAdsl(SIMULATION)].flat().map(({ text, timeNs }) => `${text} ${timeNs}`);
      const io = new CapturedIo(lines.join('\n'));
      const flags = ['--create-database', '--wait-subscription', ...influx.flags('telegraf')];
      expect(await run(['feed', '--file', '-', ...flags], io)).toBe(0);
      expect(io.err).toMatch(/waiting until Kapacitor is subscribed to "telegraf"."autogen"/);
      expect(io.err).toMatch(/Kapacitor is subscribed to "telegraf"."autogen" after \d+ s/);
      const expected = edgesOf(SIMULATION);
      const edges = await until('all edges stand in adsl_edges', async () => {
        const points = await influx.points('telegraf', 'adsl_edges');
        return points.length >= expected.length ? points : undefined;
      });
      expect(edges.map(shown)).toEqual(expected);
    } finally {
      await kapacitor[Symbol.asyncDispose]();
      await agent.stop();
    }
  });
});
