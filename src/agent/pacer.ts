// Kapacitor writes every message by itself, so at full speed nearly every point wakes the agent up alone; on a small
// machine these wake-ups take the processor time that Kapacitor needs. Letting a few points gather costs nobody
// anything, as long as the pause is far shorter than what the socket's buffer holds (about a hundred points).

/** Points per millisecond from which on points are left to gather; below it, every point is answered at once. */
const BUSY_POINTS_PER_MS = 25;
/** How long a pause is. Timers have whole milliseconds, in which the socket's buffer runs full. */
const PAUSE_MS = 0.2;
/** The rate is measured over so many points. */
const MEASURED_POINTS = 256;
/** A turn that brought so many points needs no pause. */
const FEW_POINTS = 32;

/** Pauses the thread for a moment in turns of the event loop that bring only a few of many points. */
export class Pacer {
  readonly #clockMs: () => number;
  readonly #cell = new Int32Array(new SharedArrayBuffer(4));
  #turn: NodeJS.Immediate | undefined;
  #turnPoints = 0;
  #hasAnswered = false;
  #points = 0;
  #sinceMs = 0;
  #isBusy = false;

  constructor(clockMs: () => number) {
    this.#clockMs = clockMs;
  }

  /** @param points that came with one read @param hasAnswered whether the peer got something to read for them */
  read(points: number, hasAnswered: boolean): void {
    this.#points += points;
    this.#turnPoints += points;
    if (hasAnswered) this.#hasAnswered = true;
    if (this.#points >= MEASURED_POINTS) {
      const now = this.#clockMs();
      this.#isBusy = this.#points > BUSY_POINTS_PER_MS * (now - this.#sinceMs);
      this.#points = 0;
      this.#sinceMs = now;
    }
    if (this.#isBusy) this.#turn ??= setImmediate(this.#onTurn);
  }

  readonly #onTurn = (): void => {
    this.#turn = undefined;
    // Whoever waits for an answer would wait for the next one too.
    if (this.#turnPoints < FEW_POINTS && !this.#hasAnswered) Atomics.wait(this.#cell, 0, 0, PAUSE_MS);
    this.#turnPoints = 0;
    this.#hasAnswered = false;
  };
}
