import { messageOf } from '../errors.ts';
import type { KapacitorApi } from '../kapacitor/api.ts';
import type { Journal } from './journal.ts';
import { isLost, type KnownSession } from './journal-state.ts';
import { type Outcome, reviveTask } from './revival.ts';

/** Tasks that are brought back at the same time: Kapacitor stands still while it stops one. */
const MAX_AT_ONCE = 8;

export interface TasksAtWorkOptions {
  readonly api: KapacitorApi;
  readonly journal: Journal;
  /** Makes sure that every socket answers, or rejects saying which does not. */
  readonly knock: () => Promise<void>;
  /** How long a task that was enabled may take to connect, in milliseconds. */
  readonly connectMs: number;
  /** Kapacitor has started a task, which is about to connect. */
  readonly onStarted: (task: string) => void;
}

/** The tasks that the agent is bringing back at this moment. */
export class TasksAtWork {
  readonly #options: TasksAtWorkOptions;
  readonly #work = new Map<string, Promise<void>>();
  readonly #onGot = new Set<(task: string) => void>();

  constructor(options: TasksAtWorkOptions) {
    this.#options = options;
  }

  /** The others have their turn when one is done. */
  get isFull(): boolean {
    return this.#work.size >= MAX_AT_ONCE;
  }

  has(task: string): boolean {
    return this.#work.has(task);
  }

  /** A session of a task came. */
  got(task: string): void {
    for (const listener of this.#onGot) listener(task);
  }

  /**
   * Brings a task back.
   * @param onDone told what became of it, and how long that took
   */
  start(id: string, isHalfWay: boolean, onDone: (outcome: Outcome, ms: number) => void): void {
    const startedMs = performance.now();
    const work = this.#revive(id, isHalfWay).then((outcome) => {
      this.#work.delete(id);
      onDone(outcome, Math.round(performance.now() - startedMs));
    });
    this.#work.set(id, work);
  }

  /** Resolves when none is left. */
  async ended(): Promise<void> {
    await Promise.all(this.#work.values());
  }

  async #revive(id: string, isHalfWay: boolean): Promise<Outcome> {
    const { api, journal, knock, onStarted } = this.#options;
    try {
      return await reviveTask(id, isHalfWay, {
        api,
        steps: journal,
        knock,
        isConnected: () => {
          const sessions = this.#sessionsOf(id);
          return sessions.length > 0 && !sessions.some(isLost);
        },
        whenConnected: () => {
          onStarted(id);
          return this.#whenConnected(id);
        },
      });
    } catch (error) {
      return { result: 'failed', reason: messageOf(error) };
    }
  }

  #whenConnected(task: string): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (isConnected: boolean): void => {
        clearTimeout(deadline);
        this.#onGot.delete(onGot);
        resolve(isConnected);
      };
      const onGot = (got: string): void => {
        if (got === task) settle(true);
      };
      const deadline = setTimeout(settle, this.#options.connectMs, false);
      this.#onGot.add(onGot);
      if (this.#sessionsOf(task).some((session) => !isLost(session))) settle(true);
    });
  }

  #sessionsOf(task: string): KnownSession[] {
    return [...this.#options.journal.state.sessions.values()].filter(({ taskId }) => taskId === task);
  }
}
