import { copyFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { messageOf, OperationError } from '../errors.ts';
import type { KapacitorApi } from '../kapacitor/api.ts';
import { Definitions, type TaskGraph } from '../kapacitor/definitions.ts';
import { openRecording } from '../kapacitor/recordings/recording.ts';
import { ScriptSyntaxError } from '../tickscript/tokens.ts';
import type { CaseEnds, Ends } from './ends.ts';
import { InstrumentError, type Instrumented, instrument } from './instrument.ts';
import { eventCounts, listen, unlisten } from './listeners.ts';
import { NOTHING, type Outcome, outcomeOf, ownGraph } from './outcome.ts';
import { type PreparedCase, queriedBatches, streamPoints } from './prepared-case.ts';
import { writeBatchRecording, writeStreamRecording } from './recordings.ts';
import { placedError, syntaxErrorText } from './script-source.ts';

/** What every case of a run shares. */
export interface CaseStage {
  readonly api: KapacitorApi;
  readonly ends: Ends;
}

/** A case with its recording beside Kapacitor. */
export interface RecordedCase {
  readonly prepared: PreparedCase;
  /** The name of its task, recording and replay. */
  readonly id: string;
  /** How many points or batches the recording has. */
  readonly played: number;
}

/** What came of a case, and of which nodes. */
export interface CaseRun {
  readonly outcome: Outcome;
  /** The script's nodes; undefined where it was refused. */
  readonly graph: TaskGraph | undefined;
}

/** Writes a case's data where Kapacitor looks for recordings when it starts. @throws CaseFileError */
export async function recordCase(prepared: PreparedCase, id: string, folder: string): Promise<RecordedCase> {
  const { database, path, policy, script, spec } = prepared;
  if (script.type === 'batch' && typeof spec.data === 'object' && 'file' in spec.data) {
    const batches = await copyBatches(prepared, spec.data.file, join(folder, `${id}.brpl`));
    return { prepared, id, played: batches };
  }
  if (script.type === 'batch') {
    const queries = queriedBatches(prepared);
    await writeBatchRecording(join(folder, `${id}.brpl`), queries);
    return { prepared, id, played: queries.reduce((sum, batches) => sum + batches.length, 0) };
  }
  const points = spec.data === undefined ? [] : await streamPoints(prepared, spec.data, [...path, 'data']);
  await writeStreamRecording(join(folder, `${id}.srpl`), points, database, policy);
  return { prepared, id, played: points.length };
}

/** Takes over a batch recording as it is. @returns how many batches it has */
async function copyBatches({ document, path }: PreparedCase, given: string, to: string): Promise<number> {
  const file = resolve(dirname(document.file), given);
  try {
    const recording = await openRecording(file, Readable.from([]));
    if (recording.kind === 'stream') {
      recording.close();
      throw new Error('it holds a stream, and the task wants batches');
    }
    let batches = 0;
    for await (const _ of recording.records()) batches++;
    await copyFile(file, to);
    return batches;
  } catch (error) {
    throw document.error([...path, 'data', 'file'], messageOf(error));
  }
}

/** Runs a case and removes everything that it needed. @throws OperationError where Kapacitor does not answer */
export async function runCase(
  recorded: RecordedCase,
  stage: CaseStage,
  signal: AbortSignal,
): Promise<CaseRun> {
  const { id, prepared } = recorded;
  const definitions = new Definitions(stage.api);
  const instrumented = instrumentedOrError(prepared, id, stage.ends.url);
  if (typeof instrumented === 'string') return await refusedRun(prepared, id, definitions, instrumented);
  const ends = stage.ends.open(id);
  try {
    const graph = await defined(prepared, id, definitions, instrumented.script);
    if (typeof graph === 'string') return { outcome: { ...NOTHING, error: graph }, graph: undefined };
    return await played(recorded, { definitions, ends, graph, instrumented, signal, url: stage.ends.url });
  } finally {
    stage.ends.close(id);
  }
}

/** A script that we can't follow may be one that Kapacitor refuses: then that is what is wrong with it. */
async function refusedRun(
  prepared: PreparedCase,
  id: string,
  definitions: Definitions,
  ours: string,
): Promise<CaseRun> {
  const graph = await defined(prepared, id, definitions, prepared.script.text);
  if (typeof graph === 'string') return { outcome: { ...NOTHING, error: graph }, graph: undefined };
  await definitions.removeTask(id);
  throw new OperationError(ours);
}

function instrumentedOrError(prepared: PreparedCase, id: string, httpUrl: string): Instrumented | string {
  const { script } = prepared;
  const vars = Object.entries(script.vars).filter(([, { type }]) => type === 'string');
  try {
    return instrument(script.text, {
      id,
      httpUrl,
      vars: new Map(vars.map(([name, { value }]) => [name, String(value)])),
    });
  } catch (error) {
    if (error instanceof ScriptSyntaxError) return syntaxErrorText(error, script.text, shownName(prepared));
    if (error instanceof InstrumentError) return `${shownName(prepared)}: ${error.message}`;
    throw error;
  }
}

/** The script as messages name it. */
export function shownName({ document, script }: PreparedCase): string {
  return script.file ?? `${document.file} (its script)`;
}

/** @returns the nodes, or what Kapacitor says against the script */
async function defined(
  prepared: PreparedCase,
  id: string,
  definitions: Definitions,
  script: string,
): Promise<TaskGraph | string> {
  const { database, policy, script: source } = prepared;
  const task = {
    id,
    type: source.type,
    ...(source.saysDbrp ? {} : { dbrps: [{ db: database, rp: policy }] }),
    ...(Object.keys(source.vars).length === 0 ? {} : { vars: source.vars }),
  };
  try {
    return await definitions.define({ ...task, script });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (script === source.text) return placedError(messageOf(error), shownName(prepared));
  }
  // Places are those of the person's own text.
  try {
    await definitions.define({ ...task, script: source.text });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return placedError(messageOf(error), shownName(prepared));
  }
  await definitions.removeTask(id);
  throw new OperationError(`${shownName(prepared)}: the script runs, but what it sends cannot be followed`);
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'status' in error && error.status !== undefined;
}

interface Playing {
  readonly definitions: Definitions;
  readonly ends: CaseEnds;
  readonly graph: TaskGraph;
  readonly instrumented: Instrumented;
  readonly signal: AbortSignal;
  readonly url: string;
}

async function played(recorded: RecordedCase, playing: Playing): Promise<CaseRun> {
  const { id, prepared } = recorded;
  const { definitions, ends, graph, instrumented, signal } = playing;
  const own = ownGraph(graph, instrumented.taps);
  try {
    await listen(definitions, instrumented, prepared.handlers, id, playing.url);
    const failure = await definitions.replay(id, id, id, signal);
    // Kapacitor hands events on behind the task's back.
    for (const [name, count] of await eventCounts(definitions, instrumented, prepared.handlers))
      await ends.gotEvents(name, count, signal);
    const outcome = outcomeOf({
      graph,
      instrumented,
      ends,
      handlers: prepared.handlers,
      played: recorded.played,
      taskId: id,
      taskName: prepared.script.name,
    });
    const error = failure === '' ? undefined : `${shownName(prepared)}: ${failure}`;
    return { outcome: { ...outcome, error }, graph: own };
  } finally {
    await removeAll(recorded, playing);
  }
}

async function removeAll(recorded: RecordedCase, playing: Playing): Promise<void> {
  const { id, prepared } = recorded;
  const { definitions, instrumented } = playing;
  const removals = [
    () => definitions.removeReplay(id),
    () => definitions.removeTask(id),
    ...unlisten(definitions, instrumented, prepared.handlers, id),
  ];
  // One that fails must not leave the others undone; a Kapacitor that is gone has nothing left.
  for (const remove of removals) await remove().catch(() => undefined);
}
