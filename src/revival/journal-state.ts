// What a journal says: JSON, a record a line, appended as things happen, so that it survives a kill at any moment. Each
// record replaces the one before with the same kind and name:
//
//   {"kind":"agent","started":"…","uptimeMs":123,
//    "revives":true}                                  since when the sockets are served, by the clock on the wall and by how
//                                                     long the machine had been up; whether tasks are brought back
//   {"kind":"session","function","task","node",
//    "isLive":true,"executions":["…"],"since":"…"}    a node's session, which executions of the node it may be of, and
//                                                     since when it was there
//   {"kind":"session","function","task","node"}       nothing is known any more
//   {"kind":"step","task","modified":"…"}             disabled here and not yet enabled again; as it was modified by that
//   {"kind":"step","task"}                            done
//   {"kind":"tries","task","count":2,"at":"…",
//    "hasGivenUp":false}                              how often it was brought back, and when last
//   {"kind":"tries","task"}                           it has held since
//
// What is cut short or makes no sense is left out.

/** So many sessions that ended are remembered, steps, and tries; the oldest go first. */
const MAX_REMEMBERED = 10_000;
/** Nobody was ever brought back so often: whoever wrote that wants a task to stay dead. */
const MAX_TRIES = 1_000_000;
/** A node has one execution at a time; there are more where nobody could tell which is meant. */
const MAX_EXECUTIONS = 100;

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

/** A journal's state, to be read only. */
export interface JournalContent {
  /** Since when the sockets are served, in milliseconds since the epoch. */
  readonly startedMs: number | undefined;
  /** How long the machine had been up then, which nobody sets, in milliseconds. */
  readonly startedUptimeMs: number | undefined;
  /** Whether the agent brings tasks back. */
  readonly revives: boolean;
  readonly sessions: ReadonlyMap<string, KnownSession>;
  /** When they came, by the same keys, in milliseconds since the epoch; missing where nobody wrote it down. */
  readonly cameMs: ReadonlyMap<string, number>;
  /** By task: what `modified` was after Kapacitor was told to disable it; empty where the answer never came. */
  readonly steps: ReadonlyMap<string, string>;
  readonly tries: ReadonlyMap<string, Tries>;
}

type Fields = Partial<Record<string, unknown>>;

/** Everything that a journal says. */
export class JournalState implements JournalContent {
  startedMs: number | undefined;
  startedUptimeMs: number | undefined;
  revives = false;
  readonly sessions = new Map<string, KnownSession>();
  readonly cameMs = new Map<string, number>();
  readonly steps = new Map<string, string>();
  readonly tries = new Map<string, Tries>();
  /** How many of the sessions have ended. */
  #lost = 0;

  /** The records that say all this. */
  *records(): Generator<object> {
    if (this.startedMs !== undefined) yield agentRecord(this.startedMs, this.startedUptimeMs, this.revives);
    for (const [key, session] of this.sessions) yield sessionRecord(session, this.cameMs.get(key));
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
    const { kind, function: functionName, task, node, ...rest }: Fields = { ...record };
    if (kind === 'agent') {
      this.startedMs = timeOf(rest.started);
      this.startedUptimeMs = typeof rest.uptimeMs === 'number' ? rest.uptimeMs : undefined;
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
        this.steps.delete(task);
        if (typeof rest.modified === 'string') this.steps.set(task, rest.modified);
        return true;
      case 'tries':
        this.#readTries(task, rest);
        return true;
      default:
        return false;
    }
  }

  /** The agent that wrote this is gone, and so are its sessions; nobody knows how much it wrote. */
  endSessions(): void {
    for (const [key, session] of this.sessions) this.sessions.set(key, { ...session, isLive: false });
    this.#lost = this.sessions.size;
    for (const map of [this.steps, this.tries])
      for (const key of [...map.keys()].slice(0, -MAX_REMEMBERED)) map.delete(key);
  }

  /** The last one changed stands last. @returns the oldest of those that ended, where there are too many to remember */
  setSession(session: KnownSession): KnownSession | undefined {
    const key = keyOf(session);
    this.deleteSession(key);
    this.sessions.set(key, session);
    if (!isLost(session)) return undefined;
    this.#lost++;
    return this.#lost > MAX_REMEMBERED ? this.#oldestLost() : undefined;
  }

  #oldestLost(): KnownSession | undefined {
    for (const session of this.sessions.values()) if (isLost(session)) return session;
    return undefined;
  }

  /** @returns whether it was there */
  deleteSession(key: string): boolean {
    const session = this.sessions.get(key);
    if (session !== undefined && isLost(session)) this.#lost--;
    return this.sessions.delete(key);
  }

  #readSession(ids: SessionIds, { isLive, executions, since }: Fields): void {
    const key = keyOf(ids);
    this.deleteSession(key);
    this.cameMs.delete(key);
    if (typeof isLive !== 'boolean' || !Array.isArray(executions)) return;
    this.setSession({
      ...ids,
      isLive,
      executions: executions.filter((id) => typeof id === 'string').slice(0, MAX_EXECUTIONS),
    });
    const cameMs = timeOf(since);
    if (cameMs !== undefined) this.cameMs.set(key, cameMs);
  }

  #readTries(task: string, { count, at, hasGivenUp }: Fields): void {
    this.tries.delete(task);
    const atMs = timeOf(at);
    if (typeof count !== 'number' || !Number.isInteger(count) || count < 0 || count > MAX_TRIES) return;
    if (atMs === undefined) return;
    this.tries.set(task, { count, atMs, hasGivenUp: hasGivenUp === true });
  }
}

export function isLost({ isLive }: KnownSession): boolean {
  return !isLive;
}

export function keyOf({ functionName, taskId, nodeId }: SessionIds): string {
  return JSON.stringify([functionName, taskId, nodeId]);
}

export function agentRecord(startedMs: number, uptimeMs: number | undefined, revives: boolean): object {
  return { kind: 'agent', started: new Date(startedMs).toISOString(), uptimeMs, revives };
}

export function sessionRecord(session: KnownSession, cameMs: number | undefined): object {
  const { functionName, taskId, nodeId, isLive, executions } = session;
  const record = { kind: 'session', function: functionName, task: taskId, node: nodeId, isLive, executions };
  return cameMs === undefined ? record : { ...record, since: new Date(cameMs).toISOString() };
}

export function triesRecord(task: string, { count, atMs, hasGivenUp }: Tries): object {
  return { kind: 'tries', task, count, at: new Date(atMs).toISOString(), hasGivenUp };
}

function timeOf(text: unknown): number | undefined {
  const ms = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
