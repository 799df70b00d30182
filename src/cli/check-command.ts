import { readFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { Command } from 'commander';
import { messageOf, UsageError } from '../errors.ts';
import type { Io } from './io.ts';
import type { CommandFactory } from './run.ts';
import { loadCatalogue, usualFunctions } from './served-functions.ts';
import { type StageFlags, stageOptions } from './test/stage-flags.ts';

/** `edge-detect check`: whether Kapacitor would take scripts, before it is asked to. */
export const checkCommand: CommandFactory = (io, exit) => {
  const command = new Command('check')
    .description('ask a Kapacitor of its own whether it would take scripts, templates, tasks and handlers')
    .argument('<files...>', 'files, globs, or folders such as the one of [load]');
  for (const option of stageOptions()) command.addOption(option);
  command.addHelpText(
    'after',
    `
Examples:
  edge-detect check tickscripts
  edge-detect check tasks/adsl_alert.tick --kapacitord /usr/bin/kapacitord
  edge-detect check tickscripts --conf my-udfs.conf

Exits with 0 if Kapacitor takes all of it, with 1 if it does not, with 2 if there is nothing to check.`,
  );
  return command.action(async (files: readonly string[], flags: StageFlags) => {
    exit(await check(files, flags, io));
  });
};

async function check(given: readonly string[], flags: StageFlags, io: Io): Promise<number> {
  const functions = usualFunctions(await loadCatalogue(flags));
  const { checkFiles, filesToCheck } = await import('../script-tests/check.ts');
  const files = await filesToCheck(given);
  const hasColours = io.stdout.isTTY === true && process.env.NO_COLOR === undefined;
  const style = (colour: 'green' | 'red', text: string): string =>
    hasColours ? styleText(colour, text, { validateStream: false }) : text;
  const results = await checkFiles(
    files,
    {
      kapacitord: flags.kapacitord,
      ...(flags.image === undefined ? {} : { image: flags.image }),
      functions,
      conf: readConf(flags.conf),
      onWarning: (text) => io.stderr.write(`edge-detect: warning: ${text}\n`),
    },
    ({ checked, problems }) => {
      if (problems.length === 0)
        io.stdout.write(`${style('green', '✓')} ${checked.file} (${checked.kind})\n`);
      for (const problem of problems) io.stdout.write(`${style('red', '✗')} ${problem}\n`);
    },
  );
  const refused = results.filter(({ problems }) => problems.length > 0).length;
  io.stdout.write(
    refused === 0
      ? `Kapacitor takes all ${results.length} of them\n`
      : `Kapacitor does not take ${refused} of ${results.length}\n`,
  );
  return refused === 0 ? 0 : 1;
}

/** @throws UsageError where the file cannot be read */
export function readConf(file: string | undefined): string {
  if (file === undefined) return '';
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--conf ${file}: ${messageOf(error)}`);
  }
}
