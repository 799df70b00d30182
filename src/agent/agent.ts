import type { SessionLog } from './environment.ts';
import { LiveSessionTable, type SessionWatch } from './live-sessions.ts';
import { Pacer } from './pacer.ts';
import type { ServedFunction, SocketOptions } from './server.ts';
import { Sessions } from './sessions.ts';
import { openSockets } from './sockets.ts';

/** The agent's log; `child` is the log of one function's connections. */
export interface AgentLog extends SessionLog {
  child(fields: Readonly<Record<string, unknown>>): SessionLog;
}

export interface AgentOptions extends SocketOptions {
  readonly functions: readonly ServedFunction[];
  /** Longer frames are refused, and longer snapshots not sent. */
  readonly maxFrameBytes: number;
  /** Groups that a node may keep unless its TICKscript says otherwise. */
  readonly maxGroups: number;
  readonly log: AgentLog;
  /** Learns which tasks have a live session. */
  readonly watch?: SessionWatch;
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
  const sessions = new Sessions({
    maxFrameBytes: options.maxFrameBytes,
    limits: { maxGroups: options.maxGroups },
    live: new LiveSessionTable(options.watch),
    clockMs,
    pacer: new Pacer(clockMs),
  });
  const close = await openSockets(options.functions, options, (socket, { function: fn }) => {
    sessions.accept(socket, fn, options.log.child({ function: fn.name }));
  });
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
