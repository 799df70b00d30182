import { describe, expect, test } from 'vitest';
import {
  type ApiOptions,
  basicAuthorization,
  KapacitorApi,
  tokenAuthorization,
} from '../../src/kapacitor/api.ts';
import { atEnd } from '../support/at-end.ts';
import { FakeKapacitor } from '../support/kapacitor/fake-kapacitor.ts';
import { RecordedServer, type Reply } from '../support/recorded-server.ts';
import { HAS_OPENSSL, makeIdentity } from '../support/tls-identity.ts';

function apiAt(url: URL, changes: Partial<ApiOptions> = {}): KapacitorApi {
  return new KapacitorApi({
    url,
    authorization: undefined,
    ca: undefined,
    isInsecure: false,
    timeoutMs: 10_000,
    ...changes,
  });
}

async function startFake(): Promise<FakeKapacitor> {
  const fake = await FakeKapacitor.start();
  atEnd(() => fake[Symbol.asyncDispose]());
  return fake;
}

async function serve(answer: () => Reply | undefined): Promise<RecordedServer> {
  const server = await RecordedServer.start(answer);
  atEnd(() => server[Symbol.asyncDispose]());
  return server;
}

describe('KapacitorApi', () => {
  test('lists every task, however many pages they fill', async () => {
    const fake = await startFake();
    const ids = Array.from({ length: 300 }, (_, i) => `task-${i}`);
    for (const id of ids) fake.define(id);
    const tasks = await apiAt(fake.url).tasks();
    expect([...tasks.keys()]).toEqual(ids);
  });

  test('puts the path of its URL in front, as a proxy needs it', async () => {
    const server = await serve(() => ({ status: 200, body: '{"tasks":[]}' }));
    await apiAt(new URL('/tick/', server.url)).tasks();
    expect(server.requests[0]?.url.pathname).toBe('/tick/kapacitor/v1/tasks');
  });

  test('takes an id for what it is, whatever letters it has', async () => {
    const fake = await startFake();
    fake.define('größe.1-_');
    const api = apiAt(fake.url);
    await expect(api.setStatus('größe.1-_', 'disabled')).resolves.toMatchObject({ status: 'disabled' });
    await expect(api.task('größe.1-_')).resolves.toMatchObject({ id: 'größe.1-_', status: 'disabled' });
    await expect(api.task('größe')).resolves.toBeUndefined();
  });

  test('tells the nodes that are executing from all other statistics', async () => {
    const tags = { task: 't', node: 'edgeDetect2', kind: 'edgeDetect' };
    const server = await serve(() => ({
      status: 200,
      body: JSON.stringify({
        kapacitor: {
          a: { name: 'edges', tags: { task: 't', parent: 'from1', child: 'edgeDetect2' } },
          b: { name: 'nodes', tags },
          c: { name: 'load', tags: {} },
        },
        cmdline: ['kapacitord'],
      }),
    }));
    await expect(apiAt(server.url).executions()).resolves.toEqual([{ ...tags, id: 'b' }]);
  });

  test.each([
    ['a user and password', basicAuthorization('ann', 'p:ä$$'), `Basic ${btoa('ann:p:\xc3\xa4$$')}`],
    ['a token', tokenAuthorization('a.b.c'), 'Bearer a.b.c'],
  ])('sends %s', async (_, authorization, header) => {
    const fake = await startFake();
    await apiAt(fake.url, { authorization }).tasks();
    expect(fake.requests[0]?.headers.authorization).toBe(header);
  });

  test('names the variables where it is not let in, and no secret that the answer repeats', async () => {
    const authorization = basicAuthorization('ann', 'correct horse');
    const server = await serve(() => ({
      status: 401,
      body: JSON.stringify({ error: `no such user: ann correct horse, ${authorization}` }),
    }));
    const failure = apiAt(server.url, { authorization }).tasks();
    await expect(failure).rejects.toThrow(/EDGE_DETECT_KAPACITOR_USER.*EDGE_DETECT_KAPACITOR_TOKEN/);
    await expect(failure).rejects.not.toThrow(/horse|Y29ycmVjdCBob3JzZQ/);
  });

  test('says what Kapacitor objects to', async () => {
    const fake = await startFake();
    await expect(apiAt(fake.url).setStatus('gone', 'enabled')).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining('PATCH /tasks/gone (404): task does not exist'),
    });
  });

  test('says so where nobody listens, leaving open whether anything was done', async () => {
    const fake = await FakeKapacitor.start();
    const { url } = fake;
    await fake[Symbol.asyncDispose]();
    await expect(apiAt(url).tasks()).rejects.toMatchObject({
      status: undefined,
      message: expect.stringContaining('is it running, and is the URL right?'),
    });
  });

  test('gives up waiting after its time', async () => {
    const fake = await startFake();
    fake.behaviour = { answer: () => 'hang' };
    await expect(apiAt(fake.url, { timeoutMs: 50 }).tasks()).rejects.toThrow('nothing came within 0.05 s');
  });

  test.each([
    ['a page of something else', '<html><body>Welcome</body></html>'],
    ['JSON of something else', '{"results":[]}'],
    ['tasks of something else', '{"tasks":[{"id":"t","status":"happy"}]}'],
  ])('takes %s for no Kapacitor', async (_, body) => {
    const server = await serve(() => ({ status: 200, body }));
    await expect(apiAt(server.url).tasks()).rejects.toThrow(
      'does not answer as Kapacitor does; check the URL',
    );
  });

  describe.runIf(HAS_OPENSSL)('over TLS', () => {
    test('refuses a certificate that nobody vouches for, and says what to do', async () => {
      const { url } = await startTls();
      await expect(apiAt(url).tasks()).rejects.toThrow(/certificate.*kapacitorCa/);
    });

    test('trusts the authority that it is given', async () => {
      const { url, ca } = await startTls();
      await expect(apiAt(url, { ca }).tasks()).resolves.toEqual(new Map());
    });

    test('trusts anybody where it is told to', async () => {
      const { url } = await startTls();
      await expect(apiAt(url, { isInsecure: true }).tasks()).resolves.toEqual(new Map());
    });
  });
});

/** A Kapacitor without tasks behind a certificate that it made itself. */
async function startTls(): Promise<{ url: URL; ca: string }> {
  const identity = makeIdentity();
  const server = await RecordedServer.start(() => ({ status: 200, body: '{"tasks":[]}' }), identity);
  atEnd(() => server[Symbol.asyncDispose]());
  return { url: server.url, ca: identity.cert };
}
