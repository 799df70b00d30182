import { join } from 'node:path';
import { Option } from 'commander';
import type { ServedFunction } from '../agent/agent.ts';
import { UsageError } from '../errors.ts';
import { DEFAULT_FUNCTIONS, FUNCTIONS } from '../functions/catalogue.ts';
import { addListed } from './argument-parsers.ts';

const DEFAULT_SOCKET_DIR = '/var/run/kapacitor-udf';

export interface ServedOptions {
  readonly socketDir: string;
  readonly function: readonly string[];
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

/** @throws UsageError for a function that there is not, or one that is named twice */
export function servedFunctions(options: ServedOptions): ServedFunction[] {
  const wanted = options.function.length > 0 ? options.function : DEFAULT_FUNCTIONS.map(({ name }) => name);
  const served: ServedFunction[] = [];
  for (const text of wanted) {
    const at = text.indexOf('=');
    const name = at < 0 ? text : text.slice(0, at);
    const fn = FUNCTIONS.find((each) => each.name === name);
    if (fn === undefined)
      throw new UsageError(`there is no function '${name}'; there are ${names(FUNCTIONS)}`);
    const path = at < 0 ? join(options.socketDir, `${name}.sock`) : text.slice(at + 1);
    if (path === '') throw new UsageError(`--function ${text}: the path behind = is empty`);
    if (served.some((each) => each.path === path))
      throw new UsageError(`two functions on one socket: ${path}; give each its own with NAME=PATH`);
    served.push({ function: fn, path });
  }
  return served;
}

function names(functions: readonly { readonly name: string }[]): string {
  return functions.map(({ name }) => name).join(', ');
}
