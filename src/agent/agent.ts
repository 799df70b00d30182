import type { Socket } from 'node:net';
import { messageOf, OperationError } from '../errors.ts';
import type { UdfFunction } from '../function/contract.ts';
import type { AgentEvents } from '../status/agent-events.ts';
import type { Insight } from '../status/report.ts';
import { joined } from '../status/report.ts';
import { StatusServer } from '../status/status-server.ts';
import { setting, wording } from '../wording.ts';
import { type AgentLog, environmentOf, type SessionLimits } from './environment.ts';
import { type LiveSessions, LiveSessionTable, type SessionWatch } from './live-sessions.ts';
import type { ServedSocket, SocketOptions } from './server.ts';
import { Sessions } from './sessions.ts';
import { openSockets } from './sockets.ts';

export interface ServedFunction {
  readonly function: UdfFunction;
  /** Where its socket lies. */
  readonly path: string;
}

export interface AgentOptions extends SocketOptions, SessionLimits {
  readonly functions: readonly ServedFunction[];
  readonly log: AgentLog;
  /** Learns which tasks have a live session. */
  readonly watch?: SessionWatch;
  /** Where the agent tells of itself; undefined: nowhere. */
  readonly status?: StatusPlace;
}

/** Where the agent tells of itself. */
export interface StatusPlace {
  /** Its socket; undefined: none. */
  readonly path: string | undefined;
  /** An address as well. */
  readonly address: { readonly host: string; readonly port: number } | undefined;
  readonly version: string;
  /** What happens to the agent as a whole. */
  readonly events?: AgentEvents;
}

/** Takes connections, and ends with the agent. */
export interface Acceptor {
  /** Takes a connection that nobody has read from. */
  accept(socket: Socket, functionName: string): void;
  /** Answers what was read, and closes the connections. */
  stop(): Promise<void>;
  /** Breaks them off. */
  abort(): void;
}

/** Where the connections of some functions are worked off: in this process, or by processes of their own. */
export interface Place extends Acceptor, Insight {}

/** Sockets, and where their connections go. */
export interface PlacedSockets {
  readonly place: Place;
  readonly sockets: readonly ServedSocket[];
}

export interface Agent {
  /** Answers what was read, closes the connections and removes the sockets. */
  stop(): Promise<void>;
  /** Ends at once: what is not answered stays so. */
  abort(): void;
}

/**
 * Opens sockets and has each connection worked off in its place.
 * @throws OperationError naming the socket that could not be opened; none is left open then, and the places are stopped
 */
export async function serveSockets(
  placed: readonly PlacedSockets[],
  options: SocketOptions & Pick<AgentOptions, 'status'>,
): Promise<Agent> {
  const places: Acceptor[] = placed.map(({ place }) => place);
  const placeOf = new Map(
    placed.flatMap(({ place, sockets }) =>
      sockets.map((socket): [ServedSocket, Acceptor] => [socket, place]),
    ),
  );
  let isReady = false;
  if (options.status !== undefined) {
    const { address, events, path, version } = options.status;
    const insight = joined(placed.map(({ place }) => place));
    const status = new StatusServer({ insight, version, events, isReady: () => isReady });
    places.push(status);
    if (path !== undefined) placeOf.set({ name: 'status', path }, status);
    if (address !== undefined) await listenOn(status, address);
  }
  const stopPlaces = async (): Promise<void> => {
    await Promise.all(places.map((place) => place.stop()));
  };
  let close: () => Promise<void>;
  try {
    close = await openSockets([...placeOf.keys()], options, (socket, served) =>
      placeOf.get(served)?.accept(socket, served.name),
    );
  } catch (error) {
    await stopPlaces();
    throw error;
  }
  isReady = true;
  return {
    async stop() {
      const closed = close();
      await stopPlaces();
      await closed;
    },
    abort() {
      void close();
      for (const place of places) place.abort();
    },
  };
}

async function listenOn(status: StatusServer, { host, port }: { host: string; port: number }): Promise<void> {
  try {
    await status.listen(port, host);
  } catch (error) {
    throw new OperationError(
      wording`cannot listen on ${host}:${port}: ${messageOf(error)}; ${setting('statusListen')} names another address`,
    );
  }
}

/** The sockets of functions. */
export function socketsOf(functions: readonly ServedFunction[]): ServedSocket[] {
  return functions.map(({ function: fn, path }) => ({ name: fn.name, path }));
}

/** The sessions of this process. @param live tells live tasks from replays for every place of the agent */
export function sessionsHere(
  functions: readonly UdfFunction[],
  limits: SessionLimits,
  live: LiveSessions,
  log: AgentLog,
): Sessions {
  return new Sessions(functions, environmentOf(limits, live), log);
}

/**
 * Serves functions on their sockets, in this process.
 * @throws OperationError naming the socket that could not be opened; none is left open then
 */
export function startAgent(options: AgentOptions): Promise<Agent> {
  const functions = options.functions.map(({ function: fn }) => fn);
  const place = sessionsHere(functions, options, new LiveSessionTable(options.watch), options.log);
  return serveSockets([{ place, sockets: socketsOf(options.functions) }], options);
}
