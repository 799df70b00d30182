import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { WebApp } from '../../../src/web/context.ts';
import { InfluxSource } from '../../../src/web/sources/influx-source.ts';
import { ADMIN, type InfluxServer, startInfluxDb } from '../../support/influxdb/influxdb.ts';
import { ADSL_POLLS, appOver, sourceOf } from '../../web/app.ts';

const DATABASE = 'telegraf';
const EDGES = 'database=telegraf&measurement=adsl_connection&field=value&group=host';
const RANGE = 'from=2018-01-03T11:40:00Z&to=2018-01-03T12:10:00Z';

/** What is hard to read back: quotes, backslashes, line breaks, other languages, integers beyond a double, missing tags. */
const LINES = [
  ...ADSL_POLLS,
  ...['UP', 'DO\\"WN', 'a\\\\b', 'zeile\ndrei', '状态', '', 'UP'].map(
    (value, at) =>
      `adsl_connection,host=odd\\ one,site=x value="${value}" ${1_514_980_000_000_000_000n + BigInt(at) * 7_000_000_001n}`,
  ),
  'adsl_connection value="SHOWTIME" 1514979999000000001',
  'adsl_connection,host=router3 value="IDLE" 1514970000000000000',
  ...[1n, 9_007_199_254_740_993n, -9_223_372_036_854_775_808n, 1n].map(
    (value, at) => `counts,host=a value=${value}i ${1_514_980_000n + BigInt(at)}000000000`,
  ),
  ...['true', 'false', 'false', 'true'].map(
    (value, at) => `doors,host=a open=${value} ${1_514_980_000n + BigInt(at)}000000000`,
  ),
  ...['1', '1.5', '1e-9', '1.5'].map(
    (value, at) => `levels,host=a value=${value} ${1_514_980_000n + BigInt(at)}000000000`,
  ),
];

const URLS = [
  ...['states', 'edges', `intervals`, 'summary'].map((route) => `${route}?${EDGES}&${RANGE}`),
  `states?${EDGES}`,
  `edges?${EDGES}`,
  `edges?${EDGES}&limit=3`,
  `edges?${EDGES}&order=newest&limit=3`,
  `edges?${EDGES}&format=csv`,
  `intervals?${EDGES}&${RANGE}&stale=3m&pixels=40`,
  `intervals?${EDGES}&${RANGE}&options=hold(2m)`,
  `edges?${EDGES}&${RANGE}&options=confirm(2)`,
  `summary?${EDGES}&${RANGE}&stale=2m&up=SHOWTIME&by=day&zone=Asia/Tokyo`,
  `states?${EDGES}&where=host=router1&where=host=router3`,
  `states?${EDGES}&where=site=x`,
  `states?${EDGES}&where=host=`,
  'states?database=telegraf&measurement=adsl_connection&field=value',
  'states?database=telegraf&measurement=adsl_connection&field=value&group=host&group=site',
  'edges?database=telegraf&measurement=counts&field=value&group=host',
  'edges?database=telegraf&measurement=doors&field=open&group=host',
  'edges?database=telegraf&measurement=levels&field=value&group=host&from=2018-01-03T11:46:42Z',
  'edges?database=telegraf&measurement=doors&field=open&from=2018-01-03T11:46:42Z',
  'states?database=telegraf&measurement=nothing&field=value',
];

describe.each(inject('webInfluxdb'))('with $what', (candidate) => {
  const isMissing = candidate.how === 'missing';
  let server: InfluxServer;
  let source: InfluxSource;

  beforeAll(async () => {
    if (isMissing) return;
    server = await startInfluxDb(candidate);
    await server.create(DATABASE);
    if (server.major === 2) await mapBucket(server.url);
    source = new InfluxSource({
      url: new URL(server.url),
      authorization: authorizationOf(server),
      timeoutMs: 10_000,
    });
    await source.write({ database: DATABASE, policy: undefined }, LINES, new AbortController().signal);
  });

  afterAll(async () => {
    await source?.close();
    await server?.[Symbol.asyncDispose]();
  });

  test.skipIf(isMissing)('every route answers as it does over points held in memory', async () => {
    const nowNs = (): bigint => 1_514_990_000_000_000_000n;
    const [app, expected] = [await appOver(source, { nowNs }), await appOver(sourceOf(LINES), { nowNs })];
    for (const url of URLS) {
      const [answer, wanted] = [await app.inject(`/api/v1/${url}`), await expected.inject(`/api/v1/${url}`)];
      expect(answer.statusCode, url).toBe(wanted.statusCode);
      expect(sorted(answer.body), url).toEqual(sorted(wanted.body));
    }
  });

  test.skipIf(isMissing)('what can be shown is listed with its types and tags', async () => {
    const app = await appOver(source);
    const { series } = (await app.inject('/api/v1/series?all=true')).json();
    expect(series).toContainEqual({
      database: DATABASE,
      measurement: 'adsl_connection',
      fields: [{ name: 'value', type: 'string' }],
      tags: ['host', 'site'],
    });
    expect(series).toContainEqual(
      expect.objectContaining({ measurement: 'counts', fields: [{ name: 'value', type: 'integer' }] }),
    );
  });

  test.skipIf(isMissing)('notes are kept, changed and deleted, and a summary heeds them', async () => {
    const app = await appOver(source);
    const notes = '/api/v1/notes?database=telegraf';
    const payload = {
      kind: 'maintenance',
      from: '2018-01-03T11:50:21Z',
      to: '2018-01-03T11:54:51Z',
      group: { host: 'router1' },
    };
    const { id } = (await app.inject({ method: 'POST', url: notes, payload })).json();
    const url = `/api/v1/notes/${id}?database=telegraf`;
    expect(
      (await app.inject({ method: 'PATCH', url, payload: { text: `it's "new"\n` } })).json(),
    ).toMatchObject({ text: `it's "new"\n` });
    expect(await maintenance(app)).toBe(270);
    expect((await app.inject({ method: 'DELETE', url })).statusCode).toBe(204);
    expect((await app.inject(notes)).json()).toEqual({ notes: [] });
    expect(await maintenance(app)).toBe(0);
  });

  test.skipIf(isMissing)(
    'points that InfluxDB refuses are named one by one, the others are written',
    async () => {
      const app = await appOver(source);
      const lines = Array.from(
        { length: 50 },
        (_, at) => `written,host=a value=${at === 17 || at === 40 ? '"text"' : at} ${1_000 + at}`,
      );
      const answer = await app.inject({
        method: 'POST',
        url: '/api/v1/points?database=telegraf',
        headers: { 'content-type': 'text/plain' },
        payload: lines.join('\n'),
      });
      expect(answer.json()).toMatchObject({ written: 48, refused: [{ item: 18 }, { item: 41 }] });
      const edges = await app.inject('/api/v1/edges?database=telegraf&measurement=written&field=value');
      expect(edges.json().edges).toHaveLength(48);
    },
  );

  test.skipIf(isMissing)('more points than any piece holds pass through in a stream', async () => {
    const count = 60_000;
    for (let at = 0; at < count; at += 10_000) {
      const lines = Array.from(
        { length: 10_000 },
        (_, more) =>
          `many,host=h${(at + more) % 100} value="${Math.floor((at + more) / 100) % 2 === 0 ? 'UP' : 'DOWN'}" ${1_500_000_000_000_000_000n + BigInt(at + more) * 1_000_000n}`,
      );
      await source.write({ database: DATABASE, policy: undefined }, lines, new AbortController().signal);
    }
    const app = await appOver(source);
    const url = '/api/v1/edges?database=telegraf&measurement=many&field=value&group=host&format=ndjson';
    const answer = await app.inject(url);
    expect(answer.body.split('\n')).toHaveLength(count + 1);
  });

  test.skipIf(isMissing)(
    'a database that is not there, and a wrong password, are told as what they are',
    async () => {
      const app = await appOver(source);
      const missing = await app.inject('/api/v1/states?database=nix&measurement=m&field=value');
      expect([404, 502]).toContain(missing.statusCode);
      const stranger = new InfluxSource({
        url: new URL(server.url),
        authorization: undefined,
        timeoutMs: 10_000,
      });
      const strange = await appOver(stranger);
      const answer = await strange.inject(`/api/v1/states?${EDGES}`);
      await stranger.close();
      expect(answer.json()).toMatchObject({
        code: 'SOURCE_REFUSES',
        detail: expect.stringMatching(/check user, password or token/),
      });
    },
  );

  test.skipIf(isMissing)('while InfluxDB is away that is said, and it recovers by itself', async () => {
    const app = await appOver(source, { freshMs: 0 });
    const states = () => app.inject(`/api/v1/states?${EDGES}`);
    await server.stop();
    expect((await states()).json()).toMatchObject({
      code: 'SOURCE_AWAY',
      status: 503,
      detail: expect.stringMatching(/nothing listens there/),
    });
    expect((await app.inject('/readyz')).statusCode).toBe(503);
    expect((await app.inject('/healthz')).statusCode).toBe(200);
    await server.restart();
    expect((await states()).statusCode).toBe(200);
    expect((await app.inject('/readyz')).statusCode).toBe(200);
  });
});

function authorizationOf({ major }: InfluxServer): string {
  const { password, token, user } = ADMIN;
  return major === 1 ? `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` : `Token ${token}`;
}

/** 2.x: a bucket is a database where a mapping says so. */
async function mapBucket(url: string): Promise<void> {
  const headers = { authorization: `Token ${ADMIN.token}` };
  const found: { readonly buckets: readonly { readonly id: string }[] } = JSON.parse(
    await (await fetch(`${url}/api/v2/buckets?name=${DATABASE}`, { headers })).text(),
  );
  const body = {
    bucketID: found.buckets[0]?.id,
    database: DATABASE,
    retention_policy: 'autogen',
    default: true,
    org: ADMIN.org,
  };
  const response = await fetch(`${url}/api/v2/dbrps`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  expect(response.status).toBeLessThan(300);
}

async function maintenance(app: WebApp): Promise<number> {
  const range = 'from=2018-01-03T11:30:51Z&to=2018-01-03T11:54:51Z';
  const answer = await app.inject(`/api/v1/summary?${EDGES}&where=host=router1&${range}&up=SHOWTIME`);
  return answer.json().groups[0].maintenanceSeconds;
}

/** Sources give groups in orders of their own. */
function sorted(body: string): unknown {
  if (!body.startsWith('{')) return body;
  const answer = JSON.parse(body);
  for (const name of ['groups', 'states'])
    if (Array.isArray(answer[name]))
      answer[name].sort((a: object, b: object) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return answer;
}
