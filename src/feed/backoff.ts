/** The first pause, before jitter. */
const FIRST_MS = 500;
/** No pause is longer than this and half of it again. */
const MAX_MS = 60_000;

/** Pauses between attempts: each about twice the last, and none the same for two clients. */
export class Backoff {
  readonly #random: () => number;
  #nextMs = FIRST_MS;

  /** @param random gives numbers from 0 to less than 1 */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Milliseconds: 50 to 150 % of a base that doubles each time. */
  next(): number {
    const baseMs = this.#nextMs;
    this.#nextMs = Math.min(baseMs * 2, MAX_MS);
    return baseMs * (0.5 + this.#random());
  }

  reset(): void {
    this.#nextMs = FIRST_MS;
  }
}
