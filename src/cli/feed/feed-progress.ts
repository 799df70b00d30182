import type { SingleBar } from 'cli-progress';
import type { Io } from '../io.ts';
import { makeBar } from '../progress-bar.ts';

/** How often it is drawn, in milliseconds. */
const DRAW_MS = 200;
/** Back to the beginning of the line, and nothing in it. */
const CLEAR = '\r\u001b[K';

/** How far a file has been read, drawn for a person who watches, with the points that have arrived. */
export class FeedProgress {
  readonly #bar: SingleBar;
  readonly #io: Io;
  readonly #timer: NodeJS.Timeout;

  /**
   * Begins to draw.
   * @param written tells how many points have been written
   */
  constructor(
    io: Io,
    progress: () => { readonly readBytes: number; readonly totalBytes: number },
    written: () => number,
  ) {
    this.#io = io;
    this.#bar = makeBar(io, '{bar} {percentage}% | {points} points written');
    this.#bar.start(progress().totalBytes, 0, { points: 0 });
    this.#timer = setInterval(() => this.#bar.update(progress().readBytes, { points: written() }), DRAW_MS);
  }

  /** Makes room for a line of text; the bar comes back below it. */
  clear(): void {
    this.#io.stderr.write(CLEAR);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#bar.stop();
  }
}
