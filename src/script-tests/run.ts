import { messageOf, OperationError } from '../errors.ts';
import type { TaskGraph } from '../kapacitor/definitions.ts';
import { differences } from './compare.ts';
import type { Difference } from './match.ts';
import type { Outcome } from './outcome.ts';
import { CaseTextError } from './points.ts';
import type { PreparedCase } from './prepared-case.ts';
import { type RecordedCase, recordCase, runCase } from './run-case.ts';
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

/**
 * Runs cases side by side in one Kapacitor of their own, which is gone afterwards whatever happens.
 * @returns the results in the order of the cases
 * @throws OperationError where Kapacitor cannot be started; CaseFileError for data that can't be read
 */
export async function runCases(cases: readonly PreparedCase[], options: RunOptions): Promise<CaseResult[]> {
  if (cases.length === 0) return [];
  const recorded: RecordedCase[] = [];
  await using stage = await Stage.open(options, async (replays) => {
    for (const [index, prepared] of cases.entries())
      recorded.push(await recordCase(prepared, `edge-detect-test-${process.pid}-${index}`, replays));
  });
  return await runRecorded(recorded, stage, options);
}

async function runRecorded(
  recorded: readonly RecordedCase[],
  stage: Stage,
  options: RunOptions,
): Promise<CaseResult[]> {
  const results = new Array<CaseResult | undefined>(recorded.length);
  let next = 0;
  let failed = 0;
  const work = async (): Promise<void> => {
    while (next < recorded.length && failed < options.bail && !options.signal.aborted) {
      const index = next++;
      const each = recorded[index];
      if (each === undefined) continue;
      const result = await runWithRetries(each, stage, options);
      if (result.status === 'failed') failed++;
      results[index] = result;
      options.onResult(result);
      if (!stage.kapacitor.isRunning)
        throw new OperationError(`kapacitord has died: ${await stage.kapacitor.ended}`);
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
  const { document, path, spec, startNs, tolerance } = prepared;
  const startedMs = performance.now();
  const late = AbortSignal.timeout(options.caseTimeoutMs);
  const result = (found: readonly Difference[], outcome?: Outcome, graph?: TaskGraph): CaseResult => ({
    prepared,
    status: found.length === 0 ? 'passed' : 'failed',
    differences: found,
    durationMs: performance.now() - startedMs,
    outcome,
    graph,
  });
  try {
    const signal = AbortSignal.any([options.signal, late]);
    const { graph, outcome } = await runCase(recorded, { api: kapacitor.api, ends }, signal);
    const found = differences(spec.expect ?? {}, outcome, { startNs, tolerance });
    const unread = outcome.problems.map((problem) => ({ path: [], title: problem, lines: [] }));
    return result([...found, ...unread], outcome, graph);
  } catch (error) {
    if (error instanceof CaseTextError) throw document.error([...path, 'expect'], error.message);
    const title = late.aborted
      ? `it did not end within ${options.caseTimeoutMs / 1000} s`
      : messageOf(error).replaceAll(recorded.id, prepared.script.name);
    return result([{ path: [], title, lines: kapacitor.errors() }]);
  }
}
