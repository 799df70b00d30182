/** A session that was not heard from for longer than this no longer counts as live. */
const LIVE_MS = 30_000;

/** What identifies the node of a task; a replay comes with those of the live task. */
export interface NodeIds {
  readonly functionName: string;
  readonly taskId: string;
  readonly nodeId: string;
}

/** The part of a session that the others need to know; it may live in another process. */
export interface LiveSession {
  /** For how long nothing was heard from it, in milliseconds. */
  silentMs(): number | Promise<number>;
}

/**
 * Tells live tasks from replays: the first session of a node is the live one, another one with the same ids meanwhile
 * is a replay.
 */
export interface LiveSessions {
  /** @returns whether the session is now the node's live one; false for a replay */
  claim(ids: NodeIds, session: LiveSession): boolean | Promise<boolean>;
  /** The session has ended, or was half-closed. */
  release(ids: NodeIds, session: LiveSession): void;
}

/** Learns which nodes have a live session. It must not throw. */
export interface SessionWatch {
  /** A session became the node's live one. */
  got(ids: NodeIds): void;
  /** The node has none any more. */
  lost(ids: NodeIds): void;
}

/** The live sessions of an agent, kept in one process: the only one, or the primary of several. */
export class LiveSessionTable implements LiveSessions {
  readonly #live = new Map<string, LiveSession>();
  readonly #watch: SessionWatch | undefined;

  constructor(watch?: SessionWatch) {
    this.#watch = watch;
  }

  claim(ids: NodeIds, session: LiveSession): boolean | Promise<boolean> {
    const key = keyOf(ids);
    const holder = this.#live.get(key);
    if (holder === undefined) {
      this.#hold(ids, session);
      return true;
    }
    const silentMs = holder.silentMs();
    return typeof silentMs === 'number'
      ? this.#decide(ids, holder, session, silentMs)
      : silentMs.then((ms) => this.#decide(ids, holder, session, ms));
  }

  release(ids: NodeIds, session: LiveSession): void {
    const key = keyOf(ids);
    if (this.#live.get(key) !== session) return;
    this.#live.delete(key);
    this.#watch?.lost(ids);
  }

  #decide(ids: NodeIds, asked: LiveSession, session: LiveSession, silentMs: number): boolean {
    const holder = this.#live.get(keyOf(ids));
    // While the answer was on its way the holder may have gone, or somebody else have come first.
    const isFree = holder === undefined || (holder === asked && silentMs > LIVE_MS);
    if (isFree) this.#hold(ids, session);
    return isFree;
  }

  #hold(ids: NodeIds, session: LiveSession): void {
    this.#live.set(keyOf(ids), session);
    this.#watch?.got(ids);
  }
}

function keyOf(ids: NodeIds): string {
  return JSON.stringify([ids.functionName, ids.taskId, ids.nodeId]);
}
