import { formatTickscriptDuration } from '../tickscript/durations.ts';
import type { InitRequest, ValueType } from '../wire/messages.ts';

/** What a function accepts: by the exact name, the types of the arguments in order. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

export interface OptionSpec {
  readonly arguments: readonly ValueType[];
  /** One line for people, as `edge-detect probe` and the README have it. */
  readonly summary: string;
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
 * The options of one node, with the types that were declared. What is wrong is collected, so that one answer names all
 * of it: call {@link check} when everything is read.
 */
export class GivenOptions {
  readonly #given = new Map<string, Argument[][]>();
  readonly #problems: string[] = [];
  #moreProblems = 0;

  /** Kapacitor has checked names and types already; another writer may not have. */
  constructor(specs: OptionSpecs, request: InitRequest) {
    for (const { name, values } of request.options) {
      const types = Object.hasOwn(specs, name) ? specs[name].arguments : undefined;
      if (types === undefined) {
        this.refuse(name, undefined, `there is no such option (there are ${Object.keys(specs).join(', ')})`);
        continue;
      }
      if (values.length !== types.length) {
        this.refuse(name, undefined, `takes ${types.length} arguments, got ${values.length}`);
        continue;
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
      if (args.length !== types.length) continue;
      const all = this.#given.get(name);
      if (all === undefined) this.#given.set(name, [args]);
      else all.push(args);
    }
  }

  /** Whether an option was given. */
  has(name: string): boolean {
    return this.#given.has(name);
  }

  /** Every use of an option, in the order of the script. */
  all(name: string): readonly (readonly Argument[])[] {
    return this.#given.get(name) ?? [];
  }

  /** The first arguments of every use of a repeatable STRING option. */
  strings(name: string): string[] {
    return this.all(name).map(([value]) => String(value));
  }

  /** The argument of an option that counts once: of several the last. */
  #last(name: string): Argument | undefined {
    return this.all(name).at(-1)?.[0];
  }

  string(name: string): string | undefined {
    const value = this.#last(name);
    return typeof value === 'string' ? value : undefined;
  }

  /** A DOUBLE. */
  number(name: string): number | undefined {
    const value = this.#last(name);
    return typeof value === 'number' ? value : undefined;
  }

  /** An INT, or a DURATION in nanoseconds. */
  integer(name: string): bigint | undefined {
    const value = this.#last(name);
    return typeof value === 'bigint' ? value : undefined;
  }

  boolean(name: string): boolean | undefined {
    const value = this.#last(name);
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

function shortened(text: string): string {
  return text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text;
}

/** An argument as a TICKscript writes it. */
function quote(value: Argument, type: ValueType | undefined): string {
  if (typeof value === 'string') return `'${shortened(value)}'`;
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  return type === 'DURATION' && typeof value === 'bigint' ? formatTickscriptDuration(value) : String(value);
}

/** The value types of each option, as the Info answer has them. */
export function valueTypes(specs: OptionSpecs): Record<string, readonly ValueType[]> {
  return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, spec.arguments]));
}
