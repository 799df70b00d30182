// Kapacitor sends a keepalive every half of its `timeout`, and gives an agent up that has said nothing for a whole one:
// it ends the node and closes the channel behind it. What arrives for that node then brings all of Kapacitor down
// (`send on closed channel`). So an agent that could not answer, because it was paused, swapped out, stopped, or held up by
// a peer that does not read, must not wake up talking: it breaks the connection off while Kapacitor still waits, or
// without having said anything if that moment has passed.

/** After so many keepalive intervals without an answer the connection is broken off; Kapacitor gives up after two. */
const BREAK_OFF_INTERVALS = 1.9;
/** What is presumed of a connection that has not told: half of the `timeout` that the documentation recommends. */
const PRESUMED_INTERVAL_MS = 5000;
/** Shorter ones are no keepalives of a Kapacitor that would ever have an answer in time. */
const SHORTEST_INTERVAL_MS = 50;
/** Arrivals alone must be further apart to count: whatever else is asked often may come as regularly by chance. */
const SHORTEST_ARRIVAL_MS = 200;
/** What two intervals may differ by and still be the same. */
const TOLERANCE = 0.2;

/** Why a connection has to be broken off. */
export interface Overrun {
  /** For how long Kapacitor had no answer, or the process did not run, in milliseconds. */
  readonly silentMs: number;
  /** After how long Kapacitor gives up, as far as that is known, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether it is only known that the process did not run: no two keepalives had come yet. */
  readonly isPresumed: boolean;
}

/** The patience that Kapacitor has with one connection, told from its keepalives. */
export class Patience {
  readonly #keepalives: Keepalives;
  readonly #name: string;
  readonly #startedMs: number;
  #answeredMs: number;
  #intervalMs: number | undefined;
  /** The keepalive before: when it was sent, by the peer's clock, and when it came. */
  #before: { readonly sentMs: number; readonly cameMs: number } | undefined;
  /** How long after the one before it that was, in either way. */
  #sentStepMs = 0;
  #cameStepMs = 0;

  /** @internal made by {@link Keepalives} */
  constructor(keepalives: Keepalives, name: string) {
    this.#keepalives = keepalives;
    this.#name = name;
    this.#startedMs = keepalives.nowMs();
    this.#answeredMs = this.#startedMs;
  }

  /** A keepalive came. @param sentMs when it was sent, by the peer's clock */
  keepalive(sentMs: number): void {
    const cameMs = this.#keepalives.nowMs();
    const before = this.#before;
    this.#before = { sentMs, cameMs };
    if (before === undefined) return;
    const sentStepMs = sentMs - before.sentMs;
    const cameStepMs = cameMs - before.cameMs;
    const intervalMs = this.#intervalOf(sentStepMs, cameStepMs);
    if (intervalMs !== undefined) {
      this.#intervalMs = intervalMs;
      this.#keepalives.learn(this.#name, intervalMs);
    }
    this.#sentStepMs = sentStepMs;
    this.#cameStepMs = cameStepMs;
  }

  /** The peer has, or can have at once, all that was written. */
  answered(): void {
    this.#answeredMs = this.#keepalives.nowMs();
  }

  /** @returns why nothing may be said any more; undefined as long as something may */
  overrun(): Overrun | undefined {
    // Nobody is known to wait for answers where no two keepalives came, but that may lie at a standstill of ours.
    const isPresumed = this.#intervalMs === undefined;
    const intervalMs = this.#intervalMs ?? this.#keepalives.intervalOf(this.#name) ?? PRESUMED_INTERVAL_MS;
    const sinceMs = isPresumed ? Math.max(this.#startedMs, this.#keepalives.cameRoundMs) : this.#answeredMs;
    const silentMs = this.#keepalives.nowMs() - sinceMs;
    return silentMs > BREAK_OFF_INTERVALS * intervalMs
      ? { silentMs, timeoutMs: 2 * intervalMs, isPresumed }
      : undefined;
  }

  /**
   * The peer's clock may be set, and what it sends held up on its way: a step is believed if both say the same, else if
   * it comes twice in a row.
   */
  #intervalOf(sentStepMs: number, cameStepMs: number): number | undefined {
    if (sentStepMs >= SHORTEST_INTERVAL_MS) {
      const isFirst = this.#intervalMs === undefined;
      if (isFirst && isSame(sentStepMs, cameStepMs)) return sentStepMs;
      if (isSame(sentStepMs, this.#sentStepMs)) return sentStepMs;
    }
    const isRegular = cameStepMs >= SHORTEST_ARRIVAL_MS && isSame(cameStepMs, this.#cameStepMs);
    return isRegular ? cameStepMs : undefined;
  }
}

/** What a process knows of the keepalives of all its connections. */
export class Keepalives {
  readonly nowMs: () => number;
  readonly #intervalsMs = new Map<string, number>();
  #cameRoundMs: number;

  /** @param nowMs the clock by which Kapacitor waits: one that no standstill stops, and nobody sets */
  constructor(nowMs: () => number = () => performance.now()) {
    this.nowMs = nowMs;
    this.#cameRoundMs = nowMs();
  }

  /** A connection is there. @param name of the function: it has one `timeout` in Kapacitor's configuration */
  open(name: string): Patience {
    return new Patience(this, name);
  }

  /** The event loop has come round, and every connection was looked at. */
  comeRound(): void {
    this.#cameRoundMs = this.nowMs();
  }

  /** @internal when it did so last; since then the process may have stood still */
  get cameRoundMs(): number {
    return this.#cameRoundMs;
  }

  /** @internal */
  intervalOf(name: string): number | undefined {
    return this.#intervalsMs.get(name);
  }

  /** @internal */
  learn(name: string, intervalMs: number): void {
    this.#intervalsMs.set(name, intervalMs);
  }
}

function isSame(aMs: number, bMs: number): boolean {
  return Math.abs(aMs - bMs) <= TOLERANCE * Math.min(aMs, bMs);
}
