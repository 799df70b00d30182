import type { Socket } from 'node:net';
import { descriptorLimit, RAISE_DESCRIPTORS } from '../descriptors.ts';

// A process has only so many file descriptors. Where all are in use the system ends new connections before anybody learns
// of them: no log says so, and Kapacitor takes the agent for broken. So a few are kept, for that and for what the agent
// itself needs: connections that would take them are refused, counted, and said.

/** How many are kept: one of so many, but no more and no fewer than these. */
const KEPT_ONE_OF = 32;
const FEWEST_KEPT = 2;
const MOST_KEPT = 16;
/** While connections go on being refused the log says so every now and then. */
const REMIND_MS = 10_000;

interface DescriptorLog {
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** Refuses the connections that would take the last file descriptors of this process. */
export class DescriptorReserve {
  readonly #log: DescriptorLog;
  readonly #limit = descriptorLimit();
  readonly #kept: number;
  #refused = 0;
  #nextSaidMs = 0;
  #reminder: NodeJS.Timeout | undefined;

  constructor(log: DescriptorLog) {
    this.#log = log;
    this.#kept = Math.min(MOST_KEPT, Math.max(FEWEST_KEPT, Math.floor(this.#limit / KEPT_ONE_OF)));
  }

  /** @returns whether the connection may stay; it is closed otherwise */
  admits(socket: Socket): boolean {
    // The system gives the lowest number that is free, so a high one says that all below are in use.
    const descriptor = descriptorOf(socket);
    if (descriptor === undefined || descriptor < this.#limit - this.#kept) return true;
    socket.destroy();
    this.refuse();
    return false;
  }

  /** A connection could not be taken. */
  refuse(): void {
    this.#refused++;
    const nowMs = performance.now();
    if (nowMs >= this.#nextSaidMs) this.#say();
    else this.#reminder ??= setTimeout(() => this.#say(), this.#nextSaidMs - nowMs).unref();
  }

  #say(): void {
    clearTimeout(this.#reminder);
    this.#reminder = undefined;
    this.#nextSaidMs = performance.now() + REMIND_MS;
    this.#log.error(
      { refused: this.#refused, limit: this.#limit, kept: this.#kept },
      `connections are refused: the ${this.#limit} file descriptors that this process may have are used up; ${RAISE_DESCRIPTORS}`,
    );
    this.#refused = 0;
  }
}

/** It is no part of the public types. */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle');
  const descriptor: unknown =
    typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  return typeof descriptor === 'number' && descriptor >= 0 ? descriptor : undefined;
}
