import { messageOf, OperationError } from '../errors.ts';
import type { TaskGraph } from '../kapacitor/definitions.ts';
import { CaseFileError } from './case-error.ts';
import { differences } from './compare.ts';
import type { Difference } from './match.ts';
import type { Outcome } from './outcome.ts';
import { CaseTextError } from './points.ts';
import type { PreparedCase } from './prepared-case.ts';
import { type RecordedCase, recordCase, runCase } from './run-case.ts';
import { runSteps } from './run-steps.ts';
import { Stage, type StageOptions } from './stage.ts';

/** How one case ended. */
export interface CaseResult {
  readonly prepared: PreparedCase;
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly differences: readonly Difference[];
  readonly durationMs: number;
  /** Undefined where it was not run, or Kapacitor could not be asked. */
  readonly outcome: Outcome | undefined;
  readonly graph: TaskGraph | undefined;
}

export interface RunOptions extends StageOptions {
  /** Cases at a time. */
  readonly concurrency: number;
  /** How long one case may take. */
  readonly caseTimeoutMs: number;
  /** After so many failures no more are begun. */
  readonly bail: number;
  readonly retries: number;
  readonly signal: AbortSignal;
  readonly onResult: (result: CaseResult) => void;
}

/** Kapacitors at a time, for cases that need their own. */
const MAX_KAPACITORS = 2;

/**
 * Runs cases side by side in one Kapacitor of their own, which is gone afterwards whatever happens.
 * @returns the results in the order of the cases
 * @throws OperationError where Kapacitor cannot be started; CaseFileError for data that can't be read
 */
export async function runCases(cases: readonly PreparedCase[], options: RunOptions): Promise<CaseResult[]> {
  const played = cases.filter(({ spec }) => spec.steps === undefined);
  const results = await runPlayed(played, options);
  const failed = results.filter(({ status }) => status === 'failed').length;
  const stepped = cases.filter(({ spec }) => spec.steps !== undefined);
  results.push(...(await runStepped(stepped, { ...options, bail: options.bail - failed })));
  const order = new Map(cases.map((each, index) => [each, index]));
  return results.sort((a, b) => (order.get(a.prepared) ?? 0) - (order.get(b.prepared) ?? 0));
}

/** Cases that a recording is played to share one Kapacitor. */
async function runPlayed(cases: readonly PreparedCase[], options: RunOptions): Promise<CaseResult[]> {
  if (cases.length === 0) return [];
  const recorded: RecordedCase[] = [];
  await using stage = await Stage.open(options, async (replays) => {
    for (const [index, prepared] of cases.entries())
      recorded.push(await recordCase(prepared, `edge-detect-test-${process.pid}-${index}`, replays));
  });
  return await runRecorded(recorded, stage, options);
}

/** Cases that restart things have a Kapacitor each, two at a time. */
async function runStepped(cases: readonly PreparedCase[], options: RunOptions): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  const waiting = [...cases];
  let failed = 0;
  const work = async (): Promise<void> => {
    for (let prepared = waiting.shift(); prepared !== undefined; prepared = waiting.shift()) {
      if (failed >= options.bail) return;
      const result = await timed(prepared, options, async (signal) => ({
        differences: await runSteps(prepared, options, signal),
      }));
      if (result.status === 'failed') failed++;
      results.push(result);
      options.onResult(result);
      if (options.signal.aborted) throw new OperationError('interrupted: not all cases were run');
    }
  };
  await Promise.all(Array.from({ length: MAX_KAPACITORS }, work));
  return results;
}

async function runRecorded(
  recorded: readonly RecordedCase[],
  stage: Stage,
  options: RunOptions,
): Promise<CaseResult[]> {
  const results = new Array<CaseResult | undefined>(recorded.length);
  let next = 0;
  let failed = 0;
  // What a case waits for does not come from a Kapacitor that has died.
  const gone = new AbortController();
  void stage.kapacitor.ended.then(() => gone.abort());
  const watched = { ...options, signal: AbortSignal.any([options.signal, gone.signal]) };
  const work = async (): Promise<void> => {
    while (next < recorded.length && failed < options.bail && !options.signal.aborted) {
      const index = next++;
      const each = recorded[index];
      if (each === undefined) continue;
      const result = await runWithRetries(each, stage, watched);
      if (result.status === 'failed') failed++;
      results[index] = result;
      options.onResult(result);
      const isDead = result.outcome === undefined && !(await stage.kapacitor.isAlive());
      if (isDead) throw new OperationError(`kapacitord has died: ${await stage.kapacitor.ended}`);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, options.concurrency) }, work));
  if (options.signal.aborted) throw new OperationError('interrupted: not all cases were run');
  return results.flatMap((result) => (result === undefined ? [] : [result]));
}

async function runWithRetries(
  recorded: RecordedCase,
  stage: Stage,
  options: RunOptions,
): Promise<CaseResult> {
  const tries = 1 + (recorded.prepared.spec.retries ?? options.retries);
  for (let at = 1; ; at++) {
    const result = await runOnce(recorded, stage, options);
    if (result.status === 'passed' || at >= tries || options.signal.aborted) return result;
  }
}

async function runOnce(
  recorded: RecordedCase,
  { ends, kapacitor }: Stage,
  options: RunOptions,
): Promise<CaseResult> {
  const { prepared } = recorded;
  const { spec, startNs, tolerance } = prepared;
  const result = await timed(prepared, options, async (signal) => {
    const { graph, outcome } = await runCase(recorded, { api: kapacitor.api, ends }, signal);
    const found = differences(spec.expect ?? {}, outcome, { startNs, tolerance });
    const unread = outcome.problems.map((problem) => ({ path: [], title: problem, lines: [] }));
    return { differences: [...found, ...unread], outcome, graph };
  });
  const named = result.differences.map((each) => ({
    ...each,
    title: each.title.replaceAll(recorded.id, prepared.script.name),
  }));
  return { ...result, differences: named };
}

interface Verdict {
  readonly differences: readonly Difference[];
  readonly outcome?: Outcome;
  readonly graph?: TaskGraph | undefined;
}

/** Does the work of a case within its time; what it throws is what is wrong with the case. */
async function timed(
  prepared: PreparedCase,
  options: RunOptions,
  work: (signal: AbortSignal) => Promise<Verdict>,
): Promise<CaseResult> {
  const { document, path } = prepared;
  const startedMs = performance.now();
  const late = AbortSignal.timeout(options.caseTimeoutMs);
  let verdict: Verdict;
  try {
    verdict = await work(AbortSignal.any([options.signal, late]));
  } catch (error) {
    if (error instanceof CaseTextError) throw document.error([...path, 'expect'], error.message);
    if (error instanceof CaseFileError) throw error;
    const title = late.aborted ? `it did not end within ${options.caseTimeoutMs / 1000} s` : messageOf(error);
    verdict = { differences: [{ path: [], title, lines: [] }] };
  }
  return {
    prepared,
    status: verdict.differences.length === 0 ? 'passed' : 'failed',
    differences: verdict.differences,
    durationMs: performance.now() - startedMs,
    outcome: verdict.outcome,
    graph: verdict.graph,
  };
}
