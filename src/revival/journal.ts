import {
  closeSync,
  existsSync,
  fsync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { codeOf, messageOf } from '../errors.ts';

// The journal: JSON, a record a line, appended as things happen, so that it survives a kill at any moment. Each record
// replaces the one before with the same kind and name:
//
//   {"kind":"agent","started":"…","revives":true}     since when the sockets are served; whether tasks are brought back
//   {"kind":"session","function","task","node",
//    "isLive":true,"executions":["…"]}                a node's session, and which executions of the node it may be of
//   {"kind":"session","function","task","node"}       nothing is known any more
//   {"kind":"step","task","modified":"…"}             disabled here and not yet enabled again; as it was modified by that
//   {"kind":"step","task"}                            done
//   {"kind":"tries","task","count":2,"at":"…",
//    "hasGivenUp":false}                              how often it was brought back, and when last
//   {"kind":"tries","task"}                           it has held since
//
// What is cut short or makes no sense is left out.

/** Sessions that ended are remembered, but no more than so many; the oldest go first. */
const MAX_LOST = 10_000;
/** The file is written anew once it has so many records more than things to say. */
const SPARE_RECORDS = 2_000;

/** What identifies a session: a node of a task, and the function whose socket it came to. */
export interface SessionIds {
  readonly functionName: string;
  readonly taskId: string;
  readonly nodeId: string;
}

export interface KnownSession extends SessionIds {
  /** Whether it is connected; in a journal that was just read, whether it was when the agent ended. */
  readonly isLive: boolean;
  /** The ids of the executions that it may belong to; none where that could not be found out. */
  readonly executions: readonly string[];
}

export interface Tries {
  readonly count: number;
  /** When the last one was, in milliseconds since the epoch. */
  readonly atMs: number;
  readonly hasGivenUp: boolean;
}

/** Everything that a journal says. */
export class JournalState {
  /** Since when the sockets are served, in milliseconds since the epoch. */
  startedMs: number | undefined;
  /** Whether the agent brings tasks back. */
  revives = false;
  readonly sessions = new Map<string, KnownSession>();
  /** By task: what `modified` was after Kapacitor was told to disable it; empty where the answer never came. */
  readonly steps = new Map<string, string>();
  readonly tries = new Map<string, Tries>();

  /** The records that say all this. */
  *records(): Generator<object> {
    if (this.startedMs !== undefined) yield agentRecord(this.startedMs, this.revives);
    for (const session of this.sessions.values()) yield sessionRecord(session);
    for (const [task, modified] of this.steps) yield { kind: 'step', task, modified };
    for (const [task, tries] of this.tries) yield triesRecord(task, tries);
  }

  get size(): number {
    return this.sessions.size + this.steps.size + this.tries.size;
  }

  /** Takes up one line of a file. @returns whether it made sense */
  read(line: string): boolean {
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch {
      return false;
    }
    if (typeof record !== 'object' || record === null) return false;
    const {
      kind,
      function: functionName,
      task,
      node,
      ...rest
    }: Partial<Record<string, unknown>> = { ...record };
    if (kind === 'agent') {
      this.startedMs = timeOf(rest.started);
      this.revives = rest.revives === true;
      return true;
    }
    if (typeof task !== 'string') return false;
    switch (kind) {
      case 'session':
        if (typeof functionName !== 'string' || typeof node !== 'string') return false;
        this.#readSession({ functionName, taskId: task, nodeId: node }, rest);
        return true;
      case 'step':
        if (typeof rest.modified === 'string') this.steps.set(task, rest.modified);
        else this.steps.delete(task);
        return true;
      case 'tries':
        this.#readTries(task, rest);
        return true;
      default:
        return false;
    }
  }

  #readSession(ids: SessionIds, { isLive, executions }: Partial<Record<string, unknown>>): void {
    const key = keyOf(ids);
    this.sessions.delete(key);
    if (typeof isLive !== 'boolean' || !Array.isArray(executions)) return;
    this.sessions.set(key, {
      ...ids,
      isLive,
      executions: executions.filter((id) => typeof id === 'string'),
    });
  }

  #readTries(task: string, { count, at, hasGivenUp }: Partial<Record<string, unknown>>): void {
    this.tries.delete(task);
    const atMs = timeOf(at);
    if (typeof count !== 'number' || atMs === undefined) return;
    this.tries.set(task, { count, atMs, hasGivenUp: hasGivenUp === true });
  }
}

/** A journal's state, to be read only. */
export interface JournalContent {
  readonly startedMs: number | undefined;
  readonly revives: boolean;
  readonly sessions: ReadonlyMap<string, KnownSession>;
  readonly steps: ReadonlyMap<string, string>;
  readonly tries: ReadonlyMap<string, Tries>;
}

/** What the journal at a path says; nothing where there is none. */
export function readJournal(path: string): JournalContent {
  return readState(path);
}

function readState(path: string): JournalState {
  const state = new JournalState();
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return state;
    throw error;
  }
  for (const line of text.split('\n')) state.read(line);
  return state;
}

/**
 * The journal as its one owner keeps it. It is opened at the first use; the sessions that were live when the one
 * before ended are lost then. Where it can't be written the agent goes on, and the next record tries again.
 */
export class Journal {
  readonly #path: string;
  readonly #onProblem: (message: string) => void;
  #state: JournalState | undefined;
  #file: number | undefined;
  #records = 0;
  #isClosed = false;
  #hasFailed = false;

  /** @param onProblem told once when it can't be read, or can't be written any more */
  constructor(path: string, onProblem: (message: string) => void) {
    this.#path = path;
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
    state.revives = revives;
    this.#append(agentRecord(nowMs, revives));
  }

  got(ids: SessionIds): void {
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
    if (!this.#open().sessions.delete(keyOf(ids))) return;
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
    const file = this.#file;
    if (file === undefined) return Promise.resolve();
    // A file that was written anew meanwhile is on the disk: see #write.
    return new Promise((resolve) => fsync(file, () => resolve()));
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

  /** Nothing is written any more. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#isClosed = true;
  }

  #setSession(session: KnownSession): void {
    const { sessions } = this.#open();
    const key = keyOf(session);
    // The last one changed stands last.
    sessions.delete(key);
    sessions.set(key, session);
    if (!session.isLive) this.#dropOldest(sessions);
    this.#append(sessionRecord(session));
  }

  #dropOldest(sessions: Map<string, KnownSession>): void {
    if (sessions.size <= MAX_LOST) return;
    let lost = 0;
    let oldest: KnownSession | undefined;
    for (const session of sessions.values()) {
      if (session.isLive) continue;
      oldest ??= session;
      lost++;
    }
    if (lost > MAX_LOST && oldest !== undefined) this.forget(oldest);
  }

  #open(): JournalState {
    if (this.#state !== undefined) return this.#state;
    let state: JournalState;
    try {
      state = readState(this.#path);
    } catch (error) {
      state = new JournalState();
      this.#onProblem(`the journal ${this.#path} can't be read: ${messageOf(error)}`);
    }
    for (const [key, session] of state.sessions) state.sessions.set(key, { ...session, isLive: false });
    this.#state = state;
    this.#write(state);
    return state;
  }

  #append(record: object): void {
    if (this.#isClosed) return;
    const state = this.#open();
    // Somebody may clean up the folder.
    if (!existsSync(this.#path) || this.#file === undefined || this.#records > state.size + SPARE_RECORDS) {
      this.#write(state);
      return;
    }
    try {
      writeAll(this.#file, `${JSON.stringify(record)}\n`);
      this.#records++;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Writes a file anew that holds no more than there is to say. */
  #write(state: JournalState): void {
    const path = `${this.#path}.new`;
    let file: number | undefined;
    try {
      rmSync(path, { force: true });
      // Never through a link that somebody put there.
      file = openSync(path, 'ax', 0o640);
      const lines = [...state.records()].map((record) => `${JSON.stringify(record)}\n`);
      writeAll(file, lines.join(''));
      // All else is worth nothing after a loss of power: Kapacitor starts anew as well.
      if (state.steps.size > 0) fsyncSync(file);
      renameSync(path, this.#path);
    } catch (error) {
      if (file !== undefined) closeSync(file);
      this.#fail(error);
      return;
    }
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = file;
    this.#records = state.size;
    this.#hasFailed = false;
  }

  /** The record is missing from the file, so the next one writes all of it. */
  #fail(error: unknown): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#onProblem(
      `the journal ${this.#path} can't be written: ${messageOf(error)}; after a restart the tasks of now may come back late`,
    );
  }
}

/** A full disk may take a part only. */
function writeAll(file: number, text: string): void {
  const bytes = Buffer.from(text);
  if (writeSync(file, bytes) < bytes.length) throw new Error('no space left');
}

export function keyOf({ functionName, taskId, nodeId }: SessionIds): string {
  return JSON.stringify([functionName, taskId, nodeId]);
}

function agentRecord(startedMs: number, revives: boolean): object {
  return { kind: 'agent', started: new Date(startedMs).toISOString(), revives };
}

function sessionRecord({ functionName, taskId, nodeId, isLive, executions }: KnownSession): object {
  return { kind: 'session', function: functionName, task: taskId, node: nodeId, isLive, executions };
}

function triesRecord(task: string, { count, atMs, hasGivenUp }: Tries): object {
  return { kind: 'tries', task, count, at: new Date(atMs).toISOString(), hasGivenUp };
}

function timeOf(text: unknown): number | undefined {
  const ms = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
