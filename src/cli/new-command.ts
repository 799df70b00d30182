import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Command, Option } from 'commander';
import { messageOf, OperationError, UsageError } from '../errors.ts';
import type { Io } from './io.ts';
import { batchFiles, streamFiles, TSCONFIG } from './new/templates.ts';
import type { CommandFactory } from './run.ts';
import { RESERVED } from './served-functions.ts';

interface NewOptions {
  readonly dir: string;
  readonly batch?: boolean;
}

/** This package, as its functions import it. */
const PACKAGE = 'kapacitor-edge-detect';

/** `edge-detect new NAME`: a function of one's own to start from, with its test and a TICKscript. */
export const newCommand: CommandFactory = (io, exit) => {
  const command = new Command('new')
    .description('write a function of your own to start from, its test, and a TICKscript that calls it')
    .argument('<name>', 'what a TICKscript calls it: letters and digits')
    .addOption(
      new Option('--dir <folder>', 'where it is written')
        .default('functions')
        .env('EDGE_DETECT_FUNCTIONS_DIR'),
    )
    .addOption(new Option('--batch', 'a function of whole batches instead of single points'))
    .addHelpText(
      'after',
      `
Examples:
  edge-detect new movingAverage
  edge-detect new outliers --dir /etc/edge-detect/functions --batch

No file that is there is written over.`,
    );
  return command.action((name: string, options: NewOptions) => {
    make(name, options, io);
    exit(0);
  });
};

/** @throws UsageError for a name that cannot be served, or whose files are there */
function make(name: string, { dir, batch }: NewOptions, io: Io): void {
  if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name))
    throw new UsageError(
      `'${name}' is no name of a function: it must be a letter, then letters, digits or _`,
    );
  const owner = RESERVED.get(name);
  if (owner !== undefined) throw new UsageError(`@${name} is taken by ${owner}; choose another name`);
  const files = (batch === true ? batchFiles : streamFiles)(name);
  const taken = Object.keys(files).find((file) => existsSync(join(dir, file)));
  if (taken !== undefined)
    throw new UsageError(`${join(dir, taken)} is there already: nothing was written; choose another name`);
  try {
    mkdirSync(dir, { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(join(dir, file), text);
    if (!existsSync(join(dir, 'tsconfig.json'))) writeFileSync(join(dir, 'tsconfig.json'), TSCONFIG);
    linkPackage(dir);
  } catch (error) {
    throw new OperationError(`cannot write to ${dir}: ${messageOf(error)}`);
  }
  io.stdout.write(`${Object.keys(files)
    .map((file) => `${join(dir, file)}\n`)
    .join('')}
Next:
  node --test ${join(dir, `${name}.test.ts`)}
  edge-detect serve --functions-dir ${dir}
  edge-detect conf --functions-dir ${dir} >> kapacitor.conf     # then start Kapacitor again
  kapacitor define ${name} -tick ${join(dir, `${name}.tick`)} && kapacitor enable ${name}
`);
}

/** Has tests and editors find this package from the folder, as the agent does by itself. */
function linkPackage(dir: string): void {
  const require = createRequire(pathToFileURL(join(resolve(dir), 'tsconfig.json')));
  try {
    require.resolve(`${PACKAGE}/package.json`);
  } catch {
    const modules = join(dir, 'node_modules');
    mkdirSync(modules, { recursive: true });
    symlinkSync(fileURLToPath(new URL('../..', import.meta.url)), join(modules, PACKAGE), 'dir');
  }
}
