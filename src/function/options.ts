import { formatTickscriptDuration, parseTickscriptDuration } from '../tickscript/durations.ts';
import type { NamedOption, ValueType } from '../wire/messages.ts';

/** What a function accepts: by the exact name, what is said of it. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** All that there is to know of an option. Checks, refusals, the answer of `probe` and the tables of the docs come from it. */
export interface OptionSpec {
  /** The types of its arguments in order; none for a flag. */
  readonly arguments: readonly ValueType[];
  /** One line for people. */
  readonly summary: string;
  /**
   * Which uses count where there are several: `all` of them, or `by-value` the last one for each first argument.
   * Without it the last one counts.
   */
  readonly repeatable?: 'all' | 'by-value';
  /** Whether a node without it is refused. */
  readonly isRequired?: boolean;
  /** What holds where it is not given: the argument, or words where that depends on something. */
  readonly default?: Argument | { readonly words: string };
  /** What the arguments may be, by their place; undefined where anything goes. */
  readonly ranges?: readonly (ArgumentRange | undefined)[];
}

/** What an argument may be. Durations are nanoseconds; NaN lies in no range. */
export interface ArgumentRange {
  readonly min?: bigint | number;
  readonly max?: bigint | number;
  /** It must be more than this. */
  readonly above?: bigint | number;
  readonly oneOf?: readonly string[];
  /** A name of something: it must not be empty. */
  readonly isName?: boolean;
}

/** An argument: INT and DURATION (nanoseconds) are bigints, DOUBLE a number. */
export type Argument = boolean | bigint | number | string;

/** What is wrong is told of so many uses of options at most, and of each name or value so much. */
const MAX_PROBLEMS = 50;
const MAX_QUOTED_LENGTH = 100;

/** What is wrong with the options of a node: the task is refused with this text, which names all of it. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}

/**
 * The options of one node, with the types and in the ranges that were declared. What is wrong is collected, so that one
 * answer names all of it: call {@link check} when everything is read.
 */
export class GivenOptions {
  readonly #specs: OptionSpecs;
  readonly #given = new Map<string, Argument[][]>();
  readonly #problems: string[] = [];
  #moreProblems = 0;

  /**
   * Kapacitor has checked names and types already; another writer may not have.
   * @param uses in the order of the script
   */
  constructor(specs: OptionSpecs, uses: readonly NamedOption[]) {
    this.#specs = specs;
    for (const use of uses) this.#take(use);
    for (const [name, spec] of Object.entries(specs)) {
      if (spec.isRequired === true && !uses.some((use) => use.name === name))
        this.refuse(name, undefined, `must be given: ${spec.summary}`);
      this.#checkRanges(name, spec);
    }
  }

  #take({ name, values }: NamedOption): void {
    const types = Object.hasOwn(this.#specs, name) ? this.#specs[name].arguments : undefined;
    if (types === undefined) {
      const known = Object.keys(this.#specs);
      const hint = known.length === 0 ? 'the function has none' : `there are ${known.join(', ')}`;
      this.refuse(name, undefined, `there is no such option (${hint})`);
      return;
    }
    if (values.length !== types.length) {
      this.refuse(name, undefined, `takes ${types.length} arguments, got ${values.length}`);
      return;
    }
    const args: Argument[] = [];
    values.forEach((value, index) => {
      const wanted = types[index];
      if (value.type !== wanted)
        this.refuse(name, value.value, `argument ${index + 1} must be a ${wanted}`, value.type);
      else if (value.value === undefined) {
        this.refuse(
          name,
          undefined,
          'was given a lambda, a regular expression or nothing, which says no value',
        );
      } else args.push(value.value);
    });
    if (args.length !== types.length) return;
    const all = this.#given.get(name);
    if (all === undefined) this.#given.set(name, [args]);
    else all.push(args);
  }

  #checkRanges(name: string, spec: OptionSpec): void {
    for (const args of this.uses(name)) {
      spec.ranges?.forEach((range, index) => {
        if (range === undefined) return;
        const problem = outsideOf(range, args[index], spec.arguments[index]);
        if (problem !== undefined)
          this.refuse(name, args[index], subjectOf(spec, args, index) + problem, spec.arguments[index]);
      });
    }
  }

  /** Whether an option was given. */
  has(name: string): boolean {
    return this.#given.has(name);
  }

  /** Every use of an option that counts, as it says of itself, in the order of the script. */
  uses(name: string): readonly (readonly Argument[])[] {
    const all = this.#given.get(name) ?? [];
    const repeatable = Object.hasOwn(this.#specs, name) ? this.#specs[name].repeatable : undefined;
    if (repeatable === 'all') return all;
    return repeatable === 'by-value'
      ? [...new Map(all.map((args) => [args[0], args])).values()]
      : all.slice(-1);
  }

  /** The first arguments of every use of a repeatable STRING option. */
  strings(name: string): string[] {
    return this.uses(name).map(([value]) => String(value));
  }

  /** The argument of an option that counts once, or its default if that is a value. */
  #one(name: string): Argument | undefined {
    const [value] = this.uses(name).at(-1) ?? [];
    if (value !== undefined) return value;
    const fallback = Object.hasOwn(this.#specs, name) ? this.#specs[name].default : undefined;
    return typeof fallback === 'object' ? undefined : fallback;
  }

  string(name: string): string | undefined {
    const value = this.#one(name);
    return typeof value === 'string' ? value : undefined;
  }

  /** A DOUBLE. */
  number(name: string): number | undefined {
    const value = this.#one(name);
    return typeof value === 'number' ? value : undefined;
  }

  /** An INT, or a DURATION in nanoseconds. */
  integer(name: string): bigint | undefined {
    const value = this.#one(name);
    return typeof value === 'bigint' ? value : undefined;
  }

  boolean(name: string): boolean | undefined {
    const value = this.#one(name);
    return typeof value === 'boolean' ? value : undefined;
  }

  /**
   * Notes that an option makes no sense; the text names the option and the value.
   * @param type tells a DURATION from an INT, which are both bigints
   */
  refuse(name: string, value: Argument | undefined, reason: string, type?: ValueType): void {
    if (this.#problems.length === MAX_PROBLEMS) this.#moreProblems++;
    else
      this.#problems.push(
        `${shortened(name)}${value === undefined ? '' : `(${quote(value, type)})`}: ${reason}`,
      );
  }

  /** @throws OptionsError if anything was refused */
  check(): void {
    if (this.#moreProblems > 0) this.#problems.push(`and ${this.#moreProblems} more`);
    if (this.#problems.length > 0) throw new OptionsError(this.#problems);
  }
}

/** @returns what an argument must be that is not in the range, or undefined if it is */
function outsideOf(range: ArgumentRange, value: Argument, type: ValueType): string | undefined {
  const { min, max, above, oneOf, isName } = range;
  if (isName === true && value === '') return 'the name is empty';
  if (oneOf !== undefined && !oneOf.some((each) => each === value)) return `must be ${alternatives(oneOf)}`;
  if (typeof value !== 'bigint' && typeof value !== 'number') return undefined;
  const isInside =
    (min === undefined || value >= min) &&
    (max === undefined || value <= max) &&
    (above === undefined || value > above);
  return isInside ? undefined : `must be ${boundsOf(range, type)}`;
}

/** What a number may be, in words; empty where anything goes. */
export function boundsOf({ min, max, above }: ArgumentRange, type: ValueType): string {
  const bound = (value: bigint | number): string => (Number(value) === 0 ? '0' : quote(value, type));
  if (min !== undefined && max !== undefined) return `from ${bound(min)} to ${bound(max)}`;
  const parts = [
    ...(above === undefined ? [] : [`more than ${bound(above)}`]),
    ...(min === undefined ? [] : [`${bound(min)} or more`]),
    ...(max === undefined ? [] : [`${bound(max)} or less`]),
  ];
  return parts.join(', and ');
}

/** Texts as a choice: 'a', 'b' or 'c'. */
export function alternatives(texts: readonly string[]): string {
  const quoted = texts.map((text) => quote(text, 'STRING'));
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}

const SUBJECTS: Readonly<Record<ValueType, string>> = {
  BOOL: 'the boolean',
  INT: 'the number',
  DOUBLE: 'the number',
  STRING: 'the text',
  DURATION: 'the duration',
};

/** Which of several arguments it is that is out of its range. */
function subjectOf(spec: OptionSpec, args: readonly Argument[], index: number): string {
  if (spec.arguments.length < 2) return '';
  if (spec.repeatable === 'by-value' && index > 0) return `for ${quote(args[0], spec.arguments[0])} it `;
  return `${SUBJECTS[spec.arguments[index]]} `;
}

function shortened(text: string): string {
  return text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text;
}

/** An argument as a TICKscript writes it. */
export function quote(value: Argument, type: ValueType | undefined): string {
  if (typeof value === 'string') return `'${shortened(value)}'`;
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  return type === 'DURATION' && typeof value === 'bigint' ? formatTickscriptDuration(value) : String(value);
}

/** The value types of each option, as the Info answer has them. */
export function valueTypes(specs: OptionSpecs): Record<string, readonly ValueType[]> {
  return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, spec.arguments]));
}

/** The nanoseconds of a duration as a TICKscript has it: `30s`; undefined for anything else. */
export function durationNs(text: string): bigint | undefined {
  return parseTickscriptDuration(text);
}
