import { setTimeout as pause } from 'node:timers/promises';
import { isRecord } from '../is-record.ts';
import type { ApiError, KapacitorApi } from './api.ts';

/** How soon a replay or recording is asked for again: first and at most, in milliseconds. */
const FIRST_LOOK_MS = 5;
const LAST_LOOK_MS = 100;

export interface TaskDefinition {
  readonly id: string;
  readonly type: 'stream' | 'batch';
  readonly script: string;
  /** Where its points are; left out where the script says so itself. */
  readonly dbrps?: readonly { readonly db: string; readonly rp: string }[];
  /** The variables that a template leaves open, as Kapacitor has them. */
  readonly vars?: Readonly<Record<string, unknown>>;
}

/** The nodes of a task, as Kapacitor names them. */
export interface TaskGraph {
  readonly nodes: readonly string[];
  readonly edges: readonly { readonly from: string; readonly to: string }[];
}

export interface HandlerDefinition {
  readonly id: string;
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly match?: string;
}

/** What is defined in a Kapacitor for a while: tasks, handlers, replays. All methods reject with ApiError. */
export class Definitions {
  readonly #api: KapacitorApi;

  constructor(api: KapacitorApi) {
    this.#api = api;
  }

  /** Defines a task that does not run. @returns its nodes */
  async define(task: TaskDefinition): Promise<TaskGraph> {
    const answer = await this.#api.ask('POST', '/tasks', { ...task, status: 'disabled' });
    return graphOf(stringIn(answer, 'dot'));
  }

  /** Gives a task another script; one that runs goes on with the old one until it is disabled and enabled. */
  async redefine(id: string, script: string): Promise<TaskGraph> {
    return graphOf(stringIn(await this.#api.ask('PATCH', path('/tasks', id), { script }), 'dot'));
  }

  async defineTemplate(id: string, type: 'stream' | 'batch', script: string): Promise<void> {
    await this.#api.ask('POST', '/templates', { id, type, script });
  }

  async removeTemplate(id: string): Promise<void> {
    await this.#api.ask('DELETE', path('/templates', id));
  }

  async removeTask(id: string): Promise<void> {
    await this.#api.ask('DELETE', path('/tasks', id));
  }

  async addHandler(topic: string, handler: HandlerDefinition): Promise<void> {
    await this.#api.ask('POST', `${path('/alerts/topics', topic)}/handlers`, handler);
  }

  async removeHandler(topic: string, id: string): Promise<void> {
    await this.#api.ask('DELETE', `${path('/alerts/topics', topic)}/handlers/${encodeURIComponent(id)}`);
  }

  /** How many events a topic has had; 0 where nothing ever came. */
  async collected(topic: string): Promise<number> {
    const answer = await this.#unless404(this.#api.ask('GET', path('/alerts/topics', topic)));
    return isRecord(answer) && typeof answer.collected === 'number' ? answer.collected : 0;
  }

  async removeTopic(topic: string): Promise<void> {
    await this.#unless404(this.#api.ask('DELETE', path('/alerts/topics', topic)));
  }

  /**
   * Plays a recording to a task with its recorded times, as fast as it goes.
   * @returns what Kapacitor says went wrong; empty where nothing did
   */
  async replay(id: string, task: string, recording: string, signal: AbortSignal): Promise<string> {
    await this.#api.ask('POST', '/replays', { id, task, recording, clock: 'fast', 'recording-time': true });
    return await this.#finished(path('/replays', id), signal);
  }

  /** Records what the queries of a batch task find between two times. @returns what went wrong */
  async recordBatch(
    id: string,
    task: string,
    start: string,
    stop: string,
    signal: AbortSignal,
  ): Promise<string> {
    await this.#api.ask('POST', '/recordings/batch', { id, task, start, stop });
    return await this.#finished(path('/recordings', id), signal);
  }

  async removeReplay(id: string): Promise<void> {
    await this.#api.ask('DELETE', path('/replays', id));
  }

  async removeRecording(id: string): Promise<void> {
    await this.#api.ask('DELETE', path('/recordings', id));
  }

  /** Kapacitor tells nobody when a replay is over: it is asked, ever more seldom. */
  async #finished(where: string, signal: AbortSignal): Promise<string> {
    for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(LAST_LOOK_MS, lookMs * 1.5)) {
      const answer = await this.#api.ask('GET', where);
      if (!isRecord(answer) || answer.status !== 'running') return stringIn(answer, 'error');
      await pause(lookMs, undefined, { signal });
    }
  }

  async #unless404<T>(asked: Promise<T>): Promise<T | undefined> {
    try {
      return await asked;
    } catch (error) {
      if (isApiError(error) && error.status === 404) return undefined;
      throw error;
    }
  }
}

function path(base: string, id: string): string {
  return `${base}/${encodeURIComponent(id)}`;
}

function isApiError(error: unknown): error is ApiError {
  return error instanceof Error && 'status' in error;
}

function stringIn(value: unknown, name: string): string {
  const text = isRecord(value) ? value[name] : undefined;
  return typeof text === 'string' ? text : '';
}

/** Reads the graph that Kapacitor draws of a task, in Graphviz' language. */
export function graphOf(dot: string): TaskGraph {
  const nodes = new Set<string>();
  const edges: { from: string; to: string }[] = [];
  for (const line of dot.split('\n')) {
    const edge = /^\s*(\w+)\s*->\s*(\w+)/.exec(line);
    if (edge?.[1] !== undefined && edge[2] !== undefined) {
      edges.push({ from: edge[1], to: edge[2] });
      nodes.add(edge[1]).add(edge[2]);
      continue;
    }
    const node = /^\s*(\w+)\s*(?:\[.*\])?;?\s*$/.exec(line)?.[1];
    if (node !== undefined && node !== 'graph' && /\d$/.test(node)) nodes.add(node);
  }
  return { nodes: [...nodes], edges };
}
