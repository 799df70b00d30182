import { readdirSync, readFileSync, statSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { codeOf, InputError, messageOf } from '../errors.ts';
import { type DefinedFunction, isDefinedFunction } from '../function/defined.ts';
import { setting, wording } from '../wording.ts';

/** A function of somebody's own, and the file that it comes from. */
export interface FolderFunction {
  readonly function: DefinedFunction;
  /** The file's name in the folder. */
  readonly file: string;
}

/** What a folder holds. Where there is a problem nothing of it should be served. */
export interface LoadedFolder {
  readonly functions: readonly FolderFunction[];
  /** A line each, which names the file. */
  readonly problems: readonly string[];
}

export interface FolderOptions {
  /** Names that are taken, and by whom. */
  readonly reserved: ReadonlyMap<string, string>;
  /** Told of each file before it is loaded: it may never come back. */
  readonly onLoading?: (file: string) => void | Promise<void>;
}

/** What a function's file may import of the agent that runs it, from wherever it lies. */
const ENTRIES: ReadonlyMap<string, string> = new Map([
  ['kapacitor-edge-detect/udf', 'udf'],
  ['kapacitor-edge-detect/testing', 'testing'],
]);

/** Packages that come with the agent, for files in a folder that has none of its own. */
const PROVIDED: ReadonlySet<string> = new Set(['simple-statistics']);

/** Whether a file of this name holds functions: no test, no declaration, and none that others merely import. */
export function isFunctionFile(name: string): boolean {
  return /^[^._].*\.(?:ts|js|mjs)$/.test(name) && !/\.(?:d|test|spec)\.[a-z]+$/.test(name);
}

/**
 * The files with functions in a folder, sorted.
 * @throws InputError FILE_NOT_FOUND, FILE_UNREADABLE
 */
export function functionFiles(folder: string): string[] {
  try {
    // A file may be a link, as it is where Kubernetes mounts a ConfigMap.
    return readdirSync(folder)
      .filter((name) => isFunctionFile(name) && statSync(join(folder, name)).isFile())
      .sort();
  } catch (error) {
    const where = wording`${setting('functionsDir')} ${folder}`;
    if (codeOf(error) === 'ENOENT')
      throw new InputError('FILE_NOT_FOUND', wording`${where}: there is no such folder`);
    throw new InputError('FILE_UNREADABLE', wording`${where}: it cannot be read: ${messageOf(error)}`);
  }
}

/**
 * Loads every function in a folder. TypeScript runs as it is.
 * @throws InputError where the folder itself cannot be read
 */
export async function loadFolder(
  folder: string,
  { reserved, onLoading }: FolderOptions,
): Promise<LoadedFolder> {
  const root = resolve(folder);
  const files = functionFiles(root);
  const hooks = provideEntries(root);
  const functions: FolderFunction[] = [];
  const problems: string[] = [];
  const takenBy = new Map(reserved);
  try {
    for (const file of files) {
      await onLoading?.(file);
      try {
        const found = await functionsIn(join(root, file));
        if (found.length === 0)
          problems.push(
            `${file}: it exports no function made by defineFunction(); name it _${file} if others import it`,
          );
        for (const fn of found) {
          const owner = takenBy.get(fn.name);
          if (owner !== undefined)
            problems.push(`${file}: @${fn.name} is taken by ${owner}; give it another name`);
          takenBy.set(fn.name, file);
          functions.push({ function: fn, file });
        }
      } catch (error) {
        problems.push(problemOf(error, root, file));
      }
    }
  } finally {
    // What a function imports later on, while it runs, must still be found.
    if (files.length === 0) hooks.deregister();
  }
  return { functions, problems };
}

/** Every function that a file exports, each once. */
async function functionsIn(path: string): Promise<DefinedFunction[]> {
  const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(path).href);
  return [...new Set(Object.values(module).filter(isDefinedFunction))];
}

/** Has the agent's own entries found by their public names, and files of the folder be modules without a package.json. */
function provideEntries(root: string): ReturnType<typeof registerHooks> {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const rootUrl = `${pathToFileURL(root).href}/`;
  return registerHooks({
    resolve(specifier, context, next) {
      const entry = ENTRIES.get(specifier);
      if (entry !== undefined)
        return { url: new URL(`../sdk/${entry}${extension}`, import.meta.url).href, shortCircuit: true };
      const found = PROVIDED.has(specifier)
        ? ownOrProvided(specifier, context.parentURL, next)
        : next(specifier, context);
      if (!found.url.startsWith(rootUrl) || found.url.includes('/node_modules/')) return found;
      if (found.url.endsWith('.ts')) return { ...found, format: 'module-typescript' };
      return found.url.endsWith('.js') ? { ...found, format: 'module' } : found;
    },
  });
}

/** A package of the folder, or the agent's where the folder has none. */
function ownOrProvided<T>(
  specifier: string,
  parentURL: string | undefined,
  next: (specifier: string, context: { parentURL?: string }) => T,
): T {
  try {
    return next(specifier, parentURL === undefined ? {} : { parentURL });
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    return next(specifier, { parentURL: import.meta.url });
  }
}

/** What is wrong with a file, in one line: where, what, and the way out where there is one. */
function problemOf(error: unknown, root: string, file: string): string {
  const message = messageOf(error).split('\n')[0];
  const place = placeIn(error, root) ?? syntaxPlace(error, root, file) ?? file;
  if (codeOf(error) === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')
    return `${place}: ${message}: Node only strips types; write an object with "as const" for an enum, and a field with an assignment for a parameter property`;
  if (codeOf(error) === 'ERR_MODULE_NOT_FOUND')
    return `${place}: ${message}; install it in the folder or give the file's whole name, with its ending`;
  return `${place}: ${message}`;
}

/** Where in a folder something was thrown: `file.ts:12:5`, or without a column. */
export function placeIn(error: unknown, root: string): string | undefined {
  if (!(error instanceof Error) || error.stack === undefined) return undefined;
  const folder = resolve(root);
  for (const [, path = '', line, column] of error.stack.matchAll(
    /((?:file:\/\/)?\/[^\s():]+):(\d+)(?::(\d+))?/g,
  )) {
    const file = path.startsWith('file:') ? fileURLToPath(path) : path;
    if (!file.startsWith(`${folder}/`)) continue;
    return `${file.slice(folder.length + 1)}:${line}${column === undefined ? '' : `:${column}`}`;
  }
  return undefined;
}

/** What a function threw, with its place in the folder. */
export function explainIn(error: unknown, root: string): string {
  const place = placeIn(error, root);
  return place === undefined ? messageOf(error) : `${messageOf(error)} (${place})`;
}

/** JavaScript's own syntax errors do not say where; the parser of types does, of the same text. */
function syntaxPlace(error: unknown, root: string, file: string): string | undefined {
  if (!(error instanceof SyntaxError)) return undefined;
  try {
    stripTypeScriptTypes(readFileSync(join(root, file), 'utf8'));
  } catch (typed) {
    const line = /:(\d+)\n/.exec(typed instanceof Error ? (typed.stack ?? '') : '')?.[1];
    return line === undefined ? undefined : `${basename(file)}:${line}`;
  }
  return undefined;
}
