import { join } from 'node:path';
import { Option } from 'commander';
import type { ServedSocket } from '../agent/server.ts';
import { UsageError } from '../errors.ts';
import type { UdfFunction } from '../function/contract.ts';
import { DEFAULT_FUNCTIONS, FUNCTIONS } from '../functions/catalogue.ts';
import { addListed } from './argument-parsers.ts';

const DEFAULT_SOCKET_DIR = '/var/run/kapacitor-udf';

export interface FunctionsDirOption {
  /** The folder with functions of one's own. */
  readonly functionsDir?: string;
}

export interface ServedOptions extends FunctionsDirOption {
  readonly socketDir: string;
  readonly function: readonly string[];
}

/** The functions that there are, the agent's and those of a folder. */
export interface Catalogue {
  readonly builtIn: readonly UdfFunction[];
  /** In the order of their files. */
  readonly own: readonly UdfFunction[];
}

/** The agent's own functions. */
export const BUILT_IN: readonly UdfFunction[] = FUNCTIONS;

/**
 * Names that no function of one's own may have, and who has them. A function that is served only if it is asked for,
 * such as mirror, gives way.
 */
export const RESERVED: ReadonlyMap<string, string> = new Map([
  ...DEFAULT_FUNCTIONS.map(({ name }) => [name, 'the agent itself'] as const),
  ['status', "the agent's status socket"] as const,
]);

/** The option that names the folder with functions of one's own. */
export function functionsDirOption(): Option {
  return new Option(
    '--functions-dir <dir>',
    'a folder with functions of your own, a file or more of TypeScript',
  ).env('EDGE_DETECT_FUNCTIONS_DIR');
}

/** The options that say which functions lie at which sockets. */
export function servedOptions(): Option[] {
  return [
    new Option('--socket-dir <dir>', 'the folder of the sockets, NAME.sock for each function')
      .default(DEFAULT_SOCKET_DIR)
      .env('EDGE_DETECT_SOCKET_DIR'),
    new Option(
      '--function <name[=path]>',
      `a function (${names(FUNCTIONS)}), and its socket if not in the folder; repeatable, in the variable separated by commas`,
    )
      .argParser(addListed)
      .default([], names(DEFAULT_FUNCTIONS))
      .env('EDGE_DETECT_FUNCTIONS'),
    functionsDirOption(),
  ];
}

/** The option that says which group Kapacitor is in, or is to be tried as. */
export function kapacitorGidOption(flag: string, summary: string): Option {
  return new Option(`${flag} <gid>`, summary).env('KAPACITOR_GID');
}

/**
 * What that option says. An empty variable is as good as none: that is how compose files hand on what is not set.
 * @throws UsageError if it is no number
 */
export function gidOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,10}$/.test(text)) throw new UsageError(`'${text}' is no group: it must be its number`);
  return Number(text);
}

/**
 * The agent's functions, and those of the folder that is named, loaded into this process.
 * @throws UsageError naming every file that cannot be loaded
 */
export async function loadCatalogue({ functionsDir }: FunctionsDirOption): Promise<Catalogue> {
  if (!functionsDir) return { builtIn: FUNCTIONS, own: [] };
  const { loadFolder } = await import('../functions/folder.ts');
  const { functions, problems } = await loadFolder(functionsDir, { reserved: RESERVED });
  if (problems.length > 0) throw folderError(functionsDir, problems);
  return { builtIn: FUNCTIONS, own: functions.map(({ function: fn }) => fn) };
}

/** What is wrong with the files of a folder, a line each. */
export function folderError(functionsDir: string, problems: readonly string[]): UsageError {
  return new UsageError(problems.map((problem) => join(functionsDir, problem)).join('\nedge-detect: '));
}

/** Those that are looked at where none is named: the agent's usual ones and all of the folder. */
export function usualFunctions({ own }: Catalogue): readonly UdfFunction[] {
  return [...DEFAULT_FUNCTIONS, ...own];
}

/** @throws UsageError for a function that there is not */
export function functionOf(name: string, { builtIn, own }: Catalogue): UdfFunction {
  const all = [...own, ...builtIn];
  const fn = all.find((each) => each.name === name);
  if (fn === undefined) throw new UsageError(`there is no function '${name}'; there are ${names(all)}`);
  return fn;
}

/**
 * The functions that are served: those that are named or the usual ones, and all of one's own.
 * @param own the names of functions of a folder
 * @throws UsageError for a function that there is not, or one that is named twice
 */
export function servedSockets(options: ServedOptions, own: readonly string[]): ServedSocket[] {
  const known = [...FUNCTIONS.map(({ name }) => name), ...own];
  const wanted = options.function.length > 0 ? options.function : DEFAULT_FUNCTIONS.map(({ name }) => name);
  const served: ServedSocket[] = [];
  const serve = (text: string): void => {
    const at = text.indexOf('=');
    const name = at < 0 ? text : text.slice(0, at);
    if (!known.includes(name))
      throw new UsageError(`there is no function '${name}'; there are ${known.join(', ')}`);
    const path = at < 0 ? join(options.socketDir, `${name}.sock`) : text.slice(at + 1);
    if (path === '') throw new UsageError(`--function ${text}: the path behind = is empty`);
    if (served.some((each) => each.path === path))
      throw new UsageError(`two functions on one socket: ${path}; give each its own with NAME=PATH`);
    served.push({ name, path });
  };
  for (const text of wanted) serve(text);
  for (const name of own) if (!served.some((each) => each.name === name)) serve(name);
  return served;
}

function names(functions: readonly { readonly name: string }[]): string {
  return functions.map(({ name }) => name).join(', ');
}
