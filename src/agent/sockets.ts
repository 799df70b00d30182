import { messageOf } from '../errors.ts';
import { whoMayConnect } from './access.ts';
import { type Accept, type OpenSocket, openServer, type ServedSocket, type SocketOptions } from './server.ts';
import { identityOf, isServed } from './socket-file.ts';

/** How often it is seen to that the sockets are where Kapacitor looks for them. */
const LOOK_MS = 5000;
/** Somebody who started at the same moment may have taken its place. */
const FIRST_LOOK_MS = 100;
const REMOVED = 'the socket was removed: it is made anew';
const COVERED = 'something else lies where the socket was: nobody can connect';
const DISPLACED = 'another process serves the socket now: this one leaves it to that one and ends';

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
  for (const one of served) sayListening(one, options);
  return close;
}

function sayListening({ name, path }: ServedSocket, { log }: SocketOptions): void {
  log.info({ function: name, socket: path, mayConnect: whoMayConnect(path) }, 'listening');
}

/** One socket, which is made anew if somebody removes it: nobody could connect any more, and nobody would know. */
class ListeningSocket {
  readonly #served: ServedSocket;
  readonly #options: SocketOptions;
  readonly #accept: Accept;
  #open: OpenSocket | undefined;
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
    const open = await openServer(this.#served, this.#options, this.#accept);
    if (this.#isClosed) {
      await open.close();
      return;
    }
    this.#open = open;
    this.#lookAfter(FIRST_LOOK_MS);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#looking);
    await this.#open?.close();
  }

  #lookAfter(ms: number): void {
    this.#looking = setTimeout(() => void this.#look(), ms);
    // Without a socket this is what keeps the agent running.
    if (this.#open !== undefined) this.#looking.unref();
  }

  async #look(): Promise<void> {
    const problem = await this.#whatIsWrong();
    if (this.#isClosed) return;
    if (problem !== this.#problem && problem !== '')
      this.#options.log.error({ socket: this.#served.path }, problem);
    this.#problem = problem;
    if (problem === REMOVED) void this.#reopen();
    else this.#lookAfter(LOOK_MS);
    // Of two nobody could tell who is meant: tasks, journal and sockets would go back and forth.
    if (problem === DISPLACED) this.#options.onDisplaced?.();
  }

  async #whatIsWrong(): Promise<string> {
    const { path } = this.#served;
    try {
      switch (this.#open?.lookAtFile() ?? (identityOf(path) === undefined ? 'none' : 'other')) {
        case 'own':
          return '';
        case 'none':
          return REMOVED;
        case 'other':
          return (await isServed(path)) ? DISPLACED : COVERED;
      }
    } catch (error) {
      return `the socket cannot be looked at: ${messageOf(error)}`;
    }
  }

  async #reopen(): Promise<void> {
    // At once: nobody can connect to it any more. The connections live on.
    void this.#open?.close();
    this.#open = undefined;
    try {
      await this.open();
      sayListening(this.#served, this.#options);
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== this.#reopenProblem) this.#options.log.error({ socket: this.#served.path }, problem);
      this.#reopenProblem = problem;
      if (!this.#isClosed) this.#lookAfter(LOOK_MS);
    }
  }
}
