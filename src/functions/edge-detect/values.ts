import type { Keys } from '../../wire/keys.ts';
import { KIND } from '../../wire/point.ts';
import { toBigInt, toFloat } from '../../wire/scalars.ts';
import type { Texts } from './texts.ts';

// A value is three words in an array: its kind, then two words. An int64 or a double is in both, a boolean in the
// first, a string is the id of a text there. So values lie flat in a group's record, and most are compared as they are.

export const VALUE_WORDS = 3;

/** Whether the i-th key of the point has bit by bit this value: what nearly every point of a steady group has. */
export function isIdentical(
  keys: Keys,
  i: number,
  words: Int32Array,
  at: number,
  texts: Texts,
  bytes: Uint8Array,
): boolean {
  const kind = keys.kind[i];
  if (kind !== words[at]) return false;
  if (kind === KIND.string) return texts.equals(words[at + 1], bytes, keys.lo[i], keys.hi[i]);
  return keys.lo[i] === words[at + 1] && keys.hi[i] === words[at + 2];
}

/** Puts the i-th key's value of the point in place of another one. */
export function take(
  keys: Keys,
  i: number,
  words: Int32Array,
  at: number,
  texts: Texts,
  bytes: Uint8Array,
): void {
  const kind = keys.kind[i];
  let lo = keys.lo[i];
  let hi = keys.hi[i];
  if (kind === KIND.string) {
    lo = texts.hold(bytes, lo, hi);
    hi = 0;
  }
  release(words, at, texts);
  words[at] = kind;
  words[at + 1] = lo;
  words[at + 2] = hi;
}

/** Copies a value to the place of another one. */
export function copy(from: Int32Array, fromAt: number, to: Int32Array, toAt: number, texts: Texts): void {
  if (from[fromAt] === KIND.string) texts.holdAgain(from[fromAt + 1]);
  release(to, toAt, texts);
  to[toAt] = from[fromAt];
  to[toAt + 1] = from[fromAt + 1];
  to[toAt + 2] = from[fromAt + 2];
}

/** Leaves no value in this place. */
export function release(words: Int32Array, at: number, texts: Texts): void {
  if (words[at] === KIND.string) texts.release(words[at + 1]);
  words[at] = KIND.none;
}

/** How far a number must move to be another one; 0 is off. */
export interface Deadband {
  readonly absolute: number;
  readonly percent: number;
}

/** Whether a value is another one than the reference, which the percentage is of. */
export function differs(
  words: Int32Array,
  at: number,
  reference: Int32Array,
  referenceAt: number,
  deadband: Deadband,
): boolean {
  const kind = words[at];
  const referenceKind = reference[referenceAt];
  const isNumber = kind === KIND.int || kind === KIND.float;
  if (!isNumber || (referenceKind !== KIND.int && referenceKind !== KIND.float)) {
    return (
      kind !== referenceKind ||
      words[at + 1] !== reference[referenceAt + 1] ||
      words[at + 2] !== reference[referenceAt + 2]
    );
  }
  const value = numberOf(words, at);
  const ref = numberOf(reference, referenceAt);
  // JavaScript compares a bigint with a number by their exact values.
  if (Number.isNaN(value) || Number.isNaN(ref)) return !(Number.isNaN(value) && Number.isNaN(ref));
  if (!(value < ref) && !(value > ref)) return false;
  if (deadband.absolute === 0 && deadband.percent === 0) return true;
  const distance = distanceOf(value, ref);
  if (!Number.isFinite(Number(distance))) return true;
  if (deadband.absolute > 0 && !(distance > deadband.absolute)) return false;
  return !(deadband.percent > 0 && !(distance > (Math.abs(Number(ref)) * deadband.percent) / 100));
}

/** |a − b|: exact between integers, whichever type they have; NaN or infinite where one of them is. */
function distanceOf(a: number | bigint, b: number | bigint): number | bigint {
  if (typeof a === 'number' && typeof b === 'number') return Math.abs(a - b);
  if (!isWhole(a) || !isWhole(b)) return Math.abs(Number(a) - Number(b));
  const distance = BigInt(a) - BigInt(b);
  return distance < 0n ? -distance : distance;
}

function isWhole(value: number | bigint): boolean {
  return typeof value === 'bigint' || Number.isInteger(value);
}

/** -1 where the value goes down from the reference, 1 up, 0 where neither can be said. */
export function direction(words: Int32Array, at: number, reference: Int32Array, referenceAt: number): number {
  const value = comparable(words, at);
  const ref = comparable(reference, referenceAt);
  if (value === undefined || ref === undefined || (typeof value === 'boolean') !== (typeof ref === 'boolean'))
    return 0;
  if (value > ref) return 1;
  return value < ref ? -1 : 0;
}

function comparable(words: Int32Array, at: number): number | bigint | boolean | undefined {
  if (words[at] === KIND.bool) return words[at + 1] !== 0;
  return words[at] === KIND.int || words[at] === KIND.float ? numberOf(words, at) : undefined;
}

/** An integer or a float. */
export function numberOf(words: Int32Array, at: number): number | bigint {
  return words[at] === KIND.int
    ? toBigInt(words[at + 1], words[at + 2])
    : toFloat(words[at + 1], words[at + 2]);
}

/**
 * The text that `from`, `to` and their like are compared with: its UTF-8 with a character for every byte, so that two
 * strings are the same text only if they are the same bytes, also where they are no valid UTF-8.
 */
export function textOf(words: Int32Array, at: number, texts: Texts): string {
  if (words[at] === KIND.string) return texts.bytes(words[at + 1]).toString('latin1');
  if (words[at] === KIND.bool) return words[at + 1] !== 0 ? 'true' : 'false';
  return String(numberOf(words, at));
}

/** What a TICKscript gave to be compared, in the form of {@link textOf}. */
export function asText(given: string): string {
  return Buffer.from(given).toString('latin1');
}
