import type { UdfFunction } from './contract.ts';

/** Marks what `defineFunction` made, whichever copy of the package did. */
const BRAND: unique symbol = Symbol.for('kapacitor-edge-detect/function');

/** A function of somebody's own that an agent can serve. */
export interface DefinedFunction extends UdfFunction {
  /** One line for people. */
  readonly summary: string | undefined;
  /** @internal */
  readonly [BRAND]: true;
}

/** Marks a function as one that may be served. */
export function defined(fn: UdfFunction, summary: string | undefined): DefinedFunction {
  return { ...fn, summary, [BRAND]: true };
}

/** Whether a value was made by `defineFunction`. */
export function isDefinedFunction(value: unknown): value is DefinedFunction {
  return typeof value === 'object' && value !== null && BRAND in value;
}
