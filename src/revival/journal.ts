import { uptime } from 'node:os';
import { messageOf } from '../errors.ts';
import { RecordFile, readLines } from './journal-file.ts';
import {
  agentRecord,
  type JournalContent,
  JournalState,
  type KnownSession,
  keyOf,
  type SessionIds,
  sessionRecord,
  type Tries,
  triesRecord,
} from './journal-state.ts';

/** The file is written anew once it has so many records more than things to say. */
const SPARE_RECORDS = 2_000;

/**
 * What the journal at a path says; nothing where there is none.
 * @throws Error where it can't be read
 */
export function readJournal(path: string): JournalContent {
  return readState(path).state;
}

function readState(path: string): { state: JournalState; isCut: boolean } {
  const state = new JournalState();
  const { lines = [], isCut = false } = readLines(path) ?? {};
  for (const line of lines) state.read(line);
  return { state, isCut };
}

/**
 * The journal as its one owner keeps it. It is opened at the first use; the sessions that were live when the one
 * before ended are lost then. Where it can't be written the agent goes on, and the next record tries again.
 */
export class Journal {
  readonly #path: string;
  readonly #file: RecordFile;
  readonly #onProblem: (message: string) => void;
  #state: JournalState | undefined;
  #isClosed = false;
  #hasFailed = false;

  /** @param onProblem told once when it can't be read, or can't be written any more */
  constructor(path: string, onProblem: (message: string) => void) {
    this.#path = path;
    this.#file = new RecordFile(path);
    this.#onProblem = onProblem;
  }

  /** What it says now. */
  get state(): JournalContent {
    return this.#open();
  }

  /** Says that the sockets are served from now on. */
  start(nowMs: number, revives: boolean): void {
    const state = this.#open();
    state.startedMs = nowMs;
    state.startedUptimeMs = uptime() * 1000;
    state.revives = revives;
    this.#append(agentRecord(nowMs, state.startedUptimeMs, revives));
  }

  got(ids: SessionIds): void {
    this.#open().cameMs.set(keyOf(ids), Date.now());
    this.#setSession({ ...ids, isLive: true, executions: [] });
  }

  lost(ids: SessionIds): void {
    const before = this.#open().sessions.get(keyOf(ids));
    this.#setSession({ ...ids, isLive: false, executions: before?.executions ?? [] });
  }

  /** Says which executions a session may belong to. */
  setExecutions(session: KnownSession, executions: readonly string[]): void {
    const before = this.#open().sessions.get(keyOf(session));
    if (before === undefined || before.executions.join() === executions.join()) return;
    this.#setSession({ ...before, executions });
  }

  forget(ids: SessionIds): void {
    const state = this.#open();
    const key = keyOf(ids);
    state.cameMs.delete(key);
    if (!state.deleteSession(key)) return;
    this.#append({ kind: 'session', function: ids.functionName, task: ids.taskId, node: ids.nodeId });
  }

  /**
   * Says that a task is being disabled and must be enabled again, before Kapacitor is told to. Resolves when that lies
   * on the disk, where no loss of power can undo it.
   * @param modified what the task's `modified` is since; empty as long as there is no answer
   */
  beginStep(task: string, modified: string): Promise<void> {
    this.#open().steps.set(task, modified);
    this.#append({ kind: 'step', task, modified });
    return this.#file.synced();
  }

  endStep(task: string): void {
    if (this.#open().steps.delete(task)) this.#append({ kind: 'step', task });
  }

  setTries(task: string, tries: Tries): void {
    this.#open().tries.set(task, tries);
    this.#append(triesRecord(task, tries));
  }

  forgetTries(task: string): void {
    if (this.#open().tries.delete(task)) this.#append({ kind: 'tries', task });
  }

  /** Looks whether the file is as it was left, and writes it anew where it is not: a kill may come at any moment. */
  look(): void {
    if (this.#state !== undefined && !this.#isClosed && !this.#file.isIntact) this.#write(this.#state);
  }

  /** Nothing is written any more. */
  close(): void {
    this.#file.close();
    this.#isClosed = true;
  }

  #setSession(session: KnownSession): void {
    const state = this.#open();
    const superfluous = state.setSession(session);
    if (superfluous !== undefined) this.forget(superfluous);
    this.#append(sessionRecord(session, state.cameMs.get(keyOf(session))));
  }

  #open(): JournalState {
    if (this.#state !== undefined) return this.#state;
    let state = new JournalState();
    try {
      const read = readState(this.#path);
      state = read.state;
      if (read.isCut)
        this.#onProblem(
          `the journal ${this.#path} is longer than it can be: only its end was read, and it is written anew`,
        );
    } catch (error) {
      this.#onProblem(`the journal ${this.#path} can't be read: ${messageOf(error)}`);
    }
    state.endSessions();
    this.#state = state;
    this.#write(state);
    return state;
  }

  #append(record: object): void {
    if (this.#isClosed) return;
    const state = this.#open();
    if (!this.#file.isIntact || this.#file.records > state.size + SPARE_RECORDS) {
      this.#write(state);
      return;
    }
    try {
      this.#file.append(record);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Writes a file anew that holds no more than there is to say. */
  #write(state: JournalState): void {
    try {
      // All else is worth nothing after a loss of power: Kapacitor starts anew as well.
      this.#file.write(state.records(), state.steps.size > 0);
      this.#hasFailed = false;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The record is missing from the file, so the next one writes all of it. */
  #fail(error: unknown): void {
    this.#file.close();
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#onProblem(
      `the journal ${this.#path} can't be written: ${messageOf(error)}; after a restart the tasks of now may come back late`,
    );
  }
}
