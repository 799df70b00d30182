import { messageOf } from '../../errors.ts';
import { parseTimeNs } from '../../feed/readers/times.ts';
import type { AgentClient, AgentEdge } from '../agent-status/agent-client.ts';
import type { CellValue, StateSource } from '../sources/state-source.ts';
import type { Series, StateReader } from '../states/state-reader.ts';
import type { TaskDesk } from '../tasks/task-desk.ts';
import { EdgeWatch } from './edge-watch.ts';
import { type LiveEdges, type LiveEvent, type LiveListener, seriesKey } from './live-edges.ts';

export interface OwnLiveEdgesOptions {
  readonly source: StateSource;
  readonly reader: StateReader;
  readonly agent: AgentClient | undefined;
  /** Tells by task where what it emits is written to as it is; undefined where nobody knows. */
  readonly tasks?: Pick<TaskDesk, 'outputs'> | undefined;
  readonly nowNs: () => bigint;
  readonly report: (message: string) => void;
}

/** Between two tries to reach the agent. */
const AGENT_RETRY_MS = 2_000;
/** How often the scripts of tasks are looked at. */
const OUTPUTS_MS = 60_000;
/** A series stays watched for a moment after its last listener, who may only be coming back. */
const LINGER_MS = 10_000;

interface Watched {
  readonly series: Series;
  readonly watch: EdgeWatch;
  readonly listeners: Set<LiveListener>;
  linger: NodeJS.Timeout | undefined;
}

/** Live edges of this process: each series is watched once, however many listen; the agent's edges come at once. */
export class OwnLiveEdges implements LiveEdges {
  readonly #options: OwnLiveEdgesOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #stop = new AbortController();
  #hasReported = false;
  #outputs: ReadonlyMap<string, readonly string[]> = new Map();
  #outputsMs = Number.NEGATIVE_INFINITY;

  constructor(options: OwnLiveEdgesOptions) {
    this.#options = options;
    if (options.agent !== undefined) void this.#listen(options.agent);
  }

  subscribe(series: Series, listener: LiveListener): () => void {
    const key = seriesKey(series);
    const watched = this.#watched.get(key) ?? this.#watch(key, series);
    clearTimeout(watched.linger);
    watched.listeners.add(listener);
    return () => {
      watched.listeners.delete(listener);
      if (watched.listeners.size > 0) return;
      watched.linger = setTimeout(() => {
        watched.watch.stop();
        this.#watched.delete(key);
      }, LINGER_MS);
    };
  }

  close(): void {
    this.#stop.abort(new Error('this server ends'));
    for (const { linger, watch } of this.#watched.values()) {
      clearTimeout(linger);
      watch.stop();
    }
    this.#watched.clear();
  }

  #watch(key: string, series: Series): Watched {
    const listeners = new Set<LiveListener>();
    const { nowNs, reader, source } = this.#options;
    const onEvents = (events: readonly LiveEvent[]): void => {
      for (const listener of listeners) listener(events);
    };
    const watch = new EdgeWatch({ source, reader, series, nowNs, onEvents });
    const watched: Watched = { series, watch, listeners, linger: undefined };
    this.#watched.set(key, watched);
    return watched;
  }

  async #listen(agent: AgentClient): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#lookAtOutputs();
        for await (const edge of agent.edges(signal)) {
          if (performance.now() - this.#outputsMs > OUTPUTS_MS) void this.#lookAtOutputs();
          this.#hasReported = false;
          this.#heard(edge);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!this.#hasReported)
          this.#options.report(`${messageOf(error)}; live edges come from InfluxDB alone`);
        this.#hasReported = true;
      }
      await new Promise((resolve) => setTimeout(resolve, AGENT_RETRY_MS).unref());
    }
  }

  async #lookAtOutputs(): Promise<void> {
    this.#outputsMs = performance.now();
    try {
      this.#outputs = (await this.#options.tasks?.outputs()) ?? new Map();
    } catch (error) {
      // Then edges of a table come when InfluxDB has them.
      this.#options.report(messageOf(error));
    }
  }

  /** What the agent emits is a point of every series that its measurement, field and tags belong to, the one it goes to included. */
  #heard(edge: AgentEdge): void {
    for (const { series, watch } of this.#watched.values()) {
      const { fields, group, measurement, where } = series.selection;
      const value = stateOf(edge.fields[fields[0] ?? '']);
      const isMeant = edge.name === measurement || this.#outputs.get(edge.task)?.includes(measurement);
      if (!isMeant || value === undefined) continue;
      const tagOf = (tag: string): string => String(edge.tags[tag] ?? '');
      if (![...where].every(([tag, values]) => values.includes(tagOf(tag)))) continue;
      watch.heard({ timeNs: parseTimeNs(edge.time, undefined), tags: group.map(tagOf), values: [value] });
    }
  }
}

function stateOf(value: unknown): CellValue | undefined {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : undefined;
}
