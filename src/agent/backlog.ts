interface WaitingFrame {
  readonly bytes: Buffer;
  readonly offset: number;
}

/** What a frame takes beyond its own bytes, roughly: a peer may send a great many of two bytes each. */
const FRAME_OVERHEAD_BYTES = 150;

/** The frames that come while a work in slices is under way. */
export class Backlog {
  #frames: WaitingFrame[] = [];
  #bytes = 0;

  /** How much memory the frames take, roughly. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a copy of a frame. @param offset its place in the connection */
  push(bytes: Uint8Array, start: number, end: number, offset: number): void {
    this.#frames.push({ bytes: Buffer.from(bytes.subarray(start, end)), offset });
    this.#bytes += FRAME_OVERHEAD_BYTES + end - start;
  }

  /** The frames in their order; none are left here. */
  take(): readonly WaitingFrame[] {
    const frames = this.#frames;
    this.#frames = [];
    this.#bytes = 0;
    return frames;
  }
}
