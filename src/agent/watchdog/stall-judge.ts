/** Looks per limit: a stall is found at most three looks after the limit, one of them being the second one. */
const LOOKS_PER_LIMIT = 10;

/** How often to look, and how often to beat, for a limit in milliseconds. */
export function lookEveryMs(limitMs: number): number {
  return limitMs / LOOKS_PER_LIMIT;
}

/** `suspect`: over the limit, but seen only once; the next look decides. */
export type StallVerdict = 'alive' | 'suspect' | 'stalled';

/**
 * Judges by its heartbeats whether a thread or a process stands still. How the beats arrive is the caller's affair: it
 * looks every {@link lookEveryMs} and says how many there were.
 *
 * Only time in which the caller itself was seen to run counts. Where a machine was suspended, or all threads were
 * stopped together, the caller's own looks are just as late, and nobody is to blame.
 */
export class StallJudge {
  readonly #limitMs: number;
  /** A longer pause between two looks says that the caller did not run either. */
  readonly #longestStepMs: number;
  #lookedMs: number;
  #beats = -1;
  #stillMs = 0;
  #isSuspect = false;

  /** @param nowMs a monotonic clock in milliseconds, here and at every look */
  constructor(limitMs: number, nowMs: number) {
    this.#limitMs = limitMs;
    this.#longestStepMs = 2 * lookEveryMs(limitMs);
    this.#lookedMs = nowMs;
  }

  /** For how long no beat came, in milliseconds; pauses of the caller itself left out. */
  get stillMs(): number {
    return this.#stillMs;
  }

  /** @param beats how many beats there were so far; any other number than at the look before is a sign of life */
  look(nowMs: number, beats: number): StallVerdict {
    const stepMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    if (beats !== this.#beats) {
      this.#beats = beats;
      this.#stillMs = 0;
      this.#isSuspect = false;
      return 'alive';
    }
    const wasHere = stepMs <= this.#longestStepMs;
    this.#stillMs += wasHere ? stepMs : this.#longestStepMs;
    if (this.#stillMs <= this.#limitMs) return 'alive';
    if (this.#isSuspect && wasHere) return 'stalled';
    this.#isSuspect = true;
    return 'suspect';
  }
}
