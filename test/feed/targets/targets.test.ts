import { getEventListeners } from 'node:events';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Answer, Connection } from '../../../src/feed/targets/connection.ts';
import { type InfluxOptions, InfluxTarget } from '../../../src/feed/targets/influxdb.ts';
import { KapacitorTarget } from '../../../src/feed/targets/kapacitor.ts';
import { refusalOf } from '../../../src/feed/targets/refusal.ts';
import { BusyError, Refusal, SetupError, type TargetEvents } from '../../../src/feed/targets/target.ts';
import { atEnd } from '../../support/at-end.ts';
import { RecordedServer, type Reply } from '../../support/recorded-server.ts';

const NOWHERE: InfluxOptions = {
  bucket: undefined,
  createsDatabase: false,
  database: undefined,
  org: undefined,
  retentionPolicy: undefined,
  user: undefined,
};
const DEAF: TargetEvents = { connected: () => {}, note: () => {} };
const LINES = ['m v=1 1', 'm v=2 2'];
const PATIENT = new AbortController().signal;

async function serve(answer: Parameters<typeof RecordedServer.start>[0]): Promise<RecordedServer> {
  const server = await RecordedServer.start(answer);
  atEnd(() => server[Symbol.asyncDispose]());
  return server;
}

/** A server that says it is of a version, and answers everything else the same way. */
function influxdb(version: string, reply: Reply): Promise<RecordedServer> {
  return serve(({ url }) =>
    url.pathname === '/ping' ? { status: 204, headers: { 'x-influxdb-version': version } } : reply,
  );
}

function connect(url: URL, options: Partial<ConstructorParameters<typeof Connection>[0]> = {}): Connection {
  const connection = new Connection({
    url,
    authorization: undefined,
    timeoutMs: 5_000,
    isCompressed: true,
    ...options,
  });
  atEnd(() => connection.close());
  return connection;
}

function target(
  server: RecordedServer,
  options: Partial<InfluxOptions>,
  note: (message: string) => void = () => {},
): InfluxTarget {
  return new InfluxTarget(connect(server.url), { ...NOWHERE, ...options }, { ...DEAF, note });
}

async function failureOf(writing: Promise<void>): Promise<Error> {
  const error: unknown = await writing.then(
    () => undefined,
    (reason) => reason,
  );
  if (error instanceof Error) return error;
  throw new Error('it was written');
}

describe('InfluxTarget', () => {
  test.each([
    ['1.6.7~rc0', { database: 'd b' }, '/write?precision=ns&db=d+b'],
    ['1.7.11', { database: 'd', retentionPolicy: 'r' }, '/write?precision=ns&db=d&rp=r'],
    ['1.8.10', { database: 'd', retentionPolicy: 'r' }, '/api/v2/write?precision=ns&bucket=d%2Fr'],
    ['1.8.10', { database: 'd' }, '/api/v2/write?precision=ns&bucket=d'],
    ['1.11.8', { database: 'a/b' }, '/write?precision=ns&db=a%2Fb'],
    ['v2.7.6', { org: 'o', bucket: 'b' }, '/api/v2/write?org=o&bucket=b&precision=ns'],
    ['3.0.1', { database: 'd' }, '/write?precision=ns&db=d'],
    ['3.0.1', { database: 'd', createsDatabase: true }, '/write?precision=ns&db=d'],
    ['v3.4.0', { bucket: 'b' }, '/api/v2/write?bucket=b&precision=ns'],
    ['3.4.0', { org: 'o', bucket: 'b' }, '/api/v2/write?org=o&bucket=b&precision=ns'],
    ['unknown', { database: 'd', retentionPolicy: 'r' }, '/write?precision=ns&db=d&rp=r'],
    ['relay', { database: 'd' }, '/write?precision=ns&db=d'],
    ['nightly-1a2b3c', { org: 'o', bucket: 'b' }, '/api/v2/write?org=o&bucket=b&precision=ns'],
    ['2.0.4', { org: 'o&o', bucket: 'b' }, '/api/v2/write?org=o%26o&bucket=b&precision=ns'],
  ])('writes to InfluxDB %s with %j where that one takes it', async (version, options, path) => {
    const server = await influxdb(version, { status: 204 });
    await target(server, options).write(LINES, PATIENT);
    const written = server.requests.at(-1);
    expect(written?.method).toBe('POST');
    expect(`${written?.url.pathname}${written?.url.search}`).toBe(path);
    expect(written?.body).toBe('m v=1 1\nm v=2 2');
  });

  test('looks at the health report where a proxy hides the version', async () => {
    const server = await serve(({ url }) => {
      if (url.pathname === '/health') return { status: 200, body: '{"name":"influxdb","version":"v2.1.0"}' };
      return { status: url.pathname === '/ping' ? 404 : 204 };
    });
    await target(server, { org: 'o', bucket: 'b' }).write(LINES, PATIENT);
    expect(server.requests.at(-1)?.url.pathname).toBe('/api/v2/write');
  });

  test.each([
    [
      'has no version and nothing else to say',
      { status: 204 },
      { database: 'd' },
      '/write?precision=ns&db=d',
    ],
    ['wants a token for a ping', { status: 401 }, { bucket: 'b' }, '/api/v2/write?bucket=b&precision=ns'],
    ['has no ping at all', { status: 404, body: 'not found' }, { database: 'd' }, '/write?precision=ns&db=d'],
  ])('believes what it is asked for where a server %s', async (_what, reply, options, path) => {
    const server = await serve(({ url }) => (url.pathname.endsWith('write') ? { status: 204 } : reply));
    const told: string[] = [];
    const events = { ...DEAF, connected: (what: string) => told.push(what) };
    await new InfluxTarget(connect(server.url), { ...NOWHERE, ...options }, events).write(LINES, PATIENT);
    const { url } = server.requests.at(-1) ?? expect.fail();
    expect(`${url.pathname}${url.search}`).toBe(path);
    expect(told).toEqual([
      `InfluxDB at ${server.url.origin}, which does not say its version and is taken for what was asked for`,
    ]);
  });

  test('lets the write of an unknown version decide', async () => {
    const replies: Reply[] = [
      { status: 404, body: '{"error":"database not found: \\"d\\""}' },
      { status: 401, body: '{"error":"unauthorized"}' },
      { status: 405 },
      { status: 503 },
      { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body: '<html>' },
      { status: 400, body: `{"error":"partial write: unable to parse 'm v=2 2': bad dropped=0"}` },
    ];
    const server = await serve(({ url }) =>
      url.pathname === '/write'
        ? replies.shift()
        : { status: 204, headers: { 'x-influxdb-version': 'unknown' } },
    );
    const influx = target(server, { database: 'd' });
    const failures: Error[] = [];
    for (let left = replies.length; left > 0; left--)
      failures.push(await failureOf(influx.write(LINES, PATIENT)));
    expect(failures.map(({ message }) => message)).toEqual([
      `InfluxDB at ${server.url.origin} has no database 'd': create it, or say createDatabase`,
      `InfluxDB at ${server.url.origin} wants to know who writes (unauthorized): say user and password, or token`,
      `${server.url.origin} does not answer as InfluxDB does (405): is the URL right?`,
      `InfluxDB at ${server.url.origin} can't write now (503): no reason given`,
      `${server.url.origin} does not answer as InfluxDB does (200): is the URL right?`,
      expect.stringMatching(/^partial write/),
    ]);
    expect(failures.map(({ name }) => name)).toEqual([
      ...['SetupError', 'SetupError', 'SetupError', 'Error', 'SetupError', 'Refusal'],
    ]);
  });

  test('refuses a wrong token as such, also where it writes to a database', async () => {
    for (const [version, options] of [
      ['2.7.1', { org: 'o', bucket: 'b' }],
      ['3.0.1', { database: 'd' }],
    ] as const) {
      const server = await influxdb(version, { status: 401, body: '{"error":"unauthorized access"}' });
      const connection = connect(server.url, { authorization: 'Token wrong' });
      const influx = new InfluxTarget(connection, { ...NOWHERE, ...options }, DEAF);
      expect((await failureOf(influx.write(LINES, PATIENT))).message).toMatch(
        /refuses the token \(unauthorized access\): check token and its rights/,
      );
    }
  });

  test('asks once what it writes to, and creates the database once', async () => {
    const server = await influxdb('1.6.7', { status: 200, body: '{"results":[{"statement_id":0}]}' });
    const influx = target(server, { database: 'a "b"', createsDatabase: true });
    await influx.write(LINES, PATIENT);
    await influx.write(LINES, PATIENT);
    const paths = ['/ping', '/query', '/query', '/write', '/write'];
    expect(server.requests.map(({ url }) => url.pathname)).toEqual(paths);
    expect(server.requests[1]?.url.searchParams.get('q')).toBe('CREATE DATABASE "a \\"b\\""');
  });

  test('compresses what is worth it and says who writes', async () => {
    const server = await influxdb('1.6.7', { status: 204 });
    const connection = connect(server.url, { authorization: 'Token secret' });
    const influx = new InfluxTarget(connection, { ...NOWHERE, database: 'd' }, DEAF);
    const lines = Array.from({ length: 500 }, (_, at) => `m v=${at}`);
    await influx.write(lines, PATIENT);
    const { body, headers } = server.requests.at(-1) ?? expect.fail();
    expect(body).toBe(lines.join('\n'));
    expect(Number(headers['content-length'] ?? gzipSync(body).length)).toBeLessThan(body.length / 2);
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', authorization: 'Token secret' });
    await influx.write(LINES, PATIENT);
    expect(server.requests.at(-1)?.headers['content-encoding']).toBeUndefined();
  });

  test.each<[string, string, Partial<InfluxOptions>, Reply, RegExp]>([
    [
      'a missing database',
      '1.6.7',
      { database: 'd' },
      { status: 404, body: '{"error":"database not found: \\"d\\""}' },
      /has no database 'd': create it, or say createDatabase/,
    ],
    [
      'a missing retention policy',
      '1.6.7',
      { database: 'd', retentionPolicy: 'r' },
      { status: 500, body: '{"error":"retention policy not found: r"}' },
      /database 'd' has no retention policy 'r'/,
    ],
    [
      'a wrong password',
      '1.8.10',
      { database: 'd', user: 'u' },
      { status: 401, body: '{"error":"authorization failed"}' },
      /refuses user u \(authorization failed\): check user, password/,
    ],
    [
      'a missing user',
      '1.8.10',
      { database: 'd' },
      { status: 401, body: '{"error":"unable to parse authentication credentials"}' },
      /say user and password/,
    ],
    [
      'a missing token',
      '2.7.1',
      { org: 'o', bucket: 'b' },
      { status: 401, body: '{"code":"unauthorized","message":"unauthorized access"}' },
      /wants to know who writes \(unauthorized access\): say token$/,
    ],
    [
      'a missing bucket',
      '2.7.1',
      { org: 'o', bucket: 'b' },
      { status: 404, body: '{"code":"not found","message":"bucket \\"b\\" not found"}' },
      /bucket "b" not found: check org and bucket/,
    ],
    ['a database for 2.x', '2.7.1', { database: 'd' }, { status: 204 }, /say org, bucket and token/],
    ['a bucket for 1.x', '1.8.10', { org: 'o', bucket: 'b' }, { status: 204 }, /say database NAME/],
    [
      'a database to be created in 2.x',
      '2.7.1',
      { org: 'o', bucket: 'b', createsDatabase: true },
      { status: 204 },
      /influx bucket create/,
    ],
    [
      'a page that leads elsewhere',
      '1.6.7',
      { database: 'd' },
      { status: 302, headers: { location: '/login' } },
      /answered 302/,
    ],
  ])('says what to do about %s', async (_what, version, options, reply, message) => {
    const server = await influxdb(version, reply);
    const error = await failureOf(target(server, options).write(LINES, PATIENT));
    expect(error).toBeInstanceOf(SetupError);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`InfluxDB ${version} at ${server.url.origin}`);
  });

  test('says that something else answers', async () => {
    const server = await serve(() => ({ status: 404, body: '<html>not here</html>' }));
    const error = await failureOf(target(server, { database: 'd' }).write(LINES, PATIENT));
    expect(error).toBeInstanceOf(SetupError);
    expect(error.message).toMatch(/does not answer as InfluxDB does \(404\)/);
  });

  test('waits for a server that is not up yet or too busy, as long as it asks for', async () => {
    const replies: Reply[] = [
      { status: 503, body: 'starting' },
      { status: 204, headers: { 'x-influxdb-version': '2.7.1' } },
      { status: 429, headers: { 'retry-after': '7' }, body: '{"message":"too much"}' },
      { status: 500, body: '{"error":"timeout"}' },
      { status: 204 },
    ];
    const server = await serve(({ url }) => (url.pathname === '/health' ? { status: 503 } : replies.shift()));
    const influx = target(server, { org: 'o', bucket: 'b' });
    expect((await failureOf(influx.write(LINES, PATIENT))).message).toMatch(/can't write now \(503\)/);
    const busy = await failureOf(influx.write(LINES, PATIENT));
    expect(busy).toBeInstanceOf(BusyError);
    expect(busy).toMatchObject({ retryAfterMs: 7_000, message: expect.stringContaining('too much') });
    expect(await failureOf(influx.write(LINES, PATIENT))).not.toBeInstanceOf(SetupError);
    await influx.write(LINES, PATIENT);
  });

  test('gives up a request that is not answered in time, and can send the next', async () => {
    let isQuiet = true;
    const server = await serve(() =>
      isQuiet ? undefined : { status: 204, headers: { 'x-influxdb-version': '1.6.7' } },
    );
    const connection = connect(server.url, { timeoutMs: 100 });
    const influx = new InfluxTarget(connection, { ...NOWHERE, database: 'd' }, DEAF);
    expect((await failureOf(influx.write(LINES, PATIENT))).message).toMatch(/has not answered within 0.1 s/);
    isQuiet = false;
    await influx.write(LINES, PATIENT);
  });

  test('leaves nothing of a request behind, however long the feed goes on', async () => {
    const server = await influxdb('1.6.7', { status: 204 });
    const feeding = new AbortController();
    const influx = target(server, { database: 'd' });
    for (let request = 0; request < 5; request++) await influx.write(LINES, feeding.signal);
    expect(getEventListeners(feeding.signal, 'abort')).toEqual([]);
  });

  test('says who is not there', async () => {
    const server = await serve(() => undefined);
    const { url } = server;
    await server[Symbol.asyncDispose]();
    const influx = new InfluxTarget(connect(url), { ...NOWHERE, database: 'd' }, DEAF);
    expect((await failureOf(influx.write(LINES, PATIENT))).message).toBe(
      `${url.origin} can't be reached: nothing listens there (ECONNREFUSED)`,
    );
  });
});

/** What InfluxDB 1.x answers to the question after its subscriptions. */
function subscriptions(...subscribed: readonly (readonly [database: string, policy: string])[]): string {
  const columns = ['retention_policy', 'name', 'mode', 'destinations'];
  const series = subscribed.map(([name, policy]) => ({
    name,
    columns,
    values: [[policy, 'kapacitor-1', 'ANY', ['http://kapacitor:9092']]],
  }));
  const policies = {
    columns: ['name', 'duration', 'shardGroupDuration', 'replicaN', 'default'],
    values: [
      ['month', '720h0m0s', '24h0m0s', 1, false],
      ['autogen', '0s', '168h0m0s', 1, true],
    ],
  };
  return JSON.stringify({
    results: [
      { statement_id: 0, series: [policies] },
      { statement_id: 1, ...(series.length === 0 ? {} : { series }) },
    ],
  });
}

describe('InfluxTarget and subscriptions', () => {
  test.each([
    ['nobody is subscribed to anything', [], undefined, '"d"."autogen"'],
    ['another database is subscribed to', [['_internal', 'monitor']], undefined, '"d"."autogen"'],
    ['another retention policy is', [['d', 'month']], undefined, '"d"."autogen"'],
    ['the default one is, and another is written to', [['d', 'autogen']], 'month', '"d"."month"'],
  ] as const)('says so where %s', async (_what, subscribed, retentionPolicy, where) => {
    const server = await influxdb('1.8.10', { status: 200, body: subscriptions(...subscribed) });
    const notes: string[] = [];
    const influx = target(server, { database: 'd', retentionPolicy }, (note) => notes.push(note));
    await influx.write(LINES, PATIENT);
    await influx.write(LINES, PATIENT);
    expect(notes).toEqual([
      expect.stringContaining(`no Kapacitor is subscribed to ${where} yet, so none will see these points`),
    ]);
    expect(server.requests[1]?.url.searchParams.get('q')).toBe(
      'SHOW RETENTION POLICIES ON "d"; SHOW SUBSCRIPTIONS',
    );
  });

  test.each([
    ['is subscribed to', subscriptions(['d', 'autogen'])],
    ['may not be asked about', '{"error":"error authorizing query: me not authorized"}'],
    ['is not there yet', '{"results":[{"statement_id":0,"error":"database not found: d"}]}'],
    ['is one of something that has no subscriptions', ''],
  ])('says nothing where the database %s', async (_what, body) => {
    const server = await influxdb('1.8.10', { status: 200, body });
    const notes: string[] = [];
    await target(server, { database: 'd' }, (note) => notes.push(note)).write(LINES, PATIENT);
    expect(notes).toEqual([]);
  });

  test('writes nothing before Kapacitor is subscribed, where it is to wait for that', async () => {
    let looks = 0;
    const server = await serve(({ url }) => {
      if (url.pathname === '/ping') return { status: 204, headers: { 'x-influxdb-version': '1.8.10' } };
      if (url.pathname !== '/query') return { status: 204 };
      return { status: 200, body: ++looks < 3 ? subscriptions() : subscriptions(['d', 'autogen']) };
    });
    const notes: string[] = [];
    const options = { database: 'd', subscriptionWaitMs: 60_000 };
    await target(server, options, (note) => notes.push(note)).write(LINES, PATIENT);
    const paths = ['/ping', '/query', '/query', '/query', '/api/v2/write'];
    expect(server.requests.map(({ url }) => url.pathname)).toEqual(paths);
    expect(notes).toEqual([
      'waiting until Kapacitor is subscribed to "d"."autogen"; it looks for new databases once a minute',
      expect.stringMatching(/^Kapacitor is subscribed to "d"."autogen" after \d+ s$/),
    ]);
  });

  test('gives up waiting after its time, or when it is told to', async () => {
    const server = await influxdb('1.8.10', { status: 200, body: subscriptions() });
    const error = await failureOf(
      target(server, { database: 'd', subscriptionWaitMs: 0 }).write(LINES, PATIENT),
    );
    expect(error).toBeInstanceOf(SetupError);
    expect(error.message).toMatch(/no Kapacitor has subscribed to "d"."autogen" within 0 s: is one running/);
    const stopping = new AbortController();
    const waiting = target(server, { database: 'd', subscriptionWaitMs: 60_000 }, () => stopping.abort());
    expect(await failureOf(waiting.write(LINES, stopping.signal))).not.toBeInstanceOf(SetupError);
  });

  test.each([
    ['1.8.10', '{"error":"not authorized"}', /does not say who is subscribed \(not authorized\)/],
    ['3.0.1', '', /has no subscriptions, so waitSubscription would wait for ever/],
    ['unknown', '', /has no subscriptions, so waitSubscription would wait for ever/],
  ])('refuses to wait where it could not see the end of it: %s', async (version, body, message) => {
    const server = await influxdb(version, { status: 200, body });
    const error = await failureOf(
      target(server, { database: 'd', subscriptionWaitMs: 60_000 }).write(LINES, PATIENT),
    );
    expect(error).toBeInstanceOf(SetupError);
    expect(error.message).toMatch(message);
  });
});

describe('KapacitorTarget', () => {
  function task(id: string, db: string, rp: string, changes: object = {}): object {
    return { id, type: 'stream', status: 'enabled', dbrps: [{ db, rp }], ...changes };
  }

  async function notesOf(...pages: readonly (readonly object[])[]): Promise<string[]> {
    const server = await serve(({ url }) => {
      const page = Number(url.searchParams.get('offset') ?? 0) / 100;
      if (url.pathname.endsWith('/tasks'))
        return { status: 200, body: JSON.stringify({ tasks: pages[page] }) };
      return { status: 204, headers: { 'x-kapacitor-version': '1.8.3' } };
    });
    const notes: string[] = [];
    const place = { database: 'telegraf', retentionPolicy: 'autogen' };
    const events = { ...DEAF, note: (note: string) => notes.push(note) };
    const kapacitor = new KapacitorTarget(connect(server.url), place, events);
    await kapacitor.write(LINES, PATIENT);
    await kapacitor.write(LINES, PATIENT);
    return notes.map((note) => note.replace(server.url.origin, 'HERE'));
  }

  test.each([
    ['there is none', [], 'it has none enabled'],
    ['others read other databases', [task('t', 'home', 'autogen')], 'what is read: "home"."autogen" (t)'],
    ['others read other policies', [task('t', 'telegraf', 'week')], 'what is read: "telegraf"."week" (t)'],
    ['it is disabled', [task('t', 'telegraf', 'autogen', { status: 'disabled' })], 'it has none enabled'],
    ['it is a batch task', [task('t', 'telegraf', 'autogen', { type: 'batch' })], 'it has none enabled'],
    [
      'there are many others',
      Array.from({ length: 7 }, (_, at) => task(`t${at}`, `d${at}`, 'r')),
      '"d4"."r" (t4) and 2 more',
    ],
  ])('says once that no task reads the database: %s', async (_what, tasks, end) => {
    expect(await notesOf(tasks)).toEqual([
      expect.stringMatching(
        /^no enabled stream task of Kapacitor 1.8.3 at HERE reads "telegraf"."autogen", so nobody sees these points; /,
      ),
    ]);
    expect((await notesOf(tasks))[0]).toContain(end);
  });

  test('says nothing where a task reads it, on whatever page of the list', async () => {
    const many = Array.from({ length: 100 }, (_, at) => task(`t${at}`, 'home', 'autogen'));
    expect(await notesOf(many, [task('last', 'telegraf', 'autogen')])).toEqual([]);
  });

  test('writes where subscriptions write, after a look at who answers', async () => {
    const server = await serve(({ url }) =>
      url.pathname === '/kapacitor/v1/ping'
        ? { status: 204, headers: { 'x-kapacitor-version': '1.5.9' } }
        : { status: 204 },
    );
    const told: string[] = [];
    const place = { database: 'telegraf', retentionPolicy: 'autogen' };
    const events = { ...DEAF, connected: (what: string) => told.push(what) };
    const kapacitor = new KapacitorTarget(connect(server.url), place, events);
    await kapacitor.write(LINES, PATIENT);
    await kapacitor.write(LINES, PATIENT);
    expect(server.requests.map(({ url }) => `${url.pathname}${url.search}`)).toEqual([
      '/kapacitor/v1/ping',
      '/kapacitor/v1/tasks?offset=0&limit=100&fields=type&fields=status&fields=dbrps',
      '/kapacitor/v1/write?db=telegraf&rp=autogen&precision=ns',
      '/kapacitor/v1/write?db=telegraf&rp=autogen&precision=ns',
    ]);
    expect(told).toEqual([`Kapacitor 1.5.9 at ${server.url.origin}`]);
  });

  test('says that InfluxDB answers where Kapacitor should', async () => {
    const server = await influxdb('1.8.10', { status: 404, body: '404 page not found' });
    const place = { database: 'd', retentionPolicy: 'autogen' };
    const kapacitor = new KapacitorTarget(connect(server.url), place, DEAF);
    const error = await failureOf(kapacitor.write(LINES, PATIENT));
    expect(error).toBeInstanceOf(SetupError);
    expect(error.message).toMatch(/does not answer as Kapacitor does \(404\)/);
  });
});

/** An answer that refuses lines. */
function said(reason: string): Answer {
  return { status: 400, text: JSON.stringify({ error: reason }), header: () => undefined };
}

describe('refusalOf', () => {
  test('finds the lines that are named, line breaks and quotes in them', () => {
    const lines = ['m v="a\nb', "it's v=x", 'm v=1'];
    const reason =
      "partial write: unable to parse 'm v=\"a\nb': unbalanced quotes\nunable to parse 'it's v=x': invalid boolean dropped=0";
    const refusal = refusalOf(said(reason), lines);
    expect([...refusal.named]).toEqual([
      ['m v="a\nb', 'unbalanced quotes'],
      ["it's v=x", 'invalid boolean'],
    ]);
    expect(refusal.others).toBe('written');
  });

  test('takes nothing for written unless the server says so', () => {
    expect(refusalOf(said("unable to parse 'x': missing fields"), ['x', 'y']).others).toBe('unknown');
    expect(refusalOf(said('partial write: field type conflict: … dropped=1'), ['x', 'y']).others).toBe(
      'unknown',
    );
    expect(refusalOf(said('body too large'), ['x']).others).toBe('unknown');
  });

  test('finds the lines that InfluxDB 3 lists by number', () => {
    const lines = ['m v=1', 'm v="x"', 'm v=3'];
    const data = { original_line: 'm v=x', line_number: 2, error_message: 'invalid column type' };
    for (const listed of [[data], data]) {
      const text = JSON.stringify({ error: 'partial write of line protocol occurred', data: listed });
      const refusal = refusalOf({ text }, lines);
      expect([...refusal.named]).toEqual([['m v="x"', 'invalid column type']]);
      expect(refusal.others).toBe('unknown');
    }
  });

  test('knows that all were refused when as many were dropped', () => {
    const refusal = refusalOf(said('partial write: points beyond retention policy dropped=2'), ['x', 'y']);
    expect(refusal).toBeInstanceOf(Refusal);
    expect(refusal.others).toBe('refused');
    expect(refusal.message).toBe('partial write: points beyond retention policy');
  });
});
