import { messageOf } from '../../errors.ts';
import { isRecord } from '../../is-record.ts';
import { ApiError, type KapacitorApi, type Task as KapacitorTask } from '../../kapacitor/api.ts';
import { blamedNode, diagnose, isToBringBack, kindOf } from '../../revival/diagnosis.ts';
import { AgentAwayError, type Finding, HandRevival } from '../../revival/hand-revival.ts';
import type { AgentClient } from '../agent-status/agent-client.ts';
import type { Session, Task } from '../api/schemas.ts';
import { ProblemError } from '../problem.ts';

export interface TaskDeskOptions {
  readonly api: KapacitorApi;
  /** The functions of this agent, by the names that TICKscripts call them by. */
  readonly functions: readonly string[];
  /** The agent's sockets, where this process gets to them; without them nothing is revived. */
  readonly sockets: readonly string[];
  readonly agent: AgentClient | undefined;
  readonly onProblem: (message: string) => void;
}

/** A function whose points go straight into a measurement: nothing stands between that could keep one back. */
const STRAIGHT_INTO = /@\w+\(\)[^|@]*\|\s*influxDBOut\(\)([^|@]*)/g;
/** What is asked of Kapacitor's list at once. */
const PAGE_TASKS = 100;
/** Strings and comments of a TICKscript, which may hold what looks like a call. */
const NO_CODE = /'''[\s\S]*?'''|'(?:\\'|[^'])*'|\/\/[^\n]*/g;

/** Tasks of Kapacitor that call a function of the agent, and what may be done about them. */
export class TaskDesk {
  readonly #options: TaskDeskOptions;

  constructor(options: TaskDeskOptions) {
    this.#options = options;
  }

  /** @throws ProblemError */
  async list(signal: AbortSignal): Promise<Task[]> {
    const functions = await this.#functionsByTask();
    const tasks = await asProblem(this.#options.api.tasks());
    const own = [...tasks.values()].filter(({ id }) => functions.has(id));
    return this.#described(own, functions, signal);
  }

  /** @throws ProblemError if there is no such task, or Kapacitor refuses */
  async setStatus(id: string, status: 'enabled' | 'disabled', signal: AbortSignal): Promise<Task> {
    const functions = await this.#functionsOf(id);
    const task = await asProblem(this.#options.api.setStatus(id, status));
    return this.#one(task, functions, signal);
  }

  /** @throws ProblemError if there is no such task, or it has not lost its agent, or could not be brought back */
  async revive(id: string, signal: AbortSignal): Promise<Task> {
    const functions = await this.#functionsOf(id);
    const { sockets } = this.#options;
    if (sockets.length === 0)
      throw new ProblemError(
        'NOT_CONFIGURED',
        "tasks are revived only where this server gets to the agent's sockets",
      );
    const revival = new HandRevival(this.#options);
    try {
      const [finding] = await revival.findings(new Set([id]));
      if (finding === undefined || finding.treatment !== 'revive')
        throw new ProblemError('TASK_NOT_REVIVABLE', `${id} is left alone: ${reasonLeft(finding)}`);
      const { reason, result } = await revival.revive(finding);
      if (result !== 'revived')
        throw new ProblemError('TASK_NOT_REVIVABLE', `${id} could not be brought back: ${reason}`);
    } catch (error) {
      if (error instanceof AgentAwayError)
        throw new ProblemError('AGENT_AWAY', `without the agent no task can come back: ${error.message}`);
      throw problemOf(error);
    } finally {
      revival.close();
    }
    const task = await asProblem(this.#options.api.task(id));
    if (task === undefined) throw missing(id);
    return this.#one(task, functions, signal);
  }

  async #one(task: KapacitorTask, functions: readonly string[], signal: AbortSignal): Promise<Task> {
    const [described] = await this.#described([task], new Map([[task.id, functions]]), signal);
    if (described === undefined) throw missing(task.id);
    return described;
  }

  async #functionsOf(id: string): Promise<readonly string[]> {
    const functions = (await this.#functionsByTask()).get(id);
    if (functions === undefined) throw missing(id);
    return functions;
  }

  /**
   * The measurements that what a function emits is written to as it is, by task.
   * @throws ProblemError
   */
  async outputs(): Promise<Map<string, readonly string[]>> {
    const found = new Map<string, readonly string[]>();
    for (const [id, script] of await this.#scripts()) {
      const code = script.replace(/\/\/[^\n]*/g, '');
      const tails = [...code.matchAll(STRAIGHT_INTO)].map(([, tail = '']) => tail);
      found.set(
        id,
        tails.flatMap((tail) => /\.measurement\('([^']+)'\)/.exec(tail)?.[1] ?? []),
      );
    }
    return found;
  }

  /** The functions of this agent that each task calls, by its script; tasks that call none are not there. */
  async #functionsByTask(): Promise<Map<string, readonly string[]>> {
    const found = new Map<string, readonly string[]>();
    for (const [id, script] of await this.#scripts()) {
      const called = this.#calledBy(script);
      if (called.length > 0) found.set(id, called);
    }
    return found;
  }

  async #scripts(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (let offset = 0; ; offset += PAGE_TASKS) {
      const path = `/tasks?fields=script&offset=${offset}&limit=${PAGE_TASKS}`;
      const answer = await asProblem(this.#options.api.ask('GET', path));
      const tasks: readonly unknown[] = isRecord(answer) && Array.isArray(answer.tasks) ? answer.tasks : [];
      for (const task of tasks) {
        if (isRecord(task) && typeof task.id === 'string' && typeof task.script === 'string')
          found.set(task.id, task.script);
      }
      if (tasks.length < PAGE_TASKS) return found;
    }
  }

  #calledBy(script: string): string[] {
    const code = script.replace(NO_CODE, "''");
    const called = new Set([...code.matchAll(/@(\w+)\s*\(/g)].map(([, name]) => name));
    return this.#options.functions.filter((name) => called.has(name));
  }

  async #described(
    tasks: readonly KapacitorTask[],
    functions: ReadonlyMap<string, readonly string[]>,
    signal: AbortSignal,
  ): Promise<Task[]> {
    const [findings, sessions] = await Promise.all([this.#findings(tasks), this.#sessions(signal)]);
    return tasks.map((task) => {
      const names = functions.get(task.id) ?? [];
      const finding = findings.get(task.id);
      const { condition, reason } = finding?.diagnosis ?? this.#presumed(task, names);
      const own = sessions?.filter((session) => session.task === task.id);
      return {
        id: task.id,
        status: task.status,
        executing: task.isExecuting,
        error: task.error,
        functions: [...names],
        condition,
        reason,
        revivable: finding?.treatment === 'revive' && isToBringBack(condition),
        points: sumOf(own, 'points'),
        edges: sumOf(own, 'edges'),
        pointsPerSecond: rateOf(own),
      };
    });
  }

  /** The judgement where the agent's journal can be read, by task. */
  async #findings(tasks: readonly KapacitorTask[]): Promise<Map<string, Finding>> {
    const { sockets } = this.#options;
    if (sockets.length === 0 || tasks.length === 0) return new Map();
    const revival = new HandRevival(this.#options);
    try {
      const findings = await revival.findings(new Set(tasks.map(({ id }) => id)));
      return new Map(findings.map((finding) => [finding.task, finding]));
    } catch (error) {
      if (error instanceof ApiError) throw problemOf(error);
      this.#options.onProblem(`what became of tasks is not known: ${messageOf(error)}`);
      return new Map();
    }
  }

  /** What can be said without the agent. */
  #presumed(task: KapacitorTask, functions: readonly string[]) {
    const node = blamedNode(task);
    const isBlamed = node !== undefined && functions.includes(kindOf(node));
    const diagnosis = diagnose({
      task,
      step: undefined,
      isBlamed,
      sessions: [],
      executions: [],
      unconnectedMs: () => 0,
    });
    return diagnosis.condition === 'live' ? { ...diagnosis, reason: 'it executes' } : diagnosis;
  }

  async #sessions(signal: AbortSignal): Promise<readonly Session[] | undefined> {
    try {
      return await this.#options.agent?.sessions(signal);
    } catch (error) {
      // The tasks are told of all the same.
      this.#options.onProblem(messageOf(error));
      return undefined;
    }
  }
}

function reasonLeft(finding: Finding | undefined): string {
  if (finding === undefined) return 'nothing is wrong with it';
  if (finding.treatment === 'agent') return 'the running agent brings it back itself';
  return finding.diagnosis.reason;
}

function sumOf(sessions: readonly Session[] | undefined, name: 'points' | 'edges'): number | null {
  if (sessions === undefined || sessions.length === 0) return null;
  return sessions.reduce((sum, session) => sum + (session[name] ?? 0), 0);
}

/** The rates of the last minute, whichever name the agent has for them. */
function rateOf(sessions: readonly Session[] | undefined): number | null {
  if (sessions === undefined || sessions.length === 0) return null;
  return sessions.reduce((sum, session) => {
    const { pointsPerSecond } = { pointsPerSecond: 0, ...session };
    return sum + (typeof pointsPerSecond === 'number' ? pointsPerSecond : 0);
  }, 0);
}

function missing(id: string): ProblemError {
  return new ProblemError(
    'TASK_NOT_FOUND',
    `Kapacitor has no task ${id} that calls a function of this agent`,
    {
      parameter: 'id',
      value: id,
    },
  );
}

async function asProblem<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw problemOf(error);
  }
}

function problemOf(error: unknown): unknown {
  if (!(error instanceof ApiError)) return error;
  if (error.status === undefined)
    return new ProblemError('KAPACITOR_AWAY', error.message, {}, { cause: error });
  return new ProblemError('KAPACITOR_REFUSES', error.message, {}, { cause: error });
}
