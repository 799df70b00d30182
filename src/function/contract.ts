import type { AddedFields } from '../wire/added-fields.ts';
import type { Keys } from '../wire/keys.ts';
import type { EdgeType } from '../wire/messages.ts';
import type { FieldValue, Point } from '../wire/point.ts';
import type { PointView } from '../wire/point-view.ts';
import type { GivenOptions, OptionSpecs } from './options.ts';

// The contract of a function: what a UDF is made of, and all that it needs to know of the agent.
//
// Words:
//   function   what a TICKscript calls as @name(); one socket each
//   node       one place in one task that calls it: one handler at work, see node.ts
//   door       where a node's points come from and go to: Kapacitor's socket, lines, a test
//   point      one measurement at one time, with tags and fields
//   group      the points that a `groupBy` keeps together; its id is the text that Kapacitor gives it
//   batch      points of one group between a begin and an end
//   edge       a point at which a state changes; what a handler emits
//   snapshot   a handler's state as bytes; Kapacitor asks for one each minute and gives it back at the next start

/** A function that TICKscripts can call. */
export interface UdfFunction {
  /** As a TICKscript writes it after the `@`: letters and digits. */
  readonly name: string;
  /** What comes in. */
  readonly wants: EdgeType;
  /** What goes out. From batches a stream can be made, but no batches from a stream. */
  readonly provides: EdgeType;
  readonly options: OptionSpecs;
  /**
   * Starts one node.
   * @throws OptionsError where a value makes no sense: the task is refused with its text
   */
  open(context: NodeContext): Handler;
}

/** What a node has at its start. */
export interface NodeContext {
  /** What the TICKscript gave, of the types declared. */
  readonly options: GivenOptions;
  readonly limits: NodeLimits;
  readonly log: NodeLog;
  /** The machine's monotonic clock in milliseconds; what is emitted must not depend on it. */
  readonly clockMs: () => number;
  /** The machine's clock in milliseconds since the epoch, which may be set: only {@link Handler.tick} has a use for it. */
  readonly wallMs: () => number;
}

export interface NodeLimits {
  /** Groups that a node may keep unless its options say otherwise, 1 or more. */
  readonly maxGroups: number;
}

/** Where a node tells people something; the connection's task and node id are added. */
export interface NodeLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  /**
   * What is probably wrong with the task: said once for a task and its options, however often it connects. Where nobody
   * keeps count it is a warning.
   */
  hint?(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/**
 * One node at work. Calls come one at a time, in the order of the connection. A method that throws ends the
 * connection with FUNCTION_FAILED; what it emitted before still goes out.
 */
export interface Handler {
  /**
   * The fields and tags to find in every point; they are there when {@link point} is called. Others may be put in their
   * place at {@link settle}.
   */
  readonly keys?: Keys;
  /** A point, valid only during the call. */
  point(point: PointView, emit: Emit): void;
  /** Batch functions only: the points of this group follow. The view is valid only during the call. */
  beginBatch?(batch: BatchView): void;
  /** Batch functions only: the group's points are complete. What is emitted now is still part of the batch. */
  endBatch?(emit: Emit, end: BatchEndView): void;
  /** After all points that arrived together: the place for work in small pieces, for instance to free memory. */
  settle?(): void;
  /**
   * The clock, for what happens without a point: called at least once a second while the connection is live, once
   * everything that arrived has been handed over, and not while what was emitted cannot go out. After a standstill the
   * input that waited comes first. A handler without it costs nothing. Where batches go out nothing can be emitted here.
   * @param nowMs as {@link NodeContext.clockMs} has it
   */
  tick?(nowMs: number, emit: Emit): void;
  /**
   * The state, as pieces of bytes. Between two pieces other connections get their turn, and no point of this one
   * comes; a piece should take about a millisecond.
   */
  snapshot(): Iterable<Uint8Array>;
  /**
   * Takes up a state, in steps as {@link snapshot}. Called before the first point. Bytes that make no sense are the
   * handler's to log: it starts empty then.
   */
  restore(snapshot: Uint8Array): Iterable<void>;
  /** What the log says at the connection's end, for instance how many groups there are. */
  counts?(): Readonly<Record<string, number>>;
  /**
   * What the groups are in, for people to look at. It changes nothing, and takes a millisecond or two: one call looks at
   * so many groups at most, whether they match or not.
   */
  states?(query: StatesQuery): StatesPage;
}

/** Which groups {@link Handler.states} is asked for. */
export interface StatesQuery {
  /** Only groups whose id this likes. */
  readonly matches?: (group: string) => boolean;
  /** Goes on where another page ended. */
  readonly after?: string;
  /** Groups in the page, at most. */
  readonly limit: number;
}

export interface StatesPage {
  /** In an order of the handler's own; with a query that matches little there may be none, and more pages all the same. */
  readonly groups: readonly GroupState[];
  /**
   * For {@link StatesQuery.after}; undefined where there is no more. A group that is there all the while comes up once,
   * however many come and go between two pages.
   */
  readonly next: string | undefined;
}

/** One group, as far as its function knows such things. */
export interface GroupState {
  readonly group: string;
  /** What is known of it, by name: tracked keys, or a state of the function's own. */
  readonly values: Readonly<Record<string, FieldValue | undefined>>;
  /** When this state began, in nanoseconds since the epoch. */
  readonly sinceNs?: bigint;
  /** How many edges it has had. */
  readonly count?: bigint;
  /** A state that is not accepted yet. */
  readonly candidate?: {
    readonly values: Readonly<Record<string, FieldValue | undefined>>;
    readonly sinceNs: bigint;
    readonly points: number;
  };
  /** Whether an edge waits for room to be emitted. */
  readonly isOwed?: boolean;
  /** Whether the group has fallen silent. */
  readonly isSilent?: boolean;
}

/** The begin of a batch. */
export interface BatchView {
  /** The bytes that the group's id lies in. */
  readonly bytes: Uint8Array;
  readonly groupStart: number;
  readonly groupEnd: number;
  /** The group's id as Kapacitor made it. */
  readonly group: string;
  /** The measurement. */
  readonly name: string;
  /** Whether the measurement is a part of the group's id. */
  readonly byName: boolean;
  /** The group's tags, which are its dimensions. */
  tags(): ReadonlyMap<string, string>;
}

/** The end of a batch. */
export interface BatchEndView {
  /** The end of the window that the batch is of, in nanoseconds since the epoch. */
  readonly time: bigint;
}

/** Sends points on, during a call of the handler. Where batches go out they become points of the one that is open. */
export interface Emit {
  /**
   * Sends a point as the bytes it came in, or with fields added.
   * @param point the one at hand, or a view of your own on a copy of another one's bytes
   * @param added fields to add or replace; set for this point
   */
  forward(point: PointView, added?: AddedFields): void;
  /**
   * Sends a point made anew; Kapacitor finds its group by the dimensions and tags. In a batch only time, tags and
   * fields count.
   * @throws RangeError if the time or an integer does not fit into 64 bits
   */
  send(point: Point): void;
}
