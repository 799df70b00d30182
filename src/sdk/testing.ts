/**
 * Tries functions out, without Kapacitor and in any test runner:
 * `import { runFunction } from 'kapacitor-edge-detect/testing'`.
 *
 * @packageDocumentation
 */
import { isDeepStrictEqual } from 'node:util';
import type { StatesPage, UdfFunction } from '../function/contract.ts';
import { formatLine } from '../line-protocol/writer.ts';
import type { FieldValue, Point } from '../wire/point.ts';
import { hostilePoints, hostileSnapshots } from './hostile.ts';
import { type GroupBy, pointsOf, type TestOptions } from './test-input.ts';
import { type EmittedBatch, type GivenBatch, type LoggedLine, TriedNode } from './test-node.ts';

export type { StatesPage, UdfFunction } from '../function/contract.ts';
export type { FieldValue } from '../wire/point.ts';
export type { GroupBy, TestArgument, TestOptions } from './test-input.ts';
export type { LoggedLine } from './test-node.ts';

/** What a function is tried with. */
export interface Run {
  /** The options as a TICKscript would give them: `{ field: 'value', size: 10, every: '30s' }`. */
  readonly options?: TestOptions;
  /**
   * Points in line protocol, one a line; times are nanoseconds, and a point without one lies a second behind the one
   * before. For a function of batches they are the batch of each group.
   */
  readonly lines?: string | readonly string[];
  /** For a function of batches: the lines of one window after the other, and of each group of it a batch. */
  readonly batches?: readonly (string | readonly string[])[];
  /** The tags that make a group, `'*'` for all; none unless given. */
  readonly groupBy?: GroupBy;
  /** The machine's clock at which the function is told of it after all points, in nanoseconds since the epoch. */
  readonly ticksAt?: readonly bigint[];
  /** A snapshot to start with, as an earlier run gave it. */
  readonly snapshot?: Uint8Array;
}

/** A point that was emitted. */
export interface EmittedPoint {
  readonly name: string;
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  readonly tags: Readonly<Record<string, string>>;
  /** Integers are bigints, floats numbers. */
  readonly fields: Readonly<Record<string, FieldValue>>;
}

/** What came of it. */
export interface RunResult {
  /** Every point that was emitted, in order; those of batches too. */
  readonly points: readonly EmittedPoint[];
  /** The same as line protocol, where line protocol can say it. */
  readonly lines: readonly string[];
  /** Of a function that provides batches: each with its points. */
  readonly batches: readonly { readonly group: string; readonly points: readonly EmittedPoint[] }[];
  readonly log: readonly LoggedLine[];
  /** What the agent's log would say at the end, for instance how many groups there are. */
  readonly counts: Readonly<Record<string, number>>;
  /** The state at the end, for another run to start with. */
  readonly snapshot: Uint8Array;
  /** What the groups are in, as `edge-detect states` would show it. */
  readonly states: StatesPage['groups'];
}

/** Groups in {@link RunResult.states}. */
const MAX_STATES = 1000;

/** A point or a batch of the input. */
type Piece = Point | GivenBatch;

/**
 * Runs a function over points.
 *
 * @example
 * const { points } = await runFunction(movingAverage, {
 *   options: { field: 'value', size: 2 },
 *   lines: ['m value=1', 'm value=3'],
 * });
 * // points[1].fields is { value: 3, avg: 2 }
 *
 * @throws OptionsError naming every option that is wrong; InputError where the lines are no line protocol; and whatever
 * the function throws
 */
export async function runFunction(fn: UdfFunction, run: Run): Promise<RunResult> {
  const tried = new TriedNode(fn, run.options ?? {});
  if (run.snapshot !== undefined) tried.restore(run.snapshot);
  for (const piece of piecesOf(fn, run)) take(tried, piece);
  for (const time of run.ticksAt ?? []) tried.tick(time);
  return {
    points: tried.points.map(emittedPoint),
    lines: tried.points.flatMap(lineOf),
    batches: tried.batches.map(({ group, points }) => ({ group, points: points.map(emittedPoint) })),
    log: tried.log,
    counts: tried.node.counts() ?? {},
    snapshot: tried.snapshot(),
    states: tried.node.states({ limit: MAX_STATES })?.groups ?? [],
  };
}

/**
 * Checks that a function gives the same answers wherever it is stopped and started again from its snapshot, and that
 * snapshots are taken without being noticed.
 * @throws Error naming the first place where it does not, and both answers
 */
export async function checkRestarts(fn: UdfFunction, run: Run): Promise<void> {
  const pieces = piecesOf(fn, run);
  const options = run.options ?? {};
  const whole = answersOf(new TriedNode(fn, options), pieces);
  for (let cut = 0; cut <= pieces.length; cut++) {
    const before = new TriedNode(fn, options);
    const first = answersOf(before, pieces.slice(0, cut));
    const after = new TriedNode(fn, options);
    const snapshot = before.snapshot();
    if (snapshot.length > 0) after.restore(snapshot);
    compare(
      whole,
      [...first, ...answersOf(after, pieces.slice(cut))],
      `is restarted after ${cut}`,
      fn,
      pieces,
    );
    // The one that went on must not notice that it was asked.
    const further = [...first, ...answersOf(before, pieces.slice(cut))];
    compare(whole, further, `is asked for a snapshot after ${cut}`, fn, pieces);
  }
}

/** What comes of each piece. */
function answersOf(tried: TriedNode, pieces: readonly Piece[]): (readonly (Point | EmittedBatch)[])[] {
  return pieces.map((piece) => {
    const points = tried.points.length;
    const batches = tried.batches.length;
    take(tried, piece);
    return [...tried.points.slice(points), ...tried.batches.slice(batches)];
  });
}

function compare(
  whole: readonly unknown[],
  cut: readonly unknown[],
  what: string,
  fn: UdfFunction,
  pieces: readonly Piece[],
): void {
  const at = whole.findIndex((answer, index) => !isDeepStrictEqual(answer, cut[index]));
  if (at < 0) return;
  const unit = fn.wants === 'BATCH' ? 'batches' : 'points';
  throw new Error(
    `@${fn.name} gives another answer when it ${what} of ${pieces.length} ${unit}: at the ${at + 1}. of them ${said(cut[at])} instead of ${said(whole[at])}`,
  );
}

function said(answer: unknown): string {
  const text = JSON.stringify(answer, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}i`;
    return value instanceof Map ? Object.fromEntries(value) : value;
  });
  return text === '[]' ? 'nothing' : text;
}

/**
 * Gives a function what it was not made for: fields that are missing, or of other types, NaN, the limits of integers,
 * times that go backwards, empty names and groups, and snapshots that are damaged or somebody else's. It must not throw,
 * and what it emits must be sound.
 * @param run the options, and lines of its usual kind if what it does depends on them
 * @throws Error naming what it failed at
 */
export async function checkHostile(fn: UdfFunction, run: Run): Promise<void> {
  const usual = run.lines === undefined ? [] : pointsOf(run.lines, run.groupBy ?? []);
  const names = Object.values(run.options ?? {}).flat(2);
  const fields = new Set([...names.filter((name) => typeof name === 'string'), 'value']);
  const points = hostilePoints(usual, [...fields]);
  const tried = new TriedNode(fn, run.options ?? {});
  const batches = points.map((point): GivenBatch => ({ points: [point], time: point.time }));
  const pieces: readonly Piece[] =
    fn.wants === 'STREAM' ? points : [{ points: [], time: 0n }, ...batches, { points, time: 0n }];
  for (const piece of pieces) attempt(fn, `at ${said(piece)}`, () => take(tried, piece));
  const snapshot = attempt(fn, 'asked for a snapshot', () => tried.snapshot());
  for (const [what, bytes] of hostileSnapshots(snapshot)) {
    attempt(fn, `given ${what}`, () => new TriedNode(fn, run.options ?? {}).restore(bytes));
  }
}

function attempt<T>(fn: UdfFunction, where: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(`@${fn.name} fails ${where}: ${text}`, { cause: error });
  }
}

function take(tried: TriedNode, piece: Piece): void {
  if ('points' in piece) tried.takeBatch(piece);
  else tried.take(piece);
}

function piecesOf(fn: UdfFunction, { lines = [], batches, groupBy = [] }: Run): readonly Piece[] {
  if (fn.wants === 'STREAM') {
    if (batches !== undefined) throw new TypeError(`@${fn.name} wants a stream: give it lines, no batches`);
    return pointsOf(lines, groupBy);
  }
  return (batches ?? [lines]).flatMap((window) => batchesOf(pointsOf(window, groupBy)));
}

/** A batch for each group, in the order of their first points. */
function batchesOf(points: readonly Point[]): GivenBatch[] {
  let time = points[0]?.time ?? 0n;
  for (const point of points) if (point.time > time) time = point.time;
  return [...Map.groupBy(points, ({ group }) => group).values()].map((each) => ({ points: each, time }));
}

function emittedPoint({ name, time, tags, fields }: Point): EmittedPoint {
  return { name, time, tags: Object.fromEntries(tags), fields: Object.fromEntries(fields) };
}

function lineOf({ name, time, tags, fields }: Point): string[] {
  try {
    return [formatLine({ measurement: name, tags, fields, time })];
  } catch {
    return [];
  }
}
