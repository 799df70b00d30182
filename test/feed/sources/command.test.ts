import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { runCommand } from '../../../src/feed/sources/command.ts';
import { splitWords } from '../../../src/feed/sources/words.ts';
import { atEnd } from '../../support/at-end.ts';

const NEVER = new AbortController().signal;

function shell(script: string, signal: AbortSignal = NEVER, timeoutMs = 15_000): Promise<string> {
  return runCommand({ words: ['/bin/sh', '-c', script], timeoutMs, env: { PATH: process.env.PATH } }, signal);
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

  test('does not pass on text that is no UTF-8', async () => {
    await expect(shell('printf "m v=\\"\\377\\""')).rejects.toThrow('no UTF-8');
  });

  test('hands arguments over as they are', async () => {
    const script = join(folder(), 'show.js');
    writeFileSync(script, 'console.log(JSON.stringify(process.argv.slice(2)))');
    const words = splitWords(`'${process.execPath}' ${script} one 'two  three' "a \\"b\\"" c\\ d '' x'y'"z"`);
    const printed = await runCommand({ words, timeoutMs: 15_000, env: process.env }, NEVER);
    expect(JSON.parse(printed)).toEqual(['one', 'two  three', 'a "b"', 'c d', '', 'xyz']);
  });
});

describe('splitWords', () => {
  test.each(['ssh r | grep x', 'a && b', 'echo $HOME', 'ls *', 'cat <file', 'a;b', 'echo `date`'])(
    'says that %s is for a shell',
    (command) => {
      expect(() => splitWords(command)).toThrow(/add --shell, or quote it/);
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
