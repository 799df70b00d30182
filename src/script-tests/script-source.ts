import { readFileSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { messageOf } from '../errors.ts';
import { outlineOf, type ScriptOutline } from '../tickscript/chains.ts';
import { positionOf, ScriptSyntaxError, stringValue } from '../tickscript/tokens.ts';
import { entriesOf } from './entries.ts';

/** A script with all that Kapacitor needs to run it. */
export interface ScriptSource {
  /** The file that holds the script; undefined where the case file does. */
  readonly file: string | undefined;
  readonly text: string;
  readonly type: 'stream' | 'batch';
  /** As Kapacitor has variables: `{type, value}` by name. */
  readonly vars: Readonly<Record<string, { readonly type: string; readonly value: unknown }>>;
  /** Where its points are: what the script or its task file says. */
  readonly dbrp: { readonly database: string; readonly policy: string } | undefined;
  /** Whether the script itself says it, so that nobody else may. */
  readonly saysDbrp: boolean;
  /** What people call it. */
  readonly name: string;
}

/** A script that can't be found or followed; the message begins with its place where that is known. */
export class ScriptSourceError extends Error {
  override readonly name = 'ScriptSourceError';
}

/**
 * Finds a script.
 * @param given a `.tick` file, a [load] task file, or the script itself
 * @param folder that a file's path is relative to
 * @throws ScriptSourceError
 */
export function scriptSource(
  given: string,
  folder: string,
  vars: Readonly<Record<string, unknown>>,
): ScriptSource {
  if (isScriptText(given)) return sourceOf(undefined, given, vars, 'script');
  const file = resolve(folder, given);
  const text = read(file);
  if (/\.(ya?ml|json)$/i.test(file)) return taskFileSource(file, text, vars);
  return sourceOf(file, text, vars, nameOf(file));
}

/** A script has more than a path has. */
function isScriptText(given: string): boolean {
  return given.includes('\n') || /^\s*(stream|batch|dbrp|var)\b.*[|@("]/.test(given);
}

function nameOf(file: string): string {
  return (file.split('/').at(-1) ?? file).slice(0, -extname(file).length || undefined);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ScriptSourceError(`${file} cannot be read: ${messageOf(error)}`);
  }
}

/** A task as Kapacitor loads it from a folder: a template's id, its variables, and where the points are. */
function taskFileSource(file: string, text: string, vars: Readonly<Record<string, unknown>>): ScriptSource {
  let content: unknown;
  try {
    content = parseYaml(text);
  } catch (error) {
    throw new ScriptSourceError(`${file}: ${messageOf(error)}`);
  }
  const task = entriesOf(content);
  const id = task.get('template-id');
  if (typeof id !== 'string') throw new ScriptSourceError(`${file}: a task file needs a template-id`);
  const template = join(dirname(file), '..', 'templates', `${id}.tick`);
  const fileVars = Object.fromEntries(entriesOf(task.get('vars')));
  const source = sourceOf(template, read(template), { ...fileVars, ...vars }, nameOf(file));
  const dbrps: unknown = task.get('dbrps');
  const first = entriesOf(Array.isArray(dbrps) ? dbrps[0] : undefined);
  const [database, policy] = [first.get('db'), first.get('rp')];
  if (typeof database !== 'string' || typeof policy !== 'string') return source;
  return { ...source, dbrp: { database, policy } };
}

function sourceOf(
  file: string | undefined,
  text: string,
  vars: Readonly<Record<string, unknown>>,
  name: string,
): ScriptSource {
  let outline: ScriptOutline;
  try {
    outline = outlineOf(text);
  } catch (error) {
    if (!(error instanceof ScriptSyntaxError)) throw error;
    // Kapacitor says it better; the case may even want that.
    const type = /^\s*batch\b|=\s*batch\b/m.test(text) ? 'batch' : 'stream';
    return { file, text, type, vars: {}, dbrp: undefined, saysDbrp: /^\s*dbrp\b/m.test(text), name };
  }
  const isBatch = outline.chains.some(({ source }) => source === 'batch');
  const [dbrp] = outline.dbrps;
  const names = (dbrp?.tokens ?? [])
    .filter(({ kind }) => kind === 'reference')
    .map((token) => stringValue(token));
  const [database, policy] = names;
  return {
    file,
    text,
    type: isBatch ? 'batch' : 'stream',
    vars: typedVars(vars, outline),
    dbrp: database === undefined || policy === undefined ? undefined : { database, policy },
    saysDbrp: dbrp !== undefined,
    name,
  };
}

/** Gives plain values the types that the script declares for them. */
function typedVars(
  vars: Readonly<Record<string, unknown>>,
  outline: ScriptOutline,
): Record<string, { type: string; value: unknown }> {
  return Object.fromEntries(
    Object.entries(vars).map(([name, value]) => {
      const given = entriesOf(value);
      if (typeof given.get('type') === 'string' && given.has('value'))
        return [name, { type: String(given.get('type')), value: given.get('value') }];
      return [name, typed(value, declaredType(name, outline))];
    }),
  );
}

function declaredType(name: string, { parameters, variables }: ScriptOutline): string | undefined {
  const parameter = parameters.get(name);
  if (parameter !== undefined) return parameter;
  const first = variables.find((each) => each.name === name)?.value[0];
  if (first === undefined) return undefined;
  if (first.kind === 'number') return first.text.includes('.') ? 'float' : 'int';
  if (first.text === '[') return 'list';
  if (first.text === 'lambda') return 'lambda';
  if (first.text === 'TRUE' || first.text === 'FALSE') return 'bool';
  return first.kind;
}

function typed(value: unknown, declared: string | undefined): { type: string; value: unknown } {
  if (Array.isArray(value)) return { type: 'list', value: value.map((each) => typed(each, undefined)) };
  if (value === '*' && declared === 'list') return { type: 'list', value: [{ type: 'star', value: '' }] };
  if (declared !== undefined) return { type: declared, value };
  if (typeof value === 'boolean') return { type: 'bool', value };
  if (typeof value === 'number') return { type: Number.isInteger(value) ? 'int' : 'float', value };
  return { type: 'string', value: String(value) };
}

/**
 * Kapacitor's words about a script, with its file in front: `line 5 char 9` is put where editors look for it.
 * @param shown the script's file, or where it stands
 */
export function placedError(message: string, shown: string): string {
  const text = message
    .replace(/^.*?invalid TICKscript: /s, '')
    .replace(/^Kapacitor at \S+ refuses [^:]*: /, '');
  const [whole, line, column] = /line (\d+) char (\d+):? ?/.exec(text) ?? [];
  if (whole === undefined) return `${shown}: ${text}`;
  return `${shown}:${line}:${column}: ${text.replace(whole, '')}`;
}

/** An error of our own about a script, with its place. */
export function syntaxErrorText(error: ScriptSyntaxError, text: string, shown: string): string {
  const { column, line } = positionOf(text, error.offset);
  return `${shown}:${line}:${column}: ${error.message}`;
}
