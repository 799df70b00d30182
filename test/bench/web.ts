import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { freePort } from '../support/daemon.ts';
import { ADMIN, startInfluxDb } from '../support/influxdb/influxdb.ts';
import { findProgram } from '../support/influxdb/influxdb-host.ts';
import type { BenchContext } from './cases.ts';
import { cpuSeconds, memoryMb, watch } from './processes.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const GROUPS = 1_000;
const EDGES_PER_GROUP = 1_000;
const START_MS = Date.UTC(2025, 0, 1);
const YEAR_MS = 365 * 86_400_000;
const FROM = new Date(START_MS).toISOString();
const TO = new Date(START_MS + YEAR_MS).toISOString();
const SERIES = 'database=bench&measurement=edges&field=value&group=host';
const VALUES = ['SHOWTIME', 'TRAINING', 'IDLE'];
const WARM_REQUESTS = 3;
const AUTHORIZATION = `Basic ${Buffer.from(`${ADMIN.user}:${ADMIN.password}`).toString('base64')}`;

interface Server {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** `web` beside the bare `/query` underneath, over a real InfluxDB with a year of edges. */
export async function measureWeb(context: BenchContext): Promise<void> {
  const candidate = findProgram();
  if (typeof candidate === 'string') {
    context.skip(`web: ${candidate}`);
    return;
  }
  const influx = await startInfluxDb(candidate);
  const agent = new Agent({ connections: 8, bodyTimeout: 0, headersTimeout: 0 });
  try {
    await influx.create('bench');
    const groups = Math.max(10, Math.round(GROUPS * context.scale));
    await fill(influx.url, agent, groups);
    const web = await startWeb(influx.url);
    try {
      const note = (subject: string, unit: string, value: number): void =>
        context.note({ case: 'web', subject, unit, value });
      await beside(influx.url, web, agent, groups, note);
      await cached(context, web, agent, note);
      await exported(web, agent, note);
      await clients(context, influx.url, web, note);
    } finally {
      await web.stop();
    }
  } finally {
    await agent.close();
    await influx[Symbol.asyncDispose]();
  }
}

type Note = (subject: string, unit: string, value: number) => void;

/** Edges of all groups, spread over the year. */
async function fill(url: string, agent: Agent, groups: number): Promise<void> {
  const stepMs = YEAR_MS / EDGES_PER_GROUP;
  for (let edge = 0; edge < EDGES_PER_GROUP; edge += 10) {
    const lines: string[] = [];
    for (let more = 0; more < 10; more++) {
      for (let group = 0; group < groups; group++) {
        const ms = Math.floor(START_MS + (edge + more + ((group * 7919) % 1000) / 1000) * stepMs);
        lines.push(`edges,host=host${group} value="${VALUES[(edge + more + group) % VALUES.length]}" ${ms}`);
      }
    }
    const { body, statusCode } = await request(`${url}/write?db=bench&precision=ms`, {
      method: 'POST',
      body: lines.join('\n'),
      dispatcher: agent,
      headers: { authorization: AUTHORIZATION },
    });
    if (statusCode !== 204) throw new Error(`InfluxDB does not take the points: ${await body.text()}`);
    await body.dump();
  }
}

async function startWeb(influxdb: string): Promise<Server> {
  const port = await freePort();
  const child = watch(
    spawn(
      process.execPath,
      [
        ...[MAIN, 'web', '--influxdb', influxdb, '--user', ADMIN.user, '--listen', `127.0.0.1:${port}`],
        ...['--log-level', 'error', '--rate-limit', '1000000000', '--cache', '60s', '--query-timeout', '10m'],
      ],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { ...process.env, EDGE_DETECT_WEB_PASSWORD: ADMIN.password },
      },
    ),
  );
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    const isUp = await fetch(`${url}/healthz`).then(
      (response) => response.ok,
      () => false,
    );
    if (isUp) break;
    if (child.exitCode !== null) throw new Error('web has ended');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url,
    pid: child.pid ?? 0,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** How long it takes to read an answer to its end, in milliseconds. */
async function readMs(
  agent: Agent,
  url: string,
  options: { headers?: Record<string, string>; body?: string } = {},
): Promise<number> {
  const startedMs = performance.now();
  const { body, statusCode } = await request(url, {
    dispatcher: agent,
    ...(options.body === undefined ? {} : { method: 'POST', body: options.body }),
    headers: options.headers ?? {},
  });
  for await (const _ of body) {
    // Only the time counts.
  }
  if (statusCode !== 200 && statusCode !== 304) throw new Error(`${url} answers with ${statusCode}`);
  return performance.now() - startedMs;
}

/** Each route, and what it asks of InfluxDB; in turns, so that both have the same machine. */
async function beside(
  influxdb: string,
  web: Server,
  agent: Agent,
  groups: number,
  note: Note,
): Promise<void> {
  const hundred = Array.from({ length: Math.min(100, groups) }, (_, at) => `host${at}`);
  const range = `time >= ${BigInt(START_MS) * 1_000_000n} AND time < ${BigInt(START_MS + YEAR_MS) * 1_000_000n}`;
  const some = `(${hundred.map((host) => `"host"::tag = '${host}'`).join(' OR ')})`;
  const cases = [
    { name: 'states', query: '', path: `states?${SERIES}` },
    {
      name: 'summary',
      query: `WHERE ${range} AND "host"::tag = 'host1'`,
      path: `summary?${SERIES}&where=host=host1&up=SHOWTIME&from=${FROM}`,
    },
    {
      name: 'intervals',
      query: `WHERE ${range} AND ${some}`,
      path: `intervals?${SERIES}&${hundred.map((host) => `where=host=${host}`).join('&')}&pixels=1200&from=${FROM}`,
    },
  ];
  for (const { name, path, query } of cases) {
    const q = `SELECT "value"::field FROM "edges" ${query} GROUP BY "host"`;
    const form = new URLSearchParams({ db: 'bench', epoch: 'ns', chunked: 'true', chunk_size: '10000', q });
    const headers = { authorization: AUTHORIZATION, 'content-type': 'application/x-www-form-urlencoded' };
    const times = { bare: [] as number[], web: [] as number[] };
    for (let turn = 0; turn < WARM_REQUESTS + 3; turn++) {
      // Another end each time: what is kept is of another range.
      const to = new Date(START_MS + YEAR_MS - turn).toISOString();
      const bare = await readMs(agent, `${influxdb}/query`, { headers, body: form.toString() });
      const ours = await readMs(agent, `${web.url}/api/v1/${path}&to=${to}`);
      if (turn < WARM_REQUESTS) continue;
      times.bare.push(bare);
      times.web.push(ours);
    }
    note(`${name}: bare /query`, 'ms', middle(times.bare));
    note(`${name}: web`, 'ms', middle(times.web));
    note(`${name}: bare to web`, 'share', middle(times.bare.map((bare, at) => bare / (times.web[at] ?? 1))));
  }
}

/** What is kept: not modified, and processor time of one request, beside a peer that does the same. */
async function cached(context: BenchContext, web: Server, agent: Agent, note: Note): Promise<void> {
  const url = `${web.url}/api/v1/states?${SERIES}&to=${TO}`;
  const first = await fetch(url);
  await first.arrayBuffer();
  const headers = { 'if-none-match': first.headers.get('etag') ?? '' };
  const times: number[] = [];
  for (let at = 0; at < 300; at++) times.push(await readMs(agent, url, { headers }));
  note('not modified', 'ms', middle(times.slice(100)));
  const requests = Math.max(100, Math.round(3_000 * context.scale));
  note('cached states: web', 'CPU us/request', await cpuOf(web.pid, agent, url, requests));
  for (const peer of context.peers) {
    const [, name = peer, address = ''] = /^([^=]+)=(http.*)$/.exec(peer) ?? [];
    const pid = address === '' ? undefined : listenerOf(Number(new URL(address).port));
    if (pid !== undefined)
      note(`cached states: ${name}`, 'CPU us/request', await cpuOf(pid, agent, address, requests));
  }
}

async function cpuOf(pid: number, agent: Agent, url: string, requests: number): Promise<number> {
  const ask = async (count: number): Promise<void> => {
    for (let at = 0; at < count; at++) await readMs(agent, url);
  };
  await ask(Math.min(200, requests));
  const before = cpuSeconds(pid) ?? 0;
  await Promise.all(Array.from({ length: 8 }, () => ask(Math.ceil(requests / 8))));
  return (((cpuSeconds(pid) ?? 0) - before) * 1e6) / requests;
}

async function exported(web: Server, agent: Agent, note: Note): Promise<void> {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, memoryMb(web.pid, 'VmRSS'));
  }, 50);
  const ms = await readMs(agent, `${web.url}/api/v1/edges?${SERIES}&format=ndjson`);
  clearInterval(timer);
  note('export of all edges', 's', ms / 1000);
  note('export of all edges', 'MB resident at most', Math.max(most, memoryMb(web.pid, 'VmRSS')));
}

/** A thousand who listen, a hundred edges a second: how long an edge takes once InfluxDB has it. */
async function clients(context: BenchContext, influxdb: string, web: Server, note: Note): Promise<void> {
  const count = Math.max(10, Math.round(1_000 * context.scale));
  const edges = Math.max(20, Math.round(1_000 * context.scale));
  const url = new URL(`${web.url}/api/v1/events?database=bench&measurement=live&field=value&group=host`);
  let got = 0;
  const delays: number[] = [];
  const all = Promise.withResolvers<void>();
  const requests = Array.from({ length: count }, () =>
    httpRequest(url, (response) => {
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        const nowMs = Date.now();
        for (const [, ns = ''] of text.matchAll(/^id: (\d+)$/gm)) {
          got++;
          delays.push(nowMs - Number(BigInt(ns) / 1_000_000n));
        }
        if (got === count * edges) all.resolve();
      });
    }),
  );
  for (const each of requests) {
    each.on('error', () => {});
    each.end();
  }
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  for (let edge = 0; edge < edges; edge += 10) {
    const lines = Array.from(
      { length: 10 },
      (_, more) => `live,host=h${more} value="${edge}" ${BigInt(Date.now()) * 1_000_000n}`,
    );
    await fetch(`${influxdb}/write?db=bench`, {
      method: 'POST',
      body: lines.join('\n'),
      headers: { authorization: AUTHORIZATION },
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const timer = setTimeout(() => all.resolve(), 15_000);
  await all.promise;
  clearTimeout(timer);
  for (const each of requests) each.destroy();
  delays.sort((a, b) => a - b);
  note(`${count} clients`, 'share of edges received', got / (count * edges));
  note(`${count} clients`, 'ms to the edge, median (looking each second)', delays[delays.length >> 1] ?? 0);
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

/** Who listens on a port of this machine, as far as /proc tells. */
function listenerOf(port: number): number | undefined {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === '0A' && local?.endsWith(`:${wanted}`))
    .map((fields) => fields[9]);
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`))
        if (inodes.some((inode) => readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`))
          return Number(pid);
    } catch {
      // Gone meanwhile, or somebody else's.
    }
  }
  return undefined;
}
