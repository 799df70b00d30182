import { readFileSync } from 'node:fs';
import { glob, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { InputError, messageOf } from '../errors.ts';
import { Definitions } from '../kapacitor/definitions.ts';
import { outlineOf } from '../tickscript/chains.ts';
import { positionOf, ScriptSyntaxError } from '../tickscript/tokens.ts';
import { writeBatchRecording, writeStreamRecording } from './recordings.ts';
import { placedError, ScriptSourceError, scriptSource } from './script-source.ts';
import { Stage, type StageOptions } from './stage.ts';

/** A file that Kapacitor is to take. */
export interface CheckedFile {
  readonly file: string;
  readonly kind: 'script' | 'template' | 'task' | 'handler';
  /** Whether it lies where [load] finds it, which wants more of it than `kapacitor define` does. */
  readonly isLoaded: boolean;
}

/** What is wrong with a file, each with its place; nothing where Kapacitor takes it. */
export interface CheckResult {
  readonly checked: CheckedFile;
  readonly problems: readonly string[];
}

/** Queries that a batch script may have: there is an empty recording for each number of them. */
const MAX_QUERIES = 20;
const CHECK_TIMEOUT_MS = 60_000;

/**
 * Finds what there is to check.
 * @param given files, globs, or folders, which are looked through
 * @throws InputError where there is nothing
 */
export async function filesToCheck(given: readonly string[]): Promise<CheckedFile[]> {
  const files = new Map<string, CheckedFile>();
  for (const each of given) {
    const kind = await stat(each).catch(() => undefined);
    const pattern = kind?.isDirectory() ? join(each, '**/*.{tick,yaml,yml,json}') : each;
    const found = kind?.isFile() ? [each] : await matches(pattern);
    if (found.length === 0) throw new InputError('FILE_NOT_FOUND', `there is nothing to check at ${each}`);
    for (const file of found.sort()) {
      const checked = checkedFile(file, kind?.isFile() === true);
      if (checked !== undefined) files.set(file, checked);
    }
  }
  if (files.size > 0) return [...files.values()];
  throw new InputError('FILE_NOT_FOUND', `there are no scripts, tasks or handlers at ${given.join(', ')}`);
}

async function matches(pattern: string): Promise<string[]> {
  const found: string[] = [];
  for await (const file of glob(pattern)) found.push(file);
  return found;
}

function checkedFile(file: string, isNamed: boolean): CheckedFile | undefined {
  const folder = basename(dirname(file));
  const isLoaded = ['tasks', 'templates', 'handlers'].includes(folder);
  if (extname(file) === '.tick') {
    const kind = folder === 'templates' || isTemplate(file) ? 'template' : 'script';
    return { file, kind, isLoaded };
  }
  if (/\.tickscript\.ya?ml$/.test(file)) return undefined;
  if (folder === 'tasks') return { file, kind: 'task', isLoaded };
  if (folder === 'handlers') return { file, kind: 'handler', isLoaded };
  // Elsewhere a YAML file may be anything: only what was named is looked into.
  if (!isNamed) return undefined;
  return { file, kind: /^template-id:/m.test(textOf(file)) ? 'task' : 'handler', isLoaded };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new InputError('FILE_UNREADABLE', `${file} cannot be read: ${messageOf(error)}`);
  }
}

/** A script with variables that only have a type. */
function isTemplate(file: string): boolean {
  try {
    return outlineOf(textOf(file)).parameters.size > 0;
  } catch (error) {
    if (error instanceof ScriptSyntaxError) return false;
    throw error;
  }
}

/**
 * Asks a Kapacitor of its own whether it would take files, one after the other.
 * @param onResult is told of each as soon as it is known
 */
export async function checkFiles(
  files: readonly CheckedFile[],
  options: StageOptions,
  onResult: (result: CheckResult) => void,
): Promise<CheckResult[]> {
  await using stage = await Stage.open(options, async (replays) => {
    await writeStreamRecording(join(replays, 'empty-stream.srpl'), [], 'telegraf', 'autogen');
    for (let queries = 1; queries <= MAX_QUERIES; queries++)
      await writeBatchRecording(
        join(replays, `empty-batch-${queries}.brpl`),
        Array.from({ length: queries }, () => []),
      );
  });
  const definitions = new Definitions(stage.kapacitor.api);
  const results: CheckResult[] = [];
  for (const [index, checked] of files.entries()) {
    const problems = [
      ...(await problemsOf(checked, `check-${index}`, definitions)),
      ...namesakes(checked, files),
    ];
    const result = { checked, problems };
    results.push(result);
    onResult(result);
  }
  return results;
}

async function problemsOf(checked: CheckedFile, id: string, definitions: Definitions): Promise<string[]> {
  try {
    if (checked.kind === 'handler') return await handlerProblems(checked, id, definitions);
    if (checked.kind === 'template') return await templateProblems(checked, id, definitions);
    return await taskProblems(checked, id, definitions);
  } catch (error) {
    if (error instanceof ScriptSourceError) return [error.message];
    if (!(error instanceof Error && 'status' in error && error.status !== undefined)) throw error;
    const shown = checked.kind === 'task' ? templateOf(checked) : checked.file;
    return [placedError(messageOf(error), shown)];
  }
}

/** Errors of a task's script lie in its template. */
function templateOf({ file }: CheckedFile): string {
  return scriptSource(basename(file), dirname(file), {}).file ?? file;
}

async function taskProblems(checked: CheckedFile, id: string, definitions: Definitions): Promise<string[]> {
  const source = scriptSource(basename(checked.file), dirname(checked.file), {});
  const { dbrp, saysDbrp, text, type, vars } = source;
  if (checked.isLoaded && dbrp === undefined && !saysDbrp)
    return [
      `${checked.file}: it does not say where its points are, and [load] needs that: ${
        checked.kind === 'task' ? 'add dbrps' : 'begin it with dbrp "telegraf"."autogen"'
      }`,
    ];
  await definitions.define({
    id,
    type,
    script: text,
    ...(saysDbrp ? {} : { dbrps: [{ db: dbrp?.database ?? 'telegraf', rp: dbrp?.policy ?? 'autogen' }] }),
    ...(Object.keys(vars).length === 0 ? {} : { vars }),
  });
  try {
    // The functions say only now what they think of their options.
    const recording = type === 'stream' ? 'empty-stream' : `empty-batch-${queriesOf(text)}`;
    const failure = await definitions.replay(id, id, recording, AbortSignal.timeout(CHECK_TIMEOUT_MS));
    await definitions.removeReplay(id);
    return failure === '' ? [] : [placedFailure(failure, text, source.file ?? checked.file)];
  } finally {
    await definitions.removeTask(id);
  }
}

/** What a function says against its options, with the place of the first option that it names. */
function placedFailure(failure: string, script: string, shown: string): string {
  const [, node, reason] = /(\w+?)\d+: failed to initialize processes (.*)$/s.exec(failure) ?? [];
  if (node === undefined || reason === undefined) return `${shown}: ${failure}`;
  const option = /^(\w+)/.exec(reason)?.[1];
  const nodes = outlineOf(script).chains.flatMap((chain) => chain.nodes);
  const calls = nodes.filter(({ name, operator }) => operator === '@' && name === node);
  const property = calls.flatMap(({ properties }) => properties).find(({ name }) => name === option);
  const offset = property?.start ?? calls[0]?.start;
  if (offset === undefined) return `${shown}: ${failure}`;
  const { column, line } = positionOf(script, offset);
  return `${shown}:${line}:${column}: @${node}() refuses its options: ${reason}`;
}

function queriesOf(script: string): number {
  const nodes = outlineOf(script).chains.flatMap((chain) => chain.nodes);
  return nodes.filter(({ name }) => name === 'query' || name === 'queryFlux').length;
}

async function templateProblems(
  { file }: CheckedFile,
  id: string,
  definitions: Definitions,
): Promise<string[]> {
  const script = textOf(file);
  const type = /^\s*batch\b|=\s*batch\b/m.test(script) ? 'batch' : 'stream';
  await definitions.defineTemplate(id, type, script);
  await definitions.removeTemplate(id);
  return [];
}

async function handlerProblems(
  { file }: CheckedFile,
  id: string,
  definitions: Definitions,
): Promise<string[]> {
  let content: unknown;
  try {
    content = parseYaml(textOf(file));
  } catch (error) {
    return [`${file}: ${messageOf(error).split('\n')[0]}`];
  }
  const given = new Map<string, unknown>(
    typeof content === 'object' && content !== null ? Object.entries(content) : [],
  );
  const missing = ['id', 'topic', 'kind'].filter((name) => typeof given.get(name) !== 'string');
  if (missing.length > 0) return [`${file}: a handler needs ${missing.join(', ')}`];
  const topic = String(given.get('topic'));
  const problems: string[] = [];
  // Kapacitor cuts the folder's name off the topic's path as a set of letters.
  if (/^[handlers]+$/.test(topic))
    problems.push(
      `${file}: [load] fails over the topic ${topic}, which has only letters of "handlers": give it another name`,
    );
  const options = given.get('options');
  const match = given.get('match');
  await definitions.addHandler(`${id}-topic`, {
    id,
    kind: String(given.get('kind')),
    options:
      typeof options === 'object' && options !== null ? Object.fromEntries(Object.entries(options)) : {},
    ...(typeof match === 'string' ? { match } : {}),
  });
  await definitions.removeHandler(`${id}-topic`, id);
  return problems;
}

/** Tasks are called by their files' names without the ending. */
function namesakes({ file, isLoaded, kind }: CheckedFile, all: readonly CheckedFile[]): string[] {
  if (!isLoaded || (kind !== 'script' && kind !== 'task')) return [];
  const id = (path: string): string => basename(path, extname(path));
  const first = all.find(
    (other) =>
      other.file !== file &&
      other.isLoaded &&
      id(other.file) === id(file) &&
      dirname(other.file) === dirname(file),
  );
  return first === undefined ? [] : [`${file}: ${first.file} is a task ${id(file)} as well`];
}
