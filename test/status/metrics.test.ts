import { request } from 'node:http';
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { COUNTERS, GAUGES } from '../../src/status/metrics.ts';
import { withAgent } from '../support/agent/agent.ts';
import { startAgentProcess } from '../support/agent/agent-process.ts';
import { connect } from '../support/agent/host.ts';
import { atEnd } from '../support/at-end.ts';
import { hostPointMessage } from '../support/protocol/points.ts';
import type { Option } from '../support/protocol/protocol.ts';

const FIELD: Option = { name: 'field', values: [{ type: 'string', v: 'value' }] };
const TTL: Option = { name: 'ttl', values: [{ type: 'duration', v: 5_000_000_000n }] };

interface Family {
  readonly name: string;
  readonly metrics: readonly Sample[];
}

interface Sample {
  readonly value: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** It has no types of its own. */
const parse: (body: string) => readonly Family[] = createRequire(import.meta.url)(
  'parse-prometheus-text-format',
);

const up = (host: string, second: number): Buffer =>
  hostPointMessage(host, {
    time: BigInt(second) * 1_000_000_000n,
    fields: { value: { type: 'string', v: second % 2 === 0 ? 'UP' : 'DOWN' } },
  });

/** All metrics of an agent, as a parser that is not ours reads them. */
async function metricsOf(socketPath: string): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const body = await new Promise<string>((resolve, reject) => {
    const asked = request({ socketPath, path: '/metrics' }, (response) =>
      text(response).then(resolve, reject),
    );
    asked.once('error', reject);
    asked.end();
  });
  return new Map(parse(body).map(({ metrics, name }) => [name, metrics]));
}

test('another parser reads them: every one that is declared, with its labels and values', () =>
  withAgent(async (agent) => {
    const host = await connect(agent.socketOf('edgeDetect'));
    await host.init([FIELD, TTL], 'adsl "quoted"\\', 'edgeDetect2');
    // The group is forgotten when its next point comes more than five seconds later.
    host.send([up('a', 0), up('a', 1), up('a', 20)]);
    await host.snapshot();
    const metrics = await metricsOf(agent.socketOf('status'));
    for (const [name] of [...COUNTERS, ...GAUGES])
      expect(metrics.get(`edge_detect_${name}`), name).toHaveLength(1);
    const labels = { function: 'edgeDetect', task: 'adsl "quoted"\\', node: 'edgeDetect2' };
    const value = (name: string) => metrics.get(`edge_detect_${name}`)?.[0];
    expect(value('points_total')).toEqual({ value: '3', labels });
    expect(value('edges_total')).toEqual({ value: '3', labels });
    expect(value('groups')).toEqual({ value: '1', labels });
    expect(value('groups_freed_total')).toEqual({ value: '1', labels });
    expect(value('snapshots_total')).toEqual({ value: '1', labels });
    expect(Number(value('snapshot_seconds_total')?.value)).toBeGreaterThanOrEqual(0);
    await host.finish();
  }));

test('counters outlive the worker that counted, and its restart is counted', async () => {
  const agent = await startAgentProcess({ args: ['--workers', '2'] });
  atEnd(() => agent.stop());
  const status = agent.socketOf('status');
  const points = async (): Promise<number> => {
    const samples = (await metricsOf(status)).get('edge_detect_points_total') ?? [];
    return samples.reduce((sum, { value }) => sum + Number(value), 0);
  };
  const first = await connect(agent.socketOf('edgeDetect'));
  await first.init([FIELD], 'a', 'n');
  first.send([up('h', 0), up('h', 1)]);
  // What is answered is counted; a look makes the primary know of it.
  await first.keepalive(1n);
  expect(await points()).toBe(2);
  const restarted = agent.logged(({ msg }) => String(msg).startsWith('a worker died'));
  for (const pid of agent.workers) process.kill(pid, 'SIGKILL');
  await restarted;
  await first.closed;
  await agent.logged(({ msg }) => msg === 'worker ready');
  const next = await connect(agent.socketOf('edgeDetect'));
  await next.init([FIELD], 'a', 'n');
  next.send([up('h', 2)]);
  await next.keepalive(1n);
  const events = (await metricsOf(status)).get('edge_detect_events_total') ?? [];
  expect(events.find(({ labels }) => labels?.event === 'worker_restarted')).toMatchObject({ value: '2' });
  expect(await points()).toBe(3);
  await next.finish();
});
