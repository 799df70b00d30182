import type { Handler, NodeContext } from '../function/contract.ts';
import { type DefinedFunction, defined } from '../function/defined.ts';
import type { OptionSpec, OptionSpecs } from '../function/options.ts';
import type { EdgeType } from '../wire/messages.ts';
import { EasyHandler, type EasyParts } from './easy-handler.ts';
import type { UdfEmit } from './emitter.ts';
import type { OptionDeclarations, OptionValues } from './options.ts';
import type { UdfPoint } from './points.ts';

/** Where a function tells people something; the task and the node are added. */
export interface UdfLog {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** What every call of a function is given beside its point and its group's state. */
export interface UdfContext<O extends OptionDeclarations> {
  readonly options: OptionValues<O>;
  readonly emit: UdfEmit;
  readonly log: UdfLog;
}

/** A whole batch; valid during the call. */
export interface UdfBatch {
  /** The measurement. */
  readonly name: string;
  /** The group's id as Kapacitor made it. */
  readonly group: string;
  /** The group's tags, which are its dimensions. */
  readonly tags: ReadonlyMap<string, string>;
  /** The end of the window that it is of, in nanoseconds since the epoch. */
  readonly time: bigint;
  /** In the order in which they came, by time as a rule. */
  readonly points: readonly UdfPoint[];
}

/** What all functions of the easy layer have. */
interface Common<O extends OptionDeclarations, S extends object> {
  /** As a TICKscript writes it after the `@`: a letter, then letters and digits. */
  readonly name: string;
  /** One line for people. */
  readonly summary?: string;
  readonly options: O;
  /**
   * Makes the state of a group at its first point: an object, of anything that structured clone takes. It is changed in
   * place; the agent keeps it, writes it into snapshots, and brings it back. Without it a function keeps nothing.
   */
  readonly begin?: () => S;
  /** Counts the shapes that states have had, from 1, the default; see `migrate`. */
  readonly version?: number;
  /** Makes a state of one of an earlier version; undefined: that group begins anew. */
  readonly migrate?: (state: unknown, version: number) => S | undefined;
  /** Options that agree with themselves and each other need none of it: names what is wrong otherwise. */
  readonly check?: (
    options: OptionValues<O>,
    refuse: (option: string & keyof O, reason: string) => void,
  ) => void;
  /**
   * The clock, at least once a second while the task runs, whether points come or not. Nothing can be emitted where
   * batches go out.
   * @param time the machine's clock, in nanoseconds since the epoch
   * @param groups every group with its state; looking at all of a million each time is not free
   */
  tick?(time: bigint, groups: Iterable<readonly [group: string, state: S]>, context: UdfContext<O>): void;
  /** Whether the options `ttl` and `maxGroups`, which bound what is kept, are left out. Only together with `begin`. */
  readonly bounds?: false;
}

/** A function of single points. */
export interface StreamDefinition<O extends OptionDeclarations, S extends object> extends Common<O, S> {
  readonly wants: 'STREAM';
  readonly provides: 'STREAM';
  /** A point, and the state of its group. */
  point(point: UdfPoint, group: S, context: UdfContext<O>): void;
}

/** A function of whole batches. */
export interface BatchDefinition<O extends OptionDeclarations, S extends object> extends Common<O, S> {
  readonly wants: 'BATCH';
  readonly provides: EdgeType;
  /** A batch that is complete, and the state of its group. What is emitted is part of the batch where batches go out. */
  batch(batch: UdfBatch, group: S, context: UdfContext<O>): void;
  /** A longer batch is left out with a warning; 1,000,000 unless given. */
  readonly maxBatchPoints?: number;
}

/** A function on the contract as it is: for what needs every microsecond. */
export interface FastDefinition<O extends OptionDeclarations> {
  readonly name: string;
  readonly summary?: string;
  readonly wants: EdgeType;
  readonly provides: EdgeType;
  readonly options: O;
  /** Starts one node. `options` are the values as declared; whatever is to be refused further goes into `context.options`. */
  open(options: OptionValues<O>, context: NodeContext): Handler;
}

const IDENTIFIER = /^[A-Za-z][A-Za-z0-9_]*$/;
const MAX_BATCH_POINTS = 1_000_000;

const BOUNDS: OptionSpecs = {
  ttl: {
    arguments: ['DURATION'],
    ranges: [{ above: 0n }],
    default: { words: 'forever' },
    summary: 'forget a group not seen for longer than this',
  },
  maxGroups: {
    arguments: ['INT'],
    ranges: [{ min: 1n }],
    default: { words: 'as many as the agent allows' },
    summary: 'keep at most this many groups, the longest unseen go first',
  },
};

/**
 * Makes a function that TICKscripts call as `@name()`. It is exported from a file in the agent's folder of functions,
 * under any name.
 *
 * @example
 * export const doubled = defineFunction({
 *   name: 'doubled',
 *   wants: 'STREAM',
 *   provides: 'STREAM',
 *   options: { field: option.string({ summary: 'the field to double' }) },
 *   point(point, _, { options, emit }) {
 *     const value = point.field(options.field);
 *     if (typeof value === 'number') emit.forward(point, { [options.field]: 2 * value });
 *   },
 * });
 *
 * @throws TypeError where the definition cannot be served: a name that is no identifier, options called like the bounds
 */
export function defineFunction<const O extends OptionDeclarations, S extends object = object>(
  definition: StreamDefinition<O, S>,
): DefinedFunction;
export function defineFunction<const O extends OptionDeclarations, S extends object = object>(
  definition: BatchDefinition<O, S>,
): DefinedFunction;
export function defineFunction<const O extends OptionDeclarations>(
  definition: FastDefinition<O>,
): DefinedFunction;
export function defineFunction<O extends OptionDeclarations, S extends object>(
  definition: StreamDefinition<O, S> | BatchDefinition<O, S> | FastDefinition<O>,
): DefinedFunction {
  const { name, wants, provides, options } = definition;
  checkNames(name, Object.keys(options));
  if (wants === 'STREAM' && provides === 'BATCH')
    throw new TypeError(`@${name}: no batches can be made of a stream; provides must be 'STREAM'`);
  const specs = Object.fromEntries(Object.entries(options).map(([key, { spec }]) => [key, spec]));
  const { summary } = definition;
  if ('open' in definition) {
    const open = (context: NodeContext): Handler => {
      const values = valuesOf(options, context);
      context.options.check();
      return definition.open(values, context);
    };
    return defined({ name, wants, provides, options: specs, open }, summary);
  }
  const open = (context: NodeContext): Handler => openEasy(definition, context);
  const all = { ...specs, ...boundsOf(definition, specs) };
  return defined({ name, wants, provides, options: all, open }, summary);
}

function checkNames(name: string, options: readonly string[]): void {
  if (!IDENTIFIER.test(name)) throw new TypeError(`'${name}' is no name of a function: ${WHAT_A_NAME_IS}`);
  const bad = options.find((each) => !IDENTIFIER.test(each));
  if (bad !== undefined) throw new TypeError(`@${name}: '${bad}' is no name of an option: ${WHAT_A_NAME_IS}`);
}

const WHAT_A_NAME_IS = 'it must be a letter, then letters, digits or _';

/** The options that bound what a function keeps, where it keeps anything. */
function boundsOf<O extends OptionDeclarations, S extends object>(
  { name, begin, bounds }: StreamDefinition<O, S> | BatchDefinition<O, S>,
  specs: Readonly<Record<string, OptionSpec>>,
): OptionSpecs {
  if (begin === undefined || bounds === false) return {};
  const taken = Object.keys(BOUNDS).find((each) => Object.hasOwn(specs, each));
  if (taken !== undefined)
    throw new TypeError(
      `@${name}: the option '${taken}' is the agent's own; rename it, or say bounds: false`,
    );
  return BOUNDS;
}

function valuesOf<O extends OptionDeclarations>(options: O, context: NodeContext): OptionValues<O>;
function valuesOf(options: OptionDeclarations, { options: given }: NodeContext): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).map(([key, { read }]) => [key, read(given, key)]));
}

function openEasy<O extends OptionDeclarations, S extends object>(
  definition: StreamDefinition<O, S> | BatchDefinition<O, S>,
  context: NodeContext,
): Handler {
  const { name, begin, version = 1, migrate, check, tick } = definition;
  const { options: given, limits, log } = context;
  const options = valuesOf(definition.options, context);
  const ttlNs = given.integer('ttl');
  const maxGroups = given.integer('maxGroups');
  given.check();
  check?.(options, (option, reason) => given.refuse(option, undefined, reason));
  given.check();
  const hasBounds = begin !== undefined && definition.bounds !== false;
  const parts: EasyParts<O, S> = {
    name,
    options,
    begin,
    version,
    migrate,
    bounds: {
      ttlNs: hasBounds ? ttlNs : undefined,
      maxGroups: hasBounds && maxGroups !== undefined ? Number(maxGroups) : limits.maxGroups,
    },
    point:
      definition.wants === 'STREAM'
        ? (point, group, call) => definition.point(point, group, call)
        : undefined,
    batch:
      definition.wants === 'BATCH' ? (batch, group, call) => definition.batch(batch, group, call) : undefined,
    tick: tick === undefined ? undefined : (...args) => definition.tick?.(...args),
    maxBatchPoints:
      (definition.wants === 'BATCH' ? definition.maxBatchPoints : undefined) ?? MAX_BATCH_POINTS,
    log: {
      info: (message, fields = {}) => log.info(fields, message),
      warn: (message, fields = {}) => log.warn(fields, message),
    },
    context,
  };
  return new EasyHandler(parts);
}
