import { getEventListeners } from 'node:events';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Connection } from '../../../src/feed/targets/connection.ts';
import { type InfluxOptions, InfluxTarget } from '../../../src/feed/targets/influxdb.ts';
import { KapacitorTarget } from '../../../src/feed/targets/kapacitor.ts';
import { refusalOf } from '../../../src/feed/targets/refusal.ts';
import { BusyError, Refusal, SetupError } from '../../../src/feed/targets/target.ts';
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

function target(server: RecordedServer, options: Partial<InfluxOptions>): InfluxTarget {
  return new InfluxTarget(connect(server.url), { ...NOWHERE, ...options }, () => {});
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

  test('asks once what it writes to, and creates the database once', async () => {
    const server = await influxdb('1.6.7', { status: 200, body: '{"results":[{"statement_id":0}]}' });
    const influx = target(server, { database: 'a "b"', createsDatabase: true });
    await influx.write(LINES, PATIENT);
    await influx.write(LINES, PATIENT);
    expect(server.requests.map(({ url }) => url.pathname)).toEqual(['/ping', '/query', '/write', '/write']);
    expect(server.requests[1]?.url.searchParams.get('q')).toBe('CREATE DATABASE "a \\"b\\""');
  });

  test('compresses what is worth it and says who writes', async () => {
    const server = await influxdb('1.6.7', { status: 204 });
    const connection = connect(server.url, { authorization: 'Token secret' });
    const influx = new InfluxTarget(connection, { ...NOWHERE, database: 'd' }, () => {});
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
      'a wrong token',
      '2.7.1',
      { org: 'o', bucket: 'b' },
      { status: 401, body: '{"code":"unauthorized","message":"unauthorized access"}' },
      /refuses the token \(unauthorized access\)/,
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
    const influx = new InfluxTarget(connection, { ...NOWHERE, database: 'd' }, () => {});
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
    const influx = new InfluxTarget(connect(url), { ...NOWHERE, database: 'd' }, () => {});
    expect((await failureOf(influx.write(LINES, PATIENT))).message).toBe(
      `${url.origin} can't be reached: nothing listens there (ECONNREFUSED)`,
    );
  });
});

describe('KapacitorTarget', () => {
  test('writes where subscriptions write, after a look at who answers', async () => {
    const server = await serve(({ url }) =>
      url.pathname === '/kapacitor/v1/ping'
        ? { status: 204, headers: { 'x-kapacitor-version': '1.5.9' } }
        : { status: 204 },
    );
    const told: string[] = [];
    const kapacitor = new KapacitorTarget(connect(server.url), {
      database: 'telegraf',
      retentionPolicy: 'autogen',
      onConnected: (what) => told.push(what),
    });
    await kapacitor.write(LINES, PATIENT);
    await kapacitor.write(LINES, PATIENT);
    expect(server.requests.map(({ url }) => `${url.pathname}${url.search}`)).toEqual([
      '/kapacitor/v1/ping',
      '/kapacitor/v1/write?db=telegraf&rp=autogen&precision=ns',
      '/kapacitor/v1/write?db=telegraf&rp=autogen&precision=ns',
    ]);
    expect(told).toEqual([`Kapacitor 1.5.9 at ${server.url.origin}`]);
  });

  test('says that InfluxDB answers where Kapacitor should', async () => {
    const server = await influxdb('1.8.10', { status: 404, body: '404 page not found' });
    const kapacitor = new KapacitorTarget(connect(server.url), {
      database: 'd',
      retentionPolicy: 'autogen',
      onConnected: () => {},
    });
    const error = await failureOf(kapacitor.write(LINES, PATIENT));
    expect(error).toBeInstanceOf(SetupError);
    expect(error.message).toMatch(/does not answer as Kapacitor does \(404\)/);
  });
});

describe('refusalOf', () => {
  test('finds the lines that are named, line breaks and quotes in them', () => {
    const lines = ['m v="a\nb', "it's v=x", 'm v=1'];
    const reason =
      "partial write: unable to parse 'm v=\"a\nb': unbalanced quotes\nunable to parse 'it's v=x': invalid boolean dropped=0";
    const refusal = refusalOf(reason, lines);
    expect([...refusal.named]).toEqual([
      ['m v="a\nb', 'unbalanced quotes'],
      ["it's v=x", 'invalid boolean'],
    ]);
    expect(refusal.others).toBe('written');
  });

  test('takes nothing for written unless the server says so', () => {
    expect(refusalOf("unable to parse 'x': missing fields", ['x', 'y']).others).toBe('unknown');
    expect(refusalOf('partial write: field type conflict: … dropped=1', ['x', 'y']).others).toBe('unknown');
    expect(refusalOf('body too large', ['x']).others).toBe('unknown');
  });

  test('knows that all were refused when as many were dropped', () => {
    const refusal = refusalOf('partial write: points beyond retention policy dropped=2', ['x', 'y']);
    expect(refusal).toBeInstanceOf(Refusal);
    expect(refusal.others).toBe('refused');
    expect(refusal.message).toBe('partial write: points beyond retention policy');
  });
});
