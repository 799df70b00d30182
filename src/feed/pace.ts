import { pause } from './pause.ts';
import type { PointReading } from './reading.ts';

export interface PaceOptions {
  /** How many times faster than they were taken points go out; infinity: without waiting. */
  readonly speed: number;
  /** Whether all times are moved by as much as brings the first one to the present. */
  readonly isShifted: boolean;
  /** The first time is then not brought to the present, but to so long before it. */
  readonly shiftAgoNs?: bigint;
  /** Points of the past go out at once, and the pace begins at the present. */
  readonly catchesUp: boolean;
}

/** Gives points the distance in time that they were taken at, and moves them to the present. */
export class Pacer {
  readonly #options: PaceOptions;
  readonly #nowNs: () => bigint;
  /** What is added to every time. */
  #shiftNs = 0n;
  /** The time in the points that went out at `#startMs` on the monotonic clock. */
  #originNs: bigint | undefined;
  #startMs = 0;

  constructor(options: PaceOptions, nowNs: () => bigint) {
    this.#options = options;
    this.#nowNs = nowNs;
  }

  /** How long to wait until a point is due, in milliseconds; 0 or less: it is due. */
  waitMs(point: PointReading): number {
    const { catchesUp, isShifted, shiftAgoNs = 0n, speed } = this.#options;
    const { timeNs } = point;
    if (timeNs === undefined) return 0;
    if (this.#originNs === undefined) {
      const nowNs = this.#nowNs();
      if (isShifted) this.#shiftNs = nowNs - shiftAgoNs - timeNs;
      this.#originNs = catchesUp && timeNs < nowNs ? nowNs : timeNs;
      this.#startMs = performance.now();
    }
    if (speed === Number.POSITIVE_INFINITY) return 0;
    const dueMs = this.#startMs + Number(timeNs - this.#originNs) / 1e6 / speed;
    return dueMs - performance.now();
  }

  /** Waits until a point is due, or until the signal is aborted. */
  async wait(point: PointReading, signal: AbortSignal): Promise<void> {
    // Anew after each wait: one longer than a timer can take ends before its time.
    for (let waitMs = this.waitMs(point); waitMs > 0 && !signal.aborted; waitMs = this.waitMs(point))
      await pause(waitMs, signal);
  }

  /** A point's time on its way out; a point without one is of now. To be asked after `wait`. */
  timeNs(point: PointReading): bigint {
    return point.timeNs === undefined ? this.#nowNs() : point.timeNs + this.#shiftNs;
  }
}
