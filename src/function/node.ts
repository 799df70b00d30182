import type { AddedFields } from '../wire/added-fields.ts';
import { BatchBegin, BatchEnd } from '../wire/batch.ts';
import type { Keys } from '../wire/keys.ts';
import type { NamedOption } from '../wire/messages.ts';
import type { Point } from '../wire/point.ts';
import { PointReader, type PointView } from '../wire/point-view.ts';
import { PointWriter } from '../wire/point-writer.ts';
import { ProtocolError } from '../wire/protocol-error.ts';
import type {
  Emit,
  Handler,
  NodeContext,
  NodeLimits,
  NodeLog,
  StatesPage,
  StatesQuery,
  UdfFunction,
} from './contract.ts';
import { GivenOptions } from './options.ts';

/** What a node needs of its door. */
export interface NodeSettings {
  /** In the order of the script. */
  readonly options: readonly NamedOption[];
  readonly limits: NodeLimits;
  readonly log: NodeLog;
  /** The machine's monotonic clock in milliseconds. */
  readonly clockMs: () => number;
  /** The machine's clock in milliseconds since the epoch; Date.now unless another one is given. */
  readonly wallMs?: () => number;
}

/**
 * Gets what a node emits, as bodies of Kapacitor's messages that are valid only during the call. A batch's begin comes
 * before its first point, without a size; a batch without points does not come at all.
 */
export interface NodeSink {
  beginBatch(bytes: Uint8Array, start: number, end: number): void;
  point(bytes: Uint8Array, start: number, end: number): void;
  endBatch(bytes: Uint8Array, start: number, end: number): void;
}

/** Where the points with added fields are put together. */
const FIRST_SCRATCH_BYTES = 1024;

/**
 * One node of a function at work: points and batches in, emissions out. It knows no socket, no frame and no Kapacitor;
 * every door drives it alike:
 *
 *     const node = new Node(edgeDetect, { options, … }, sink);
 *     node.restore(snapshot)                        where there is one, before the first point
 *     node.point(bytes, start, end)                 a point's body as it lies in memory; or
 *     node.beginBatch(…), node.point(…)…, node.endBatch(…)
 *     node.settle()                                 after the points that arrived together
 *     node.tick(nowMs)                              at least once a second, if it `wantsTicks`
 *     node.snapshot()                               between two points
 *
 * Snapshot and restore go in small steps; between the first and the last of them the door hands over nothing else.
 * Whatever a method throws has spoiled the node: what was emitted before stays so, and nothing more may be asked of it.
 */
export class Node {
  readonly function: UdfFunction;
  readonly #settings: NodeSettings;
  readonly #emitter: Emitter;
  #handler: Handler;
  #keys: Keys | undefined;
  #view: PointReader;
  #batch: BatchBegin | undefined;
  /** Whether a point may come now. */
  #isOpen: boolean;
  #hasState = false;
  #points = 0;

  /** @throws OptionsError naming everything that is wrong with the options */
  constructor(fn: UdfFunction, settings: NodeSettings, sink: NodeSink) {
    this.function = fn;
    this.#settings = settings;
    this.#emitter = new Emitter(fn.provides === 'BATCH', sink);
    this.#isOpen = fn.wants === 'STREAM';
    this.#handler = this.#open();
    this.#keys = this.#handler.keys;
    this.#view = new PointReader(this.#keys);
  }

  /** Points that came so far. */
  get points(): number {
    return this.#points;
  }

  /** Points that were emitted so far. */
  get edges(): number {
    return this.#emitter.edges;
  }

  /**
   * A point, as the body of Kapacitor's message.
   * @throws ProtocolError MALFORMED_MESSAGE, UNEXPECTED_MESSAGE; or whatever the function throws
   */
  point(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#isOpen) unexpected('a point outside of a batch');
    this.#points++;
    const view = this.#view;
    view.read(bytes, start, end);
    this.#handler.point(view, this.#emitter);
  }

  /** The begin of a batch, as the body of Kapacitor's message: the points of this group follow. Throws as {@link point}. */
  beginBatch(bytes: Uint8Array, start: number, end: number): void {
    if (this.function.wants === 'STREAM') unexpected('a batch for a function that wants a stream');
    if (this.#batch !== undefined) unexpected('a batch inside a batch');
    this.#batch = new BatchBegin(bytes, start, end);
    this.#isOpen = true;
    this.#emitter.beginBatch(this.#batch);
    this.#handler.beginBatch?.(this.#batch);
  }

  /** The end of a batch, as the body of Kapacitor's message. Throws as {@link point}. */
  endBatch(bytes: Uint8Array, start: number, end: number): void {
    if (this.#batch === undefined) unexpected('the end of a batch without its begin');
    // Checked also where the handler has no use for it.
    const batchEnd = new BatchEnd(bytes, start, end);
    this.#handler.endBatch?.(this.#emitter, batchEnd);
    this.#emitter.endBatch(bytes, start, end);
    this.#batch = undefined;
    this.#isOpen = false;
  }

  /** The points that arrived together are done with. */
  settle(): void {
    const handler = this.#handler;
    handler.settle?.();
    if (handler.keys !== this.#keys) this.#look();
  }

  /** Whether {@link tick} is of any use. */
  get wantsTicks(): boolean {
    return this.#handler.tick !== undefined;
  }

  /** @param nowMs by the clock of the settings */
  tick(nowMs: number): void {
    this.#handler.tick?.(nowMs, this.#emitter);
  }

  /** The state, as pieces of bytes; none if there is nothing to keep. */
  snapshot(): Iterable<Uint8Array> {
    return this.#handler.snapshot();
  }

  /** Takes up a state in place of the present one, in steps. The bytes must stay as they are until the last of them. */
  *restore(snapshot: Uint8Array): Generator<void> {
    // A handler is restored once, before its first point.
    if (this.#hasState || this.#points > 0) {
      this.#handler = this.#open();
      this.#look();
    }
    this.#hasState = true;
    yield* this.#handler.restore(snapshot);
  }

  /** What the log says at the end. */
  counts(): Readonly<Record<string, number>> | undefined {
    return this.#handler.counts?.();
  }

  /** A page of the groups' states; undefined where the function has nothing to show. */
  states(query: StatesQuery): StatesPage | undefined {
    return this.#handler.states?.(query);
  }

  /** From now on other keys are looked for. */
  #look(): void {
    this.#keys = this.#handler.keys;
    this.#view = new PointReader(this.#keys);
  }

  #open(): Handler {
    const { options, limits, log, clockMs, wallMs = Date.now } = this.#settings;
    const given = new GivenOptions(this.function.options, options);
    const context: NodeContext = { options: given, limits, log, clockMs, wallMs };
    const handler = this.function.open(context);
    given.check();
    return handler;
  }
}

/** Where points are made anew. */
const made = new PointWriter();

/** What a handler emits with: it opens the batch that a point is part of, and puts together what goes out. */
class Emitter implements Emit {
  edges = 0;
  readonly #sink: NodeSink;
  readonly #providesBatch: boolean;
  /** Whether a point may go out as it is: in a stream, or in a batch whose begin went out. */
  #isOpen: boolean;
  #begin: BatchBegin | undefined;
  #scratch = Buffer.allocUnsafe(FIRST_SCRATCH_BYTES);

  constructor(providesBatch: boolean, sink: NodeSink) {
    this.#providesBatch = providesBatch;
    this.#sink = sink;
    this.#isOpen = !providesBatch;
  }

  forward(point: PointView, added?: AddedFields): void {
    point.validate();
    if (!this.#isOpen) this.#openBatch();
    this.edges++;
    if (added === undefined) {
      this.#sink.point(point.bytes, point.start, point.end);
      return;
    }
    const most = added.sizeWith(point.end - point.start);
    if (most > this.#scratch.length) this.#scratch = Buffer.allocUnsafe(2 * most);
    this.#sink.point(this.#scratch, 0, added.write(point, this.#scratch, 0));
  }

  send(point: Point): void {
    made.clear();
    made.point(point);
    const { body } = made;
    if (!this.#isOpen) this.#openBatch();
    this.edges++;
    this.#sink.point(body, 0, body.length);
  }

  beginBatch(begin: BatchBegin): void {
    // A function that provides a stream has no use for a begin.
    if (this.#providesBatch) this.#begin = begin;
  }

  endBatch(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#providesBatch) return;
    if (this.#isOpen) this.#sink.endBatch(bytes, start, end);
    this.#isOpen = false;
    this.#begin = undefined;
  }

  #openBatch(): void {
    if (this.#begin === undefined)
      throw new Error('a function that provides batches emitted a point while none was open');
    this.#isOpen = true;
    this.#sink.beginBatch(this.#begin.bytes, 0, this.#begin.bytes.length);
  }
}

function unexpected(what: string): never {
  throw new ProtocolError('UNEXPECTED_MESSAGE', `unexpected message: ${what}`);
}
