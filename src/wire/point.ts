import { skipValue } from './envelope.ts';
import { KeyTable } from './key-table.ts';
import { malformed } from './protocol-error.ts';
import { lengthEnd, readLength, readVarint64, skipVarint, toBigInt, varint64 } from './varint.ts';

// A Point as Kapacitor's Go writes it: fields in the order of their numbers, map entries in any order.
//
//   1 time  2 name  3 database  4 retentionPolicy  5 group  6 dimensions*  7 tags*
//   8 fieldsDouble*  9 fieldsInt*  10 fieldsString*  11 byName  12 fieldsBool*
//
//   map entry := tag length ( 0x0a length key ) ( value )     either may be missing: it is the default then
//
// Another writer may order all of it differently.

const NAME = 2;
const DATABASE = 3;
const RETENTION_POLICY = 4;
const GROUP = 5;
const DIMENSIONS = 6;
const TAGS = 7;
const DOUBLES = 8;
const INTS = 9;
const STRINGS = 10;
const BY_NAME = 11;
const BOOLS = 12;

/** What a {@link Keys} entry holds: nothing, or a value of one of Kapacitor's four types. A tag is a string. */
export const KIND = { none: 0, int: 1, float: 2, string: 3, bool: 4 } as const;

/** A field's value: an int64 is a bigint, a double a number. */
export type FieldValue = bigint | number | string | boolean;

/** A decoded copy of a point. */
export interface Point {
  readonly time: bigint;
  readonly name: string;
  readonly database: string;
  readonly retentionPolicy: string;
  readonly group: string;
  readonly dimensions: readonly string[];
  readonly byName: boolean;
  readonly tags: ReadonlyMap<string, string>;
  readonly fields: ReadonlyMap<string, FieldValue>;
}

/**
 * The fields and tags that a function wants of every point, found in the one pass over it. Index i is the i-th key
 * asked for. Valid during the call with the point.
 */
export class Keys {
  /** One of {@link KIND}. */
  readonly kind: Uint8Array;
  /** An integer's or double's low word; a string's first byte in {@link PointView.bytes}; a boolean as 0 or 1. */
  readonly lo: Int32Array;
  /** An integer's or double's high word; the byte after a string's last. */
  readonly hi: Int32Array;
  /** How many of the keys the point carries. */
  found = 0;
  readonly fields: KeyTable;
  readonly tags: KeyTable;
  readonly #fieldIndex: Int32Array;
  readonly #tagIndex: Int32Array;

  /** @param wanted each once, and none without a name */
  constructor(wanted: readonly { readonly type: 'field' | 'tag'; readonly name: string }[]) {
    const seen = new Set<string>();
    for (const { type, name } of wanted) {
      if (name === '') throw new Error(`a ${type} without a name is wanted`);
      if (seen.has(`${type} ${name}`)) throw new Error(`the ${type} '${name}' is wanted twice`);
      seen.add(`${type} ${name}`);
    }
    this.kind = new Uint8Array(wanted.length);
    this.lo = new Int32Array(wanted.length);
    this.hi = new Int32Array(wanted.length);
    const indexes = wanted.map((key, index) => ({ ...key, index }));
    const fields = indexes.filter((key) => key.type === 'field');
    const tags = indexes.filter((key) => key.type === 'tag');
    this.fields = new KeyTable(fields.map((key) => key.name));
    this.tags = new KeyTable(tags.map((key) => key.name));
    this.#fieldIndex = Int32Array.from(fields, (key) => key.index);
    this.#tagIndex = Int32Array.from(tags, (key) => key.index);
  }

  /** Takes the entry that lies at `start` to `end` if it is one of the keys. @param number the map's field number */
  take(bytes: Uint8Array, start: number, end: number, number: number): void {
    const isTag = number === TAGS;
    const table = isTag ? this.tags : this.fields;
    const indexes = isTag ? this.#tagIndex : this.#fieldIndex;
    // As Kapacitor writes it, key first and then the value: other names of the same length are told by their bytes.
    const valueAt = start + 2 + bytes[start + 1];
    if (bytes[start] === 0x0a && bytes[start + 1] < 0x80 && valueAt + 1 < end) {
      const found = table.find(bytes, start + 2, valueAt);
      if (found < 0) {
        if (bytes[valueAt] !== 0x0a) return;
      } else if (
        bytes[valueAt] === 0x12 &&
        valueAt + 2 + bytes[valueAt + 1] === end &&
        bytes[valueAt + 1] < 0x80
      ) {
        if (KIND_OF_MAP[number] === KIND.string) {
          this.#set(indexes[found], KIND.string, valueAt + 2, end);
          return;
        }
      }
    }
    readEntry(bytes, start, end, number);
    const found = table.find(bytes, entry[0], entry[1]);
    if (found >= 0) this.#set(indexes[found], KIND_OF_MAP[number], entry[2], entry[3]);
  }

  #set(index: number, kind: number, lo: number, hi: number): void {
    if (this.kind[index] === KIND.none) this.found++;
    this.kind[index] = kind;
    this.lo[index] = lo;
    this.hi[index] = hi;
  }
}

const KIND_OF_MAP = new Uint8Array(16);
KIND_OF_MAP[TAGS] = KIND.string;
KIND_OF_MAP[DOUBLES] = KIND.float;
KIND_OF_MAP[INTS] = KIND.int;
KIND_OF_MAP[STRINGS] = KIND.string;
KIND_OF_MAP[BOOLS] = KIND.bool;

/** Where {@link readEntry} leaves a map entry: the key's start and end, then the value as {@link Keys} has it. */
const entry = new Int32Array(4);

/** Reads a map entry, checking all of it: its value must be of the map's type. */
function readEntry(bytes: Uint8Array, start: number, end: number, number: number): void {
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
 * by {@link PointView.read}.
 */
function isPlainEntry(bytes: Uint8Array, start: number, end: number, number: number): boolean {
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
function checkEntry(bytes: Uint8Array, start: number, end: number, number: number): void {
  if (number === BY_NAME) malformed('byName is no bool');
  if (number <= BOOLS) readEntry(bytes, start, end, number);
}

/**
 * The position after a field that Kapacitor's proto does not have. One that it has comes here with a wrong type, or
 * with more bytes than its tag takes.
 * @param known the highest number that the proto has
 */
function skipUnknown(bytes: Uint8Array, at: number, end: number, known: number): number {
  const p = readVarint64(bytes, at, end);
  const number = varint64[0] >>> 3;
  if (number <= known || varint64[1] !== 0) malformed(`field ${number} of a point has a wrong type or tag`);
  return skipValue(bytes, p, end, varint64[0] & 7);
}

const NO_KEYS = new Keys([]);

/**
 * A point read in place. One view serves all points of a connection: it is re-pointed, never copied, and valid only
 * during the call that hands it over. {@link toPoint} gives what lasts.
 */
export class PointView {
  /** The bytes that the point lies in; what {@link Keys} says of strings refers to them. */
  bytes: Uint8Array = Buffer.alloc(0);
  /** The point's first byte. */
  start = 0;
  /** The byte after its last. */
  end = 0;
  /** The group's first byte. */
  groupStart = 0;
  /** The byte after the group's last. */
  groupEnd = 0;
  #timeAt = -1;
  readonly #keys: Keys;
  // Own fields rather than a look-up in #keys for every entry.
  readonly #wantsField: Uint8Array;
  readonly #wantsTag: Uint8Array;

  /** @param keys what is found in the pass over each point */
  constructor(keys: Keys = NO_KEYS) {
    this.#keys = keys;
    this.#wantsField = keys.fields.wants;
    this.#wantsTag = keys.tags.wants;
  }

  /**
   * Points the view at a point's body and passes over it once: its structure is checked, the group and the wanted keys
   * are found. What lies inside the other map entries is checked by {@link validate}, before a point goes out.
   * @throws ProtocolError MALFORMED_MESSAGE
   */
  read(bytes: Uint8Array, start: number, end: number): void {
    const keys = this.#keys;
    const wantsField = this.#wantsField;
    const wantsTag = this.#wantsTag;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.groupStart = start;
    this.groupEnd = start;
    this.#timeAt = -1;
    keys.found = 0;
    const kinds = keys.kind;
    for (let i = 0; i < kinds.length; i++) kinds[i] = KIND.none;
    let p = start;
    while (p < end) {
      const tag = bytes[p++];
      if ((tag & 0x87) === 2) {
        // Nearly all: a field number below 16 and a length below 128, a byte each.
        let length = bytes[p++];
        if (length > 0x7f) {
          length = readLength(bytes, p - 1, end);
          p = lengthEnd[0];
        }
        const next = p + length;
        // Also where the length lies behind the last byte and is undefined.
        if (!(next <= end)) malformed('a length beyond the end of the point');
        if (tag >= 0x3a) {
          // An entry that starts with a key of a length that no wanted name has needs no further look.
          if (bytes[p] !== 0x0a || (tag === 0x3a ? wantsTag : wantsField)[bytes[p + 1]] !== 0) {
            this.#entry(bytes, p, next, tag >> 3);
          }
        } else if (tag === 0x2a) {
          this.groupStart = p;
          this.groupEnd = next;
        } else if (tag < 0x12) malformed('the time is no varint, or a field has the number 0');
        p = next;
      } else if (tag === 0x08) {
        this.#timeAt = p;
        p = skipVarint(bytes, p, end);
      } else if (tag === 0x58) {
        p = skipVarint(bytes, p, end);
      } else p = skipUnknown(bytes, p - 1, end, BOOLS);
    }
  }

  #entry(bytes: Uint8Array, start: number, end: number, number: number): void {
    if (number === BY_NAME) malformed('byName is no bool');
    if (number <= BOOLS) this.#keys.take(bytes, start, end, number);
  }

  /** Nanoseconds since the epoch, left as two words in {@link varint64}. */
  readTime(): void {
    if (this.#timeAt < 0) varint64.fill(0);
    else readVarint64(this.bytes, this.#timeAt, this.end);
  }

  /** Nanoseconds since the epoch. */
  get time(): bigint {
    this.readTime();
    return toBigInt(varint64[0], varint64[1]);
  }

  /** The group's id as Kapacitor made it. In a batch it is the batch that has it. */
  get group(): string {
    return text(this.bytes, this.groupStart, this.groupEnd);
  }

  /** A field's value, decoded; undefined if the point has none of that name. */
  field(name: string): FieldValue | undefined {
    return this.#value(name, false);
  }

  /** A tag's value; undefined if the point has none of that name. */
  tag(name: string): string | undefined {
    const value = this.#value(name, true);
    return typeof value === 'string' ? value : undefined;
  }

  /** The last entry of this name counts, as in any map. */
  #value(name: string, isTag: boolean): FieldValue | undefined {
    const key = Buffer.from(name);
    let value: FieldValue | undefined;
    for (const { number, start, end } of this.#parts()) {
      if (number < TAGS || number > BOOLS || number === BY_NAME || (number === TAGS) !== isTag) continue;
      readEntry(this.bytes, start, end, number);
      if (key.compare(this.bytes, entry[0], entry[1]) === 0)
        value = decodedValue(this.bytes, KIND_OF_MAP[number], entry[2], entry[3]);
    }
    return value;
  }

  /**
   * Checks what {@link read} passed over, the map entries, so that nothing malformed is ever handed to Kapacitor.
   * @throws ProtocolError MALFORMED_MESSAGE
   */
  validate(): void {
    const bytes = this.bytes;
    const end = this.end;
    let p = this.start;
    while (p < end) {
      let tag = bytes[p];
      if ((tag & 0x87) === 2 && bytes[p + 1] < 0x80) {
        // Nearly all: a field number below 16 and a length below 128, a byte each.
        const start = p + 2;
        p = start + bytes[p + 1];
        if (tag >= 0x3a && !isPlainEntry(bytes, start, p, tag >> 3)) checkEntry(bytes, start, p, tag >> 3);
        continue;
      }
      p = readVarint64(bytes, p, end);
      tag = varint64[0];
      if ((tag & 7) !== 2) {
        p = skipValue(bytes, p, end, tag & 7);
        continue;
      }
      const length = readLength(bytes, p, end);
      const start = lengthEnd[0];
      p = start + length;
      if (tag >= 0x3a) checkEntry(bytes, start, p, tag >>> 3);
    }
  }

  /** A decoded copy that outlives the call. */
  toPoint(): Point {
    const bytes = this.bytes;
    const texts = ['', '', '', '', '', ''];
    const dimensions: string[] = [];
    const tags = new Map<string, string>();
    const fields = new Map<string, FieldValue>();
    let byName = false;
    for (const { number, wireType, start, end } of this.#parts()) {
      if (number === BY_NAME) byName = bytes[start] !== 0;
      else if (wireType !== 2) continue;
      else if (number === NAME || number === DATABASE || number === RETENTION_POLICY || number === GROUP) {
        texts[number] = text(bytes, start, end);
      } else if (number === DIMENSIONS) dimensions.push(text(bytes, start, end));
      else if (number >= TAGS && number <= BOOLS) {
        readEntry(bytes, start, end, number);
        const key = text(bytes, entry[0], entry[1]);
        if (number === TAGS) tags.set(key, text(bytes, entry[2], entry[3]));
        else fields.set(key, decodedValue(bytes, KIND_OF_MAP[number], entry[2], entry[3]));
      }
    }
    return {
      time: this.time,
      name: texts[NAME],
      database: texts[DATABASE],
      retentionPolicy: texts[RETENTION_POLICY],
      group: texts[GROUP],
      dimensions,
      byName,
      tags,
      fields,
    };
  }

  *#parts(): Generator<{ number: number; wireType: number; start: number; end: number }> {
    let p = this.start;
    while (p < this.end) {
      p = readVarint64(this.bytes, p, this.end);
      const wireType = varint64[0] & 7;
      const number = varint64[0] >>> 3;
      const after = skipValue(this.bytes, p, this.end, wireType);
      const start = wireType === 2 ? lengthEnd[0] : p;
      yield { number, wireType, start, end: after };
      p = after;
    }
  }
}

const floatWords = new Int32Array(2);
const floatValue = new Float64Array(floatWords.buffer);

/** The double whose bits are these two words. */
export function toFloat(lo: number, hi: number): number {
  floatWords[0] = lo;
  floatWords[1] = hi;
  return floatValue[0];
}

/** The two words of a double, left in {@link varint64}. */
export function fromFloat(value: number): void {
  floatValue[0] = value;
  varint64[0] = floatWords[0];
  varint64[1] = floatWords[1];
}

function decodedValue(bytes: Uint8Array, kind: number, lo: number, hi: number): FieldValue {
  if (kind === KIND.int) return toBigInt(lo, hi);
  if (kind === KIND.float) return toFloat(lo, hi);
  return kind === KIND.bool ? lo !== 0 : text(bytes, lo, hi);
}

/** UTF-8 to text; invalid bytes, which Kapacitor 1.5 passes on, become replacement characters. */
export function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
