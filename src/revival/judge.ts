import type { NodeExecution, Task } from '../kapacitor/api.ts';
import { type Diagnosis, diagnose } from './diagnosis.ts';
import { isLost, type JournalContent, type KnownSession, keyOf } from './journal-state.ts';
import { isBlamed } from './suspects.ts';

/** What is known of the tasks that have, or had, a session here. */
export type Known = Pick<JournalContent, 'cameMs' | 'sessions' | 'steps'>;

/** What was found out besides. */
export interface Observations {
  /** What executes, of all tasks; it may be left out where no task {@link Judge.needsExecutions needs} it. */
  readonly executions: readonly NodeExecution[];
  /** A moment since which Kapacitor has been running; undefined where that was not asked or is not known. */
  readonly kapacitorSinceMs: number | undefined;
  /** For how long an execution without a session could have connected, at least, in milliseconds. */
  unconnectedMs(task: Task, execution: NodeExecution): number;
}

/**
 * The one judgement of which tasks lost their UDF, and of what became of them: for the agent that brings them back by
 * itself, for `edge-detect revive`, and for whoever else asks.
 */
export class Judge {
  readonly #known: Known;
  readonly #sessions: readonly KnownSession[];
  readonly #sockets: readonly string[];

  /**
   * @param known as it is now: a later judgement needs another judge
   * @param sockets those that the agent serves
   */
  constructor(known: Known, sockets: readonly string[]) {
    this.#known = known;
    this.#sessions = [...known.sessions.values()];
    this.#sockets = sockets;
  }

  /** The ids of those that may have lost a UDF served here; some may be gone. */
  suspects(tasks: Iterable<Task>): Set<string> {
    const ids = new Set(this.#known.steps.keys());
    for (const session of this.#sessions) if (isLost(session)) ids.add(session.taskId);
    for (const task of tasks) if (isBlamed(task, this.#sessions, this.#sockets)) ids.add(task.id);
    return ids;
  }

  /** Whether only what is executing can tell: Kapacitor says of this one that all is well. */
  needsExecutions(task: Task): boolean {
    return task.isExecuting && this.sessionsOf(task.id).some(isLost);
  }

  sessionsOf(task: string): readonly KnownSession[] {
    return this.#sessions.filter(({ taskId }) => taskId === task);
  }

  /** Whether only the time can tell of which start of the task a session was: it ended before anybody could ask. */
  needsStart(task: Task): boolean {
    return (
      task.isExecuting &&
      this.sessionsOf(task.id).some((session) => isLost(session) && session.executions.length === 0)
    );
  }

  diagnose(task: Task, { executions, kapacitorSinceMs, unconnectedMs }: Observations): Diagnosis {
    return diagnose({
      task,
      step: this.#known.steps.get(task.id),
      isBlamed: isBlamed(task, this.#sessions, this.#sockets),
      sessions: this.sessionsOf(task.id),
      executions: executions.filter((execution) => execution.task === task.id),
      unconnectedMs: (execution) => unconnectedMs(task, execution),
      isOfThisRun: (session) => {
        if (kapacitorSinceMs === undefined) return false;
        const cameMs = this.#known.cameMs.get(keyOf(session)) ?? 0;
        // A time that is yet to come says that the clock was set back, and nothing of when it was.
        return cameMs >= startedMs(task, kapacitorSinceMs) && cameMs <= Date.now();
      },
    });
  }
}

/**
 * When a task was last started, or later, in milliseconds since the epoch: by a request or with Kapacitor itself.
 * Anything else that starts it anew, such as a change of its template, changes it.
 */
function startedMs(task: Task, kapacitorSinceMs: number): number {
  const ms = Math.max(kapacitorSinceMs, Date.parse(task.lastEnabled), Date.parse(task.modified));
  return Number.isNaN(ms) ? Number.POSITIVE_INFINITY : ms;
}
