import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { type CommandOptions, type CommandOutput, runCommand } from '../../../src/feed/sources/command.ts';
import { splitWords } from '../../../src/feed/sources/words.ts';
import { atEnd } from '../../support/at-end.ts';

const NEVER = new AbortController().signal;

async function shell(script: string, signal: AbortSignal = NEVER, timeoutMs = 15_000): Promise<string> {
  return (await output(script, {}, signal, timeoutMs)).text;
}

function output(
  script: string,
  options: Partial<CommandOptions> = {},
  signal: AbortSignal = NEVER,
  timeoutMs = 15_000,
): Promise<CommandOutput> {
  const words = ['/bin/sh', '-c', script] as const;
  return runCommand({ words, timeoutMs, env: { PATH: process.env.PATH }, ...options }, signal);
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'feed-command-'));
  atEnd(() => rmSync(path, { recursive: true }));
  return path;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie can be signalled still; it is over all the same.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('runCommand', () => {
  test('returns what a program prints, whatever it says on standard error', async () => {
    expect(await shell('echo bönjour; echo careful >&2; printf "m v=1"')).toBe('bönjour\nm v=1');
  });

  test('gives it no input to wait for', async () => {
    expect(await shell('cat; echo done')).toBe('done\n');
  });

  test('says how it failed and what it complained of', async () => {
    await expect(shell('echo no route >&2; echo to router1 >&2; exit 255')).rejects.toThrow(
      '/bin/sh ended with exit code 255: no route / to router1',
    );
    await expect(shell('kill -9 $$')).rejects.toThrow('/bin/sh ended with SIGKILL');
  });

  test('says that there is no such program', async () => {
    const running = runCommand({ words: ['no-such-program'], timeoutMs: 1_000, env: {} }, NEVER);
    await expect(running).rejects.toThrow("no-such-program can't be started: there is no such program");
  });

  test('ends what takes too long, and what that has started, even if it does not want to', async () => {
    const pidFile = join(folder(), 'pid');
    const script = `trap '' TERM; (trap '' TERM; sleep 60) & echo $! > ${pidFile}; sleep 60`;
    await expect(shell(script, NEVER, 500)).rejects.toThrow('/bin/sh: it took longer than 0.5 s');
    const pid = Number(readFileSync(pidFile, 'utf8'));
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), { timeout: 10_000 });
  });

  test('ends when it is stopped', async () => {
    const controller = new AbortController();
    const running = shell('echo started; sleep 60', controller.signal);
    controller.abort();
    await expect(running).rejects.toThrow('it was stopped');
  });

  test('ends what prints without end', async () => {
    await expect(shell('yes')).rejects.toThrow('it printed more than 16777216 bytes');
  });

  test.each([
    [
      'ends in 127 and says why on standard output',
      'echo "sh: xdslctl: not found"; exit 127',
      /127: sh: xdslctl: not found$/,
    ],
    [
      'says it in colours',
      'printf "\\033[31m%% Invalid input\\033[0m\\r\\n"; exit 1',
      /code 1: % Invalid input$/,
    ],
    ['has said much before', 'seq 1 10000; echo refused; exit 2', /code 2: .* \/ 10000 \/ refused$/],
    ['complains on standard error', 'echo banner; echo denied >&2; exit 3', /code 3: denied$/],
    ['says nothing at all', 'exit 4', /ended with exit code 4$/],
  ])(
    'shows the end of standard output where standard error says nothing: one that %s',
    async (_what, script, message) => {
      await expect(shell(script)).rejects.toThrow(message);
    },
  );

  test('takes the exit codes for success that it was told to', async () => {
    const acceptedCodes = new Set([0, 3]);
    expect((await output('echo up; exit 3', { acceptedCodes })).text).toBe('up\n');
    expect((await output('echo up', { acceptedCodes })).text).toBe('up\n');
    await expect(output('exit 1', { acceptedCodes })).rejects.toThrow('exit code 1');
    await expect(output('exit 0', { acceptedCodes: new Set([3]) })).rejects.toThrow('exit code 0');
    await expect(output('kill -9 $$', { acceptedCodes })).rejects.toThrow('SIGKILL');
  });

  test.each([
    [
      'damaged bytes of UTF-8 as U+FFFD',
      undefined,
      '\\303\\274 \\374',
      { text: 'ü \uFFFD', isDamaged: true },
    ],
    ['a U+FFFD that was printed', undefined, '\\357\\277\\275', { text: '\uFFFD', isDamaged: false }],
    ['Latin-1', 'latin1', '\\374p', { text: 'üp', isDamaged: false }],
    ['code page 850', 'cp850', '\\201p', { text: 'üp', isDamaged: false }],
    ['UTF-16', 'utf16', '\\377\\376u\\000p\\000', { text: 'up', isDamaged: false }],
    ['UTF-8 with a byte order mark', undefined, '\\357\\273\\277up', { text: 'up', isDamaged: false }],
  ])('reads %s', async (_what, encoding, bytes, expected) => {
    expect(await output(`printf '${bytes}'`, { encoding })).toEqual(expected);
  });

  test('hands arguments over as they are', async () => {
    const script = join(folder(), 'show.js');
    writeFileSync(script, 'console.log(JSON.stringify(process.argv.slice(2)))');
    const words = splitWords(`'${process.execPath}' ${script} one 'two  three' "a \\"b\\"" c\\ d '' x'y'"z"`);
    const { text } = await runCommand({ words, timeoutMs: 15_000, env: process.env }, NEVER);
    expect(JSON.parse(text)).toEqual(['one', 'two  three', 'a "b"', 'c d', '', 'xyz']);
  });
});

describe('splitWords', () => {
  test.each(['ssh r | grep x', 'a && b', 'echo $HOME', 'ls *', 'cat <file', 'a;b', 'echo `date`'])(
    'says that %s is for a shell',
    (command) => {
      expect(() => splitWords(command)).toThrow(/add shell, or quote it/);
    },
  );

  test('leaves what is quoted alone', () => {
    expect(splitWords(`ssh r 'show | include $x' "a;b" c\\|d`)).toEqual([
      'ssh',
      'r',
      'show | include $x',
      'a;b',
      'c|d',
    ]);
  });

  test.each([
    [`ssh 'r`, /a quote is not closed/],
    ['ssh "r', /a quote is not closed/],
    ['   ', /there is no command/],
  ])('refuses %j', (command, reason) => {
    expect(() => splitWords(command)).toThrow(reason);
  });
});
