import { messageOf, OperationError } from '../errors.ts';
import { Backoff } from './backoff.ts';
import { LineQueue, type QueuedLine } from './line-queue.ts';
import { pause } from './pause.ts';
import type { Origin, Place } from './reading.ts';
import { BusyError, GoneError, Refusal, SetupError, type Target } from './targets/target.ts';

export interface WriterOptions {
  /** How many lines wait at most, those being sent included; 1 or more. */
  readonly bufferLines: number;
  /** How many lines are sent at once at most; 1 or more. */
  readonly batchLines: number;
  /** How long the target may be away before it is given up; undefined: for ever. */
  readonly giveUpAfterMs: number | undefined;
  /** Gives numbers from 0 to less than 1, for the pauses' jitter. */
  readonly random: () => number;
}

export interface WriterEvents {
  /** The target won't take a line. */
  rejected(line: string, reason: string, origin: Origin | undefined): void;
  /** Lines are gone that were not written; not called for those that were waiting when `run` fails. */
  lost(count: number, reason: string): void;
  /** The target can't be written to, for a new reason. */
  away(reason: string): void;
  /** It can be again. */
  back(awayMs: number): void;
}

/** The longest that a server's Retry-After is believed. */
const MAX_RETRY_AFTER_MS = 300_000;
/** More characters than this are not sent at once: InfluxDB 1.x takes 25 MB. */
const MAX_BATCH_LENGTH = 4_000_000;

/**
 * Writes lines in batches, in order, one request at a time, and again until they are taken.
 *
 * The transport is the InfluxDB client's; its WriteApi is not used: what fails goes into a buffer there that sends
 * it after newer points (Kapacitor would see states out of order), that ends retries after a number of attempts,
 * drops a third of itself when full, and knows nothing of single lines that were refused.
 */
export class Writer {
  readonly #target: Target;
  readonly #options: WriterOptions;
  readonly #events: WriterEvents;
  readonly #queue: LineQueue;
  readonly #backoff: Backoff;
  /** Aborted when the rest is to be given up at once. */
  readonly #abort = new AbortController();
  /** Aborted when a pause between two attempts is to end. */
  #hurry = new AbortController();
  /** Aborted when a wait for more lines is to end. */
  #waiting: AbortController | undefined;
  /** What `room` waits for. */
  #room: PromiseWithResolvers<void> | undefined;
  /** The sizes of the parts that a refused batch was halved into, of which the last is at the queue's head. */
  readonly #parts: number[] = [];
  #isEnded = false;
  #isOver = false;
  /** Whether the target has ever taken anything: what it says against the set-up is a passing fault then. */
  #isProven = false;
  #awaySinceMs: number | undefined;
  #awayReason: string | undefined;
  #written = 0;
  #rejected = 0;
  #lost = 0;

  constructor(target: Target, options: WriterOptions, events: WriterEvents) {
    this.#target = target;
    this.#options = options;
    this.#events = events;
    this.#queue = new LineQueue(options.bufferLines);
    this.#backoff = new Backoff(options.random);
  }

  get written(): number {
    return this.#written;
  }

  /** Lines that the target would not take. */
  get rejected(): number {
    return this.#rejected;
  }

  get lost(): number {
    return this.#lost;
  }

  /** Whether the next line would push the oldest one out. */
  get isFull(): boolean {
    return this.#queue.isFull && !this.#isOver;
  }

  /**
   * Takes a line. If there is no room for it, the oldest one that is not on its way is lost.
   * @param origin what it was made of, where that is not line protocol
   * @param place where it belongs, where the target asks for that
   */
  add(text: string, origin?: Origin, place?: Place): void {
    if (this.#isOver) {
      this.#lost++;
      return;
    }
    if (this.#queue.isFull) {
      this.#lose(1, `the buffer is full with ${this.#options.bufferLines} points`);
      if (!this.#queue.dropOldest()) return;
    }
    this.#queue.add({ text, origin, place });
    if (this.#queue.length === 1 || this.#queue.length >= this.#options.batchLines) this.#waiting?.abort();
  }

  /** Waits until a line can be added without loss, or there is no use in waiting. */
  async room(): Promise<void> {
    while (this.isFull) {
      this.#room ??= Promise.withResolvers();
      await this.#room.promise;
    }
  }

  /** No more lines will come: what waits is sent without delay, and `run` comes to its end. */
  end(): void {
    this.#isEnded = true;
    this.#backoff.reset();
    this.#waiting?.abort();
    this.#hurry.abort();
    this.#hurry = new AbortController();
  }

  /** Gives up what is not written yet, at once. */
  abort(): void {
    this.#abort.abort();
    this.end();
  }

  /**
   * Writes what is added until the end has come; to be called once.
   * @throws OperationError if the target is wrongly set up, gone, or away for too long; what was waiting is lost
   */
  async run(): Promise<void> {
    try {
      for (;;) {
        await this.#due();
        if (this.#queue.length === 0) return;
        if (this.#abort.signal.aborted) {
          this.#events.lost(this.#queue.length, 'there was no more time to write them');
          return;
        }
        await this.#send();
      }
    } finally {
      this.#isOver = true;
      this.#lost += this.#queue.length;
      this.#room?.resolve();
    }
  }

  /** Waits until there is something to send, or nothing to wait for. */
  async #due(): Promise<void> {
    while (this.#queue.length === 0 && !this.#isEnded) await this.#wait(Number.POSITIVE_INFINITY);
    if (this.#parts.length === 0 && this.#queue.length < this.#options.batchLines)
      await this.#wait(this.#target.lingerMs);
  }

  async #wait(durationMs: number): Promise<void> {
    if (this.#isEnded) return;
    this.#waiting = new AbortController();
    await pause(durationMs, this.#waiting.signal);
    this.#waiting = undefined;
  }

  async #send(): Promise<void> {
    const lines = this.#queue.take(this.#parts.at(-1) ?? this.#options.batchLines, MAX_BATCH_LENGTH);
    try {
      await this.#target.write(
        lines.map(({ text }) => text),
        this.#abort.signal,
        lines[0]?.place,
      );
    } catch (error) {
      if (!(error instanceof Refusal)) {
        this.#queue.putBack(lines);
        await this.#retryLater(error);
        return;
      }
      this.#reached();
      this.#divide(lines, error);
      return;
    }
    this.#reached();
    this.#written += lines.length;
    this.#settle(lines.length, []);
  }

  /** Rejects the lines known to be refused; where none is, halves the batch to find them. */
  #divide(lines: readonly QueuedLine[], refusal: Refusal): void {
    const isWhole = lines.length === 1 || refusal.others === 'refused';
    const others = lines.filter((line) => {
      const reason = refusal.named.get(line.text) ?? (isWhole ? refusal.message : undefined);
      if (reason === undefined) return true;
      this.#rejected++;
      this.#events.rejected(line.text, reason, line.origin);
      return false;
    });
    if (refusal.others === 'written') {
      this.#written += others.length;
      this.#settle(lines.length, []);
      return;
    }
    this.#settle(lines.length, others);
    if (others.length === lines.length) {
      const half = Math.ceil(lines.length / 2);
      this.#parts.push(lines.length - half, half);
    } else if (others.length > 0) this.#parts.push(others.length);
  }

  /** Ends with the lines taken: those `again` go back to the head of the queue. */
  #settle(count: number, again: readonly QueuedLine[]): void {
    if (again.length > 0) this.#queue.putBack(again);
    else this.#queue.settle();
    const part = this.#parts.pop();
    if (part !== undefined && part > count) this.#parts.push(part - count);
    if (this.#queue.isFull) return;
    this.#room?.resolve();
    this.#room = undefined;
  }

  async #retryLater(error: unknown): Promise<void> {
    if (this.#abort.signal.aborted) return;
    const reason = messageOf(error);
    if (error instanceof GoneError || (error instanceof SetupError && !this.#isProven))
      throw new OperationError(reason);
    const nowMs = performance.now();
    this.#awaySinceMs ??= nowMs;
    if (reason !== this.#awayReason) this.#events.away(reason);
    this.#awayReason = reason;
    let pauseMs = this.#backoff.next();
    if (error instanceof BusyError)
      pauseMs = Math.max(pauseMs, Math.min(error.retryAfterMs, MAX_RETRY_AFTER_MS));
    const { giveUpAfterMs } = this.#options;
    if (giveUpAfterMs !== undefined) {
      const leftMs = giveUpAfterMs - (nowMs - this.#awaySinceMs);
      if (leftMs <= 0) throw new OperationError(`given up after ${giveUpAfterMs / 1000} s: ${reason}`);
      pauseMs = Math.min(pauseMs, leftMs);
    }
    await pause(pauseMs, this.#hurry.signal);
  }

  /** The target has answered. */
  #reached(): void {
    this.#isProven = true;
    this.#backoff.reset();
    if (this.#awaySinceMs !== undefined) this.#events.back(performance.now() - this.#awaySinceMs);
    this.#awaySinceMs = undefined;
    this.#awayReason = undefined;
  }

  #lose(count: number, reason: string): void {
    this.#lost += count;
    this.#events.lost(count, reason);
  }
}
