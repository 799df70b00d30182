import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, join, relative } from 'node:path';
import { parse, stringify } from 'yaml';
import { InputError, messageOf } from '../errors.ts';
import { entriesOf } from './entries.ts';

/** A case file made from another tool's. */
export interface ImportedFile {
  readonly path: string;
  readonly text: string;
  /** What could not be taken over as it is. */
  readonly notes: readonly string[];
}

/** kapacitor-unit's levels, and Kapacitor's own names. */
const LEVELS: readonly (readonly [string, string])[] = [
  ['ok', 'OK'],
  ['info', 'INFO'],
  ['warn', 'WARNING'],
  ['crit', 'CRITICAL'],
];

interface UnitTest {
  readonly name: string;
  readonly script: string;
  readonly fields: ReadonlyMap<string, unknown>;
}

/**
 * Turns the tests of kapacitor-unit into case files, one a script, beside the file.
 * @param scripts the folder of the scripts, where it is not found by itself
 * @throws InputError where the file is none of kapacitor-unit's, or a script is not found
 */
export function importKapacitorUnit(file: string, scripts: string | undefined): ImportedFile[] {
  const tests = readTests(file);
  const byScript = new Map<string, UnitTest[]>();
  for (const test of tests) byScript.set(test.script, [...(byScript.get(test.script) ?? []), test]);
  return [...byScript].map(([script, all]) => importedFile(file, findScript(file, script, scripts), all));
}

function readTests(file: string): UnitTest[] {
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new InputError('FILE_UNREADABLE', `${file}: ${messageOf(error)}`);
  }
  const tests = entriesOf(content).get('tests');
  if (!Array.isArray(tests))
    throw new InputError('BAD_VALUE', `${file} has no list of tests, as kapacitor-unit's files do`);
  return tests.map((test: unknown, index) => {
    const fields = entriesOf(test);
    const script = fields.get('task_name');
    if (typeof script !== 'string')
      throw new InputError('BAD_VALUE', `${file}: test ${index + 1} has no task_name`);
    return { name: String(fields.get('name') ?? `test ${index + 1}`), script, fields };
  });
}

/** kapacitor-unit gets the folder by a flag; as a rule it lies beside that of the tests. */
function findScript(file: string, script: string, folder: string | undefined): string {
  const here = dirname(file);
  const folders =
    folder === undefined
      ? [here, join(here, '..'), join(here, '../tick_scripts'), join(here, '../tasks')]
      : [folder];
  const found = folders.map((each) => join(each, script)).find((path) => existsSync(path));
  if (found === undefined)
    throw new InputError('FILE_NOT_FOUND', `${script} is in none of ${folders.join(', ')}: name its folder`);
  return found;
}

function importedFile(file: string, script: string, tests: readonly UnitTest[]): ImportedFile {
  const notes: string[] = [];
  const [first] = tests;
  const content = {
    script: relative(dirname(file), script),
    ...(typeof first?.fields.get('db') === 'string' ? { database: first.fields.get('db') } : {}),
    ...(typeof first?.fields.get('rp') === 'string' ? { policy: first.fields.get('rp') } : {}),
    tests: tests.map((test) => importedCase(test, notes)),
  };
  const path = join(dirname(file), `${basename(script, extname(script))}.tickscript.yaml`);
  return { path, text: stringify(content, { lineWidth: 0, blockQuote: 'literal' }), notes };
}

function importedCase({ fields, name }: UnitTest, notes: string[]): object {
  if (typeof fields.get('recording_id') === 'string')
    notes.push(
      `${name}: recording ${fields.get('recording_id')} lies in a Kapacitor; name its file under data`,
    );
  const given = fields.get('data');
  const lines = (Array.isArray(given) ? given : []).map(String);
  const data = `${lines.map(timed).join('\n')}\n`;
  const expects = entriesOf(fields.get('expects'));
  const levels = Object.fromEntries(
    LEVELS.flatMap(([theirs, ours]) => (expects.has(theirs) ? [[ours, Number(expects.get(theirs))]] : [])),
  );
  if (fields.get('type') !== 'batch') return { name, data, expect: { levels } };
  // kapacitor-unit writes into an InfluxDB and lets the queries run; what they find is not in its files.
  notes.push(`${name}: write what its queries find under batches; its points stand in the file as they were`);
  return { name, skip: 'write what its queries find under batches', batches: [data], expect: { levels } };
}

/** Their points have no times; a second apart they come in the order of the file. */
function timed(line: string, index: number): string {
  return /\s-?\d+$/.test(line.trim()) ? line.trim() : `${line.trim()} +${index}s`;
}
