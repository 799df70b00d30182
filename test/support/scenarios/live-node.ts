import { edgeDetect } from '../../../src/functions/edge-detect/index.ts';
import { TestNode } from '../agent/node.ts';
import { plainPoint } from '../protocol/points.ts';
import type { Option, Point, Value } from '../protocol/protocol.ts';
import type { Clock } from './oracle.ts';

export const S = 1_000_000_000n;
/** The wall clock's time at the beginning: a whole second. */
export const START_NS = 1_700_000_000n * S;
const TICK_MS = 500;

/** A node of edgeDetect in a task that is live: its points come now, and its clock is told as an agent tells it. */
export class LiveNode {
  node: TestNode;
  readonly #options: readonly Option[];
  /** Since the beginning, in milliseconds. */
  #elapsedMs = 0;
  /** What the monotonic clock showed then: a process of its own has one of its own. */
  #bootMs = 5000;
  readonly #emitted: Point[] = [];
  #read = 0;
  #stoodStill = false;

  constructor(...options: readonly Option[]) {
    this.#options = options;
    this.node = this.#start();
  }

  #start(): TestNode {
    return new TestNode(edgeDetect, this.#options, {
      clockMs: () => this.#bootMs + this.#elapsedMs,
      wallMs: () => Number(START_NS / 1_000_000n) + this.#elapsedMs,
    });
  }

  /** The wall clock in seconds since the beginning. */
  get now(): number {
    return this.#elapsedMs / 1000;
  }

  get clock(): Clock {
    const elapsedNs = BigInt(this.#elapsedMs) * 1_000_000n;
    return {
      wallNs: START_NS + elapsedNs,
      monotonicNs: BigInt(this.#bootMs) * 1_000_000n + elapsedNs,
      stoodStill: this.#stoodStill,
    };
  }

  /** A point of a host, at so many seconds since the beginning: now, unless it is said. */
  take(
    host: string,
    value: Value | string | undefined,
    seconds: number = this.now,
    more: Partial<Point> = {},
  ): void {
    this.takePoint(pointOf(host, value, seconds, more));
  }

  takePoint(point: Point): void {
    this.node.take({ kind: 'point', point });
  }

  /** Time goes by, and nothing comes. @param each called at each tick, after it */
  pass(seconds: number, each?: () => void): void {
    const end = this.#elapsedMs + Math.round(seconds * 1000);
    while (this.#elapsedMs < end) {
      this.#elapsedMs = Math.min(end, this.#elapsedMs + TICK_MS);
      this.tick();
      each?.();
    }
  }

  /** The process stands still, while what comes waits: take it next, and then {@link tick}. */
  standStill(seconds: number): void {
    this.#elapsedMs += Math.round(seconds * 1000);
    this.#stoodStill = true;
  }

  tick(): void {
    this.#stoodStill = false;
    this.node.node.tick(this.#bootMs + this.#elapsedMs);
  }

  /** Another process goes on from the snapshot, so many seconds later. @returns whether there was one: an empty one is not kept */
  restart(seconds = 0, snapshot = this.node.snapshot()): boolean {
    this.emitted();
    this.#elapsedMs += Math.round(seconds * 1000);
    this.#bootMs = 77 - this.#elapsedMs;
    this.#stoodStill = false;
    this.node = this.#start();
    this.#read = 0;
    if (snapshot.length > 0) this.node.restore(snapshot);
    return snapshot.length > 0;
  }

  /** All points that were emitted so far, before restarts too. */
  emitted(): readonly Point[] {
    const { emissions } = this.node;
    for (; this.#read < emissions.length; this.#read++) {
      const emission = emissions[this.#read];
      if (emission.kind === 'point') this.#emitted.push(emission.point);
    }
    return this.#emitted;
  }

  /** The same in short, of the field `value`: host, state, seconds since the beginning. */
  edges(): string[] {
    return this.emitted().map(({ tags, fields, time }) => {
      const { v } = fields.value ?? { v: 'nothing' };
      return `${tags.host} ${v} ${Number(time - START_NS) / 1e9}`;
    });
  }
}

export function pointOf(
  host: string,
  value: Value | string | undefined,
  seconds: number,
  more: Partial<Point> = {},
): Point {
  const given: Value | undefined = typeof value === 'string' ? { type: 'string', v: value } : value;
  return plainPoint({
    name: 'm',
    group: `host=${host}`,
    dimensions: ['host'],
    tags: { host },
    time: START_NS + BigInt(Math.round(seconds * 1000)) * 1_000_000n,
    fields: given === undefined ? {} : { value: given },
    ...more,
  });
}
