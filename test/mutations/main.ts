// `npm run mutations`: whether the cases of the TICKscripts that come along notice when a script is changed.
import { globSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { loadCatalogue, usualFunctions } from '../../src/cli/served-functions.ts';
import { CaseDocument } from '../../src/script-tests/case-document.ts';
import { type PreparedCase, prepareCases } from '../../src/script-tests/prepared-case.ts';
import { runCases } from '../../src/script-tests/run.ts';
import { type Mutant, mutantsOf } from './mutants.ts';

const HELP = `Changes the constants, operators and names of every TICKscript in tickscripts/, one at a time, and runs the cases
of that script: a change that no case notices is one that somebody could make by mistake.

  npm run mutations -- [--only SCRIPT]

With the kapacitord that KAPACITORD names, or that is on the PATH. Cases with steps are left out: each has a Kapacitor of
its own. What a query asks is counted apart: batches of a case come whatever it asks. The exit code is 1 if less than nine in ten changes are noticed.`;

const WANTED = 0.9;
const CASE_TIMEOUT_MS = 60_000;
const TICKSCRIPTS = fileURLToPath(new URL('../../tickscripts', import.meta.url));

const { values } = parseArgs({
  options: { only: { type: 'string' }, help: { type: 'boolean', default: false } },
});
if (values.help) {
  process.stdout.write(`${HELP}\n`);
  process.exit(0);
}

const cases = globSync(`${TICKSCRIPTS}/tests/*.tickscript.yaml`)
  .flatMap((file) => prepareCases(CaseDocument.read(file)))
  .filter(({ script, spec }) => spec.steps === undefined && script.file?.includes(values.only ?? ''));

interface Tried extends Omit<Mutant, 'script'> {
  readonly file: string;
  readonly cases: readonly PreparedCase[];
}

const scripts = [...new Set(cases.flatMap(({ script }) => script.file ?? []))].sort();
const tried: Tried[] = scripts.flatMap((file) => {
  const own = cases.filter(({ script }) => script.file === file);
  return mutantsOf(readFileSync(file, 'utf8')).map(({ script: text, ...mutant }) => ({
    ...mutant,
    file,
    cases: own.map((each) => ({ ...each, script: { ...each.script, text } })),
  }));
});

const abort = new AbortController();
process.once('SIGINT', () => abort.abort());
const results = await runCases(
  tried.flatMap((each) => each.cases),
  {
    kapacitord: process.env.KAPACITORD ?? 'kapacitord',
    functions: usualFunctions(await loadCatalogue({})),
    conf: '',
    concurrency: 4 * availableParallelism(),
    caseTimeoutMs: CASE_TIMEOUT_MS,
    bail: Number.POSITIVE_INFINITY,
    retries: 0,
    signal: abort.signal,
    // Functions say of many a change that it is wrong.
    onWarning: () => undefined,
    onResult: () => undefined,
  },
);
const passed = new Set(results.filter(({ status }) => status === 'passed').map(({ prepared }) => prepared));
const isNoticed = (each: Tried): boolean => each.cases.some((prepared) => !passed.has(prepared));
const played = tried.filter(({ isAsked }) => !isAsked);
const survived = played.filter((each) => !isNoticed(each));

const head = ['script', 'changes', 'noticed', '%', 'of queries', 'noticed'];
const table = new Table({ head, style: { head: [], border: [] } });
for (const file of [...scripts, undefined]) {
  const own = (each: Tried): boolean => file === undefined || each.file === file;
  const [all, missed] = [played.filter(own).length, survived.filter(own).length];
  const asked = tried.filter((each) => own(each) && each.isAsked);
  const share = ((100 * (all - missed)) / all).toFixed(1);
  const name = file === undefined ? 'all' : relative(TICKSCRIPTS, file);
  table.push([name, all, all - missed, share, asked.length, asked.filter(isNoticed).length]);
}
process.stdout.write(`${table}\n`);
for (const { file, what } of survived)
  process.stdout.write(`not noticed: ${relative(TICKSCRIPTS, file)}:${what}\n`);
process.exitCode = survived.length > (1 - WANTED) * played.length ? 1 : 0;
