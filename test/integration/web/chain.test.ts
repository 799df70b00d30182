import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { run } from '../../../src/cli/run.ts';
import { KapacitorApi } from '../../../src/kapacitor/api.ts';
import { InfluxSource } from '../../../src/web/sources/influx-source.ts';
import { TaskDesk } from '../../../src/web/tasks/task-desk.ts';
import { startAgentProcess } from '../../support/agent/agent-process.ts';
import { CapturedIo } from '../../support/captured-io.ts';
import { ADMIN, startInfluxDb } from '../../support/influxdb/influxdb.ts';
import { Kapacitor, until } from '../../support/kapacitor/kapacitor.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { appOver } from '../../web/app.ts';

const influxCandidate = inject('webInfluxdb').find(({ how, major }) => how !== 'missing' && major === 1);
const kapacitorCandidate = inject('webKapacitor');
const FUNCTIONS = ['edgeDetect', 'edgeDetectBatch'];

describe.skipIf(influxCandidate === undefined || kapacitorCandidate === undefined)('the whole chain', () => {
  test('edges of a task are seen, and the task is looked after: disabled, enabled, revived', async () => {
    if (influxCandidate === undefined || kapacitorCandidate === undefined) throw new Error('skipped above');
    const socketFolder = temporaryFolder();
    await using influx = await startInfluxDb(influxCandidate);
    await influx.create('telegraf');
    let agent = await startAgentProcess({ folder: socketFolder });
    const { password, user } = ADMIN;
    await using kapacitor = await Kapacitor.start(kapacitorCandidate, {
      socketFolder,
      influxDb: { url: influx.url, user, password },
      isSubscribed: true,
    });
    const api = new KapacitorApi({
      url: new URL(kapacitor.url),
      authorization: undefined,
      ca: undefined,
      isInsecure: false,
      timeoutMs: 10_000,
    });
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    const source = new InfluxSource({ url: new URL(influx.url), authorization, timeoutMs: 10_000 });
    const sockets = FUNCTIONS.map((name) => join(socketFolder, `${name}.sock`));
    const tasks = new TaskDesk({ api, functions: FUNCTIONS, sockets, agent: undefined, onProblem: () => {} });
    const app = await appOver(source, { tasks, freshMs: 0 });
    const act = async (action: string) =>
      (await app.inject({ method: 'POST', url: `/api/v1/tasks/adsl_edges/${action}` })).json();
    const list = async () => (await app.inject('/api/v1/tasks')).json().tasks;
    try {
      await kapacitor.define('adsl_edges', readFileSync('tickscripts/tasks/adsl_edges.tick', 'utf8'));
      await kapacitor.define(
        'other',
        "stream|from().measurement('x')\n    // @edgeDetect() is not called here\n",
      );
      expect(await list()).toMatchObject([
        {
          id: 'adsl_edges',
          status: 'enabled',
          executing: true,
          functions: ['edgeDetect'],
          condition: 'live',
        },
      ]);
      expect([...(await tasks.outputs())].sort()).toEqual([
        ['adsl_edges', ['adsl_edges']],
        ['other', []],
      ]);
      expect(await act('disable')).toMatchObject({ status: 'disabled', condition: 'disabled' });
      expect(await act('enable')).toMatchObject({ status: 'enabled', executing: true });
      expect(await act('revive')).toMatchObject({ code: 'TASK_NOT_REVIVABLE', status: 409 });
      const edges = await until('the edges are there', async () => {
        const io = new CapturedIo();
        const recording = 'test/fixtures/recordings/adsl-stream.srpl';
        await run(['feed', '--file', recording, ...influx.flags('telegraf')], io);
        const url = '/api/v1/edges?database=telegraf&measurement=adsl_edges&field=value&group=host';
        const found = (await app.inject(url)).json().edges;
        return found?.length >= 6 ? found : undefined;
      });
      expect(edges.at(-1)).toMatchObject({
        group: { host: 'router1' },
        value: 'TRAINING',
        previous: 'SHOWTIME',
      });
      await agent.kill();
      agent = await startAgentProcess({ folder: socketFolder });
      const lost = await until('the task is known to have lost its agent', async () =>
        (await list()).find(({ revivable }: { readonly revivable: boolean }) => revivable),
      );
      expect(lost).toMatchObject({ id: 'adsl_edges', condition: 'dead' });
      expect(await act('revive')).toMatchObject({ id: 'adsl_edges', executing: true, condition: 'live' });
    } finally {
      await kapacitor.stop();
      await agent.stop();
      await source.close();
    }
  });
});
