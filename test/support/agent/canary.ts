import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { hostPoint } from '../protocol/points.ts';
import { encodeRequest, type Option, type Point } from '../protocol/protocol.ts';
import { Dice } from '../scenarios/dice.ts';
import { Oracle } from '../scenarios/oracle.ts';
import { connect, type Host } from './host.ts';

const OPTIONS: readonly Option[] = [
  { name: 'field', values: [{ type: 'string', v: 'value' }] },
  { name: 'previousAs', values: [{ type: 'string', v: 'was' }] },
];
const POINTS = 10;
const PAUSE_MS = 20;
/** Kapacitor's shortest sensible keepalive is a second; a neighbour must not come near it. */
const PATIENCE_MS = 5000;

/** A well-behaved connection beside the hostile ones: it must not notice them. */
export class Canary {
  readonly #host: Host;
  readonly #oracle = new Oracle(OPTIONS, 'stream');
  readonly #dice = new Dice('canary');
  #frames = 0;
  #rounds = 0;
  #isStopping = false;
  /** Edges that came, each the right one. */
  edges = 0;
  edgesExpected = 0;
  /** The longest that it waited for an answer, in milliseconds. */
  slowestMs = 0;

  private constructor(host: Host) {
    this.#host = host;
  }

  static async start(path: string, taskId: string): Promise<Canary> {
    const host = await connect(path);
    const init = await host.init(OPTIONS, taskId);
    if (!init.success) throw new Error(`the canary's Init was refused: ${init.error}`);
    return new Canary(host);
  }

  /**
   * Runs a canary on a connection of its own while something is done to the agent.
   * @returns the canary, with what it expected and got
   * @throws Error when the canary noticed anything
   */
  static async beside(path: string, use: () => Promise<void>): Promise<Canary> {
    const canary = await Canary.start(path, 'canary');
    const done = use().finally(() => canary.stop());
    await Promise.all([done, canary.run()]);
    return canary;
  }

  /** Goes on until {@link stop}. @throws Error when anything is not as it would be alone */
  async run(): Promise<void> {
    while (!this.#isStopping) {
      await this.#round();
      await pause(PAUSE_MS);
    }
    await this.#host.finish();
  }

  stop(): void {
    this.#isStopping = true;
  }

  async #round(): Promise<void> {
    const points = Array.from({ length: POINTS }, () => this.#nextPoint());
    const startMs = performance.now();
    this.#host.send(points.map((point) => encodeRequest({ kind: 'point', point })));
    this.#rounds++;
    await within(PATIENCE_MS, this.#host.keepalive(BigInt(this.#rounds)));
    this.slowestMs = Math.max(this.slowestMs, performance.now() - startMs);
    for (const point of points) this.#oracle.point(this.#frames++, point);
    const expected = this.#oracle.emissions;
    this.edgesExpected = expected.length;
    const { emitted } = this.#host;
    if (emitted.length !== expected.length)
      throw new Error(`the canary expected ${expected.length} edges and got ${emitted.length}`);
    for (; this.edges < expected.length; this.edges++) {
      const { response } = emitted[this.edges];
      const time = BigInt(expected[this.edges].frame);
      if (response.kind !== 'point' || response.point.time !== time)
        throw new Error(`the canary expected the point of time ${time} as edge ${this.edges + 1}`);
    }
  }

  #nextPoint(): Point {
    const host = `host${this.#dice.below(3)}`;
    this.#time += 1n;
    return hostPoint(host, {
      time: this.#time - 1n,
      fields: { value: { type: 'string', v: this.#dice.chance(0.3) ? 'down' : 'up' } },
    });
  }

  #time = 0n;
}

async function within<T>(timeMs: number, answer: Promise<T>): Promise<T> {
  const late = new AbortController();
  try {
    return await Promise.race([
      answer,
      once(AbortSignal.timeout(timeMs), 'abort', { signal: late.signal }).then(() => {
        throw new Error(`the canary had no answer within ${timeMs} ms`);
      }),
    ]);
  } finally {
    late.abort();
  }
}
