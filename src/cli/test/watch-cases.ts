import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { FolderWatch } from '../../folder-watch.ts';
import { CaseDocument } from '../../script-tests/case-document.ts';
import type { Io } from '../io.ts';

/**
 * Runs the cases, and again whenever something of them changes: this program with the same arguments, in a process of its
 * own each time, so that functions of one's own are loaded anew as well.
 * @param files the case files
 * @returns the exit code of the last run
 */
export async function watchCases(
  files: readonly string[],
  functionsDir: string | undefined,
  io: Io,
): Promise<number> {
  const abort = new AbortController();
  let running: ChildProcess | undefined;
  const off = io.onSignal((signal) => {
    abort.abort();
    running?.kill(signal);
  });
  const watch = new FolderWatch(foldersOf(files, functionsDir), false);
  let code = 0;
  try {
    while (!abort.signal.aborted) {
      const [program = '', ...args] = process.argv.slice(1);
      running = spawn(
        process.execPath,
        [...process.execArgv, program, ...args.filter((arg) => arg !== '--watch')],
        { stdio: ['ignore', 'inherit', 'inherit'] },
      );
      const [exitCode] = await once(running, 'exit');
      code = typeof exitCode === 'number' ? exitCode : 1;
      if (abort.signal.aborted) break;
      io.stderr.write('edge-detect: waits for a change; ctrl-C ends it\n');
      const changed = await watch.next(abort.signal);
      if (changed.length > 0)
        io.stderr.write(`edge-detect: changed: ${changed.map((path) => relative('', path)).join(', ')}\n`);
    }
  } finally {
    watch.close();
    off();
  }
  return code;
}

/** Where the case files lie, and what they name. */
function foldersOf(files: readonly string[], functionsDir: string | undefined): Set<string> {
  const folders = new Set(files.map((file) => dirname(resolve(file))));
  if (functionsDir) folders.add(resolve(functionsDir));
  for (const file of files) for (const named of filesNamedIn(file)) folders.add(dirname(named));
  return folders;
}

/** The files that a case file names; none where it is broken, which the run says. */
function filesNamedIn(file: string): string[] {
  try {
    const { handlers = [], script, template, tests } = CaseDocument.read(file).content;
    const data = tests.flatMap(({ data }) => (typeof data === 'object' && 'file' in data ? [data.file] : []));
    return [script, template, ...handlers, ...data]
      .flatMap((name) => (name === undefined || name.includes('\n') ? [] : [resolve(dirname(file), name)]))
      .filter(existsSync);
  } catch {
    return [];
  }
}
