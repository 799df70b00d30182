import { lstatSync } from 'node:fs';
import type { Server } from 'node:net';
import { messageOf } from '../errors.ts';
import { type Accept, closeServer, openServer, type ServedSocket, type SocketOptions } from './server.ts';

/** How often it is seen to that the sockets are where Kapacitor looks for them. */
const LOOK_MS = 5000;
const REMOVED = 'the socket was removed: it is made anew';

/**
 * The sockets of an agent. All are open, or none is left behind.
 * @throws OperationError naming the socket and what to do
 */
export async function openSockets(
  served: readonly ServedSocket[],
  options: SocketOptions,
  accept: Accept,
): Promise<() => Promise<void>> {
  const sockets: ListeningSocket[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(sockets.map((socket) => socket.close()));
  };
  try {
    for (const one of served) {
      const socket = new ListeningSocket(one, options, accept);
      await socket.open();
      sockets.push(socket);
    }
  } catch (error) {
    await close();
    throw error;
  }
  for (const { name, path } of served) options.log.info({ function: name, socket: path }, 'listening');
  return close;
}

/** One socket, which is made anew if somebody removes it: nobody could connect any more, and nobody would know. */
class ListeningSocket {
  readonly #served: ServedSocket;
  readonly #options: SocketOptions;
  readonly #accept: Accept;
  #server: Server | undefined;
  #inode = 0;
  #looking: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** What was last said to be wrong with it, and with making it anew: once is enough. */
  #problem = '';
  #reopenProblem = '';

  constructor(served: ServedSocket, options: SocketOptions, accept: Accept) {
    this.#served = served;
    this.#options = options;
    this.#accept = accept;
  }

  /** @throws OperationError naming the socket and what to do */
  async open(): Promise<void> {
    const server = await openServer(this.#served, this.#options, this.#accept);
    if (this.#isClosed) {
      await closeServer(server);
      return;
    }
    this.#server = server;
    this.#inode = lstatSync(this.#served.path, { throwIfNoEntry: false })?.ino ?? 0;
    this.#lookLater();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#looking);
    if (this.#server !== undefined) await closeServer(this.#server);
  }

  #lookLater(): void {
    this.#looking = setTimeout(this.#look, LOOK_MS);
    // Without a socket this is what keeps the agent running.
    if (this.#server !== undefined) this.#looking.unref();
  }

  readonly #look = (): void => {
    const problem = this.#whatIsWrong();
    if (problem !== this.#problem && problem !== '')
      this.#options.log.error({ socket: this.#served.path }, problem);
    this.#problem = problem;
    if (problem === REMOVED) void this.#reopen();
    else this.#lookLater();
  };

  #whatIsWrong(): string {
    try {
      const inode = lstatSync(this.#served.path, { throwIfNoEntry: false })?.ino;
      if (inode === undefined) return REMOVED;
      return inode === this.#inode ? '' : 'something else lies where the socket was: nobody can connect';
    } catch (error) {
      return `the socket cannot be looked at: ${messageOf(error)}`;
    }
  }

  async #reopen(): Promise<void> {
    // At once, as closing removes what lies at the path; the connections live on.
    this.#server?.close();
    this.#server = undefined;
    try {
      await this.open();
      this.#options.log.info({ function: this.#served.name, socket: this.#served.path }, 'listening');
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== this.#reopenProblem) this.#options.log.error({ socket: this.#served.path }, problem);
      this.#reopenProblem = problem;
      if (!this.#isClosed) this.#lookLater();
    }
  }
}
