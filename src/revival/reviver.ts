import { rmSync, statSync } from 'node:fs';
import { setTimeout as timer } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import { ApiError, type KapacitorApi, type NodeExecution, type Task } from '../kapacitor/api.ts';
import { Attempts } from './attempts.ts';
import { type Diagnosis, isToBringBack } from './diagnosis.ts';
import { ExecutionNotes } from './executions.ts';
import { type Journal, readJournal } from './journal.ts';
import { isLost, type KnownSession, keyOf, type SessionIds } from './journal-state.ts';
import { Judge, type Observations } from './judge.ts';
import type { Outcome } from './revival.ts';
import { TasksAtWork } from './tasks-at-work.ts';
import { REVIVER_TIMING, type ReviverTiming } from './timing.ts';

export interface ReviverLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

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
  /** Told what came of a try. */
  readonly onTried?: ((isRevived: boolean) => void) | undefined;
}

/**
 * Brings back the tasks that lost their session, for as long as the agent serves. It learns from the agent which
 * sessions come and go, and from Kapacitor what it makes of the tasks.
 */
export class Reviver {
  readonly #options: ReviverOptions;
  readonly #timing: ReviverTiming;
  readonly #attempts: Attempts;
  readonly #notes: ExecutionNotes;
  readonly #atWork: TasksAtWork;
  readonly #stopping = new AbortController();
  readonly #startedMs = performance.now();
  /** When the sessions of this agent came. */
  readonly #sinceMs = new Map<string, number>();
  /** What was last said of the tasks that are left alone. */
  readonly #said = new Map<string, string>();
  /** The journal of an `edge-detect revive`: when it was written, and since when nothing has been. */
  #hand = { writtenMs: 0, seenMs: 0 };
  #nextLookMs = 0;
  #complaint = '';
  #retryMs = FIRST_RETRY_MS;
  #wake = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(options: ReviverOptions) {
    const { api, journal, knock, maxTries } = options;
    const timing = { ...REVIVER_TIMING, ...options.timing };
    this.#options = options;
    this.#timing = timing;
    this.#attempts = new Attempts({ journal, maxTries, timing });
    this.#notes = new ExecutionNotes({ api, journal, onProblem: (error) => this.#complain(error) });
    this.#atWork = new TasksAtWork({
      api,
      journal,
      knock,
      connectMs: timing.connectMs,
      onStarted: (task) => this.#notes.started(task),
    });
  }

  /** To be called once the sockets are served. */
  start(): void {
    this.#loop = this.#run();
  }

  /** A session became a task's live one; the journal knows. */
  got(ids: SessionIds): void {
    this.#sinceMs.set(keyOf(ids), performance.now());
    this.#notes.got(ids);
    this.#atWork.got(ids.taskId);
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
      await this.#atWork.ended();
      await this.#notes.stop();
    };
    await Promise.race([ended(), timer(this.#timing.stopMs, undefined, { ref: false })]);
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#wake = new AbortController();
      try {
        if (this.#nextLookMs <= performance.now()) await this.#look();
      } catch (error) {
        this.#nextLookMs = performance.now() + this.#complain(error);
      }
      await this.#rest();
    }
  }

  async #rest(): Promise<void> {
    const { signal } = this.#wake;
    const ms = this.#nextLookMs - performance.now();
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

  /** Says once that Kapacitor can't be asked. @returns how long to wait before it is asked again, in milliseconds */
  #complain(error: unknown): number {
    const message = messageOf(error);
    const isCold = performance.now() - this.#startedMs < this.#timing.coldStartMs && isAway(error);
    // Said as news first, and as a warning if it lasts.
    const complaint = isCold ? `${message} (yet)` : message;
    if (isCold && complaint !== this.#complaint)
      this.#options.log.info({ error: message }, 'Kapacitor does not answer yet');
    else if (complaint !== this.#complaint)
      this.#options.log.warn(
        { error: message },
        'Kapacitor cannot be asked: tasks that lost their UDF wait until it answers',
      );
    this.#complaint = complaint;
    const waitMs = this.#retryMs;
    this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
    return waitMs;
  }

  /** Looks at every task once. */
  async #look(): Promise<void> {
    const { lookMs, firstLooksMs, settledMs } = this.#timing;
    const { api, journal, sockets } = this.#options;
    const isSettled = performance.now() - this.#startedMs > settledMs;
    this.#nextLookMs = performance.now() + (isSettled ? lookMs : firstLooksMs);
    this.#takeOver();
    const tasks = await api.tasks();
    this.#answers();
    const suspects = await this.#suspects(tasks);
    const before = new Judge(journal.state, sockets);
    const executions = suspects.some((task) => before.needsExecutions(task)) ? await this.#notes.take() : [];
    const kapacitorSinceMs = suspects.some((task) => before.needsStart(task))
      ? await api.runningSinceMs()
      : undefined;
    // While Kapacitor answered, sessions may have come and gone.
    const judge = new Judge(journal.state, sockets);
    const unconnectedMs = (_: Task, execution: NodeExecution): number => this.#notes.unconnectedMs(execution);
    for (const task of suspects) this.#treat(task, judge, { executions, kapacitorSinceMs, unconnectedMs });
    this.#forgetTriesOfHeld();
  }

  /** Ends the steps of an `edge-detect revive` that did not. */
  #takeOver(): void {
    const { handJournalPath, journal } = this.#options;
    const writtenMs = statSync(handJournalPath, { throwIfNoEntry: false })?.mtimeMs;
    if (writtenMs === undefined) return;
    if (writtenMs !== this.#hand.writtenMs) this.#hand = { writtenMs, seenMs: performance.now() };
    // Either clock will do: the one on the wall knows of the time before this agent, but may have been set back.
    const isAtWork = Date.now() - writtenMs < HAND_MS && performance.now() - this.#hand.seenMs < HAND_MS;
    if (isAtWork) return;
    for (const [task, modified] of readJournal(handJournalPath).steps) void journal.beginStep(task, modified);
    rmSync(handJournalPath);
  }

  /** The tasks that may have lost a UDF that is served here. */
  async #suspects(tasks: ReadonlyMap<string, Task>): Promise<Task[]> {
    const { api, journal, sockets } = this.#options;
    const ids = new Judge(journal.state, sockets).suspects(tasks.values());
    for (const id of journal.state.tries.keys()) ids.add(id);
    const suspects: Task[] = [];
    for (const id of ids) {
      // A list in pages may skip one that is there.
      const task = tasks.get(id) ?? (await api.task(id));
      if (task === undefined) this.#forget(id);
      else suspects.push(task);
    }
    return suspects;
  }

  #treat(task: Task, judge: Judge, observations: Observations): void {
    const { journal } = this.#options;
    const { id } = task;
    if (this.#atWork.has(id)) return;
    const sessions = judge.sessionsOf(id);
    const { condition, reason } = judge.diagnose(task, observations);
    if (isToBringBack(condition)) {
      this.#reviveWhenDue(id, condition, reason);
      return;
    }
    switch (condition) {
      case 'disabled':
        if (sessions.every(isLost)) this.#forget(id);
        break;
      case 'live':
        journal.endStep(id);
        this.#forgetGoneNodes(sessions, observations.executions);
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
      if (isLost(session) && own.length > 0 && !own.some(({ node }) => node === session.nodeId))
        this.#options.journal.forget(session);
    }
  }

  #say(task: string, reason: string): void {
    if (this.#said.get(task) === reason) return;
    this.#said.set(task, reason);
    this.#options.log.warn({ task, reason }, 'a task is not executing, and only a person can change that');
  }

  #reviveWhenDue(id: string, condition: Diagnosis['condition'], reason: string): void {
    if (this.#stopping.signal.aborted) return;
    if (this.#attempts.isToGiveUp(id)) this.#giveUp(id, reason);
    const waitMs = this.#attempts.waitMs(id);
    if (waitMs > 0) {
      this.#lookWithin(waitMs);
      return;
    }
    // A person may be at it, as the log says that one is needed.
    if (this.#atWork.isFull || (this.#attempts.hasGivenUp(id) && this.#isHandAtWork)) return;
    const attempt = this.#attempts.begin(id);
    this.#atWork.start(id, condition === 'half-way', (outcome, ms) => {
      this.#notes.settled(id);
      this.#report(outcome, { task: id, reason, try: attempt, ms });
      this.#lookWithin(0);
    });
  }

  get #isHandAtWork(): boolean {
    return statSync(this.#options.handJournalPath, { throwIfNoEntry: false }) !== undefined;
  }

  #giveUp(id: string, reason: string): void {
    const tries = this.#attempts.giveUp(id);
    const minutes = Math.ceil(this.#timing.stableMs / 60_000);
    this.#options.log.error(
      { task: id, tries, reason },
      `a task is given up: see why, then disable and enable it (or run edge-detect revive ${id}); once the agent has run for ${minutes} minutes it is tried now and then`,
    );
  }

  #report({ reason, result }: Outcome, fields: Readonly<Record<string, unknown>> & { task: string }): void {
    const { log } = this.#options;
    if (result === 'elsewhere') this.#forget(fields.task);
    if (result === 'revived' || result === 'failed') this.#options.onTried?.(result === 'revived');
    if (result === 'revived') log.info(fields, 'a task that lost its UDF was brought back');
    else if (result === 'left') log.info({ ...fields, reason }, 'a task was left alone');
    else log.warn({ ...fields, error: reason }, 'a task that lost its UDF could not be brought back');
  }

  #forgetTriesOfHeld(): void {
    const { state } = this.#options.journal;
    for (const task of state.tries.keys()) {
      const sessions = this.#sessionsOf(task);
      const sinceMs = Math.max(
        ...sessions.map((session) => this.#sinceMs.get(keyOf(session)) ?? Number.POSITIVE_INFINITY),
      );
      if (sessions.length > 0 && performance.now() - sinceMs >= this.#timing.heldMs)
        this.#attempts.forget(task);
    }
  }

  #forget(task: string): void {
    const { journal } = this.#options;
    for (const session of this.#sessionsOf(task)) if (isLost(session)) journal.forget(session);
    journal.endStep(task);
    this.#attempts.forget(task);
  }

  #sessionsOf(task: string): KnownSession[] {
    return [...this.#options.journal.state.sessions.values()].filter(({ taskId }) => taskId === task);
  }
}

/** Whether nobody answered at all: a refusal is none that goes away by itself. */
function isAway(error: unknown): boolean {
  return error instanceof ApiError && error.status === undefined;
}
