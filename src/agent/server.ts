import { chmodSync, chownSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, resolve } from 'node:path';
import { codeOf, messageOf, OperationError } from '../errors.ts';
import { wording } from '../wording.ts';
import { makeFolder, permissionAdvice } from './access.ts';
import { DescriptorReserve } from './descriptor-reserve.ts';
import type { SessionLog } from './environment.ts';
import { closeServer, ELSEWHERE, identityOf, isSameFile, makeWay } from './socket-file.ts';

/** The longest path that fits into a socket's address, in bytes (sockaddr_un has 108, with a 0 at the end). */
const MAX_SOCKET_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

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
  /** Kapacitor's group, for messages, if it is known. */
  readonly kapacitorGid?: number | undefined;
  readonly log: SessionLog;
  /** Told when another process has taken the place of a socket: this one should end. */
  readonly onDisplaced?: () => void;
}

/** What is done with a connection. */
export type Accept = (socket: Socket, served: ServedSocket) => void;

/** A socket that is served. */
export interface OpenSocket {
  readonly server: Server;
  /** Whether the file at its path is still this socket, something else, or nothing. */
  lookAtFile(): 'own' | 'other' | 'none';
  /** Closes the socket, and removes its file, but no other one's; the connections live on. */
  close(): Promise<void>;
}

/**
 * Opens a socket, in the place of one that a process that is gone has left behind.
 * @throws OperationError naming the socket and what to do
 */
export async function openServer(
  served: ServedSocket,
  options: SocketOptions,
  accept: Accept,
): Promise<OpenSocket> {
  const { path } = served;
  const length = Buffer.byteLength(path);
  if (length > MAX_SOCKET_PATH_BYTES) {
    throw new OperationError(
      wording`cannot listen on ${path}: the path has ${length} bytes, the system allows ${MAX_SOCKET_PATH_BYTES}; choose ${ELSEWHERE}`,
    );
  }
  try {
    makeFolder(resolve(dirname(path)));
  } catch (error) {
    const advice = permissionAdvice(error, dirname(path), options.kapacitorGid) ?? 'create it for this user';
    throw new OperationError(
      wording`cannot make the folder of ${path}: ${messageOf(error)}; ${advice}, or choose ${ELSEWHERE}`,
    );
  }
  const reserve = new DescriptorReserve(options.log);
  // Kapacitor half-closes and still reads: without this the answers to its last requests would be lost.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    if (reserve.admits(socket)) accept(socket, served);
  });
  const own = await listen(server, path, options);
  server.on('error', (error) => {
    options.log.error({ socket: path, error: error.message }, 'a connection could not be accepted');
  });
  return {
    server,
    lookAtFile() {
      const there = identityOf(path);
      if (there === undefined) return 'none';
      return isSameFile(there, own) ? 'own' : 'other';
    },
    close: () => closeServer(server, path, own),
  };
}

/** @returns which file is the socket's */
async function listen(
  server: Server,
  path: string,
  { groupId, kapacitorGid, mode }: SocketOptions,
): Promise<ReturnType<typeof identityOf>> {
  for (;;) {
    await makeWay(path);
    try {
      return await bind(server, path, mode, groupId);
    } catch (error) {
      // Somebody else came first, after all.
      if (codeOf(error) === 'EADDRINUSE') continue;
      if (error instanceof OperationError) throw error;
      const advice =
        permissionAdvice(error, dirname(path), kapacitorGid) ?? 'let this user create files there';
      throw new OperationError(
        wording`cannot listen on ${path}: ${messageOf(error)}; ${advice}, or choose ${ELSEWHERE}`,
      );
    }
  }
}

function bind(
  server: Server,
  path: string,
  mode: number,
  groupId: number | undefined,
): Promise<ReturnType<typeof identityOf>> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The file appears with its mode: there is no moment in which somebody else could connect.
    const umask = process.umask(0o777 & ~mode);
    try {
      server.listen({ path, exclusive: true, backlog: BACKLOG }, () => {
        server.removeAllListeners('error');
      });
    } finally {
      process.umask(umask);
    }
    // It is there by now, unless it can't be: nobody else had a moment to put another one in its place.
    if (!server.listening) return;
    const own = identityOf(path);
    try {
      if (groupId !== undefined) giveToGroup(path, groupId, mode);
      server.once('listening', () => resolve(own));
    } catch (error) {
      void closeServer(server, path, own).then(() => reject(error));
    }
  });
}

function giveToGroup(path: string, groupId: number, mode: number): void {
  try {
    chownSync(path, -1, groupId);
    // Changing the group may clear bits.
    chmodSync(path, mode);
  } catch (error) {
    throw new OperationError(
      `cannot give ${path} the group ${groupId}: ${messageOf(error)}; only root or a member of the group can`,
    );
  }
}
