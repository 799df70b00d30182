import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { messageOf } from '../errors.ts';
import { Definitions, type TaskGraph } from '../kapacitor/definitions.ts';
import { ScriptSyntaxError } from '../tickscript/tokens.ts';
import type { StepSpec } from './case-schema.ts';
import { differences } from './compare.ts';
import { InstrumentError, type Instrumented, instrument } from './instrument.ts';
import { eventCounts, listen } from './listeners.ts';
import { LiveTask } from './live-task.ts';
import type { Difference } from './match.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { type PreparedCase, streamPoints } from './prepared-case.ts';
import { shownName } from './run-case.ts';
import { Stage, type StageOptions } from './stage.ts';

/** So often Kapacitor stores states here: a step that restarts something waits for it. */
const SNAPSHOT_INTERVAL = '100ms';
const ID = 'edge-detect-test-steps';

/**
 * Runs a case of several steps on a Kapacitor of its own, since it may be restarted in between. The task is live; what is
 * expected of a step is what came since the one before.
 */
export async function runSteps(
  prepared: PreparedCase,
  options: StageOptions,
  signal: AbortSignal,
): Promise<Difference[]> {
  await using stage = await Stage.open(
    { ...options, snapshotInterval: SNAPSHOT_INTERVAL },
    async () => undefined,
  );
  const run = new StepRun(prepared, stage, signal);
  await run.begin();
  const found: Difference[] = [];
  for (const [index, step] of (prepared.spec.steps ?? []).entries()) {
    const outcome = await run.step(step, ['steps', index]);
    const { startNs, tolerance } = prepared;
    for (const each of differences(step.expect ?? {}, outcome, { startNs, tolerance }))
      found.push({
        ...each,
        path: ['steps', index, 'expect', ...each.path],
        title: `step ${index + 1}: ${each.title}`,
      });
    if (outcome.error !== undefined) break;
  }
  return found;
}

class StepRun {
  readonly #prepared: PreparedCase;
  readonly #stage: Stage;
  readonly #signal: AbortSignal;
  readonly #task = new LiveTask(ID, () => this.#graph);
  #graph: TaskGraph = { nodes: [], edges: [] };
  #instrumented: Instrumented;

  constructor(prepared: PreparedCase, stage: Stage, signal: AbortSignal) {
    this.#prepared = prepared;
    this.#stage = stage;
    this.#signal = signal;
    this.#instrumented = this.#redirected(prepared.script.text);
  }

  get #definitions(): Definitions {
    return new Definitions(this.#stage.kapacitor.api);
  }

  #redirected(text: string): Instrumented {
    try {
      return instrument(text, { id: ID, httpUrl: this.#stage.ends.url, isLive: true });
    } catch (error) {
      if (error instanceof ScriptSyntaxError || error instanceof InstrumentError)
        throw new Error(`${shownName(this.#prepared)}: ${error.message}`);
      throw error;
    }
  }

  async begin(): Promise<void> {
    const { database, policy, script } = this.#prepared;
    this.#graph = await this.#definitions.define({
      id: ID,
      type: script.type,
      script: this.#instrumented.script,
      ...(script.saysDbrp ? {} : { dbrps: [{ db: database, rp: policy }] }),
      ...(Object.keys(script.vars).length === 0 ? {} : { vars: script.vars }),
    });
    await listen(this.#definitions, this.#instrumented, this.#prepared.handlers, ID, this.#stage.ends.url);
    await this.#start();
  }

  async #start(): Promise<void> {
    await this.#stage.kapacitor.api.ask('PATCH', `/tasks/${ID}`, { status: 'enabled' });
    this.#task.restarted();
    await this.#task.executing(this.#stage.kapacitor, this.#signal);
  }

  async #stop(): Promise<void> {
    await this.#stage.kapacitor.api.ask('PATCH', `/tasks/${ID}`, { status: 'disabled' });
  }

  async step(step: StepSpec, path: readonly (string | number)[]): Promise<Outcome> {
    if (step.restart !== undefined || step.redefine !== undefined) await this.#keepState();
    const ends = this.#stage.ends.open(ID);
    if (step.restart === 'kapacitor') {
      await this.#stage.restartKapacitor();
      this.#task.restarted();
      await this.#task.executing(this.#stage.kapacitor, this.#signal);
    }
    if (step.restart === 'agent') {
      await this.#stage.restartAgent();
      await this.#stop();
      await this.#start();
    }
    if (step.redefine !== undefined) await this.#redefine(step.redefine);
    const before = await eventCounts(this.#definitions, this.#instrumented, this.#prepared.handlers);
    let played = 0;
    if (step.data !== undefined) {
      const points = await streamPoints(this.#prepared, step.data, [...this.#prepared.path, ...path, 'data']);
      const { database, policy } = this.#prepared;
      await this.#task.write(this.#stage.kapacitor, points, database, policy);
      played = points.length;
    }
    await this.#task.atRest(this.#stage.kapacitor, this.#signal);
    const now = await eventCounts(this.#definitions, this.#instrumented, this.#prepared.handlers);
    for (const [name, count] of now)
      await ends.gotEvents(name, count - (before.get(name) ?? 0), this.#signal);
    return outcomeOf({
      graph: this.#graph,
      instrumented: this.#instrumented,
      ends,
      handlers: this.#prepared.handlers,
      played,
      taskId: ID,
      taskName: this.#prepared.script.name,
    });
  }

  /** Functions without state are never asked for it, and have nothing to keep. */
  async #keepState(): Promise<void> {
    if (this.#stage.hasFunctionsIn(this.#prepared.script.text))
      await this.#stage.snapshots.stored(this.#signal);
  }

  async #redefine(given: string): Promise<void> {
    const file = resolve(dirname(this.#prepared.document.file), given);
    let text = given;
    if (!given.includes('\n')) {
      try {
        text = readFileSync(file, 'utf8');
      } catch (error) {
        throw new Error(`${file} cannot be read: ${messageOf(error)}`);
      }
    }
    this.#instrumented = this.#redirected(text);
    this.#graph = await this.#definitions.redefine(ID, this.#instrumented.script);
    await this.#stop();
    await this.#start();
  }
}
