import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSockets } from '../../src/agent/sockets.ts';
import { OperationError } from '../../src/errors.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const silent = { info: () => {}, warn: () => {}, debug: () => {}, error: () => {} };

interface Options {
  readonly mode?: number;
  readonly groupId?: number;
  readonly onDisplaced?: () => void;
}

/** Opens sockets that say hello. */
function open(paths: readonly string[], { mode = 0o600, groupId, onDisplaced = () => {} }: Options = {}) {
  return openSockets(
    paths.map((path) => ({ name: 'one', path })),
    { mode, groupId, log: silent, onDisplaced },
    (socket) => socket.on('error', () => {}).end('hello', () => socket.destroy()),
  );
}

async function greeting(path: string): Promise<string> {
  const socket = connect(path);
  const [bytes] = await once(socket, 'data');
  socket.destroy();
  return String(bytes);
}

async function listen(path: string): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => {}).end('hello'));
  server.listen(path);
  await once(server, 'listening');
  return server;
}

/** Leaves a socket as a process does that is killed: the file stays, and nobody listens. */
async function leaveSocket(path: string): Promise<void> {
  const server = await listen(`${path}~`);
  renameSync(`${path}~`, path);
  server.close();
  await once(server, 'close');
}

/** The one line that a person gets. */
async function refusal(opening: Promise<unknown>): Promise<string> {
  const error: unknown = await opening.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof OperationError)) throw new Error(`no refusal: ${String(error)}`);
  expect(error.message).not.toContain('\n');
  return error.message;
}

describe('a socket', () => {
  test('is served where nothing was, in a folder that is made, and goes when it is closed', async () => {
    const path = join(folder, 'a', 'b', 'x.sock');
    const close = await open([path]);
    expect(await greeting(path)).toBe('hello');
    await close();
    expect(existsSync(path)).toBe(false);
  });

  test('that a dead process left is replaced', async () => {
    const path = join(folder, 'x.sock');
    await leaveSocket(path);
    expect(lstatSync(path).isSocket()).toBe(true);
    const close = await open([path]);
    expect(await greeting(path)).toBe('hello');
    await close();
  });

  test('that another process serves is an error, and goes on being served', async () => {
    const path = join(folder, 'x.sock');
    const server = await listen(path);
    expect(await refusal(open([path]))).toMatch(/^cannot listen on .*x\.sock: another process serves it; /);
    expect(await greeting(path)).toBe('hello');
    server.close();
  });

  test.each([
    ['a file', (path: string) => writeFileSync(path, 'precious')],
    ['a folder', (path: string) => mkdirSync(path)],
    ['a link', (path: string) => symlinkSync('/nowhere', path)],
  ])('where %s is, is an error, and what is there stays', async (_, put) => {
    const path = join(folder, 'x.sock');
    put(path);
    const before = lstatSync(path);
    expect(await refusal(open([path]))).toContain('there is something that is no socket');
    expect(lstatSync(path)).toEqual(before);
  });

  test('path may be as long as the system allows, in bytes, and is never cut off', async () => {
    const longest = process.platform === 'linux' ? 107 : 103;
    const fill = (bytes: number) => join(folder, 'x'.repeat(bytes - folder.length - 1));
    const close = await open([fill(longest)]);
    expect(await greeting(fill(longest))).toBe('hello');
    await close();
    expect(await refusal(open([fill(longest + 1)]))).toContain(
      `the path has ${longest + 1} bytes, the system allows ${longest}`,
    );
    // A letter of two bytes counts twice.
    expect(await refusal(open([`${fill(longest - 1)}ü`]))).toContain(`the path has ${longest + 1} bytes`);
  });

  test('cannot lie in what is no folder, nor where nobody may create files', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'precious');
    expect(await refusal(open([join(file, 'x.sock')]))).toMatch(
      /^cannot make the folder of .*file\/x\.sock: .*; /,
    );
    expect(readFileSync(file, 'utf8')).toBe('precious');
    if (process.platform === 'linux')
      expect(await refusal(open(['/proc/x.sock']))).toMatch(
        /^cannot listen on \/proc\/x\.sock: .*; let this user create files there, or choose another place|this process is user/,
      );
  });

  test.runIf(process.platform === 'linux')(
    'does not wait for ever for a folder that nobody can make',
    async () => {
      expect(await refusal(open(['/proc/udf/deep/x.sock']))).toMatch(
        /^cannot make the folder of \/proc\/udf\/deep\/x\.sock: ENOENT.*, or choose another place/,
      );
    },
  );
});

describe('a socket whose place another process has taken', () => {
  test('is given up, and at its end leaves alone what is not its own', async () => {
    const path = join(folder, 'x.sock');
    const { promise: displaced, resolve: onDisplaced } = Promise.withResolvers<void>();
    const close = await open([path], { onDisplaced });
    rmSync(path);
    const closeOther = await open([path]);
    await displaced;
    await close();
    expect(await greeting(path)).toBe('hello');
    expect(readdirSync(folder)).toEqual(['x.sock']);
    await closeOther();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('removes no file and no folder that somebody has put there', async () => {
    const paths = ['a', 'b'].map((name) => join(folder, `${name}.sock`));
    const close = await open(paths);
    for (const path of paths) rmSync(path);
    writeFileSync(paths[0], 'precious');
    mkdirSync(paths[1]);
    await close();
    expect(readFileSync(paths[0], 'utf8')).toBe('precious');
    expect(lstatSync(paths[1]).isDirectory()).toBe(true);
  });

  test('has one owner where several want that of a dead process at the same moment', async () => {
    const path = join(folder, 'x.sock');
    for (let turn = 0; turn < 20; turn++) {
      await leaveSocket(path);
      const opened = await Promise.allSettled(Array.from({ length: 4 }, () => open([path])));
      const winners = opened.filter((one) => one.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      for (const one of opened)
        if (one.status === 'rejected') expect(String(one.reason)).toContain('another process serves it');
      expect(await greeting(path)).toBe('hello');
      for (const winner of winners) await winner.value();
      expect(readdirSync(folder)).toEqual([]);
    }
  });
});

describe('several sockets', () => {
  test('are all open, or none stays', async () => {
    const paths = ['a', 'b', 'c'].map((name) => join(folder, `${name}.sock`));
    writeFileSync(paths[2], '');
    expect(await refusal(open(paths))).toContain('c.sock');
    expect(paths.map((path) => existsSync(path))).toEqual([false, false, true]);
    rmSync(paths[2]);
    const close = await open(paths);
    expect(await Promise.all(paths.map(greeting))).toEqual(['hello', 'hello', 'hello']);
    await close();
    expect(paths.map((path) => existsSync(path))).toEqual([false, false, false]);
  });
});

/** Notes the mode of a file from another thread, as often as it can, and says which ones it had. */
const WATCHER = `
const { lstatSync } = require('node:fs');
const { parentPort, workerData } = require('node:worker_threads');
const stop = new Int32Array(workerData.stop);
const modes = new Set();
parentPort.postMessage('ready');
while (Atomics.load(stop, 0) === 0) {
  const stats = lstatSync(workerData.path, { throwIfNoEntry: false });
  if (stats !== undefined) modes.add(stats.mode & 0o777);
}
parentPort.postMessage([...modes]);
`;

describe('the permissions of a socket', () => {
  test('are as asked for from the first moment, whatever the umask of the process', async () => {
    const path = join(folder, 'x.sock');
    const stop = new SharedArrayBuffer(4);
    const watcher = new Worker(WATCHER, { eval: true, workerData: { path, stop } });
    await once(watcher, 'message');
    for (const umask of [0, 0o077, 0o022]) {
      const before = process.umask(umask);
      try {
        for (let i = 0; i < 10; i++) {
          const close = await open([path], { mode: 0o660 });
          expect(lstatSync(path).mode & 0o777).toBe(0o660);
          await close();
        }
        expect(process.umask()).toBe(umask);
      } finally {
        process.umask(before);
      }
    }
    const seen = Promise.all([once(watcher, 'message'), once(watcher, 'exit')]);
    Atomics.store(new Int32Array(stop), 0, 1);
    const [[modes]] = await seen;
    expect(modes).toEqual([0o660]);
  });

  test('stay as asked for when the group is changed', async () => {
    const path = join(folder, 'x.sock');
    // Only root may give a file to a group that is not its own.
    const groupId = process.getuid?.() === 0 ? 4711 : (process.getgid?.() ?? 0);
    const close = await open([path], { mode: 0o670, groupId });
    const { gid, mode } = lstatSync(path);
    expect([gid, mode & 0o777]).toEqual([groupId, 0o670]);
    await close();
  });

  test.skipIf(process.getuid?.() === 0)('cannot be given to a group that is not ours', async () => {
    const path = join(folder, 'x.sock');
    expect(await refusal(open([path], { groupId: 0 }))).toMatch(/^cannot give .*x\.sock the group 0: .*; /);
    expect(existsSync(path)).toBe(false);
  });
});
