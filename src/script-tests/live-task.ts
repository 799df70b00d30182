import { setTimeout as pause } from 'node:timers/promises';
import { OperationError } from '../errors.ts';
import type { TaskGraph } from '../kapacitor/definitions.ts';
import { formatLine } from '../line-protocol/writer.ts';
import { entriesOf } from './entries.ts';
import type { OwnKapacitor } from './own-kapacitor.ts';
import type { TimedPoint } from './points.ts';

const LOOK_MS = 25;
/** So often in a row everything must have passed on what it got before a task is at rest. */
const STILL_LOOKS = 4;

type Counts = ReadonlyMap<string, { readonly collected: number; readonly emitted: number }>;

/** A task that runs, as opposed to one that a recording is played to. */
export class LiveTask {
  readonly #id: string;
  readonly #graph: () => TaskGraph;
  #points = 0;

  constructor(id: string, graph: () => TaskGraph) {
    this.#id = id;
    this.#graph = graph;
  }

  /** Its nodes have counted nothing yet: it was started anew. */
  restarted(): void {
    this.#points = 0;
  }

  /** Writes points to Kapacitor as InfluxDB or Telegraf does. */
  async write(
    kapacitor: OwnKapacitor,
    points: readonly TimedPoint[],
    database: string,
    policy: string,
  ): Promise<void> {
    const query = new URLSearchParams({ db: database, rp: policy, precision: 'ns' });
    const body = points.map((point) => `${formatLine(point)}\n`).join('');
    const response = await fetch(new URL(`/kapacitor/v1/write?${query}`, kapacitor.url), {
      method: 'POST',
      body,
    });
    if (!response.ok)
      throw new OperationError(`Kapacitor refuses the points (${response.status}): ${await response.text()}`);
    this.#points += points.length;
  }

  /** Waits until every node has passed on what it got. Nobody tells; the counts do. */
  async atRest(kapacitor: OwnKapacitor, signal: AbortSignal): Promise<void> {
    let before = '';
    for (let still = 0; still < STILL_LOOKS; ) {
      const { counts, failure } = await this.#look(kapacitor);
      if (failure !== '') throw new OperationError(failure);
      const now = JSON.stringify([...counts]);
      still = now === before && this.#isSettled(counts) ? still + 1 : 0;
      before = now;
      if (still < STILL_LOOKS) await pause(LOOK_MS, undefined, { signal });
    }
  }

  /** Waits until it executes. @throws OperationError with what Kapacitor says where it has failed */
  async executing(kapacitor: OwnKapacitor, signal: AbortSignal): Promise<void> {
    for (;;) {
      const { failure, isExecuting } = await this.#look(kapacitor);
      if (failure !== '') throw new OperationError(failure);
      if (isExecuting) return;
      await pause(LOOK_MS, undefined, { signal });
    }
  }

  #isSettled(counts: Counts): boolean {
    const graph = this.#graph();
    const source = [...counts].find(([name]) => /^(stream|batch)0$/.test(name))?.[1];
    if (source !== undefined && source.collected < this.#points) return false;
    // What a node has emitted it counts once for each of its children; a child that lags has less.
    return [...counts].every(([name, { emitted }]) => {
      const children = graph.edges.filter(({ from }) => from === name).map(({ to }) => counts.get(to));
      const taken = children.reduce((sum, child) => sum + (child?.collected ?? 0), 0);
      return children.some((child) => child === undefined) || taken >= emitted;
    });
  }

  async #look(
    kapacitor: OwnKapacitor,
  ): Promise<{ readonly counts: Counts; readonly isExecuting: boolean; readonly failure: string }> {
    const answer = entriesOf(await kapacitor.api.ask('GET', `/tasks/${encodeURIComponent(this.#id)}`));
    const nodes = entriesOf(entriesOf(answer.get('stats')).get('node-stats'));
    const isExecuting = answer.get('executing') === true;
    const error = answer.get('error');
    const isFailed =
      answer.get('status') === 'enabled' && !isExecuting && typeof error === 'string' && error !== '';
    return {
      counts: new Map(
        [...nodes].map(([name, value]) => {
          const stats = entriesOf(value);
          return [
            name,
            { collected: Number(stats.get('collected') ?? 0), emitted: Number(stats.get('emitted') ?? 0) },
          ];
        }),
      ),
      isExecuting,
      failure: isFailed ? String(error) : '',
    };
  }
}
