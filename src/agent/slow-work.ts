import { workInSlices } from '../function/slices.ts';
import { Backlog } from './backlog.ts';

/**
 * The one thing at a time that a session may take longer for than a call: an Init that asks another process, a snapshot,
 * a restore. Meanwhile the frames that come wait here.
 */
export class SlowWork {
  readonly #clockMs: () => number;
  readonly #backlog = new Backlog();
  #stop: (() => void) | undefined;
  /** Where the message at hand lies if it is one that waited. */
  #waitedAt: number | undefined;

  constructor(clockMs: () => number) {
    this.#clockMs = clockMs;
  }

  /** Whether frames have to wait. */
  get isUnderWay(): boolean {
    return this.#stop !== undefined;
  }

  /** How much memory the frames take that wait, roughly. */
  get waitingBytes(): number {
    return this.#backlog.bytes;
  }

  /** Where in the connection the message at hand lies, if it is one that waited. */
  get offset(): number | undefined {
    return this.#waitedAt;
  }

  /** Keeps a copy of a frame for later. @param offset its place in the connection */
  wait(bytes: Uint8Array, start: number, end: number, offset: number): void {
    this.#backlog.push(bytes, start, end, offset);
  }

  /** From now on frames wait, until {@link finish}. */
  begin(): void {
    this.#stop = () => undefined;
  }

  /**
   * Works through an iterable in slices.
   * @param each called with every piece; returning false ends the work early
   * @param later called at its end, with what was thrown if anything was, unless that comes at once
   * @returns whether it was done at once
   * @throws what the work throws at once
   */
  slice<T>(work: Iterable<T>, each: (piece: T) => boolean, later: (error?: unknown) => void): boolean {
    let isSync = true;
    let isDone = false;
    const stop = workInSlices(work, this.#clockMs, each, (error) => {
      isDone = true;
      if (!isSync) later(error);
      else if (error !== undefined) throw error;
    });
    isSync = false;
    if (!isDone) this.#stop = stop;
    return isDone;
  }

  /**
   * The work is over: gives its answer and hands out the frames that waited; one of them may start another work, for
   * which the others wait again.
   * @param fail called with what a frame throws, while {@link offset} still is that frame's
   */
  finish(
    answer: () => void,
    frame: (bytes: Uint8Array, start: number, end: number) => void,
    fail: (error: unknown) => void,
  ): void {
    this.#stop = undefined;
    answer();
    try {
      for (const { bytes, offset } of this.#backlog.take()) {
        this.#waitedAt = offset;
        frame(bytes, 0, bytes.length);
      }
    } catch (error) {
      fail(error);
    }
    this.#waitedAt = undefined;
  }

  /** Gives the work up. */
  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}
