import { chmodSync, existsSync, lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { initRequest, pointRequest, stringOption } from '../support/agent/functions.ts';
import { Peer } from '../support/agent/peer.ts';
import { CapturedIo } from '../support/captured-io.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  for (const name of Object.keys(process.env)) if (name.startsWith('EDGE_DETECT_')) delete process.env[name];
});

/** Serves until it is told to stop. */
function serve(...args: string[]) {
  const io = new CapturedIo();
  return { io, done: run(['serve', '--socket-dir', folder, ...args], io) };
}

type Line = Readonly<Record<string, unknown>>;

function lines(io: CapturedIo): Line[] {
  return io.err
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

async function stopped({ io, done }: ReturnType<typeof serve>): Promise<number> {
  io.signal('SIGTERM');
  return done;
}

describe('serve', () => {
  test('serves both functions in the folder, for the group too, until it is told to stop', async () => {
    const serving = serve();
    await serving.io.said('edgeDetectBatch.sock');
    const paths = ['edgeDetect', 'edgeDetectBatch'].map((name) => join(folder, `${name}.sock`));
    expect(paths.map((path) => lstatSync(path).mode & 0o777)).toEqual([0o660, 0o660]);
    expect(existsSync(join(folder, 'mirror.sock'))).toBe(false);
    expect(await stopped(serving)).toBe(0);
    expect(paths.map((path) => existsSync(path))).toEqual([false, false]);
    expect(serving.io.out).toBe('');
  });

  test('serves just the functions that are named, where they are wanted', async () => {
    const path = join(folder, 'elsewhere.sock');
    const serving = serve('--function', 'mirror', '--function', `edgeDetect=${path}`);
    await serving.io.said('elsewhere.sock');
    expect([existsSync(join(folder, 'mirror.sock')), existsSync(path)]).toEqual([true, true]);
    expect(existsSync(join(folder, 'edgeDetect.sock'))).toBe(false);
    expect(await stopped(serving)).toBe(0);
  });

  test('logs in lines of JSON: listening, each task, its end with counts and reason, the stop', async () => {
    // Somebody else can get in: nothing to warn of.
    chmodSync(folder, 0o755);
    const serving = serve('--socket-mode', '0666');
    await serving.io.said('edgeDetectBatch.sock');
    const peer = await Peer.reading(join(folder, 'edgeDetect.sock'));
    peer.send(initRequest('a "task"', [stringOption('field', 'value')]), pointRequest());
    peer.send(pointRequest({ fields: { value: { type: 'int', v: 1n } } }));
    peer.halfClose();
    await peer.closed();
    await serving.io.said('disconnected');
    await stopped(serving);
    const logged = lines(serving.io);
    for (const line of logged) {
      expect(line).toMatchObject({ level: 'info', msg: expect.any(String) });
      expect(new Date(String(line.time)).toISOString()).toBe(line.time);
    }
    const ids = { function: 'edgeDetect', task: 'a "task"', node: 'node1' };
    expect(logged).toMatchObject([
      { msg: 'listening', function: 'edgeDetect', socket: join(folder, 'edgeDetect.sock') },
      { msg: 'listening', function: 'edgeDetectBatch' },
      { msg: 'listening', function: 'status' },
      { msg: 'serving', version: expect.stringMatching(/^\d+\.\d+/) },
      { msg: 'task connected', ...ids },
      { msg: 'task disconnected', ...ids, points: 2, edges: 1, groups: 1, ignored: 1 },
      { msg: 'stopping', signal: 'SIGTERM' },
      { msg: 'stopped' },
    ]);
    expect(logged[5]).toMatchObject({
      bytes: expect.any(Number),
      seconds: expect.any(Number),
      reason: 'Kapacitor closed the connection',
    });
  });

  test.each([
    ['as JSON where nobody watches', [], false, /^\{"level":"info"/],
    ['as text for a person who watches', [], true, /^\[.*\] .*INFO/],
    ['as asked for', ['--log-format', 'pretty'], false, /^\[.*\] INFO/],
  ])('logs %s', async (_, args, isTTY, start) => {
    const io = new CapturedIo();
    io.stderr.isTTY = isTTY;
    const done = run(['serve', '--socket-dir', folder, ...args], io);
    await io.said('edgeDetectBatch.sock');
    await stopped({ io, done });
    expect(io.err).toMatch(start);
  });

  test('logs no more than it is asked to', async () => {
    const serving = serve('--log-level', 'error');
    // It says nothing of it, so its socket tells that it serves.
    await vi.waitFor(() => expect(existsSync(join(folder, 'edgeDetectBatch.sock'))).toBe(true), {
      timeout: 10_000,
    });
    expect(await stopped(serving)).toBe(0);
    expect(existsSync(join(folder, 'edgeDetect.sock'))).toBe(false);
    expect(serving.io.err).toBe('');
  });

  test('a second signal ends it at once, whatever is still to go out', async () => {
    const serving = serve('--function', 'mirror');
    await serving.io.said('mirror.sock');
    const peer = await Peer.silent(join(folder, 'mirror.sock'));
    peer.send(initRequest(), ...new Array(600).fill(pointRequest({ name: 'x'.repeat(1000) })));
    await serving.io.said('task connected');
    serving.io.signal('SIGTERM');
    serving.io.signal('SIGINT');
    expect(await serving.done).toBe(1);
    expect(existsSync(join(folder, 'mirror.sock'))).toBe(false);
    await serving.io.said('task disconnected');
    expect(lines(serving.io).slice(-3)).toMatchObject([
      { level: 'info', msg: 'stopping', signal: 'SIGTERM' },
      { level: 'warn', msg: 'ends at once', signal: 'SIGINT' },
      { level: 'info', msg: 'task disconnected', reason: 'the agent stops' },
    ]);
    peer.destroy();
  });
});

describe('every option', () => {
  test('can be an environment variable', async () => {
    process.env.EDGE_DETECT_SOCKET_DIR = join(folder, 'sub');
    process.env.EDGE_DETECT_FUNCTIONS = 'mirror,edgeDetect';
    process.env.EDGE_DETECT_SOCKET_MODE = '0606';
    process.env.EDGE_DETECT_MAX_FRAME_BYTES = '100';
    process.env.EDGE_DETECT_MAX_GROUPS = '7';
    process.env.EDGE_DETECT_LOG_LEVEL = 'debug';
    process.env.EDGE_DETECT_LOG_FORMAT = 'json';
    const io = new CapturedIo();
    io.stderr.isTTY = true;
    const done = run(['serve'], io);
    await io.said('edgeDetect.sock');
    const path = join(folder, 'sub', 'mirror.sock');
    expect(lstatSync(path).mode & 0o777).toBe(0o606);
    const peer = await Peer.reading(path);
    peer.sendBytes(Buffer.alloc(102, 101));
    expect((await peer.answered('error'))[0].error).toContain('--max-frame-bytes (100)');
    peer.halfClose();
    await peer.closed();
    await stopped({ io, done });
    expect(lines(io).map(({ level }) => level)).toContain('debug');
  });

  test('given on the command line counts before its variable, and an empty list is none', async () => {
    process.env.EDGE_DETECT_SOCKET_MODE = '0606';
    process.env.EDGE_DETECT_FUNCTIONS = '';
    const serving = serve('--socket-mode', '640');
    await serving.io.said('edgeDetectBatch.sock');
    expect(lstatSync(join(folder, 'edgeDetect.sock')).mode & 0o777).toBe(0o640);
    await stopped(serving);
  });

  test('is shown by --help with its variable, and examples', async () => {
    const io = new CapturedIo();
    expect(await run(['serve', '--help'], io)).toBe(0);
    for (const name of [
      'socket-dir',
      'function',
      'socket-mode',
      'socket-group',
      'max-frame-bytes',
      'max-groups',
      'workers',
      'log-level',
      'log-format',
    ]) {
      const variable = `EDGE_DETECT_${name === 'function' ? 'FUNCTIONS' : name.toUpperCase().replaceAll('-', '_')}`;
      const described = io.out.slice(io.out.indexOf(`--${name} `));
      expect(described.replace(/\s+/g, ' ')).toMatch(new RegExp(`^--${name} <[^>]+> .*?env: ${variable}\\)`));
    }
    expect(io.out).toContain('Examples:\n  edge-detect serve\n');
    expect(io.err).toBe('');
  });
});

/** What a person gets who asked for something in a wrong way: one line, and nothing is served. */
async function refused(...args: string[]): Promise<{ code: number; line: string }> {
  const io = new CapturedIo();
  const code = await run(['serve', '--socket-dir', folder, ...args], io);
  expect(io.out).toBe('');
  expect(io.err).toMatch(/^edge-detect: [^\n]+\n$/);
  expect(existsSync(join(folder, 'edgeDetect.sock'))).toBe(false);
  return { code, line: io.err };
}

describe('a wrong option', () => {
  test.each([
    [
      ['--socket-mode', '9'],
      "'9' is invalid. It must be three octal digits, or a 0 and three, for instance 0660.",
    ],
    [['--socket-mode', '01777'], "'01777' is invalid."],
    [['--socket-mode'], 'argument missing'],
    [['--max-groups', '0'], 'whole number of 1 or more'],
    [['--max-groups', '1e6'], 'whole number of 1 or more'],
    [['--max-frame-bytes', '2147483648'], 'It must be 2147483647 or less.'],
    [['--workers', '-1'], 'whole number of 1 or more'],
    [['--log-level', 'loud'], 'Allowed choices are trace, debug'],
    [['--log-format', 'xml'], 'Allowed choices are json, pretty'],
    [['--socket-group', 'no such group'], 'give its number'],
    [['--function', 'nothing'], "no function 'nothing'; there are edgeDetect, edgeDetectBatch, mirror"],
    [['--function', 'mirror='], 'the path behind = is empty'],
    [['--function', 'mirror', '--function', 'mirror'], 'give each its own with NAME=PATH'],
    [['--sockets-dir', 'x'], "unknown option '--sockets-dir' (Did you mean --socket-dir?)"],
    [['edgeDetect'], 'too many arguments'],
  ])('%j is named with what to do, exit code 2', async (args, text) => {
    const { code, line } = await refused(...args);
    expect(code).toBe(2);
    expect(line).toContain(text);
  });

  test('in a variable names the variable', async () => {
    process.env.EDGE_DETECT_SOCKET_MODE = 'rw';
    const { code, line } = await refused();
    expect(code).toBe(2);
    expect(line).toContain("value 'rw' from env 'EDGE_DETECT_SOCKET_MODE' is invalid");
  });
});

describe('a socket that cannot be opened', () => {
  test.each([
    ['since something else is there', () => join(folder, 'file'), 'no socket; move it out of the way'],
    ['since its folder is a file', () => join(folder, 'file', 'x.sock'), 'cannot make the folder'],
    ['since its path is too long', () => join(folder, 'x'.repeat(200)), 'the system allows'],
  ])('%s is named with what to do, exit code 1', async (_, path, text) => {
    writeFileSync(join(folder, 'file'), '');
    const { code, line } = await refused('--function', 'edgeDetect', '--function', `mirror=${path()}`);
    expect(code).toBe(1);
    expect(line).toContain(path());
    expect(line).toContain(text);
  });
});
