import { chmodSync, chownSync, lstatSync, mkdirSync, type Stats, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { codeOf, messageOf, OperationError } from '../errors.ts';
import { setting, wording } from '../wording.ts';
import type { SessionLog } from './environment.ts';

/** The longest path that fits into a socket's address, in bytes (sockaddr_un has 108, with a 0 at the end). */
const MAX_SOCKET_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

const ELSEWHERE = wording`another place (${setting('socketDir')}, or ${setting('function')} NAME=PATH)`;

/** Connections that may wait to be accepted: a Kapacitor that starts opens one per node of every task, at once. */
const BACKLOG = 4096;

/** A socket, and the function whose it is. */
export interface ServedSocket {
  readonly name: string;
  readonly path: string;
}

export interface SocketOptions {
  /** Permission bits of the sockets, for instance 0o660. */
  readonly mode: number;
  /** Numeric group of the sockets; undefined leaves that of the process. */
  readonly groupId: number | undefined;
  readonly log: SessionLog;
}

/** What is done with a connection. */
export type Accept = (socket: Socket, served: ServedSocket) => void;

/**
 * Opens a socket, in the place of one that a process that is gone has left behind.
 * @throws OperationError naming the socket and what to do
 */
export async function openServer(
  served: ServedSocket,
  options: SocketOptions,
  accept: Accept,
): Promise<Server> {
  const { path } = served;
  const length = Buffer.byteLength(path);
  if (length > MAX_SOCKET_PATH_BYTES) {
    throw new OperationError(
      wording`cannot listen on ${path}: the path has ${length} bytes, the system allows ${MAX_SOCKET_PATH_BYTES}; choose ${ELSEWHERE}`,
    );
  }
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (error) {
    throw new OperationError(
      wording`cannot make the folder of ${path}: ${messageOf(error)}; create it for this user or choose ${ELSEWHERE}`,
    );
  }
  await makeWay(path);
  // Kapacitor half-closes and still reads: without this the answers to its last requests would be lost.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
    accept(socket, served),
  );
  await listen(server, path, options.mode);
  // For instance for want of file descriptors: the next connection may be accepted.
  server.on('error', (error) => {
    options.log.error({ socket: path, error: error.message }, 'a connection could not be accepted');
  });
  if (options.groupId !== undefined) {
    try {
      chownSync(path, -1, options.groupId);
      // Changing the group may clear bits.
      chmodSync(path, options.mode);
    } catch (error) {
      await closeServer(server);
      throw new OperationError(
        `cannot give ${path} the group ${options.groupId}: ${messageOf(error)}; only root or a member of the group can`,
      );
    }
  }
  return server;
}

function listen(server: Server, path: string, mode: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new OperationError(
          wording`cannot listen on ${path}: ${messageOf(error)}; let this user create files there or choose ${ELSEWHERE}`,
        ),
      );
    });
    // The file appears with its mode: there is no moment in which somebody else could connect.
    const umask = process.umask(0o777 & ~mode);
    try {
      server.listen({ path, exclusive: true, backlog: BACKLOG }, () => {
        server.removeAllListeners('error');
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
}

export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

/** Removes the socket of a process that is gone; whatever else is in the way stays, and is an error. */
async function makeWay(path: string): Promise<void> {
  let stats: Stats | undefined;
  try {
    stats = lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw new OperationError(
      wording`cannot listen on ${path}: ${messageOf(error)}; let this user look there or choose ${ELSEWHERE}`,
    );
  }
  if (stats === undefined) return;
  if (!stats.isSocket()) {
    throw new OperationError(
      `cannot listen on ${path}: there is something that is no socket; move it out of the way`,
    );
  }
  const answer = await knock(path);
  if (answer === 'ECONNREFUSED') {
    try {
      unlinkSync(path);
    } catch (error) {
      throw new OperationError(
        `cannot remove ${path}, which a process that is gone left behind: ${messageOf(error)}; remove it`,
      );
    }
    return;
  }
  if (answer === 'ENOENT') return;
  if (answer === undefined || answer === 'EAGAIN') {
    throw new OperationError(
      wording`cannot listen on ${path}: another process serves it; stop that one or choose ${ELSEWHERE}`,
    );
  }
  throw new OperationError(
    `cannot listen on ${path}: a socket is there of which nobody can tell whether it is served (${answer}); stop what serves it or remove it`,
  );
}

/** Connects and hangs up. @returns the error's code, or undefined where somebody answers */
function knock(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error) => resolve(codeOf(error) ?? error.message));
  });
}
