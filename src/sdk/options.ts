import type { Argument, ArgumentRange, GivenOptions, OptionSpec } from '../function/options.ts';
import { durationNs } from '../function/options.ts';
import type { ValueType } from '../wire/messages.ts';

/** What every option says of itself. */
export interface OptionSettings {
  /** One line for people: what it is for, in which unit. */
  readonly summary: string;
  /** Without it and without a default, a task that does not give the option is refused. */
  readonly optional?: boolean;
  /** Whether every use counts: the value is a list then, empty where it is not given. Else the last use counts. */
  readonly repeatable?: boolean;
}

/** A text. */
export interface StringSettings extends OptionSettings {
  readonly default?: string;
  /** The texts that it may be. */
  readonly oneOf?: readonly string[];
  /** Whether it may be empty; a name may not. */
  readonly mayBeEmpty?: boolean;
}

/** A whole number, exact up to 2^53. */
export interface IntSettings extends OptionSettings {
  readonly default?: number;
  readonly min?: number;
  readonly max?: number;
}

/** A number; TICKscript wants a point in it: `2.0`. */
export interface DoubleSettings extends OptionSettings {
  readonly default?: number;
  readonly min?: number;
  readonly max?: number;
  /** It must be more than this. */
  readonly above?: number;
}

/** `TRUE` or `FALSE`. */
export interface BoolSettings extends OptionSettings {
  readonly default?: boolean;
}

/** A duration: nanoseconds as a bigint, or as TICKscript writes it: `'30s'`. */
export interface DurationSettings extends OptionSettings {
  readonly default?: bigint | string;
  readonly min?: bigint | string;
  readonly max?: bigint | string;
  /** It must be longer than this. */
  readonly above?: bigint | string;
}

/** An option of several arguments. */
export interface ArgumentsSettings {
  readonly summary: string;
  readonly optional?: boolean;
  readonly repeatable?: boolean;
}

/** An option as declared: what Kapacitor is told of it, and how its value is read. */
export interface OptionDeclaration<T> {
  readonly spec: OptionSpec;
  /** @internal */
  readonly read: (given: GivenOptions, name: string) => T;
}

/** Options by their names. */
export type OptionDeclarations = Readonly<Record<string, OptionDeclaration<unknown>>>;

/** The values of declared options. */
export type OptionValues<O extends OptionDeclarations> = {
  readonly [K in keyof O]: O[K] extends OptionDeclaration<infer T> ? T : never;
};

/** A list where it is repeatable; may be missing where it is optional and has no default. */
type Given<T, S> = S extends { readonly repeatable: true }
  ? readonly T[]
  : S extends { readonly default: unknown }
    ? T
    : S extends { readonly optional: true }
      ? T | undefined
      : T;

type TextOf<S> = S extends { readonly oneOf: readonly (infer T)[] } ? T : string;

type ArgumentOf<D> = D extends OptionDeclaration<infer T> ? T : never;

type ArgumentsOf<A> = { readonly [K in keyof A]: ArgumentOf<A[K]> };

function declare(
  type: ValueType,
  settings: OptionSettings & { readonly default?: Argument },
  range: ArgumentRange | undefined,
  convert: (value: Argument, refuse: (reason: string) => void) => unknown,
): OptionDeclaration<unknown> {
  const { summary, optional = false, repeatable = false, default: fallback } = settings;
  const spec: OptionSpec = {
    arguments: [type],
    summary,
    ...(repeatable ? { repeatable: 'all' } : {}),
    ...(fallback === undefined ? {} : { default: fallback }),
    ...(!optional && !repeatable && fallback === undefined ? { isRequired: true } : {}),
    ...(range === undefined ? {} : { ranges: [range] }),
  };
  return {
    spec,
    read(given, name) {
      const refuseOf = (value: Argument) => (reason: string) => given.refuse(name, value, reason, type);
      const values = given.uses(name).map(([value]) => convert(value, refuseOf(value)));
      if (repeatable) return values;
      return values.at(-1) ?? (fallback === undefined ? undefined : convert(fallback, refuseOf(fallback)));
    },
  };
}

function string<const S extends StringSettings>(settings: S): OptionDeclaration<Given<TextOf<S>, S>>;
function string(settings: StringSettings): OptionDeclaration<unknown> {
  const { oneOf, mayBeEmpty = false } = settings;
  const range = oneOf === undefined ? { isName: !mayBeEmpty } : { oneOf };
  return declare('STRING', settings, range, (value) => value);
}

function int<const S extends IntSettings>(settings: S): OptionDeclaration<Given<number, S>>;
function int({ default: fallback, min, max, ...settings }: IntSettings): OptionDeclaration<unknown> {
  const whole = fallback === undefined ? {} : { default: BigInt(fallback) };
  const range = rangeOf({ min, max });
  return declare('INT', { ...settings, ...whole }, range, (value, refuse) => {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) refuse('must be less than 2^53');
    return number;
  });
}

function double<const S extends DoubleSettings>(settings: S): OptionDeclaration<Given<number, S>>;
function double({ min, max, above, ...settings }: DoubleSettings): OptionDeclaration<unknown> {
  return declare('DOUBLE', settings, rangeOf({ min, max, above }), (value) => value);
}

function bool<const S extends BoolSettings>(settings: S): OptionDeclaration<Given<boolean, S>>;
function bool(settings: BoolSettings): OptionDeclaration<unknown> {
  return declare('BOOL', settings, undefined, (value) => value);
}

function duration<const S extends DurationSettings>(settings: S): OptionDeclaration<Given<bigint, S>>;
function duration({
  default: fallback,
  min,
  max,
  above,
  ...settings
}: DurationSettings): OptionDeclaration<unknown> {
  const range = rangeOf({ min: nsOf(min), max: nsOf(max), above: nsOf(above) });
  const whole = fallback === undefined ? {} : { default: nsOf(fallback) };
  return declare('DURATION', { ...settings, ...whole }, range, (value) => value);
}

/** An option without arguments: whether it is there. */
function flag(settings: { readonly summary: string }): OptionDeclaration<boolean> {
  return {
    spec: { arguments: [], summary: settings.summary, default: { words: 'off' } },
    read: (given, name) => given.has(name),
  };
}

function several<
  const A extends Readonly<Record<string, OptionDeclaration<unknown>>>,
  const S extends ArgumentsSettings,
>(declared: A, settings: S): OptionDeclaration<Given<ArgumentsOf<A>, S>>;
function several(
  declared: Readonly<Record<string, OptionDeclaration<unknown>>>,
  { summary, optional = false, repeatable = false }: ArgumentsSettings,
): OptionDeclaration<unknown> {
  const parts = Object.entries(declared);
  const spec: OptionSpec = {
    arguments: parts.flatMap(([, part]) => part.spec.arguments),
    ranges: parts.map(([, part]) => part.spec.ranges?.[0]),
    summary,
    ...(repeatable ? { repeatable: 'all' } : {}),
    ...(optional || repeatable ? {} : { isRequired: true }),
  };
  return {
    spec,
    read(given, name) {
      const uses = given.uses(name).map((args) =>
        Object.fromEntries(
          parts.map(([key, part], index) => {
            const value = args[index];
            // INT arguments are numbers in options; the others stay as they are.
            return [key, part.spec.arguments[0] === 'INT' ? Number(value) : value];
          }),
        ),
      );
      return repeatable ? uses : uses.at(-1);
    },
  };
}

/** The bounds that are there. */
function rangeOf(bounds: {
  readonly min?: number | bigint | undefined;
  readonly max?: number | bigint | undefined;
  readonly above?: number | bigint | undefined;
}): ArgumentRange | undefined {
  const { min, max, above } = bounds;
  if (min === undefined && max === undefined && above === undefined) return undefined;
  return {
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(above === undefined ? {} : { above }),
  };
}

function nsOf(value: bigint | string): bigint;
function nsOf(value: bigint | string | undefined): bigint | undefined;
function nsOf(value: bigint | string | undefined): bigint | undefined {
  if (typeof value !== 'string') return value;
  const ns = durationNs(value);
  if (ns === undefined)
    throw new TypeError(`'${value}' is no duration as a TICKscript has it, for instance '30s' or '5m'`);
  return ns;
}

/**
 * Declares the options of a function. Each says what it is for; a task that gives a wrong one is refused with all that is
 * wrong in one answer.
 *
 * @example
 * options: {
 *   field: option.string({ summary: 'the field to average' }),
 *   size: option.int({ default: 10, min: 1, summary: 'points in the window' }),
 *   every: option.duration({ optional: true, above: '0s', summary: 'how often at most' }),
 *   level: option.string({ default: 'warn', oneOf: ['warn', 'error'], summary: 'how loud' }),
 *   limit: option.arguments(
 *     { count: option.int({ min: 1, summary: 'points' }), within: option.duration({ above: '0s', summary: 'time' }) },
 *     { optional: true, summary: 'at most so many points within the time' },
 *   ),
 * }
 */
export const option = {
  /** `.name('text')`. A name must not be empty unless `mayBeEmpty` says so. */
  string,
  /** `.name(3)`, a number up to 2^53. */
  int,
  /** `.name(1.5)`. */
  double,
  /** `.name(TRUE)`. */
  bool,
  /** `.name(30s)`, nanoseconds as a bigint. */
  duration,
  /** `.name()`, whether it is there. */
  flag,
  /** `.name(3, 10s)`: several arguments, each by a name of its own. */
  arguments: several,
} as const;
