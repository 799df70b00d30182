import { skipValue } from './envelope.ts';
import { Keys } from './keys.ts';
import {
  checkEntry,
  decodedValue,
  entry,
  isPlainEntry,
  KIND_OF_MAP,
  readEntry,
  skipUnknown,
} from './map-entry.ts';
import {
  BOOLS,
  BY_NAME,
  DATABASE,
  DIMENSIONS,
  type FieldValue,
  GROUP,
  KIND,
  NAME,
  type Point,
  RETENTION_POLICY,
  TAGS,
} from './point.ts';
import { malformed } from './protocol-error.ts';
import { text, toBigInt } from './scalars.ts';
import { lengthEnd, readLength, readVarint64, skipVarint, varint64 } from './varint.ts';

const NO_KEYS = new Keys([]);

/**
 * A point as a function sees it: read in place, and valid only during the call that hands it over. {@link toPoint} gives
 * what lasts.
 */
export interface PointView {
  /** The bytes that the point lies in; what {@link Keys} says of strings refers to them. They are not to be written to. */
  readonly bytes: Uint8Array;
  /** The point's first byte. */
  readonly start: number;
  /** The byte after its last. */
  readonly end: number;
  /** The group's first byte. */
  readonly groupStart: number;
  /** The byte after the group's last. */
  readonly groupEnd: number;
  /** Nanoseconds since the epoch, left as two words in `varint64`: for comparing without a bigint. */
  readTime(): void;
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  /** The group's id as Kapacitor made it. In a batch it is the batch that has it. */
  readonly group: string;
  /** A field's value, decoded; undefined if the point has none of that name. */
  field(name: string): FieldValue | undefined;
  /** A tag's value; undefined if the point has none of that name. */
  tag(name: string): string | undefined;
  /**
   * Checks what was passed over in the first place, the map entries. Whatever goes out is checked anyway; a function that
   * keeps a copy for later does it itself.
   * @throws ProtocolError MALFORMED_MESSAGE
   */
  validate(): void;
  /** A decoded copy that outlives the call. */
  toPoint(): Point;
}

/** What reads points in place. One serves all points of a node: it is re-pointed, never copied. */
export class PointReader implements PointView {
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
