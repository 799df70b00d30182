import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { connect, type Host } from '../support/agent/host.ts';
import { atEnd } from '../support/at-end.ts';
import { CapturedIo } from '../support/captured-io.ts';
import { FakeKapacitor } from '../support/kapacitor/fake-kapacitor.ts';

const BROKEN =
  'edgeDetect2: stopping UDF server: write error: write unix @->/run/edgeDetect.sock: broken pipe';

let folder: string;
let kapacitor: FakeKapacitor;
let hosts: Host[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'edge-revive-'));
  atEnd(() => rmSync(folder, { recursive: true }));
  kapacitor = await FakeKapacitor.start();
  atEnd(() => kapacitor[Symbol.asyncDispose]());
  hosts = [];
  // As Kapacitor does: what is started connects.
  kapacitor.behaviour = { started: (id) => void connectTask(id) };
  atEnd(() => Promise.all(hosts.map((host) => host.destroy())));
});

async function connectTask(id: string): Promise<void> {
  const host = await connect(join(folder, 'edgeDetect.sock'));
  hosts.push(host);
  await host.init([{ name: 'field', values: [{ type: 'string', v: 'value' }] }], id);
}

interface Serving {
  readonly io: CapturedIo;
  stop(): Promise<number>;
}

/** The agent as a command in this process; its sockets answer when this resolves. */
async function serve(args: readonly string[] = []): Promise<Serving> {
  const io = new CapturedIo();
  const code = run(['serve', '--socket-dir', folder, '--function', 'edgeDetect', ...args], io);
  let isStopped = false;
  const stop = (): Promise<number> => {
    if (!isStopped) io.signal('SIGTERM');
    isStopped = true;
    return code;
  };
  atEnd(stop);
  await Promise.race([io.said('listening'), code]);
  return { io, stop };
}

async function revive(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new CapturedIo();
  const code = await run(
    [
      'revive',
      '--socket-dir',
      folder,
      '--function',
      'edgeDetect',
      '--kapacitor',
      kapacitor.url.href,
      ...args,
    ],
    io,
  );
  return { code, out: io.out, err: io.err };
}

describe('edge-detect serve --revive', () => {
  test('brings back after a restart what was connected before it', async () => {
    const args = ['--revive', kapacitor.url.href];
    const first = await serve(args);
    kapacitor.define('task');
    await connectTask('task');
    await first.io.said('task connected');
    await expect(first.stop()).resolves.toBe(0);
    const second = await serve(args);
    await second.io.said('was brought back');
    expect(kapacitor.patches).toEqual(['task disabled', 'task enabled']);
    await expect(second.stop()).resolves.toBe(0);
  });

  test('asks nobody anything without the flag, or where its variable is empty', async () => {
    vi.stubEnv('EDGE_DETECT_REVIVE', '');
    atEnd(() => vi.unstubAllEnvs());
    kapacitor.define('dead', { executing: false, error: BROKEN });
    const { stop } = await serve();
    await stop();
    expect(kapacitor.requests).toEqual([]);
  });

  test('takes a password from the URL in its variable, and says it nowhere', async () => {
    const url = new URL(kapacitor.url);
    url.username = 'ann';
    url.password = 'horse';
    vi.stubEnv('EDGE_DETECT_REVIVE', url.href);
    atEnd(() => vi.unstubAllEnvs());
    kapacitor.behaviour = { answer: () => ({ status: 401, body: '{"error":"not ann, horse"}' }) };
    const { io, stop } = await serve();
    await io.said('cannot be asked');
    await stop();
    expect(kapacitor.requests[0]?.headers.authorization).toBe(`Basic ${btoa('ann:horse')}`);
    expect(io.err).not.toMatch(/horse|YW5uOmhvcnNl/);
  });

  test('takes no password from its arguments, which everybody can read', async () => {
    const io = new CapturedIo();
    const code = await run(
      ['serve', '--socket-dir', folder, '--revive', 'http://ann:horse@localhost:9092'],
      io,
    );
    expect(code).toBe(2);
    expect(io.err).toContain('EDGE_DETECT_KAPACITOR_PASSWORD');
    expect(io.err).not.toContain('horse');
  });

  test.each([
    ['a user without a password', { EDGE_DETECT_KAPACITOR_USER: 'ann' }, 'one is missing'],
    [
      'a user and a token',
      { EDGE_DETECT_KAPACITOR_USER: 'ann', EDGE_DETECT_KAPACITOR_TOKEN: 'horse' },
      'use one of them',
    ],
    ['a token that is none', { EDGE_DETECT_KAPACITOR_TOKEN: 'horse\r\nx: y' }, 'is no token'],
    ['a file that is not there', { EDGE_DETECT_KAPACITOR_TOKEN_FILE: '/horse' }, 'cannot read it'],
  ])('refuses %s', async (_, variables, complaint) => {
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    atEnd(() => vi.unstubAllEnvs());
    const { code, err } = await revive();
    expect([code, err]).toEqual([2, expect.stringContaining(complaint)]);
    if (complaint !== 'cannot read it') expect(err).not.toContain('horse');
  });

  test('reads a token from a file, as container engines hand it over', async () => {
    const file = join(folder, 'token');
    writeFileSync(file, 'a.b.c\n');
    vi.stubEnv('EDGE_DETECT_KAPACITOR_TOKEN_FILE', file);
    atEnd(() => vi.unstubAllEnvs());
    await serve();
    await revive();
    expect(kapacitor.requests[0]?.headers.authorization).toBe('Bearer a.b.c');
  });

  test.each([['kapacitor:9092'], ['ftp://kapacitor'], ['http://kapacitor:9092/?u=ann']])(
    'refuses %s as a URL',
    async (url) => {
      const io = new CapturedIo();
      await expect(run(['serve', '--socket-dir', folder, '--revive', url], io)).resolves.toBe(2);
      expect(io.err).toContain('such as http://kapacitor:9092');
    },
  );
});

describe('edge-detect revive', () => {
  test('says what it would do of the tasks named behind --dry-run, and does it without', async () => {
    await serve();
    kapacitor.define('dead', { executing: false, error: BROKEN });
    kapacitor.define('other', { executing: false, error: 'eval2: no such function' });
    const dry = await revive('--dry-run', 'dead');
    expect(dry).toEqual({ code: 0, out: `dead: would be brought back: ${BROKEN}\n`, err: '' });
    expect(kapacitor.patches).toEqual([]);
    vi.stubEnv('EDGE_DETECT_REVIVE_DRY_RUN', 'no');
    atEnd(() => vi.unstubAllEnvs());
    const wet = await revive();
    expect(wet).toMatchObject({ code: 0, err: '' });
    expect(wet.out).toMatch(/^dead: brought back in \d+ ms: edgeDetect2: .*\n$/);
    expect(kapacitor.patches).toEqual(['dead disabled', 'dead enabled']);
    await expect(revive()).resolves.toEqual({ code: 0, out: 'no task has lost its UDF\n', err: '' });
  });

  test('touches a task that may still be connecting only where it is named', async () => {
    const first = await serve();
    kapacitor.define('task');
    await connectTask('task');
    await first.stop();
    await serve();
    const all = await revive();
    expect(all.out).toMatch(
      /^task: left alone: .* to connect by itself; to be sure: edge-detect revive task\n$/,
    );
    expect(kapacitor.patches).toEqual([]);
    const named = await revive('task');
    expect(named).toMatchObject({ code: 0, out: expect.stringMatching(/^task: brought back/) });
  });

  test('leaves alone what a person disabled, also where it is named', async () => {
    await serve();
    kapacitor.define('resting', { status: 'disabled', executing: false });
    const { code, out } = await revive('resting');
    expect([code, out]).toEqual([0, 'resting: left alone: somebody disabled it\n']);
    expect(kapacitor.patches).toEqual([]);
  });

  test('goes on where it was killed between the two steps', async () => {
    await serve();
    kapacitor.define('dead', { executing: false, error: BROKEN });
    const { promise: disabled, resolve } = Promise.withResolvers<void>();
    kapacitor.behaviour = {
      ...kapacitor.behaviour,
      answer: ({ method, body }) => {
        if (method !== 'PATCH' || !body.includes('enabled')) return undefined;
        resolve();
        return { status: 503, body: '{"error":"about to be killed"}' };
      },
    };
    const failed = await revive();
    await disabled;
    expect(failed.code).toBe(1);
    expect(failed.err).toContain('dead: could not be brought back: Kapacitor at');
    kapacitor.behaviour = { started: (id) => void connectTask(id) };
    await expect(revive()).resolves.toMatchObject({
      code: 0,
      out: expect.stringContaining('brought back in'),
    });
    expect(kapacitor.tasks.get('dead')?.status).toBe('enabled');
  });

  test('leaves it to an agent that does so itself, until that has given up', async () => {
    kapacitor.define('dead', { executing: false, error: BROKEN });
    kapacitor.behaviour = {
      // The agent's own try fails.
      answer: ({ method }) => (method === 'PATCH' ? { status: 500, body: '{"error":"no"}' } : undefined),
    };
    const { io } = await serve(['--revive', kapacitor.url.href, '--revive-tries', '2']);
    await io.said('could not be brought back');
    const before = await revive();
    expect(before.out).toMatch(/^dead: left to the running agent/);
    await io.said('is given up');
    kapacitor.behaviour = { started: (id) => void connectTask(id) };
    await expect(revive()).resolves.toMatchObject({
      code: 0,
      out: expect.stringMatching(/^dead: brought back/),
    });
  });

  test('needs an agent, and says which socket does not answer', async () => {
    const { code, err } = await revive();
    expect(code).toBe(1);
    expect(err).toMatch(/without the agent no task can come back .*cannot connect to .*edgeDetect\.sock/);
  });

  test('knows of no task that Kapacitor does not', async () => {
    await serve();
    const { code, err } = await revive('nobody');
    expect([code, err]).toEqual([1, expect.stringContaining('has no task nobody')]);
  });

  test('has to be told where Kapacitor is', async () => {
    const io = new CapturedIo();
    await expect(run(['revive'], io)).resolves.toBe(2);
    expect(io.err).toContain('--kapacitor http://HOST:9092');
  });
});
