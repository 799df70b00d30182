import type { KapacitorApi, NodeExecution } from '../kapacitor/api.ts';
import type { Journal } from './journal.ts';
import { isLost, keyOf, type SessionIds } from './journal-state.ts';

/**
 * Statistics are asked for after new sessions. They are long where there are many tasks, so the pause between is at
 * least this, and so many times what the last answer took.
 */
const PAUSE_MS = 50;
const PAUSE_FACTOR = 10;

export interface ExecutionNotesOptions {
  readonly api: Pick<KapacitorApi, 'executions'>;
  readonly journal: Journal;
  /** Told where Kapacitor can't be asked. @returns how long to wait before asking again, in milliseconds */
  readonly onProblem: (error: unknown) => number;
}

/**
 * Finds out of which executions the sessions are, and writes it down: after a kill nothing else tells at once that a
 * task lost its connection. A kill may come any moment, so a new session is noted at once.
 */
export class ExecutionNotes {
  readonly #options: ExecutionNotesOptions;
  /** When executions without a session were first seen. */
  readonly #unconnectedMs = new Map<string, number>();
  /** What is executing of the tasks that were started from here and have not connected; undefined: not known yet. */
  readonly #started = new Map<string, readonly NodeExecution[] | undefined>();
  #isWanted = false;
  #asking: Promise<void> | undefined;
  #isStopped = false;
  #allowedMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ExecutionNotesOptions) {
    this.#options = options;
  }

  /** Kapacitor has started a task for us, so a session is about to come. */
  started(task: string): void {
    this.#started.set(task, undefined);
    this.#want();
  }

  /** A session came; the journal knows. */
  got(ids: SessionIds): void {
    const { journal } = this.#options;
    const session = journal.state.sessions.get(keyOf(ids));
    const executions = this.#started.get(ids.taskId)?.filter(({ node }) => node === ids.nodeId) ?? [];
    if (session !== undefined && executions.length > 0)
      journal.setExecutions(
        session,
        executions.map(({ id }) => id),
      );
    else this.#want();
  }

  /** Writes down of which executions the new sessions are, and returns what is executing. */
  async take(): Promise<NodeExecution[]> {
    const { api, journal } = this.#options;
    this.#isWanted = false;
    const startedMs = performance.now();
    // Those that come while Kapacitor answers may be of executions that began after it did.
    const fresh = [...journal.state.sessions.values()].filter(
      (session) => !isLost(session) && session.executions.length === 0,
    );
    let executions: NodeExecution[];
    try {
      executions = await api.executions();
    } catch (error) {
      this.#isWanted = true;
      throw error;
    }
    const nowMs = performance.now();
    this.#allowedMs = nowMs + Math.max(PAUSE_MS, PAUSE_FACTOR * (nowMs - startedMs));
    for (const session of fresh) {
      const own = executions.filter(({ task, node }) => task === session.taskId && node === session.nodeId);
      journal.setExecutions(
        session,
        own.map(({ id }) => id),
      );
    }
    for (const task of this.#started.keys())
      this.#started.set(
        task,
        executions.filter((execution) => execution.task === task),
      );
    const ids = new Set(executions.map(({ id }) => id));
    for (const id of this.#unconnectedMs.keys()) if (!ids.has(id)) this.#unconnectedMs.delete(id);
    return executions;
  }

  /** A task that was started from here has connected, or will not. */
  settled(task: string): void {
    this.#started.delete(task);
  }

  /** For how long an execution has been seen without a session, in milliseconds. */
  unconnectedMs({ id }: NodeExecution): number {
    const nowMs = performance.now();
    const sinceMs = this.#unconnectedMs.get(id) ?? nowMs;
    this.#unconnectedMs.set(id, sinceMs);
    return nowMs - sinceMs;
  }

  /** The next agent is to know which executions the sessions of this one were of. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#asking;
    if (this.#isWanted) await this.take().catch(() => undefined);
  }

  #want(): void {
    this.#isWanted = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#asking !== undefined || this.#isStopped) return;
    const waitMs = Math.max(0, this.#allowedMs - performance.now());
    if (waitMs === 0) this.#ask();
    else this.#timer = setTimeout(() => this.#ask(), waitMs);
  }

  #ask(): void {
    this.#timer = undefined;
    const onProblem = (error: unknown): void => {
      this.#allowedMs = performance.now() + this.#options.onProblem(error);
    };
    this.#asking = this.take().then(() => undefined, onProblem);
    void this.#asking.then(() => {
      this.#asking = undefined;
      if (this.#isWanted) this.#schedule();
    });
  }
}
