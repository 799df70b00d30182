import { glob, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { codeOf, UsageError } from '../errors.ts';
import { parseCount } from './argument-parsers.ts';
import type { Io } from './io.ts';
import type { CommandFactory } from './run.ts';
import { loadCatalogue, usualFunctions } from './served-functions.ts';
import { type StageFlags, stageOptions } from './test/stage-flags.ts';

interface TestOptions extends StageFlags {
  readonly run?: string;
  readonly bail?: boolean | number;
  readonly retries: number;
  readonly reporter: string;
  readonly jobs: number;
  readonly coverage?: boolean;
  readonly update?: boolean;
  readonly watch?: boolean;
  readonly import?: string;
  readonly scripts?: string;
}

const PATTERN = '**/*.tickscript.yaml';
const REPORTERS = ['list', 'junit', 'tap', 'json', 'github'] as const;
const CASE_TIMEOUT_MS = 60_000;

/** `edge-detect test`: cases of TICKscripts, in a Kapacitor of their own. */
export const testCommand: CommandFactory = (io, exit) => {
  const command = new Command('test')
    .description('run cases of TICKscripts in a Kapacitor of their own, and say what came otherwise')
    .argument('[files...]', `case files, folders or globs (default: ${PATTERN})`);
  for (const option of options()) command.addOption(option);
  command.addHelpText(
    'after',
    `
Examples:
  edge-detect test
  edge-detect test tickscripts --run 'outage' --coverage
  edge-detect test --watch tasks/adsl_alert.tickscript.yaml
  edge-detect test --reporter junit > report.xml
  edge-detect test --import kapacitor-unit tests.yaml --scripts tasks

Exits with 0 if every case passed, with 1 if one failed, with 2 where a case file is wrong (and says where).`,
  );
  return command.action(async (files: readonly string[], given: TestOptions) => {
    exit(given.import === undefined ? await test(files, given, io) : await importTests(files, given, io));
  });
};

function options(): Option[] {
  return [
    ...stageOptions(),
    new Option('--run <pattern>', 'only the cases whose names this regular expression matches'),
    new Option('--bail', 'stop after the first case that fails'),
    new Option('--retries <n>', 'try a case that fails so often again').argParser(parseRetries).default(0),
    new Option('--jobs <n>', 'cases at a time')
      .argParser(parseCount)
      .default(4 * availableParallelism(), '4 a core'),
    new Option('--reporter <name>', 'how results are told, on standard output')
      .choices([...REPORTERS])
      .default('list')
      .env('EDGE_DETECT_TEST_REPORTER'),
    new Option('--coverage', 'say which nodes no point ever reached, and which alert levels never came'),
    new Option('--import <format>', "turn another tool's tests into case files, and run nothing").choices([
      'kapacitor-unit',
    ]),
    new Option('--scripts <dir>', 'the folder of the scripts that are imported'),
    new Option('--update', 'write the snapshots anew'),
    new Option('--watch', 'run them again whenever a case file, or what it names, changes'),
  ];
}

function parseRetries(text: string): number {
  return text === '0' ? 0 : parseCount(text);
}

async function test(given: readonly string[], options: TestOptions, io: Io): Promise<number> {
  const files = await caseFiles(given);
  if (options.watch === true) {
    const { watchCases } = await import('./test/watch-cases.ts');
    return await watchCases(files, options.functionsDir, io);
  }
  const functions = usualFunctions(await loadCatalogue(options));
  const { runSelected } = await import('./test/run-selected.ts');
  return await runSelected(files, { ...options, timeoutMs: CASE_TIMEOUT_MS, functions }, io);
}

/** Writes case files beside those of another tool. */
async function importTests(files: readonly string[], { scripts }: TestOptions, io: Io): Promise<number> {
  if (files.length === 0) throw new UsageError('--import: name the files to import');
  const { importKapacitorUnit } = await import('../script-tests/import-kapacitor-unit.ts');
  for (const file of files)
    for (const { notes, path, text } of importKapacitorUnit(file, scripts)) {
      try {
        await writeFile(path, text, { flag: 'wx' });
      } catch (error) {
        if (codeOf(error) === 'EEXIST') throw new UsageError(`${path} is there already: move it away first`);
        throw error;
      }
      io.stdout.write(`${path}\n`);
      for (const note of notes) io.stderr.write(`edge-detect: note: ${note}\n`);
    }
  return 0;
}

/** @throws UsageError where there is none */
async function caseFiles(given: readonly string[]): Promise<string[]> {
  const files = new Set<string>();
  for (const each of given.length === 0 ? ['.'] : given) {
    const kind = await stat(each).catch(() => undefined);
    if (kind?.isFile()) files.add(each);
    else {
      const pattern = kind?.isDirectory() ? join(each, PATTERN) : each;
      for await (const file of glob(pattern, {
        exclude: (name) => /(?:^|\/)(?:node_modules|__snapshots__)$/.test(name),
      }))
        files.add(file);
    }
  }
  if (files.size > 0) return [...files].sort();
  const where = given.length === 0 ? 'here' : `at ${given.join(', ')}`;
  throw new UsageError(
    `there are no case files ${where}: they end in .tickscript.yaml (see docs/testing.md)`,
  );
}
