interface WaitingFrame {
  readonly bytes: Buffer;
  readonly offset: number;
}

/** The frames that come while a work in slices is under way. */
export class Backlog {
  #frames: WaitingFrame[] = [];
  #bytes = 0;

  /** How many bytes wait here. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a copy of a frame. @param offset its place in the connection */
  push(bytes: Uint8Array, start: number, end: number, offset: number): void {
    this.#frames.push({ bytes: Buffer.from(bytes.subarray(start, end)), offset });
    this.#bytes += end - start;
  }

  /** The frames in their order; none are left here. */
  take(): readonly WaitingFrame[] {
    const frames = this.#frames;
    this.#frames = [];
    this.#bytes = 0;
    return frames;
  }
}
