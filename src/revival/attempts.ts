import type { Journal } from './journal.ts';
import type { Tries } from './journal-state.ts';
import type { ReviverTiming } from './timing.ts';

export interface AttemptsOptions {
  readonly journal: Journal;
  /** After so many tries in a row a task is given up, 1 or more. */
  readonly maxTries: number;
  readonly timing: ReviverTiming;
}

const NONE: Tries = { count: 0, atMs: 0, hasGivenUp: false };

/**
 * When which task may be tried next. The pauses grow from try to try, across restarts of the agent, so that one that
 * crashes again and again causes no storm. What was given up is tried again once the agent is stable, slowly: it may
 * have been the agent's fault.
 */
export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #startedMs = performance.now();
  /** Not before when, by the monotonic clock: the one on the wall may be set while a task waits. */
  readonly #dueMs = new Map<string, number>();

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** Whether the last try that a task is given was made, and nobody has been told. */
  isToGiveUp(task: string): boolean {
    const { count, hasGivenUp } = this.#triesOf(task);
    return count >= this.#options.maxTries && !hasGivenUp;
  }

  /** @returns after how many tries */
  giveUp(task: string): number {
    const tries = this.#triesOf(task);
    this.#options.journal.setTries(task, { ...tries, hasGivenUp: true });
    // From now on the pauses are others.
    this.#dueMs.delete(task);
    return tries.count;
  }

  hasGivenUp(task: string): boolean {
    return this.#triesOf(task).hasGivenUp;
  }

  /** How long the next try has to wait, in milliseconds; 0: it is due. */
  waitMs(task: string): number {
    const nowMs = performance.now();
    const tries = this.#triesOf(task);
    const dueMs = this.#dueMs.get(task) ?? nowMs + this.#leftMs(tries);
    this.#dueMs.set(task, dueMs);
    const notBeforeMs = tries.hasGivenUp ? this.#startedMs + this.#options.timing.stableMs : dueMs;
    return Math.max(0, dueMs - nowMs, notBeforeMs - nowMs);
  }

  /** A try begins. @returns the how manieth it is */
  begin(task: string): number {
    const { count, hasGivenUp } = this.#triesOf(task);
    const tries = { count: count + 1, atMs: Date.now(), hasGivenUp };
    this.#options.journal.setTries(task, tries);
    this.#dueMs.set(task, performance.now() + this.#pauseMs(tries));
    return tries.count;
  }

  forget(task: string): void {
    this.#dueMs.delete(task);
    this.#options.journal.forgetTries(task);
  }

  #triesOf(task: string): Tries {
    return this.#options.journal.state.tries.get(task) ?? NONE;
  }

  /** What is left of the pause after tries that an agent before made. */
  #leftMs(tries: Tries): number {
    const pauseMs = this.#pauseMs(tries);
    const passedMs = Date.now() - tries.atMs;
    // A try that is yet to come says that the clock was set back, and nothing of when it was: the pause begins anew.
    return passedMs < 0 ? pauseMs : pauseMs - passedMs;
  }

  #pauseMs({ count, hasGivenUp }: Tries): number {
    const { maxTries, timing } = this.#options;
    if (count === 0) return 0;
    return hasGivenUp
      ? doubled(timing.slowPauseMs, Math.max(0, count - maxTries), timing.longestSlowPauseMs)
      : doubled(timing.firstPauseMs, count - 1, timing.longestPauseMs);
  }
}

function doubled(firstMs: number, times: number, longestMs: number): number {
  return Math.min(firstMs * 2 ** times, longestMs);
}
