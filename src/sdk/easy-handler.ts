import type {
  BatchEndView,
  BatchView,
  Emit,
  Handler,
  NodeContext,
  StatesPage,
  StatesQuery,
} from '../function/contract.ts';
import type { Keys } from '../wire/keys.ts';
import type { Point } from '../wire/point.ts';
import type { PointView } from '../wire/point-view.ts';
import { varint64 } from '../wire/varint.ts';
import type { UdfBatch, UdfContext, UdfLog } from './definition.ts';
import { Emitter } from './emitter.ts';
import { type GroupBounds, GroupStore } from './group-store.ts';
import type { OptionDeclarations, OptionValues } from './options.ts';
import { BatchPoint, PointAtHand, type UdfPoint, WantedKeys } from './points.ts';
import { restoreInto, type SnapshotHead, snapshotOf } from './snapshot.ts';

/** A function of the easy layer, taken apart, with what one node of it was given. */
export interface EasyParts<O extends OptionDeclarations, S extends object> {
  readonly name: string;
  readonly options: OptionValues<O>;
  readonly begin: (() => S) | undefined;
  readonly version: number;
  readonly migrate: ((state: unknown, version: number) => S | undefined) | undefined;
  readonly bounds: GroupBounds;
  readonly point: ((point: UdfPoint, group: S, context: UdfContext<O>) => unknown) | undefined;
  readonly batch: ((batch: UdfBatch, group: S, context: UdfContext<O>) => unknown) | undefined;
  readonly tick:
    | ((
        time: bigint,
        groups: Iterable<readonly [group: string, state: S]>,
        context: UdfContext<O>,
      ) => unknown)
    | undefined;
  readonly maxBatchPoints: number;
  readonly log: UdfLog;
  readonly context: NodeContext;
}

/** The batch that is open. */
interface OpenBatch {
  readonly name: string;
  readonly group: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly byName: boolean;
  readonly id: Uint8Array;
  readonly points: BatchPoint[];
  isTooLong: boolean;
}

const MILLISECOND_NS = 1_000_000n;

/** One node of a function of the easy layer. */
export class EasyHandler<O extends OptionDeclarations, S extends object> implements Handler {
  readonly tick?: NonNullable<Handler['tick']>;
  readonly #parts: EasyParts<O, S>;
  readonly #wanted = new WantedKeys();
  readonly #store: GroupStore<S>;
  readonly #head: SnapshotHead;
  readonly #point = new PointAtHand(this.#wanted);
  readonly #emitter = new Emitter();
  readonly #context: UdfContext<O>;
  readonly #watchesTime: boolean;
  readonly #basePoint = (): Point => this.#point.toPoint();
  #batch: OpenBatch | undefined;
  #evicted = 0;
  #hasWarnedOfLength = false;

  constructor(parts: EasyParts<O, S>) {
    this.#parts = parts;
    const { options, log, bounds, context, name, version } = parts;
    const begin = (): S => checkedState(parts);
    this.#store = new GroupStore(begin, bounds, context.clockMs, () => this.#noteEviction());
    this.#watchesTime = this.#store.watchesTime;
    this.#head = { functionName: name, version };
    this.#context = { options, log, emit: this.#emitter };
    if (parts.tick !== undefined) this.tick = (_, emit) => this.#tick(emit);
  }

  get keys(): Keys {
    return this.#wanted.keys;
  }

  point(view: PointView, emit: Emit): void {
    const batch = this.#batch;
    if (batch !== undefined) {
      this.#gather(batch, view);
      return;
    }
    const { point } = this.#parts;
    if (point === undefined) return;
    const state = this.#stateOf(view.bytes, view.groupStart, view.groupEnd, view);
    this.#point.set(view);
    this.#emitter.begin(emit, this.#basePoint);
    refusePromise(point(this.#point, state, this.#context));
    this.#emitter.end();
  }

  beginBatch(batch: BatchView): void {
    const { name, group, byName } = batch;
    const id = Buffer.from(batch.bytes.subarray(batch.groupStart, batch.groupEnd));
    this.#batch = { name, group, byName, tags: batch.tags(), id, points: [], isTooLong: false };
  }

  #gather(batch: OpenBatch, view: PointView): void {
    if (batch.points.length < this.#parts.maxBatchPoints)
      batch.points.push(new BatchPoint(view, batch.group, batch.name));
    else batch.isTooLong = true;
  }

  endBatch(emit: Emit, end: BatchEndView): void {
    const batch = this.#batch;
    this.#batch = undefined;
    const handle = this.#parts.batch;
    if (batch === undefined || handle === undefined) return;
    if (batch.isTooLong) {
      this.#warnOfLength(batch);
      return;
    }
    const { name, group, tags, byName, id, points } = batch;
    const { time } = end;
    varint64[0] = Number(BigInt.asIntN(32, time));
    varint64[1] = Number(BigInt.asIntN(32, time >> 32n));
    const state = this.#stateOf(id, 0, id.length, undefined);
    const base = { name, database: '', retentionPolicy: '', group, byName, tags, fields: new Map() };
    this.#emitter.begin(emit, () => ({ ...base, time, dimensions: [...tags.keys()].sort() }));
    refusePromise(handle({ name, group, tags, time, points }, state, this.#context));
    this.#emitter.end();
  }

  /** @param view where the time is, if not in `varint64` already */
  #stateOf(bytes: Uint8Array, start: number, end: number, view: PointView | undefined): S {
    if (this.#parts.begin === undefined) return noState();
    if (this.#watchesTime) view?.readTime();
    return this.#store.stateOf(bytes, start, end, varint64[0], varint64[1]);
  }

  #tick(emit: Emit): void {
    const time = BigInt(Math.floor(this.#parts.context.wallMs())) * MILLISECOND_NS;
    this.#emitter.begin(emit, undefined);
    refusePromise(this.#parts.tick?.(time, this.#store.entries(), this.#context));
    this.#emitter.end();
  }

  settle(): void {
    this.#wanted.renew();
    this.#store.sweep();
  }

  snapshot(): Iterable<Uint8Array> {
    return snapshotOf(this.#store, this.#head, this.#parts.context.clockMs);
  }

  *restore(snapshot: Uint8Array): Generator<void> {
    if (snapshot.length === 0 || this.#parts.begin === undefined) return;
    const problem = yield* restoreInto(this.#store, this.#head, snapshot, this.#parts.migrate);
    if (problem !== undefined)
      this.#parts.log.warn(`the snapshot was not restored, the node starts empty: ${problem}`, {
        bytes: snapshot.length,
      });
  }

  counts(): Record<string, number> {
    return { groups: this.#store.size, ...(this.#evicted > 0 ? { evicted: this.#evicted } : {}) };
  }

  states(query: StatesQuery): StatesPage {
    return this.#store.page(query);
  }

  #noteEviction(): void {
    if (this.#evicted++ > 0) return;
    this.#parts.log.warn(
      'there are more groups than maxGroups: the longest unseen ones are forgotten from now on',
      {
        maxGroups: this.#parts.bounds.maxGroups,
      },
    );
  }

  #warnOfLength({ group }: OpenBatch): void {
    if (this.#hasWarnedOfLength) return;
    this.#hasWarnedOfLength = true;
    this.#parts.log.warn('a batch is longer than the function takes, and is left out like all that are', {
      group,
      maxBatchPoints: this.#parts.maxBatchPoints,
    });
  }
}

/** A new group's state. */
function checkedState<O extends OptionDeclarations, S extends object>({ begin, name }: EasyParts<O, S>): S {
  const state = begin?.();
  if (typeof state !== 'object' || state === null)
    throw new TypeError(
      `begin() of @${name} must return an object: the group's state, to be changed in place`,
    );
  return state;
}

/** What a function without a state is given instead of one. */
function noState<S extends object>(): S;
function noState(): object {
  return NO_STATE;
}
const NO_STATE = Object.freeze({});

/** An async function would go on when nobody listens any more. */
function refusePromise(result: unknown): void {
  if (result instanceof Promise) {
    result.catch(() => undefined);
    throw new TypeError('the function is async: it must do its work during the call');
  }
}
