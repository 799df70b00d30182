import { malformed } from './protocol-error.ts';

// Registers: what reads bytes often has two results, a value and the position after it, or a value in two words. One is
// returned, the other is left in a register of the module, a typed array that is made once: an object for every number
// of every point would cost more than reading it. A register holds until the next call of what fills it, which the other
// functions of wire/ call too: take what you need before you call anything else.
//
//   varint64     readVarint64   the two words of a value; fromFloat and readTime leave theirs here as well
//   lengthEnd    readLength     where the bytes of that length begin; skipValue leaves it so for a length-delimited one
//   body         readEnvelope   a message's first byte, and the one after its last
//   entry        readEntry      where a map entry's key lies, and its value
//   fieldNumber  skipField      the number of a field of a batch's begin or end

/** A register: where {@link readVarint64} leaves its value, the low word, then the high one. */
export const varint64 = new Int32Array(2);

/** The position after the varint at `at`, or throws where it is longer than ten bytes or runs past `end`. */
export function skipVarint(bytes: Uint8Array, at: number, end: number): number {
  let p = at;
  while (p < end && (bytes[p] & 0x80) !== 0) p++;
  if (p >= end || p - at >= 10) malformed('a varint without an end');
  return p + 1;
}

/**
 * Reads a varint of 64 bits as two words into {@link varint64}: a number would lose the digits beyond 2^53, a bigint
 * would be an object per value.
 * @returns the position after it
 */
export function readVarint64(bytes: Uint8Array, at: number, end: number): number {
  let p = at;
  let lo = 0;
  let hi = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    if (p >= end) malformed('a varint without an end');
    const byte = bytes[p++];
    const bits = byte & 0x7f;
    if (shift < 28) lo |= bits << shift;
    else if (shift === 28) {
      lo |= bits << 28;
      hi = bits >>> 4;
    } else hi |= bits << (shift - 32);
    if (byte < 0x80) {
      varint64[0] = lo;
      varint64[1] = hi;
      return p;
    }
  }
  return malformed('a varint of more than ten bytes');
}

/** With zeros at its end a length or a tag may be longer: Go reads it, others refuse it. */
const MAX_WORD_BYTES = 5;

/** A register: where {@link readLength} leaves the position after the varint. */
export const lengthEnd = new Int32Array(1);

/**
 * A length in front of bytes that must all lie before `end`; the position after the varint is left in
 * {@link lengthEnd}.
 */
export function readLength(bytes: Uint8Array, at: number, end: number): number {
  const p = readVarint64(bytes, at, end);
  const length = varint64[0];
  if (varint64[1] !== 0 || length < 0 || length > end - p)
    malformed('a length beyond the end of the message');
  if (p - at > MAX_WORD_BYTES) malformed('a length of more bytes than every decoder takes');
  lengthEnd[0] = p;
  return length;
}

/** Reads the tag of a field into {@link varint64}. @returns the position after it */
export function readTag(bytes: Uint8Array, at: number, end: number): number {
  const p = readVarint64(bytes, at, end);
  if (p - at > MAX_WORD_BYTES) malformed('a tag of more bytes than every decoder takes');
  return p;
}

/** How many bytes the varint of an unsigned 32-bit number takes, 1 to 5. */
export function sizeOfVarint32(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  return value < 0x10000000 ? 4 : 5;
}

/** How many bytes the varint of an int64 in two words takes, 1 to 10. */
export function sizeOfVarint64(lo: number, hi: number): number {
  if (hi === 0) return sizeOfVarint32(lo >>> 0);
  return Math.ceil((64 - Math.clz32(hi)) / 7);
}

/**
 * Writes an unsigned 32-bit number as a varint.
 * @returns the position after it
 */
export function writeVarint32(bytes: Uint8Array, at: number, value: number): number {
  let p = at;
  let rest = value >>> 0;
  while (rest > 0x7f) {
    bytes[p++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[p++] = rest;
  return p;
}

/**
 * Writes two words as a varint of 64 bits; a negative int64 takes ten bytes.
 * @returns the position after it
 */
export function writeVarint64(bytes: Uint8Array, at: number, lo: number, hi: number): number {
  let p = at;
  let low = lo >>> 0;
  let high = hi >>> 0;
  while (high !== 0 || low > 0x7f) {
    bytes[p++] = (low & 0x7f) | 0x80;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  bytes[p++] = low;
  return p;
}
