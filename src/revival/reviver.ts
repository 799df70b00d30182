import { rmSync, statSync } from 'node:fs';
import { setTimeout as timer } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { KapacitorApi, NodeExecution, Task } from '../kapacitor/api.ts';
import { diagnose } from './diagnosis.ts';
import { type Journal, type KnownSession, keyOf, readJournal, type SessionIds } from './journal.ts';
import { type Outcome, reviveTask } from './revival.ts';
import { isBlamed } from './suspects.ts';

export interface ReviverLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** All in milliseconds. */
export interface ReviverTiming {
  /** Between two looks at all tasks. */
  readonly lookMs: number;
  /** Between two looks at first, while things settle, and for how long. */
  readonly firstLooksMs: number;
  readonly settledMs: number;
  /** After a session was lost: most of them Kapacitor ended, and says so in a moment. */
  readonly graceMs: number;
  /** After the first try that did not last; each further pause is twice as long, up to the longest. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** A task that has been connected for so long has held; earlier tries no longer count. */
  readonly heldMs: number;
  /** How long a task that was enabled may take to connect. */
  readonly connectMs: number;
  /** How long bringing back what was begun may hold up the agent's end. */
  readonly stopMs: number;
}

const REVIVER_TIMING: ReviverTiming = {
  lookMs: 10_000,
  firstLooksMs: 1000,
  settledMs: 15_000,
  graceMs: 3000,
  firstPauseMs: 1000,
  longestPauseMs: 60_000,
  heldMs: 60_000,
  connectMs: 10_000,
  stopMs: 1000,
};

/** Tasks that are brought back at the same time: Kapacitor stands still while it stops one. */
const MAX_AT_ONCE = 8;
/**
 * Statistics are asked for after new sessions. They are long where there are many tasks, so the pause between is at
 * least this, and so many times what the last answer took.
 */
const NOTE_PAUSE_MS = 50;
const NOTE_PAUSE_FACTOR = 10;
/** An `edge-detect revive` that has written nothing for so long is gone. */
const HAND_MS = 60_000;
/** While Kapacitor does not answer. */
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 15_000;

export interface ReviverOptions {
  readonly api: KapacitorApi;
  readonly journal: Journal;
  /** Where `edge-detect revive` writes down what it is doing; it may have been killed. */
  readonly handJournalPath: string;
  readonly log: ReviverLog;
  /** The sockets served here. */
  readonly sockets: readonly string[];
  /** Makes sure that every socket answers, or rejects saying which does not. */
  readonly knock: () => Promise<void>;
  /** After so many tries in a row a task is given up, 1 or more. */
  readonly maxTries: number;
  readonly timing?: Partial<ReviverTiming>;
}

/**
 * Brings back the tasks that lost their session, for as long as the agent serves. It learns from the agent which
 * sessions come and go, and from Kapacitor what it makes of the tasks.
 */
export class Reviver {
  readonly #options: ReviverOptions;
  readonly #timing: ReviverTiming;
  readonly #stopping = new AbortController();
  readonly #startedMs = performance.now();
  /** The tasks that are being brought back. */
  readonly #atWork = new Map<string, Promise<void>>();
  /** When the sessions of this agent came. */
  readonly #sinceMs = new Map<string, number>();
  /** When executions without a session were first seen. */
  readonly #unconnectedMs = new Map<string, number>();
  /** What was last said of the tasks that are left alone. */
  readonly #said = new Map<string, string>();
  readonly #onGot = new Set<(task: string) => void>();
  #nextLookMs = 0;
  #nextNoteMs = Number.POSITIVE_INFINITY;
  #noteAllowedMs = 0;
  #complaint = '';
  #retryMs = FIRST_RETRY_MS;
  #wake = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(options: ReviverOptions) {
    this.#options = options;
    this.#timing = { ...REVIVER_TIMING, ...options.timing };
  }

  /** To be called once the sockets are served. */
  start(): void {
    this.#loop = this.#run();
  }

  /** A session became a task's live one; the journal knows. */
  got(ids: SessionIds): void {
    this.#sinceMs.set(keyOf(ids), performance.now());
    for (const listener of this.#onGot) listener(ids.taskId);
    this.#nextNoteMs = Math.min(this.#nextNoteMs, Math.max(performance.now(), this.#noteAllowedMs));
    this.#wake.abort();
  }

  /** A live session is gone; the journal knows. */
  lost(ids: SessionIds): void {
    this.#sinceMs.delete(keyOf(ids));
    this.#lookWithin(this.#timing.graceMs);
  }

  /** Ends what was begun, as far as that takes no longer than a moment. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake.abort();
    const ended = async (): Promise<void> => {
      await this.#loop;
      await Promise.all(this.#atWork.values());
      // The next agent is to know which executions its sessions were of.
      if (this.#nextNoteMs < Number.POSITIVE_INFINITY) await this.#note().catch(() => undefined);
    };
    await Promise.race([ended(), timer(this.#timing.stopMs, undefined, { ref: false })]);
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#wake = new AbortController();
      try {
        if (this.#nextLookMs <= performance.now()) await this.#look();
        else if (this.#nextNoteMs <= performance.now()) await this.#note();
      } catch (error) {
        this.#complain(error);
      }
      await this.#rest();
    }
  }

  async #rest(): Promise<void> {
    const { signal } = this.#wake;
    const ms = Math.min(this.#nextLookMs, this.#nextNoteMs) - performance.now();
    if (ms <= 0 || this.#stopping.signal.aborted) return;
    await timer(ms, undefined, { signal }).catch(() => undefined);
  }

  #lookWithin(ms: number): void {
    this.#nextLookMs = Math.min(this.#nextLookMs, performance.now() + ms);
    this.#wake.abort();
  }

  #answers(): void {
    if (this.#complaint !== '')
      this.#options.log.info({ kapacitor: this.#options.api.place }, 'Kapacitor answers again');
    this.#complaint = '';
    this.#retryMs = FIRST_RETRY_MS;
  }

  #complain(error: unknown): void {
    const message = messageOf(error);
    if (message !== this.#complaint)
      this.#options.log.warn(
        { error: message },
        'Kapacitor cannot be asked: tasks that lost their UDF wait until it answers',
      );
    this.#complaint = message;
    const nextMs = performance.now() + this.#retryMs;
    this.#nextLookMs = nextMs;
    if (this.#nextNoteMs < nextMs) this.#nextNoteMs = nextMs;
    this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
  }

  /** Looks at every task once. */
  async #look(): Promise<void> {
    const { lookMs, firstLooksMs, settledMs } = this.#timing;
    const isSettled = performance.now() - this.#startedMs > settledMs;
    this.#nextLookMs = performance.now() + (isSettled ? lookMs : firstLooksMs);
    this.#takeOver();
    const tasks = await this.#options.api.tasks();
    this.#answers();
    const suspects = await this.#suspects(tasks);
    const isNeeded = suspects.some(({ isExecuting, id }) => isExecuting && this.#sessionsOf(id).some(isLost));
    const executions = isNeeded || this.#nextNoteMs <= performance.now() ? await this.#note() : [];
    for (const task of suspects) this.#treat(task, executions);
    this.#forgetTriesOfHeld();
  }

  /** Ends the steps of an `edge-detect revive` that did not. */
  #takeOver(): void {
    const { handJournalPath, journal } = this.#options;
    const writtenMs = statSync(handJournalPath, { throwIfNoEntry: false })?.mtimeMs;
    if (writtenMs === undefined || Date.now() - writtenMs < HAND_MS) return;
    for (const [task, modified] of readJournal(handJournalPath).steps) void journal.beginStep(task, modified);
    rmSync(handJournalPath);
  }

  /** The tasks that may have lost a UDF that is served here. */
  async #suspects(tasks: ReadonlyMap<string, Task>): Promise<Task[]> {
    const { api, journal, sockets } = this.#options;
    const { sessions, steps, tries } = journal.state;
    const known = [...sessions.values()];
    const ids = new Set([...steps.keys(), ...tries.keys()]);
    for (const session of known) if (!session.isLive) ids.add(session.taskId);
    for (const task of tasks.values()) if (isBlamed(task, known, sockets)) ids.add(task.id);
    const suspects: Task[] = [];
    for (const id of ids) {
      // A list in pages may skip one that is there.
      const task = tasks.get(id) ?? (await api.task(id));
      if (task === undefined) this.#forget(id);
      else suspects.push(task);
    }
    return suspects;
  }

  #treat(task: Task, executions: readonly NodeExecution[]): void {
    const { journal, sockets } = this.#options;
    const { id } = task;
    if (this.#atWork.has(id)) return;
    const sessions = this.#sessionsOf(id);
    const { condition, reason } = diagnose({
      task,
      step: journal.state.steps.get(id),
      isBlamed: isBlamed(task, [...journal.state.sessions.values()], sockets),
      sessions,
      executions: executions.filter((execution) => execution.task === id),
      unconnectedMs: (execution) => this.#unconnectedFor(execution),
    });
    switch (condition) {
      case 'dead':
      case 'half-way':
        this.#reviveWhenDue(id, condition === 'half-way', reason);
        return;
      case 'disabled':
        if (!sessions.some(({ isLive }) => isLive)) this.#forget(id);
        break;
      case 'live':
        journal.endStep(id);
        this.#forgetGoneNodes(sessions, executions);
        break;
      case 'elsewhere':
        this.#forget(id);
        break;
      case 'refused':
      case 'failed':
        this.#say(id, reason);
        return;
      case 'connecting':
      case 'stopping':
        break;
    }
    this.#said.delete(id);
  }

  /** A node that its task has no more, since somebody changed the script, will not come back. */
  #forgetGoneNodes(sessions: readonly KnownSession[], executions: readonly NodeExecution[]): void {
    for (const session of sessions) {
      const own = executions.filter(({ task }) => task === session.taskId);
      if (!session.isLive && own.length > 0 && !own.some(({ node }) => node === session.nodeId))
        this.#options.journal.forget(session);
    }
  }

  #say(task: string, reason: string): void {
    if (this.#said.get(task) === reason) return;
    this.#said.set(task, reason);
    this.#options.log.warn({ task, reason }, 'a task is not executing, and only a person can change that');
  }

  #unconnectedFor({ id }: NodeExecution): number {
    const nowMs = performance.now();
    const sinceMs = this.#unconnectedMs.get(id) ?? nowMs;
    this.#unconnectedMs.set(id, sinceMs);
    return nowMs - sinceMs;
  }

  #reviveWhenDue(id: string, isHalfWay: boolean, reason: string): void {
    const { journal, log, maxTries } = this.#options;
    const { firstPauseMs, longestPauseMs } = this.#timing;
    const { count, atMs, hasGivenUp } = journal.state.tries.get(id) ?? {
      count: 0,
      atMs: 0,
      hasGivenUp: false,
    };
    if (hasGivenUp || this.#stopping.signal.aborted) return;
    if (count >= maxTries) {
      journal.setTries(id, { count, atMs, hasGivenUp: true });
      log.error(
        { task: id, tries: count, reason },
        `a task is given up: see why, then disable and enable it (or run edge-detect revive ${id})`,
      );
      return;
    }
    const pauseMs = count === 0 ? 0 : Math.min(firstPauseMs * 2 ** (count - 1), longestPauseMs);
    // Where the clock was set back, the pause begins anew.
    const passedMs = Math.max(0, Date.now() - atMs);
    if (passedMs < pauseMs) {
      this.#lookWithin(pauseMs - passedMs);
      return;
    }
    // The others have their turn when one is done.
    if (this.#atWork.size >= MAX_AT_ONCE) return;
    journal.setTries(id, { count: count + 1, atMs: Date.now(), hasGivenUp: false });
    const work = this.#revive(id, isHalfWay, reason, count + 1).finally(() => {
      this.#atWork.delete(id);
      this.#lookWithin(0);
    });
    this.#atWork.set(id, work);
  }

  async #revive(id: string, isHalfWay: boolean, reason: string, attempt: number): Promise<void> {
    const { api, journal, knock, log } = this.#options;
    const startedMs = performance.now();
    let outcome: Outcome;
    try {
      outcome = await reviveTask(id, isHalfWay, {
        api,
        steps: journal,
        knock,
        isConnected: () => {
          const sessions = this.#sessionsOf(id);
          return sessions.length > 0 && !sessions.some(isLost);
        },
        whenConnected: () => this.#whenConnected(id),
      });
    } catch (error) {
      outcome = { result: 'failed', reason: messageOf(error) };
    }
    const fields = { task: id, reason, try: attempt, ms: Math.round(performance.now() - startedMs) };
    if (outcome.result === 'elsewhere') this.#forget(id);
    if (outcome.result === 'revived') log.info(fields, 'a task that lost its UDF was brought back');
    else if (outcome.result === 'left')
      log.info({ ...fields, reason: outcome.reason }, 'a task was left alone');
    else log.warn({ ...fields, error: outcome.reason }, 'a task that lost its UDF could not be brought back');
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
      const deadline = setTimeout(settle, this.#timing.connectMs, false);
      this.#onGot.add(onGot);
      if (this.#sessionsOf(task).some(({ isLive }) => isLive)) settle(true);
    });
  }

  /** Writes down of which executions the new sessions are, and returns what is executing. */
  async #note(): Promise<NodeExecution[]> {
    const { api, journal } = this.#options;
    this.#nextNoteMs = Number.POSITIVE_INFINITY;
    const startedMs = performance.now();
    // Those that come while Kapacitor answers may be of executions that began after it did.
    const fresh = [...journal.state.sessions.values()].filter(
      ({ isLive, executions }) => isLive && executions.length === 0,
    );
    let executions: NodeExecution[];
    try {
      executions = await api.executions();
    } catch (error) {
      this.#nextNoteMs = 0;
      throw error;
    }
    const nowMs = performance.now();
    this.#noteAllowedMs = nowMs + Math.max(NOTE_PAUSE_MS, NOTE_PAUSE_FACTOR * (nowMs - startedMs));
    for (const session of fresh) {
      const own = executions.filter(({ task, node }) => task === session.taskId && node === session.nodeId);
      journal.setExecutions(
        session,
        own.map(({ id }) => id),
      );
    }
    const ids = new Set(executions.map(({ id }) => id));
    for (const id of this.#unconnectedMs.keys()) if (!ids.has(id)) this.#unconnectedMs.delete(id);
    return executions;
  }

  #forgetTriesOfHeld(): void {
    const { journal } = this.#options;
    for (const task of journal.state.tries.keys()) {
      const sessions = this.#sessionsOf(task);
      const sinceMs = Math.max(
        ...sessions.map((session) => this.#sinceMs.get(keyOf(session)) ?? Number.POSITIVE_INFINITY),
      );
      if (sessions.length > 0 && performance.now() - sinceMs >= this.#timing.heldMs)
        journal.forgetTries(task);
    }
  }

  #forget(task: string): void {
    const { journal } = this.#options;
    for (const session of this.#sessionsOf(task)) if (!session.isLive) journal.forget(session);
    journal.endStep(task);
    journal.forgetTries(task);
  }

  #sessionsOf(task: string): KnownSession[] {
    return [...this.#options.journal.state.sessions.values()].filter(({ taskId }) => taskId === task);
  }
}

function isLost({ isLive }: KnownSession): boolean {
  return !isLive;
}
