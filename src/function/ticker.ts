/** How often a node is told of the clock while nothing is in the way. */
const TICK_MS = 500;
/** A timer that comes later than this after the one before says that this process stood still. */
const STANDSTILL_MS = 1000;
/** After a standstill a tick waits for so long a time without anything to read, but not longer than all in all so. */
const QUIET_MS = 20;
const MAX_QUIET_MS = 400;

/**
 * Rings about twice a second, each time once what can be read has been read: a node must not take for silence what only
 * waits in the socket.
 */
export class Ticker {
  readonly #clockMs: () => number;
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;
  #look: NodeJS.Immediate | undefined;
  #quiet: NodeJS.Timeout | undefined;
  #lastMs = 0;
  #reads = 0;

  constructor(clockMs: () => number, ring: () => void) {
    this.#clockMs = clockMs;
    this.#ring = ring;
  }

  start(): void {
    this.#lastMs = this.#clockMs();
    this.#timer = setInterval(this.#onTimer, TICK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#quiet);
    if (this.#look !== undefined) clearImmediate(this.#look);
    this.#quiet = undefined;
    this.#look = undefined;
  }

  /** Something was read. */
  noteRead(): void {
    this.#reads++;
  }

  readonly #onTimer = (): void => {
    const nowMs = this.#clockMs();
    const stoodStill = nowMs - this.#lastMs > STANDSTILL_MS;
    this.#lastMs = nowMs;
    if (this.#look !== undefined || this.#quiet !== undefined) return;
    // Timers come before what can be read, immediates after it.
    this.#look = setImmediate(() => {
      this.#look = undefined;
      if (stoodStill) this.#waitForQuiet(MAX_QUIET_MS);
      else this.#ring();
    });
  };

  /** What waited outside of the socket comes as soon as there is room in it. */
  #waitForQuiet(leftMs: number): void {
    const reads = this.#reads;
    this.#quiet = setTimeout(() => {
      this.#quiet = undefined;
      if (reads !== this.#reads && leftMs > QUIET_MS) this.#waitForQuiet(leftMs - QUIET_MS);
      else this.#ring();
    }, QUIET_MS);
    this.#quiet.unref();
  }
}
