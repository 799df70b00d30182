import type { Socket } from 'node:net';
import type { UdfFunction } from '../function/contract.ts';
import type { SessionEnvironment, SessionLog } from './environment.ts';
import { Session } from './session.ts';

/** How long connections may take to read the last answers when the agent stops. */
const STOP_MS = 5000;

/** The sessions of one process. */
export class Sessions {
  readonly #environment: SessionEnvironment;
  readonly #open = new Set<Session>();
  #onIdle: (() => void) | undefined;

  constructor(environment: SessionEnvironment) {
    this.#environment = environment;
  }

  /**
   * Starts a session on a connection.
   * @param onClosed called when it is over
   */
  accept(socket: Socket, fn: UdfFunction, log: SessionLog, onClosed?: () => void): void {
    const session = new Session(socket, fn, this.#environment, log, () => {
      this.#open.delete(session);
      onClosed?.();
      if (this.#open.size === 0) this.#onIdle?.();
    });
    this.#open.add(session);
  }

  /** Breaks all connections off. */
  abort(): void {
    for (const session of [...this.#open]) session.abort();
  }

  /** Answers what was read and closes all connections; one whose peer does not read is cut off after five seconds. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      const deadline = setTimeout(() => this.abort(), STOP_MS);
      this.#onIdle = () => {
        clearTimeout(deadline);
        resolve();
      };
      if (this.#open.size === 0) this.#onIdle();
      for (const session of [...this.#open]) session.stop();
    });
  }
}
