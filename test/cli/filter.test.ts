import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { CapturedIo } from '../support/captured-io.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const FLAGS = ['filter', '--measurement', 'm', '--group-by', 'host', '--field', 'v'];

type FilterProcess = ChildProcessWithoutNullStreams;

/** The executable, in a process of its own. */
function start(...args: string[]): FilterProcess {
  const child = spawn(process.execPath, [MAIN, ...FLAGS, ...args]);
  child.stdin.on('error', () => {});
  return child;
}

async function filtered(input: string | Buffer, ...args: string[]): Promise<CapturedIo & { code: number }> {
  const io = new CapturedIo(input);
  const code = await run([...FLAGS, ...args], io);
  return Object.assign(io, { code });
}

describe('edge-detect filter', () => {
  test('writes the edges, and the lines of other measurements in their places', async () => {
    const { code, err, out } = await filtered(
      'm,host=a v="up" 1\ncpu u=1 2\nm,host=a v="up" 3\nm,host=a v="down",n=1.50 4',
      '--option',
      "previousAs('was')",
    );
    expect({ code, err, out }).toEqual({
      code: 0,
      err: '',
      out: 'm,host=a v="up" 1\ncpu u=1 2\nm,host=a v="down",n=1.50,was="up" 4\n',
    });
  });

  test('drops the others if it is to', async () => {
    const { out } = await filtered('cpu u=1 2\nm,host=a v="up" 3\n', '--others', 'drop');
    expect(out).toBe('m,host=a v="up" 3\n');
  });

  test('runs a function of one’s own from a folder', async () => {
    const child = spawn(process.execPath, [
      MAIN,
      'filter',
      '--functions-dir',
      fileURLToPath(new URL('../../examples/functions', import.meta.url)),
      '--function',
      'movingAverage',
      '--group-by',
      'host',
      '--option',
      "field('v').size(2).as('mean')",
    ]);
    child.stdin.end('m,host=a v=1 1\nm,host=b v=5 2\nm,host=a v=2 3\nm,host=a v=4 4\n');
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect({ out, err }).toEqual({
      out: 'm,host=a v=1,mean=1 1\nm,host=b v=5,mean=5 2\nm,host=a v=2,mean=1.5 3\nm,host=a v=4,mean=3 4\n',
      err: '',
    });
  });

  test('reports a line that is none with its place, and goes on', async () => {
    const { code, err, out } = await filtered('m,host=a v=up 1\nm,host=a v="x\u001b" 2\nm, v=1\n');
    expect(code).toBe(0);
    expect(out).toBe('m,host=a v="x\u001b" 2\n');
    expect(err).toBe(
      `edge-detect filter: stdin:1:12: expected a value for field v (1.5, 1i, true or "text"), found 'up'; a string needs "double quotes": m,host=a v=up 1\n` +
        `edge-detect filter: stdin:3:3: expected a tag key, found a space; is the comma before it one too many?: m, v=1\n`,
    );
  });

  test.each([
    [['--option', 'holds(3s)'], /no method or property "holds"/],
    [['--option', 'hold(3s).maxGroups(0)'], /the function refuses its options: maxGroups/],
    [['--function', 'edgeDetectBatch'], /wants batches, and lines are none/],
    [['--others', 'keep'], /Allowed choices are pass, drop/],
    [['--state', '/no/such/folder/x'], /--state \/no\/such\/folder\/x: nothing can be written there/],
  ])('refuses %j', async (args, message) => {
    const { code, err, out } = await filtered('', ...args);
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(out).toBe('');
  });

  test('answers what it has read before more comes', async () => {
    const input = new PassThrough();
    const io = new CapturedIo(input);
    const done = run(FLAGS, io);
    input.write('m,host=a v=1 1\nm,host=a v=2 2\nm,ho');
    await io.said('v=2 2\n');
    input.write('st=a v=3 3\n');
    await io.said('v=3 3\n');
    input.end();
    expect(await done).toBe(0);
  });

  test('reads nothing while nobody reads its output', async () => {
    const child = start();
    const line = (n: number): string => `m,host=${n} v=1 ${n}\n`;
    const total = 400_000;
    let sent = 0;
    let isFull = false;
    while (sent < total && !isFull) {
      const chunk = Array.from({ length: 10_000 }, (_, index) => line(sent + index)).join('');
      sent += 10_000;
      isFull = !child.stdin.write(chunk);
      if (isFull)
        isFull = await Promise.race([once(child.stdin, 'drain').then(() => false), setTimeout(2000, true)]);
    }
    expect(isFull).toBe(true);
    child.stdin.end();
    expect((await text(child.stdout)).split('\n')).toHaveLength(sent + 1);
  });

  test('keeps its state from one run to the next', async () => {
    const state = join(temporaryFolder(), 'm.state');
    const first = await filtered('m,host=a v=1 1\nm,host=b v=1 2\n', '--state', state);
    expect(first.out.split('\n')).toHaveLength(3);
    const second = await filtered('m,host=a v=1 3\nm,host=b v=2 4\n', '--state', state);
    expect(second.out).toBe('m,host=b v=2 4\n');
    writeFileSync(state, 'spoiled');
    const third = await filtered('m,host=a v=1 5\n', '--state', state);
    expect(third.code).toBe(0);
    expect(third.out).toBe('m,host=a v=1 5\n');
    expect(third.err).toContain('it is set aside, and the node starts empty');
    expect(existsSync(`${state}.damaged`)).toBe(true);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s: answers what it has read, saves, and ends with 0',
    async (signal) => {
      const state = join(temporaryFolder(), 'm.state');
      const child = start('--state', state);
      child.stdin.write('m,host=a v=1 1\nm,host=a v=2 2\nm,host=a v=3');
      const out: string[] = [];
      child.stdout.on('data', (chunk) => out.push(String(chunk)));
      while (!out.join('').includes('v=2 2')) await once(child.stdout, 'data');
      child.kill(signal);
      const [code] = await once(child, 'exit');
      expect(code).toBe(0);
      expect(out.join('')).toBe('m,host=a v=1 1\nm,host=a v=2 2\n');
      expect(readFileSync(state, 'utf8')).toContain('"lines":2');
    },
  );

  test('ends quietly where nobody reads its output any more', async () => {
    const child = start();
    const errors = text(child.stderr);
    child.stdout.destroy();
    child.stdin.write('m,host=a v=1 1\n'.repeat(10));
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    expect(await errors).toBe('');
  });
});

describe('a filter that is killed at any moment and started again on its state', () => {
  test('tells nothing again that was told before the last save, and loses nothing after it', async () => {
    const state = join(temporaryFolder(), 'm.state');
    // Every line is an edge of its group, and its time is its number.
    const lines = Array.from({ length: 200_000 }, (_, n) => `m,host=h${n % 50} v=${n}i ${n + 1}\n`);
    let covered = 0;
    let saves = 0;
    for (let kill = 0; kill < 8; kill++) {
      const before = headerOf(state);
      const child = start('--state', state, '--save-every', '100ms');
      const told = toldBy(child);
      const feeding = feed(child, lines.slice(covered), 5);
      await once(child.stdout, 'data');
      // Every other one is killed some time after it has saved, the rest some time after it began.
      if (kill % 2 === 0) await changed(state, before);
      await Promise.race([setTimeout(40 * kill), feeding]);
      child.kill('SIGKILL');
      const numbers = await told;
      // Whatever it told goes on where the last save left off, without a gap.
      expect(numbers).toEqual(numbers.map((_, index) => covered + index + 1));
      const header = headerOf(state);
      if (header === before) continue;
      saves++;
      const count = Number(/"lines":(\d+)/.exec(header)?.[1]);
      expect(count).toBeLessThanOrEqual(numbers.length);
      covered += count;
    }
    expect(saves).toBeGreaterThanOrEqual(4);
    const child = start('--state', state);
    const told = toldBy(child);
    await feed(child, lines.slice(covered), 0);
    child.stdin.end();
    expect(await told).toEqual(lines.slice(covered).map((_, index) => covered + index + 1));
    expect(headerOf(state)).toContain(`"lines":${lines.length - covered}`);
  }, 60_000);
});

/** Writes lines as fast as they are taken, or with a pause after some. */
async function feed(child: FilterProcess, lines: readonly string[], pauseMs: number): Promise<void> {
  const exited = once(child, 'exit');
  for (let n = 0; n < lines.length && !child.stdin.destroyed; n += 200) {
    const hasRoom = child.stdin.write(lines.slice(n, n + 200).join(''));
    if (!hasRoom) await Promise.race([once(child.stdin, 'drain'), exited]);
    if (pauseMs > 0) await setTimeout(pauseMs);
  }
}

/** The numbers of the lines that a process has told, to its end; a line that was cut off was not told. */
async function toldBy(child: FilterProcess): Promise<number[]> {
  const output = await text(child.stdout);
  return output
    .slice(0, output.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Number(line.split(' ')[2]));
}

/** Waits until there is another state than before. */
function changed(file: string, before: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(dirname(file), () => look());
    const look = (): void => {
      if (headerOf(file) === before) return;
      watcher.close();
      resolve();
    };
    look();
  });
}

function headerOf(file: string): string {
  return existsSync(file) ? (readFileSync(file, 'latin1').split('\n')[0] ?? '') : '';
}
