/** The wall clock in nanoseconds since the epoch. Two points read within one millisecond get different times. */
export class Clock {
  #lastMs = -1;
  #lastNs = 0n;

  nowNs(): bigint {
    const nowMs = Date.now();
    // Only within a millisecond: after the machine's clock was set back, the time must go back as well.
    this.#lastNs = nowMs === this.#lastMs ? this.#lastNs + 1n : BigInt(nowMs) * 1_000_000n;
    this.#lastMs = nowMs;
    return this.#lastNs;
  }
}
