import { messageOf } from '../errors.ts';
import { groupId, sortedNames } from '../wire/group-id.ts';
import { DATABASE, NAME, RETENTION_POLICY, STRINGS, TAGS } from '../wire/point.ts';
import { PointWriter } from '../wire/point-writer.ts';
import { ESCAPED_IN_NAME, ESCAPED_IN_STRING, ESCAPED_IN_TAG, takeEscapesOff, unescaped } from './escapes.ts';
import { MAX_INT } from './limits.ts';
import { LineNames, MAX_NAMES } from './line-names.ts';
import { NUMBER, numberKind, readNumber, readTimestamp, words } from './numbers.ts';
import { type FieldValue, LineParser, type LinePoint } from './parser.ts';

/** What {@link LineScanner.next} came to. */
export const SCANNED = {
  /** There is no further point. */
  end: 0,
  point: 1,
  /** A string is open that more bytes may close. */
  open: 2,
  /** A line that is none. */
  refused: 3,
} as const;

/**
 * A field of a point's body that Kapacitor's proto does not have, and readers of it pass over: the line that the point
 * came as, up to its time. So a point that was held back for long still leaves as the line that it was.
 */
export const SOURCE_LINE = 15;

const NUL = 0x00;
const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const HASH = 0x23;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

/** In place of a position: the line is none, or its string is still open. */
const REFUSED = -1;
const OPEN = -2;

/** By a byte, whether a name may end there, or something in it is escaped. */
const STOPS = new Uint8Array(256);
for (const byte of [COMMA, SPACE, EQUALS, LF, BACKSLASH]) STOPS[byte] = 1;

const TRUE_WORDS = ['t', 'T', 'true', 'True', 'TRUE'].map((word) => Buffer.from(word));
const FALSE_WORDS = ['f', 'F', 'false', 'False', 'FALSE'].map((word) => Buffer.from(word));

export interface ScannerOptions {
  /** Names of tags; `*` among them stands for all tags that a point has. */
  readonly groupBy: readonly string[];
  /** Whether the body keeps the line, as {@link SOURCE_LINE}. */
  readonly keepsLine: boolean;
  /** Whether unsigned integers (`1u`) are taken, for integers; those beyond int64 for floats. */
  readonly takesUnsigned: boolean;
  /** The time of a line that has none, in nanoseconds since the epoch. */
  readonly nowNs: () => bigint;
}

/**
 * Goes from the bytes of lines to the bytes of points, without an object in between. What it takes, and what it makes of
 * it, is what `LineParser` does, which also says what is wrong with a line, and reads the lines that are rarely met: with
 * names that are escaped or given twice.
 */
export class LineScanner {
  /** Where the next line begins; of one that is refused or open, its own first byte. */
  position = 0;
  /** The number of the line at {@link position}, from 1. */
  line = 1;
  /** The point's first byte, behind blank lines and comments. */
  start = 0;
  /** The byte after its fields, before its time. */
  fieldsEnd = 0;
  /** The byte after the point, before its line break. */
  end = 0;
  /** Whether the line itself says its time. */
  hasTime = false;
  readonly #options: ScannerOptions;
  readonly #writer = new PointWriter();
  readonly #tags: LineNames;
  readonly #fields = new LineNames();
  #database = '';
  #retentionPolicy = '';
  #bytes: Uint8Array = Buffer.alloc(0);
  #limit = 0;
  #isFinal = false;
  /** Whether the line is to be left to the parser. */
  #isRare = false;
  /** Whether the name at hand has something escaped in it. */
  #hasEscape = false;
  /** Where the measurement lies in the body. */
  #nameStart = 0;
  #nameEnd = 0;

  constructor(options: ScannerOptions) {
    this.#options = options;
    this.#tags = new LineNames(options.groupBy);
  }

  /** Where the point's body lies, from the first byte on; valid until the next call of {@link next}. */
  get body(): Buffer {
    return this.#writer.bytes;
  }

  get bodyLength(): number {
    return this.#writer.length;
  }

  /** Whether the point is of this measurement. */
  isOf(measurement: Uint8Array): boolean {
    const { bytes } = this.#writer;
    const start = this.#nameStart;
    if (this.#nameEnd - start !== measurement.length) return false;
    for (let i = 0; i < measurement.length; i++) if (bytes[start + i] !== measurement[i]) return false;
    return true;
  }

  /** Where the points that follow were written to. */
  setOrigin(database: string, retentionPolicy: string): void {
    this.#database = database;
    this.#retentionPolicy = retentionPolicy;
  }

  /**
   * Looks for a point; blank lines and comments are passed over.
   * @param at the start of a line
   * @param limit the byte after the last line break; if `isFinal`, the end of it all
   * @returns one of {@link SCANNED}
   */
  next(bytes: Uint8Array, at: number, limit: number, isFinal: boolean): number {
    this.#bytes = bytes;
    this.#limit = limit;
    this.#isFinal = isFinal;
    let p = at;
    for (;;) {
      this.position = p;
      p = this.#skipBlanks(p);
      if (p >= limit) {
        this.position = limit;
        return SCANNED.end;
      }
      if (bytes[p] !== HASH && !this.#isLineEnd(p)) break;
      p = this.#nextLine(p);
    }
    this.start = p;
    const firstLine = this.line;
    p = this.#point(p);
    if (p >= 0) {
      this.end = p;
      const next = this.#nextLine(p);
      if (!this.#isRare || this.#parse()) {
        this.position = next;
        return SCANNED.point;
      }
    }
    this.line = firstLine;
    return p === OPEN ? SCANNED.open : SCANNED.refused;
  }

  /** What is wrong with the line that was refused, and where. @param name what the lines come from */
  complaint(name: string): string {
    const { position, line } = this;
    try {
      new LineParser(
        textOf(this.#bytes, position, this.#limit),
        { file: name, line },
        true,
        this.#options.takesUnsigned,
      ).next();
    } catch (error) {
      return messageOf(error);
    }
    return `${name}:${line}: this is no line protocol`;
  }

  /** Passes over the line that was refused, or over the first of those that its open string spans. */
  skipLine(): void {
    this.position = this.#nextLine(this.position);
  }

  /** @returns the position of the line's end, REFUSED or OPEN */
  #point(start: number): number {
    const bytes = this.#bytes;
    const writer = this.#writer;
    writer.clear();
    this.#isRare = false;
    this.#tags.clear(bytes);
    this.#fields.clear(bytes);
    let p = this.#measurement(start);
    while (p >= 0 && bytes[p] === COMMA) p = this.#tag(p + 1);
    if (p < 0) return p;
    if (this.#tags.count > MAX_NAMES) this.#isRare = true;
    if (!this.#isRare) this.#tags.writeGroup(writer);
    p = this.#field(this.#skipBlanks(p));
    while (p >= 0 && bytes[p] === COMMA) p = this.#field(p + 1);
    if (p < 0) return p;
    this.fieldsEnd = p;
    p = this.#time(p);
    if (this.#fields.count > MAX_NAMES) this.#isRare = true;
    if (this.#options.keepsLine) writer.utf8(SOURCE_LINE, bytes, start, this.fieldsEnd);
    return p;
  }

  #measurement(start: number): number {
    const bytes = this.#bytes;
    const limit = this.#limit;
    if (bytes[start] === COMMA) return REFUSED;
    let hasEscape = bytes[start] === BACKSLASH;
    let p = start + 1;
    for (; p < limit; p++) {
      const byte = bytes[p];
      if (STOPS[byte] === 0) continue;
      if (byte === LF) return REFUSED;
      if (byte === BACKSLASH) hasEscape = true;
      else if (byte !== EQUALS && bytes[p - 1] !== BACKSLASH) break;
    }
    if (p >= limit) return REFUSED;
    const writer = this.#writer;
    if (hasEscape) {
      const length = takeEscapesOff(bytes, start, p, ESCAPED_IN_NAME);
      writer.utf8(NAME, unescaped, 0, length);
      this.#nameStart = writer.length - length;
    } else {
      writer.utf8(NAME, bytes, start, p);
      this.#nameStart = writer.length - (p - start);
    }
    this.#nameEnd = writer.length;
    if (this.#database !== '') writer.text(DATABASE, this.#database);
    if (this.#retentionPolicy !== '') writer.text(RETENTION_POLICY, this.#retentionPolicy);
    return p;
  }

  #tag(keyStart: number): number {
    const bytes = this.#bytes;
    const first = bytes[keyStart];
    if (first === COMMA || first === SPACE || first === EQUALS || this.#isLineEnd(keyStart)) return REFUSED;
    this.#hasEscape = false;
    const keyEnd = this.#tagEnd(keyStart);
    if (keyEnd < 0 || bytes[keyEnd] !== EQUALS) return REFUSED;
    if (this.#hasEscape) this.#isRare = true;
    const start = keyEnd + 1;
    const firstOfValue = bytes[start];
    if (firstOfValue === COMMA || firstOfValue === SPACE || this.#isLineEnd(start)) return REFUSED;
    this.#hasEscape = false;
    const end = this.#tagEnd(start);
    if (end < 0 || bytes[end] === EQUALS || this.#tags.has(keyStart, keyEnd)) return REFUSED;
    if (this.#hasEscape) {
      const length = takeEscapesOff(bytes, start, end, ESCAPED_IN_TAG);
      const value = Buffer.from(unescaped.subarray(0, length));
      this.#tags.addValue(keyStart, keyEnd, value, 0, length);
      this.#writer.utf8Of(TAGS, bytes, keyStart, keyEnd, value, 0, length);
    } else {
      this.#tags.addValue(keyStart, keyEnd, bytes, start, end);
      this.#writer.utf8Of(TAGS, bytes, keyStart, keyEnd, bytes, start, end);
    }
    return end;
  }

  /** The end of a key or value of a tag, or REFUSED where the line ends first; its first byte is part of it. */
  #tagEnd(start: number): number {
    const bytes = this.#bytes;
    const limit = this.#limit;
    for (let p = start + 1; p < limit; p++) {
      const byte = bytes[p];
      if (STOPS[byte] === 0 || byte === BACKSLASH) continue;
      if (byte === LF) return REFUSED;
      if (bytes[p - 1] !== BACKSLASH) return p;
      this.#hasEscape = true;
    }
    return REFUSED;
  }

  /** @returns the position after a field and its value, REFUSED or OPEN */
  #field(keyStart: number): number {
    const bytes = this.#bytes;
    const limit = this.#limit;
    let p = keyStart;
    while (p < limit) {
      const byte = bytes[p];
      if (STOPS[byte] !== 0) {
        if (byte !== BACKSLASH) break;
        this.#isRare = true;
        // Unlike in tags, two backslashes are a pair here.
        if (bytes[p + 1] !== LF) p++;
      }
      p++;
    }
    if (p >= limit || p === keyStart || bytes[p] !== EQUALS || bytes[p - 1] === BACKSLASH) return REFUSED;
    if (this.#fields.has(keyStart, p)) this.#isRare = true;
    this.#fields.add(keyStart, p);
    p = this.#value(keyStart, p);
    return p < 0 || bytes[p] === COMMA || bytes[p] === SPACE || this.#isLineEnd(p) ? p : REFUSED;
  }

  #value(keyStart: number, keyEnd: number): number {
    const bytes = this.#bytes;
    const start = keyEnd + 1;
    if (start >= this.#limit) return REFUSED;
    const first = bytes[start];
    if (first === QUOTE) return this.#string(keyStart, keyEnd, start + 1);
    if ((first >= ZERO && first <= NINE) || first === MINUS || first === DOT) {
      const end = readNumber(bytes, start, this.#limit, this.#options.takesUnsigned);
      if (end < 0) return REFUSED;
      if (numberKind[0] === NUMBER.float)
        this.#writer.doubleWords(bytes, keyStart, keyEnd, words[0], words[1]);
      else this.#writer.intWords(bytes, keyStart, keyEnd, words[0], words[1]);
      return end;
    }
    const end = this.#wordEnd(start);
    const isTrue = isOneOf(TRUE_WORDS, bytes, start, end);
    if (!isTrue && !isOneOf(FALSE_WORDS, bytes, start, end)) return REFUSED;
    this.#writer.boolOf(bytes, keyStart, keyEnd, isTrue);
    return end;
  }

  #wordEnd(start: number): number {
    const bytes = this.#bytes;
    let p = start;
    for (; p < this.#limit; p++) {
      const byte = bytes[p];
      if (byte === COMMA || byte === SPACE || byte === LF || byte === CR) break;
    }
    return p;
  }

  #string(keyStart: number, keyEnd: number, start: number): number {
    const bytes = this.#bytes;
    const limit = this.#limit;
    let hasEscape = false;
    let p = start;
    for (; p < limit; p++) {
      const byte = bytes[p];
      if (byte === QUOTE) break;
      if (byte === LF) this.line++;
      else if (byte === BACKSLASH && p + 1 < limit && ESCAPED_IN_STRING[bytes[p + 1]] === 1) {
        hasEscape = true;
        p++;
      }
    }
    if (p >= limit) return this.#isFinal ? REFUSED : OPEN;
    if (hasEscape) {
      const length = takeEscapesOff(bytes, start, p, ESCAPED_IN_STRING);
      this.#writer.utf8Of(STRINGS, bytes, keyStart, keyEnd, unescaped, 0, length);
    } else this.#writer.utf8Of(STRINGS, bytes, keyStart, keyEnd, bytes, start, p);
    return p + 1;
  }

  /** @returns the position of the line's end, or REFUSED */
  #time(fieldsEnd: number): number {
    const bytes = this.#bytes;
    let p = this.#skipBlanks(fieldsEnd);
    this.hasTime = !this.#isLineEnd(p);
    if (!this.hasTime) {
      const nowNs = this.#options.nowNs();
      this.#writer.timeWords(Number(BigInt.asIntN(32, nowNs)), Number(BigInt.asIntN(32, nowNs >> 32n)));
      return p;
    }
    p = readTimestamp(bytes, p, this.#limit);
    if (p < 0) return REFUSED;
    this.#writer.timeWords(words[0], words[1]);
    while (p < this.#limit && bytes[p] === SPACE) p++;
    return this.#isLineEnd(p) ? p : REFUSED;
  }

  /** Makes the body of the line at hand by the parser. @returns false if it is none after all */
  #parse(): boolean {
    let point: LinePoint | undefined;
    try {
      const text = textOf(this.#bytes, this.start, this.end);
      point = new LineParser(text, { file: '', line: 1 }, true, this.#options.takesUnsigned).next();
    } catch {
      return false;
    }
    if (point === undefined) return false;
    const { measurement, tags, fields, time } = point;
    const { groupBy } = this.#options;
    const dimensions = sortedNames(groupBy.includes('*') ? tags.keys() : new Set(groupBy));
    const writer = this.#writer;
    writer.clear();
    writer.point({
      time: time ?? this.#options.nowNs(),
      name: measurement,
      database: this.#database,
      retentionPolicy: this.#retentionPolicy,
      group: groupId(measurement, tags, dimensions, false),
      dimensions,
      byName: false,
      tags,
      fields: new Map([...fields].map(([key, value]) => [key, withinInt64(value)])),
    });
    if (this.#options.keepsLine) writer.utf8(SOURCE_LINE, this.#bytes, this.start, this.fieldsEnd);
    return true;
  }

  #skipBlanks(start: number): number {
    const bytes = this.#bytes;
    let p = start;
    while (p < this.#limit && (bytes[p] === SPACE || bytes[p] === TAB || bytes[p] === NUL)) p++;
    return p;
  }

  #isLineEnd(p: number): boolean {
    const limit = this.#limit;
    if (p >= limit) return true;
    const byte = this.#bytes[p];
    return byte === LF || (byte === CR && (p + 1 === limit || this.#bytes[p + 1] === LF));
  }

  /** Where the line after the one at `p` begins. */
  #nextLine(p: number): number {
    this.line++;
    const limit = this.#limit;
    // Nearly always right there.
    if (p < limit && this.#bytes[p] === LF) return p + 1;
    const lineFeed = this.#bytes.indexOf(LF, p);
    return lineFeed < 0 || lineFeed >= limit ? limit : lineFeed + 1;
  }
}

/** As `readNumber` has an unsigned integer. */
function withinInt64(value: FieldValue): FieldValue {
  return typeof value === 'bigint' && value > MAX_INT ? Number(value) : value;
}

function isOneOf(list: readonly Uint8Array[], bytes: Uint8Array, start: number, end: number): boolean {
  for (const word of list) {
    if (word.length !== end - start) continue;
    let i = 0;
    while (i < word.length && word[i] === bytes[start + i]) i++;
    if (i === word.length) return true;
  }
  return false;
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
