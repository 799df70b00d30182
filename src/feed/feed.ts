import { MAX_TIME, MIN_TIME } from '../line-protocol/limits.ts';
import type { Pacer } from './pace.ts';
import type { Reading } from './reading.ts';
import type { Rejections } from './rejections.ts';
import type { Target } from './targets/target.ts';
import { Writer, type WriterOptions } from './writer.ts';

export interface FeedOptions {
  /** The points, until there are no more or the signal is aborted. */
  readonly source: (signal: AbortSignal) => AsyncIterable<readonly Reading[]>;
  /** Whether the source goes on while there is no room for its points; one that can wait loses none. */
  readonly isLive: boolean;
  readonly pacer: Pacer;
  readonly target: Target;
  /** Whether the target writes each point to where it says that it belongs. */
  readonly isPlaced: boolean;
  readonly writer: WriterOptions;
  readonly rejections: Rejections;
  /** How long writing what was read may take after `stop`. */
  readonly flushTimeoutMs: number;
  readonly report: (message: string) => void;
}

/** Losses are reported at once, and then together once in this time. */
const LOSS_REPORT_MS = 60_000;

/** Carries points from a source to a target, and counts what becomes of them. */
export class Feed {
  readonly #options: FeedOptions;
  readonly #writer: Writer;
  readonly #stop = new AbortController();
  #flushTimer: NodeJS.Timeout | undefined;
  #taken = 0;
  #refused = 0;
  #empty = 0;
  #untimed = 0;
  #failure: unknown;
  #unreportedLosses = 0;
  #lossReportedMs = Number.NEGATIVE_INFINITY;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#writer = new Writer(options.target, options.writer, {
      rejected: (line, reason, origin) =>
        options.rejections.add(origin?.record ?? line, reason, origin?.head ?? ''),
      lost: (count, reason) => this.#reportLoss(count, reason),
      away: (reason) => options.report(`${reason}; trying again, and points wait`),
      back: (awayMs) =>
        options.report(`${options.target.name} is back after ${Math.round(awayMs / 100) / 10} s`),
    });
  }

  /** Always what was written, was rejected, was lost, and still waits. */
  get read(): number {
    return this.#taken + this.#refused;
  }

  /** Records that had no value in any field, so that there was nothing to write. */
  get empty(): number {
    return this.#empty;
  }

  /** Points without a time, which were given that at which they were read. */
  get untimed(): number {
    return this.#untimed;
  }

  get written(): number {
    return this.#writer.written;
  }

  get rejected(): number {
    return this.#writer.rejected + this.#refused;
  }

  get lost(): number {
    return this.#writer.lost;
  }

  /**
   * Feeds until the source has no more and all is written; to be called once.
   * @throws InputError or OperationError of the source or the target; the counts hold then as well
   */
  async run(): Promise<void> {
    const writing = this.#write();
    try {
      for await (const readings of this.#options.source(this.#stop.signal)) {
        await this.#takeAll(readings);
        if (this.#stop.signal.aborted) break;
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#writer.end();
    await writing;
    clearTimeout(this.#flushTimer);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Reads no more; what was read is still written. */
  stop(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#flushTimer = setTimeout(() => this.#writer.abort(), this.#options.flushTimeoutMs);
  }

  /** Ends at once; what is not written is lost. */
  abort(): void {
    this.stop();
    this.#writer.abort();
  }

  async #write(): Promise<void> {
    try {
      await this.#writer.run();
    } catch (error) {
      this.#fail(error);
      this.#stop.abort();
    }
  }

  /** What fails after the end was called for, fails because of it. */
  #fail(error: unknown): void {
    if (!this.#stop.signal.aborted) this.#failure ??= error;
  }

  async #takeAll(readings: readonly Reading[]): Promise<void> {
    const { isLive, isPlaced, pacer } = this.#options;
    for (const reading of readings) {
      if (reading.kind === 'empty') {
        this.#empty++;
        continue;
      }
      if (reading.kind === 'refused') {
        this.#refuse(reading.record, reading.reason, reading.head);
        continue;
      }
      if (pacer.waitMs(reading) > 0) {
        await pacer.wait(reading, this.#stop.signal);
        // What is not due yet counts as not read; what was due, but for want of room, is still written.
        if (this.#stop.signal.aborted) return;
      }
      const timeNs = pacer.timeNs(reading);
      if (timeNs < MIN_TIME || timeNs > MAX_TIME) {
        const { head = '', record = `${reading.text} ${reading.timeNs}` } = reading.origin ?? {};
        this.#refuse(
          record,
          `moved, its time is outside of the years 1677 to 2262 that InfluxDB can hold`,
          head,
        );
        continue;
      }
      if (!isLive && this.#writer.isFull) await this.#writer.room();
      this.#taken++;
      if (reading.timeNs === undefined) this.#untimed++;
      this.#writer.add(`${reading.text} ${timeNs}`, reading.origin, isPlaced ? reading.place : undefined);
    }
  }

  #refuse(record: string, reason: string, head: string): void {
    this.#refused++;
    this.#options.rejections.add(record, reason, head);
  }

  #reportLoss(count: number, reason: string): void {
    this.#unreportedLosses += count;
    const nowMs = performance.now();
    if (nowMs - this.#lossReportedMs < LOSS_REPORT_MS) return;
    const points = this.#unreportedLosses === 1 ? '1 point' : `${this.#unreportedLosses} points`;
    this.#options.report(`lost ${points}: ${reason}`);
    this.#unreportedLosses = 0;
    this.#lossReportedMs = nowMs;
  }
}
