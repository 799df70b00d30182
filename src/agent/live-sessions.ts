/** A session that was not heard from for longer than this no longer counts as live. */
const LIVE_MS = 30_000;

/** What identifies the node of a task; a replay comes with those of the live task. */
export interface NodeIds {
  readonly functionName: string;
  readonly taskId: string;
  readonly nodeId: string;
}

/** The part of a session that the others need to know. */
export interface LiveSession {
  /** When it last sent anything, on the machine's monotonic clock in milliseconds. */
  readonly lastHeardMs: number;
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

/** The sessions of this process. */
export class LocalLiveSessions implements LiveSessions {
  readonly #live = new Map<string, LiveSession>();
  readonly #clockMs: () => number;

  constructor(clockMs: () => number) {
    this.#clockMs = clockMs;
  }

  claim(ids: NodeIds, session: LiveSession): boolean {
    const key = keyOf(ids);
    const holder = this.#live.get(key);
    if (holder !== undefined && this.#clockMs() - holder.lastHeardMs <= LIVE_MS) return false;
    this.#live.set(key, session);
    return true;
  }

  release(ids: NodeIds, session: LiveSession): void {
    const key = keyOf(ids);
    if (this.#live.get(key) === session) this.#live.delete(key);
  }
}

function keyOf(ids: NodeIds): string {
  return JSON.stringify([ids.functionName, ids.taskId, ids.nodeId]);
}
