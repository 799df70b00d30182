import { MAX_INT, MAX_TIME, MAX_UNSIGNED, MIN_INT, MIN_TIME } from './limits.ts';

// Numbers of line protocol from their bytes, without a text in between. As in wire/, what is returned is a position, and
// the value is left in a register of the module until the next call.

const DOT = 0x2e;
const MINUS = 0x2d;
const PLUS = 0x2b;
const ZERO = 0x30;
const NINE = 0x39;
const UPPER_E = 0x45;
const LOWER_E = 0x65;
const LOWER_I = 0x69;
const LOWER_U = 0x75;

/** What {@link readNumber} found. */
export const NUMBER = { float: 1, int: 2 } as const;

/** A register: the two words of a double or an int64. */
export const words = new Int32Array(2);
const double = new Float64Array(words.buffer);
const int64 = new BigInt64Array(words.buffer);

/** A register: one of {@link NUMBER}. */
export const numberKind = new Uint8Array(1);

/** So many digits are an integer that a double holds exactly. */
const EXACT_DIGITS = 15;
/** A whole number below 2^53, divided by one of these, is rounded as the decimal number itself would be. */
const POWERS = Float64Array.from({ length: EXACT_DIGITS + 1 }, (_, exponent) => 10 ** exponent);
const TWO_32 = 2 ** 32;

/**
 * Reads a float (`1`, `-.5`, `1e3`) or an integer (`1i`).
 * @param takesUnsigned whether `1u` is an integer too; beyond int64 it is the nearest float then
 * @returns the position after it, or -1 where there is none that 64 bits hold
 */
export function readNumber(bytes: Uint8Array, start: number, end: number, takesUnsigned: boolean): number {
  const isNegative = bytes[start] === MINUS;
  let p = isNegative ? start + 1 : start;
  const first = p;
  let value = 0;
  let byte = 0;
  while (p < end) {
    byte = bytes[p];
    if (byte < ZERO || byte > NINE) break;
    value = value * 10 + (byte - ZERO);
    p++;
  }
  let digits = p - first;
  if (p < end && byte === LOWER_I) {
    if (digits === 0) return -1;
    numberKind[0] = NUMBER.int;
    return setInt(bytes, start, first, p, value, isNegative, MIN_INT, MAX_INT) ? p + 1 : -1;
  }
  if (takesUnsigned && p < end && byte === LOWER_U) {
    if (digits === 0 || isNegative) return -1;
    numberKind[0] = NUMBER.int;
    if (setInt(bytes, start, first, p, value, false, 0n, MAX_INT)) return p + 1;
    const text = latin1(bytes, start, p);
    if (BigInt(text) > MAX_UNSIGNED) return -1;
    numberKind[0] = NUMBER.float;
    double[0] = Number(text);
    return p + 1;
  }
  let decimals = 0;
  if (p < end && byte === DOT) {
    p++;
    const point = p;
    while (p < end) {
      byte = bytes[p];
      if (byte < ZERO || byte > NINE) break;
      value = value * 10 + (byte - ZERO);
      p++;
    }
    decimals = p - point;
    digits += decimals;
  }
  if (digits === 0) return -1;
  numberKind[0] = NUMBER.float;
  if (digits <= EXACT_DIGITS && (p >= end || (byte !== LOWER_E && byte !== UPPER_E))) {
    if (decimals > 0) value /= POWERS[decimals];
    double[0] = isNegative ? -value : value;
    return p;
  }
  if (p < end && (bytes[p] === LOWER_E || bytes[p] === UPPER_E)) {
    p = exponentEnd(bytes, p + 1, end);
    if (p < 0) return -1;
  }
  double[0] = Number(latin1(bytes, start, p));
  return Number.isFinite(double[0]) ? p : -1;
}

/**
 * Reads a timestamp; its words are left in {@link words}.
 * @returns the position after its digits, or -1 where there are none, or it is outside of what line protocol can hold
 */
export function readTimestamp(bytes: Uint8Array, start: number, end: number): number {
  const isNegative = bytes[start] === MINUS;
  const first = isNegative ? start + 1 : start;
  let p = first;
  let value = 0;
  while (p < end && bytes[p] >= ZERO && bytes[p] <= NINE) {
    value = value * 10 + (bytes[p] - ZERO);
    p++;
  }
  if (p === first) return -1;
  return setInt(bytes, start, first, p, value, isNegative, MIN_TIME, MAX_TIME) ? p : -1;
}

/**
 * Leaves an integer in {@link words}.
 * @param value what the digits amount to; exact up to {@link EXACT_DIGITS} of them
 * @returns whether it lies within the limits
 */
function setInt(
  bytes: Uint8Array,
  start: number,
  first: number,
  end: number,
  value: number,
  isNegative: boolean,
  min: bigint,
  max: bigint,
): boolean {
  const digits = end - first;
  if (digits <= EXACT_DIGITS) {
    const high = Math.floor(value / TWO_32);
    setWords(value - high * TWO_32, high, isNegative);
    return true;
  }
  if (digits <= 18) {
    setLong(bytes, first, end, isNegative);
    return true;
  }
  // From here on it may lie beyond. Nearly all are times of nineteen digits, far from the limits.
  if (digits === 19 && bytes[first] < NINE) {
    setLong(bytes, first, end, isNegative);
    return true;
  }
  const exact = BigInt(latin1(bytes, start, end));
  int64[0] = exact;
  return exact >= min && exact <= max;
}

/** An integer of 16 to 19 digits, below 2^63: nine of its digits and the rest, each exact, are put together in words. */
function setLong(bytes: Uint8Array, first: number, end: number, isNegative: boolean): void {
  const split = end - 9;
  let upper = 0;
  for (let p = first; p < split; p++) upper = upper * 10 + (bytes[p] - ZERO);
  let lower = 0;
  for (let p = split; p < end; p++) lower = lower * 10 + (bytes[p] - ZERO);
  // upper * 10^9 + lower, in two products below 2^53.
  const upperHigh = Math.floor(upper / 65536);
  const low = (upper - upperHigh * 65536) * 1e9 + lower;
  const high = upperHigh * 1e9;
  const carryOfLow = Math.floor(low / TWO_32);
  const highRest = Math.floor(high / 65536);
  const sum = low - carryOfLow * TWO_32 + (high - highRest * 65536) * 65536;
  const carry = sum >= TWO_32 ? 1 : 0;
  setWords(carry === 1 ? sum - TWO_32 : sum, highRest + carryOfLow + carry, isNegative);
}

/** @param low below 2^32 @param high below 2^31 */
function setWords(low: number, high: number, isNegative: boolean): void {
  if (isNegative) {
    words[0] = -low | 0;
    words[1] = low === 0 ? -high | 0 : ~high;
  } else {
    words[0] = low | 0;
    words[1] = high;
  }
}

function exponentEnd(bytes: Uint8Array, start: number, end: number): number {
  let p = start;
  if (p < end && (bytes[p] === PLUS || bytes[p] === MINUS)) p++;
  const first = p;
  while (p < end && bytes[p] >= ZERO && bytes[p] <= NINE) p++;
  return p === first ? -1 : p;
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}
