import { WordedError } from '../../errors.ts';
import type { Place } from '../reading.ts';

/** Where lines go. */
export interface Target {
  /** What messages call it: `InfluxDB 1.8.10 at http://nas:8086`. Holds no credentials. */
  readonly name: string;
  /** How long a batch may wait for more lines, in milliseconds. */
  readonly lingerMs: number;
  /**
   * Writes lines, all of them or throws.
   * @param place where they belong; of use to a target that has not been told where to write
   * @throws Refusal if the server won't take some of them, SetupError if it won't take any as things are set up,
   *   GoneError if it never will, any other error if it can't be reached or can't take them now
   */
  write(lines: readonly string[], signal: AbortSignal, place?: Place): Promise<void>;
  close(): void;
}

/** What a target tells of the server that it writes to. */
export interface TargetEvents {
  /** What answers, once it has. */
  connected(what: string): void;
  /** What a person should know of it. */
  note(message: string): void;
}

/** The server has looked at the lines and won't take some of them, ever. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** The lines it has named, with the reason for each. */
  readonly named: ReadonlyMap<string, string>;
  /** What became of the lines not named: none or all of them were written, or nobody knows. */
  readonly others: 'written' | 'refused' | 'unknown';

  constructor(reason: string, named: ReadonlyMap<string, string>, others: 'written' | 'refused' | 'unknown') {
    super(reason);
    this.named = named;
    this.others = others;
  }
}

/** Nothing can be written as things are: a wrong password, a database that is not there. */
export class SetupError extends WordedError {
  override readonly name = 'SetupError';
}

/** The target is gone and does not come back. */
export class GoneError extends Error {
  override readonly name = 'GoneError';
}

/** The server says when to come again. */
export class BusyError extends Error {
  override readonly name = 'BusyError';
  readonly retryAfterMs: number;

  constructor(reason: string, retryAfterMs: number) {
    super(reason);
    this.retryAfterMs = retryAfterMs;
  }
}
