import { LocalLiveSessions } from './live-sessions.ts';
import { openSockets, type ServedFunction, Sessions, type SocketOptions } from './server.ts';
import type { SessionLog } from './session.ts';

/** The agent's log; `child` is the log of one function's connections. */
export interface AgentLog extends SessionLog {
  child(fields: Readonly<Record<string, unknown>>): SessionLog;
}

export interface AgentOptions extends Omit<SocketOptions, 'onAcceptError'> {
  readonly functions: readonly ServedFunction[];
  /** Longer frames are refused, and longer snapshots not sent. */
  readonly maxFrameBytes: number;
  /** Groups that a node may keep unless its TICKscript says otherwise. */
  readonly maxGroups: number;
  readonly log: AgentLog;
}

export interface Agent {
  /** Answers what was read, closes the connections and removes the sockets. */
  stop(): Promise<void>;
  /** Ends at once: what is not answered stays so. */
  abort(): void;
}

const clockMs = (): number => performance.now();

/**
 * Serves functions on their sockets, in this process.
 * @throws OperationError naming the socket that could not be opened; none is left open then
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { log } = options;
  const sessions = new Sessions(
    {
      maxFrameBytes: options.maxFrameBytes,
      limits: { maxGroups: options.maxGroups },
      live: new LocalLiveSessions(clockMs),
      clockMs,
    },
    (served) => log.child({ function: served.function.name }),
  );
  const close = await openSockets(
    options.functions,
    {
      mode: options.mode,
      groupId: options.groupId,
      onAcceptError: (error, path) =>
        log.error({ socket: path, error: error.message }, 'a connection could not be accepted'),
    },
    sessions.accept,
  );
  for (const { function: fn, path } of options.functions)
    log.info({ function: fn.name, socket: path }, 'listening');
  return {
    async stop() {
      const closed = close();
      await sessions.stop();
      await closed;
    },
    abort() {
      void close();
      sessions.abort();
    },
  };
}
