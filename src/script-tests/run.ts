import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Agent, startAgent } from '../agent/agent.ts';
import { messageOf, OperationError } from '../errors.ts';
import type { UdfFunction } from '../function/contract.ts';
import type { TaskGraph } from '../kapacitor/definitions.ts';
import { differences } from './compare.ts';
import { Ends } from './ends.ts';
import type { Difference } from './match.ts';
import type { Outcome } from './outcome.ts';
import { OwnKapacitor } from './own-kapacitor.ts';
import { CaseTextError } from './points.ts';
import type { PreparedCase } from './prepared-case.ts';
import { type RecordedCase, recordCase, runCase } from './run-case.ts';

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

export interface RunOptions {
  readonly kapacitord: string;
  readonly functions: readonly UdfFunction[];
  /** More of kapacitor.conf. */
  readonly conf: string;
  /** Cases at a time. */
  readonly concurrency: number;
  /** How long one case may take. */
  readonly caseTimeoutMs: number;
  /** After so many failures no more are begun. */
  readonly bail: number;
  readonly retries: number;
  readonly signal: AbortSignal;
  readonly onWarning: (text: string) => void;
  readonly onResult: (result: CaseResult) => void;
}

const MAX_FRAME_BYTES = 256 * 1024 * 1024;
const MAX_GROUPS = 1_000_000;
/** States are kept for restarts, and cases have none. */
const NEVER = '8760h';

/**
 * Runs cases side by side in one Kapacitor of their own, which is gone afterwards whatever happens.
 * @returns the results in the order of the cases
 * @throws OperationError where Kapacitor cannot be started; CaseFileError for data that can't be read
 */
export async function runCases(cases: readonly PreparedCase[], options: RunOptions): Promise<CaseResult[]> {
  const folder = mkdtempSync(join(tmpdir(), `edge-detect-test-${process.pid}-`));
  const onExit = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', onExit);
  await using ends = await Ends.start();
  let agent: Agent | undefined;
  let kapacitor: OwnKapacitor | undefined;
  try {
    const recorded = await record(cases, folder);
    const functions = options.functions.map((fn) => ({
      function: fn,
      path: join(folder, `${fn.name}.sock`),
    }));
    agent = await startAgent({
      functions,
      mode: 0o600,
      groupId: undefined,
      maxFrameBytes: MAX_FRAME_BYTES,
      maxGroups: MAX_GROUPS,
      log: warningsOnly(options.onWarning),
    });
    kapacitor = await OwnKapacitor.start({
      program: options.kapacitord,
      folder,
      functions: functions.map(({ function: { name }, path }) => ({ name, socket: path })),
      influxDbUrl: ends.url,
      snapshotInterval: NEVER,
      conf: options.conf,
    });
    return await runRecorded(recorded, { kapacitor, ends }, options);
  } finally {
    await kapacitor?.stop();
    await agent?.stop();
    rmSync(folder, { recursive: true, force: true });
    process.off('exit', onExit);
  }
}

/** Recordings are found when Kapacitor starts: all are written before. */
async function record(cases: readonly PreparedCase[], folder: string): Promise<(RecordedCase | undefined)[]> {
  const replays = join(folder, 'replay');
  mkdirSync(replays);
  const recorded: (RecordedCase | undefined)[] = [];
  for (const [index, prepared] of cases.entries())
    recorded.push(
      prepared.spec.skip === undefined
        ? await recordCase(prepared, `edge-detect-test-${process.pid}-${index}`, replays)
        : undefined,
    );
  return recorded;
}

interface Theatre {
  readonly kapacitor: OwnKapacitor;
  readonly ends: Ends;
}

async function runRecorded(
  recorded: readonly (RecordedCase | undefined)[],
  theatre: Theatre,
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
      const result = await runWithRetries(each, theatre, options);
      if (result.status === 'failed') failed++;
      results[index] = result;
      options.onResult(result);
      if (!theatre.kapacitor.isRunning)
        throw new OperationError(`kapacitord has died: ${await theatre.kapacitor.ended}`);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, options.concurrency) }, work));
  if (options.signal.aborted) throw new OperationError('interrupted: not all cases were run');
  return results.flatMap((result) => (result === undefined ? [] : [result]));
}

async function runWithRetries(
  recorded: RecordedCase,
  theatre: Theatre,
  options: RunOptions,
): Promise<CaseResult> {
  const tries = 1 + (recorded.prepared.spec.retries ?? options.retries);
  for (let at = 1; ; at++) {
    const result = await runOnce(recorded, theatre, options);
    if (result.status === 'passed' || at >= tries || options.signal.aborted) return result;
  }
}

async function runOnce(
  recorded: RecordedCase,
  { ends, kapacitor }: Theatre,
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

function warningsOnly(onWarning: (text: string) => void) {
  const warn = (fields: Readonly<Record<string, unknown>>, message: string): void => {
    const details = Object.entries(fields)
      .filter(([name]) => !['task', 'node', 'function'].includes(name))
      .map(([name, value]) => `${name}: ${String(value)}`);
    onWarning(details.length === 0 ? message : `${message} (${details.join('; ')})`);
  };
  const log = { debug() {}, info() {}, warn() {}, error: warn };
  return { ...log, child: () => log };
}
