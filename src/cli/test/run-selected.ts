import { messageOf, UsageError } from '../../errors.ts';
import type { UdfFunction } from '../../function/contract.ts';
import { CaseDocument } from '../../script-tests/case-document.ts';
import { CaseFileError } from '../../script-tests/case-error.ts';
import { coverageLines, coverageOf } from '../../script-tests/coverage.ts';
import { type PreparedCase, prepareCases } from '../../script-tests/prepared-case.ts';
import { REPORTERS } from '../../script-tests/reporters/catalogue.ts';
import type { RunSummary } from '../../script-tests/reporters/reporter.ts';
import { type CaseResult, runCases } from '../../script-tests/run.ts';
import { withSnapshots } from '../../script-tests/snapshots.ts';
import { readConf } from '../check-command.ts';
import type { Io } from '../io.ts';

export interface SelectedOptions {
  readonly kapacitord: string;
  readonly image?: string;
  readonly conf?: string;
  readonly run?: string;
  readonly bail?: boolean | number;
  readonly retries: number;
  readonly jobs: number;
  readonly reporter: string;
  readonly coverage?: boolean;
  readonly update?: boolean;
  readonly timeoutMs: number;
  readonly functions: readonly UdfFunction[];
}

/** Runs the cases of files. @returns the exit code: 0, or 1 where a case failed */
export async function runSelected(
  files: readonly string[],
  options: SelectedOptions,
  io: Io,
): Promise<number> {
  const startedMs = performance.now();
  const abort = new AbortController();
  const off = io.onSignal(() => abort.abort());
  try {
    const { chosen, skipped } = select(prepared(files), options);
    const reporter = REPORTERS.get(options.reporter)?.({
      write: (text) => io.stdout.write(text),
      hasColours: io.stdout.isTTY === true && process.env.NO_COLOR === undefined,
    });
    const ran = await runCases(chosen, {
      kapacitord: options.kapacitord,
      ...(options.image === undefined ? {} : { image: options.image }),
      functions: options.functions,
      conf: readConf(options.conf),
      concurrency: options.jobs,
      caseTimeoutMs: options.timeoutMs,
      bail: options.bail === true ? 1 : Number.POSITIVE_INFINITY,
      retries: options.retries,
      signal: abort.signal,
      onWarning: (text) => io.stderr.write(`edge-detect: warning: ${text}\n`),
      onResult: () => undefined,
    });
    const results = withSnapshots(ran, {
      isUpdate: options.update === true,
      mayCreate: process.env.CI === undefined || process.env.CI === '',
    });
    const summary: RunSummary = { results, skipped, durationMs: performance.now() - startedMs };
    reporter?.end(summary);
    // Behind the report of a machine's format, coverage is for the person beside it.
    const coverageTo = options.reporter === 'list' || options.reporter === 'github' ? io.stdout : io.stderr;
    if (options.coverage === true)
      for (const line of ['', ...coverageLines(coverageOf(results))]) coverageTo.write(`${line}\n`);
    return results.every(({ status }) => status === 'passed') ? 0 : 1;
  } catch (error) {
    if (error instanceof CaseFileError) throw new UsageError(error.message);
    throw error;
  } finally {
    off();
  }
}

function prepared(files: readonly string[]): PreparedCase[] {
  return files.flatMap((file) => prepareCases(CaseDocument.read(file)));
}

interface Selection {
  readonly chosen: readonly PreparedCase[];
  readonly skipped: RunSummary['skipped'];
}

/** `only` of any case leaves out all others. */
function select(cases: readonly PreparedCase[], { run }: SelectedOptions): Selection {
  let pattern: RegExp | undefined;
  try {
    pattern = run === undefined ? undefined : new RegExp(run);
  } catch (error) {
    throw new UsageError(`--run: ${messageOf(error)}`);
  }
  const named = cases.filter(({ spec }) => pattern === undefined || pattern.test(spec.name));
  if (pattern !== undefined && named.length === 0)
    throw new UsageError(`--run ${run}: no case has such a name`);
  const hasOnly = named.some(({ spec }) => spec.only === true);
  const chosen: PreparedCase[] = [];
  const skipped: { result: CaseResult; reason: string }[] = [];
  for (const each of named) {
    const reason =
      each.spec.skip ?? (hasOnly && each.spec.only !== true ? 'another case says only' : undefined);
    if (reason === undefined) chosen.push(each);
    else skipped.push({ result: skippedResult(each), reason });
  }
  return { chosen, skipped };
}

function skippedResult(prepared: PreparedCase): CaseResult {
  return {
    prepared,
    status: 'skipped',
    differences: [],
    durationMs: 0,
    outcome: undefined,
    graph: undefined,
  };
}
