import { skipValue } from './envelope.ts';
import { BOOLS, BY_NAME, DOUBLES, type FieldValue, INTS, KIND, STRINGS, TAGS } from './point.ts';
import { malformed } from './protocol-error.ts';
import { text, toBigInt, toFloat } from './scalars.ts';
import { lengthEnd, readLength, readTag, readVarint64, varint64 } from './varint.ts';

// A map entry := ( 0x0a length key ) ( tag value ), in either order, each of which may be missing: it is the default
// then. Its value is of the type of the map that it stands in, which the field's number tells.

/** The {@link KIND} of a map's values, by the number of the field. */
export const KIND_OF_MAP = new Uint8Array(16);
KIND_OF_MAP[TAGS] = KIND.string;
KIND_OF_MAP[DOUBLES] = KIND.float;
KIND_OF_MAP[INTS] = KIND.int;
KIND_OF_MAP[STRINGS] = KIND.string;
KIND_OF_MAP[BOOLS] = KIND.bool;

/** A register: where {@link readEntry} leaves the key's start and end, then the value as `Keys` has it. */
export const entry = new Int32Array(4);

/** Reads a map entry, checking all of it: its value must be of the map's type. */
export function readEntry(bytes: Uint8Array, start: number, end: number, number: number): void {
  let keyStart = start;
  let keyEnd = start;
  let lo = 0;
  let hi = 0;
  if (number === TAGS || number === STRINGS) {
    lo = start;
    hi = start;
  }
  let p = start;
  while (p < end) {
    const tag = bytes[p++];
    if (tag === 0x0a) {
      const length = readLength(bytes, p, end);
      keyStart = lengthEnd[0];
      keyEnd = keyStart + length;
      p = keyEnd;
    } else if (tag >>> 3 === 2 && tag < 0x80) {
      if (number === DOUBLES) {
        if (tag !== 0x11 || p + 8 > end) malformed('a value in fieldsDouble that is no double');
        lo = bytes[p] | (bytes[p + 1] << 8) | (bytes[p + 2] << 16) | (bytes[p + 3] << 24);
        hi = bytes[p + 4] | (bytes[p + 5] << 8) | (bytes[p + 6] << 16) | (bytes[p + 7] << 24);
        p += 8;
      } else if (number === INTS || number === BOOLS) {
        if (tag !== 0x10) malformed('a value in fieldsInt or fieldsBool that is no varint');
        p = readVarint64(bytes, p, end);
        lo = varint64[0];
        hi = varint64[1];
        if (number === BOOLS) {
          lo = lo === 0 && hi === 0 ? 0 : 1;
          hi = 0;
        }
      } else {
        if (tag !== 0x12) malformed('a value in tags or fieldsString that is no string');
        const length = readLength(bytes, p, end);
        lo = lengthEnd[0];
        hi = lo + length;
        p = hi;
      }
    } else p = skipUnknown(bytes, p - 1, end, 2);
  }
  entry[0] = keyStart;
  entry[1] = keyEnd;
  entry[2] = lo;
  entry[3] = hi;
}

/**
 * Whether a map entry is as Kapacitor writes it, key first and then a value of the map's type: the usual case. It has
 * less than 128 bytes, so that lengths in it which add up have one byte; one that does not start with a key was checked
 * when the point was read.
 */
export function isPlainEntry(bytes: Uint8Array, start: number, end: number, number: number): boolean {
  const at = start + 2 + bytes[start + 1];
  const tag = bytes[at];
  if (number === DOUBLES) return tag === 0x11 && at + 9 === end;
  if (number === TAGS || number === STRINGS) return tag === 0x12 && at + 2 + bytes[at + 1] === end;
  if (number !== INTS && number !== BOOLS) return false;
  // A varint has up to ten bytes, and only its last is below 128.
  if (tag !== 0x10 || at + 1 >= end || at + 11 < end || bytes[end - 1] > 0x7f) return false;
  for (let p = at + 1; p < end - 1; p++) if (bytes[p] < 0x80) return false;
  return true;
}

/** Checks a length-delimited field from number 7 on. */
export function checkEntry(bytes: Uint8Array, start: number, end: number, number: number): void {
  if (number === BY_NAME) malformed('byName is no bool');
  if (number <= BOOLS) readEntry(bytes, start, end, number);
}

/**
 * The position after a field that Kapacitor's proto does not have. One that it has comes here with a wrong type, or
 * with more bytes than its tag takes.
 * @param known the highest number that the proto has
 */
export function skipUnknown(bytes: Uint8Array, at: number, end: number, known: number): number {
  const p = readTag(bytes, at, end);
  const number = varint64[0] >>> 3;
  if (number <= known || varint64[1] !== 0) malformed(`field ${number} of a point has a wrong type or tag`);
  return skipValue(bytes, p, end, varint64[0] & 7);
}

/** A value as `Keys` has it, decoded. */
export function decodedValue(bytes: Uint8Array, kind: number, lo: number, hi: number): FieldValue {
  if (kind === KIND.int) return toBigInt(lo, hi);
  if (kind === KIND.float) return toFloat(lo, hi);
  return kind === KIND.bool ? lo !== 0 : text(bytes, lo, hi);
}
