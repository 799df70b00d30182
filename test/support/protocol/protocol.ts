/**
 * The wire format between Kapacitor and a UDF, written a second time for the tests: plain, with bigints, and sharing
 * nothing with src/wire, so that a mistake there is not made here as well.
 */

export type Value =
  | { readonly type: 'int'; readonly v: bigint }
  | { readonly type: 'float'; readonly v: number }
  | { readonly type: 'string'; readonly v: string }
  | { readonly type: 'bool'; readonly v: boolean };

/** An argument of an option. A BOOL without a value is what Kapacitor sends for a regular expression or a lambda. */
export type OptionValue =
  | { readonly type: 'bool'; readonly v: boolean | undefined }
  | { readonly type: 'int' | 'duration'; readonly v: bigint }
  | { readonly type: 'double'; readonly v: number }
  | { readonly type: 'string'; readonly v: string };

export interface Option {
  readonly name: string;
  readonly values: readonly OptionValue[];
}

export interface Point {
  readonly time: bigint;
  readonly name: string;
  readonly database: string;
  readonly retentionPolicy: string;
  readonly group: string;
  readonly dimensions: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, Value>>;
  readonly byName: boolean;
  /** Fields of numbers that the protocol doesn't know, in hex, as they stand in the message. */
  readonly unknown: readonly string[];
}

export interface BeginBatch {
  readonly name: string;
  readonly group: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly size: bigint;
  readonly byName: boolean;
}

export interface EndBatch {
  readonly name: string;
  readonly group: string;
  readonly tmax: bigint;
  readonly tags: Readonly<Record<string, string>>;
  readonly byName: boolean;
}

/** What is the same in both directions. */
export type Data =
  | { readonly kind: 'keepalive'; readonly time: bigint }
  | { readonly kind: 'begin'; readonly begin: BeginBatch }
  | { readonly kind: 'point'; readonly point: Point }
  | { readonly kind: 'end'; readonly end: EndBatch };

export type Request =
  | Data
  | { readonly kind: 'info' }
  | {
      readonly kind: 'init';
      readonly options: readonly Option[];
      readonly taskId: string;
      readonly nodeId: string;
    }
  | { readonly kind: 'snapshot' }
  | { readonly kind: 'restore'; readonly snapshot: Buffer };

export type EdgeType = 'STREAM' | 'BATCH';

export type Response =
  | Data
  | {
      readonly kind: 'info';
      readonly wants: EdgeType;
      readonly provides: EdgeType;
      /** The types of each option's arguments, as OptionValue calls them. */
      readonly options: Readonly<Record<string, readonly OptionValue['type'][]>>;
    }
  | { readonly kind: 'init'; readonly success: boolean; readonly error: string }
  | { readonly kind: 'restore'; readonly success: boolean; readonly error: string }
  | { readonly kind: 'snapshot'; readonly snapshot: Buffer }
  | { readonly kind: 'error'; readonly error: string };

/** How a message is written. Readers must take them all for the same. */
export interface Style {
  /** Of a message's fields; those of one number keep their order. */
  readonly order: 'ascending' | 'descending' | 'interleaved';
  /** Which half of a map's entry comes first. */
  readonly entries: 'key-first' | 'value-first';
  /** Where fields are written that have their default value. */
  readonly defaults: 'in-entries' | 'everywhere' | 'nowhere';
  /** Whether fields of unknown numbers, of every wire type, are put into points and map entries. */
  readonly unknown: boolean;
}

/** How Kapacitor writes, but for the order of map entries, which Go shuffles. */
export const GO_STYLE: Style = {
  order: 'ascending',
  entries: 'key-first',
  defaults: 'in-entries',
  unknown: false,
};

const VALUE_TYPES: readonly OptionValue['type'][] = ['bool', 'int', 'double', 'string', 'duration'];

// Text. Kapacitor 1.5.7 passes bytes on that are no UTF-8. A string here is either the text, or, where the bytes are
// not valid UTF-8, one character per byte with the bytes from 0x80 on as U+DC80 to U+DCFF, lone surrogates that no
// valid text holds. So equal strings are equal bytes.

function textOf(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (Buffer.from(text, 'utf8').equals(bytes)) return text;
  return [...bytes].map((byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join('');
}

function bytesOf(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, 'utf8');
  return Buffer.concat(
    Array.from(text, (character) => {
      const code = character.charCodeAt(0);
      const isRawByte = character.length === 1 && code >= 0xdc80 && code <= 0xdcff;
      return isRawByte ? Buffer.of(code - 0xdc00) : Buffer.from(character, 'utf8');
    }),
  );
}

// Reading

interface WireField {
  readonly number: number;
  readonly wireType: number;
  readonly varint: bigint;
  /** The content of fixed and length-delimited fields. */
  readonly bytes: Buffer;
  readonly raw: Buffer;
}

function readVarint(bytes: Buffer, start: number): { value: bigint; end: number } | undefined {
  let value = 0n;
  for (let index = 0; start + index < bytes.length; index++) {
    if (index === 10) throw new Error(`a varint of more than ten bytes at offset ${start}`);
    const byte = bytes.readUInt8(start + index);
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) return { value: BigInt.asUintN(64, value), end: start + index + 1 };
  }
  return undefined;
}

function readFields(message: Buffer): WireField[] {
  const fields: WireField[] = [];
  let start = 0;
  while (start < message.length) {
    const tag = readVarint(message, start);
    if (tag === undefined) throw new Error(`the message ends within the tag at offset ${start}`);
    const number = Number(tag.value >> 3n);
    const wireType = Number(tag.value & 7n);
    let varint = 0n;
    let contentStart = tag.end;
    let end = tag.end;
    if (wireType === 0 || wireType === 2) {
      const read = readVarint(message, tag.end);
      if (read === undefined) throw new Error(`the message ends within field ${number}`);
      varint = read.value;
      contentStart = read.end;
      end = wireType === 0 ? read.end : read.end + Number(read.value);
    } else if (wireType === 1) {
      end += 8;
    } else if (wireType === 5) {
      end += 4;
    } else {
      throw new Error(`field ${number} has the wire type ${wireType}`);
    }
    if (end > message.length) throw new Error(`the message ends within field ${number}`);
    fields.push({
      number,
      wireType,
      varint,
      bytes: message.subarray(contentStart, end),
      raw: message.subarray(start, end),
    });
    start = end;
  }
  return fields;
}

/** The last field of each number, which is the one that counts where a field isn't repeated. */
function readSingular(message: Buffer): Map<number, WireField> {
  return new Map(readFields(message).map((field) => [field.number, field]));
}

const int64 = (field: WireField | undefined) => BigInt.asIntN(64, field?.varint ?? 0n);
const bool = (field: WireField | undefined) => (field?.varint ?? 0n) !== 0n;
const double = (field: WireField | undefined) => field?.bytes.readDoubleLE(0) ?? 0;
const text = (field: WireField | undefined) => textOf(field?.bytes ?? Buffer.alloc(0));

function readEntry(field: WireField): { key: string; value: WireField | undefined } {
  const entry = readSingular(field.bytes);
  return { key: text(entry.get(1)), value: entry.get(2) };
}

function readTags(fields: readonly WireField[], number: number): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const field of fields) {
    if (field.number !== number) continue;
    const { key, value } = readEntry(field);
    tags[key] = text(value);
  }
  return tags;
}

function fieldValue(number: number, field: WireField | undefined): Value {
  switch (number) {
    case 8:
      return { type: 'float', v: double(field) };
    case 9:
      return { type: 'int', v: int64(field) };
    case 10:
      return { type: 'string', v: text(field) };
    default:
      return { type: 'bool', v: bool(field) };
  }
}

/** A point that no Kapacitor writes, though every protobuf library reads it. */
export class FieldClash extends Error {}

function decodePoint(message: Buffer): Point {
  const all = readFields(message);
  const singular = readSingular(message);
  const fields: Record<string, Value> = {};
  for (const field of all) {
    if (![8, 9, 10, 12].includes(field.number)) continue;
    const { key, value } = readEntry(field);
    const read = fieldValue(field.number, value);
    const before = fields[key];
    if (before !== undefined && before.type !== read.type) {
      throw new FieldClash(
        `the field '${key}' stands in two of the typed maps: ${before.type} and ${read.type}`,
      );
    }
    fields[key] = read;
  }
  return {
    time: int64(singular.get(1)),
    name: text(singular.get(2)),
    database: text(singular.get(3)),
    retentionPolicy: text(singular.get(4)),
    group: text(singular.get(5)),
    dimensions: all.filter((field) => field.number === 6).map(text),
    tags: readTags(all, 7),
    fields,
    byName: bool(singular.get(11)),
    unknown: all.filter((field) => field.number > 12).map((field) => field.raw.toString('hex')),
  };
}

function decodeBegin(message: Buffer): BeginBatch {
  const fields = readSingular(message);
  return {
    name: text(fields.get(1)),
    group: text(fields.get(2)),
    tags: readTags(readFields(message), 3),
    size: int64(fields.get(4)),
    byName: bool(fields.get(5)),
  };
}

function decodeEnd(message: Buffer): EndBatch {
  const fields = readSingular(message);
  return {
    name: text(fields.get(1)),
    group: text(fields.get(2)),
    tmax: int64(fields.get(3)),
    tags: readTags(readFields(message), 4),
    byName: bool(fields.get(5)),
  };
}

function decodeOptionValue(message: Buffer): OptionValue {
  const fields = readSingular(message);
  const type = VALUE_TYPES[Number(int64(fields.get(1)))];
  switch (type) {
    case 'bool':
      return { type, v: fields.has(2) ? bool(fields.get(2)) : undefined };
    case 'int':
      return { type, v: int64(fields.get(3)) };
    case 'double':
      return { type, v: double(fields.get(4)) };
    case 'string':
      return { type, v: text(fields.get(5)) };
    case 'duration':
      return { type, v: int64(fields.get(6)) };
    default:
      throw new Error(`an option value of type ${int64(fields.get(1))}`);
  }
}

function decodeOption(message: Buffer): Option {
  return {
    name: text(readSingular(message).get(1)),
    values: readFields(message)
      .filter((field) => field.number === 2)
      .map((field) => decodeOptionValue(field.bytes)),
  };
}

/** The one field of the envelope. Throws where there is none, or more. */
function openEnvelope(message: Buffer): WireField {
  const [field, ...more] = readFields(message);
  if (field === undefined || field.wireType !== 2 || more.length > 0) {
    throw new Error(`not one message in the envelope: ${message.toString('hex')}`);
  }
  return field;
}

function decodeData(field: WireField): Data {
  switch (field.number) {
    case 3:
      return { kind: 'keepalive', time: int64(readSingular(field.bytes).get(1)) };
    case 16:
      return { kind: 'begin', begin: decodeBegin(field.bytes) };
    case 17:
      return { kind: 'point', point: decodePoint(field.bytes) };
    case 18:
      return { kind: 'end', end: decodeEnd(field.bytes) };
    default:
      throw new Error(`an envelope with the unknown field ${field.number}`);
  }
}

/** Decodes a message that Kapacitor sends, without its length. Throws where it is none. */
export function decodeRequest(message: Buffer): Request {
  const field = openEnvelope(message);
  switch (field.number) {
    case 1:
      return { kind: 'info' };
    case 2: {
      const init = readSingular(field.bytes);
      return {
        kind: 'init',
        options: readFields(field.bytes)
          .filter((part) => part.number === 1)
          .map((part) => decodeOption(part.bytes)),
        taskId: text(init.get(2)),
        nodeId: text(init.get(3)),
      };
    }
    case 4:
      return { kind: 'snapshot' };
    case 5:
      return { kind: 'restore', snapshot: readSingular(field.bytes).get(1)?.bytes ?? Buffer.alloc(0) };
    default:
      return decodeData(field);
  }
}

/** A repeated enum may be packed, which is proto3's default, or not. */
function readOptionInfo(message: Buffer): OptionValue['type'][] {
  const types: OptionValue['type'][] = [];
  for (const field of readFields(message)) {
    let rest = field.wireType === 2 ? field.bytes : encodeVarint(field.varint);
    while (rest.length > 0) {
      const read = readVarint(rest, 0);
      const type = read === undefined ? undefined : VALUE_TYPES[Number(read.value)];
      if (read === undefined || type === undefined) {
        throw new Error(`an unknown value type in ${message.toString('hex')}`);
      }
      types.push(type);
      rest = rest.subarray(read.end);
    }
  }
  return types;
}

/** Decodes a message that an agent sends, without its length. Throws where it is none. */
export function decodeResponse(message: Buffer): Response {
  const field = openEnvelope(message);
  const inner = field.number <= 6 ? readSingular(field.bytes) : new Map<number, WireField>();
  switch (field.number) {
    case 1: {
      const options: Record<string, OptionValue['type'][]> = {};
      for (const part of readFields(field.bytes)) {
        if (part.number !== 3) continue;
        const { key, value } = readEntry(part);
        options[key] = readOptionInfo(value?.bytes ?? Buffer.alloc(0));
      }
      const edgeType = (number: number): EdgeType => (int64(inner.get(number)) === 1n ? 'BATCH' : 'STREAM');
      return { kind: 'info', wants: edgeType(1), provides: edgeType(2), options };
    }
    case 2:
      return { kind: 'init', success: bool(inner.get(1)), error: text(inner.get(2)) };
    case 4:
      return { kind: 'snapshot', snapshot: inner.get(1)?.bytes ?? Buffer.alloc(0) };
    case 5:
      return { kind: 'restore', success: bool(inner.get(1)), error: text(inner.get(2)) };
    case 6:
      return { kind: 'error', error: text(inner.get(1)) };
    default:
      return decodeData(field);
  }
}

// Writing

function encodeVarint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

interface Part {
  readonly number: number;
  readonly isDefault: boolean;
  readonly bytes: Buffer;
}

function varintPart(number: number, value: bigint): Part {
  const bytes = Buffer.concat([encodeVarint(BigInt(number) << 3n), encodeVarint(value)]);
  return { number, isDefault: value === 0n, bytes };
}

function doublePart(number: number, value: number): Part {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  // A negative zero is not the default: written as nothing, it would be read as zero.
  return {
    number,
    isDefault: Object.is(value, 0),
    bytes: Buffer.concat([encodeVarint((BigInt(number) << 3n) | 1n), bytes]),
  };
}

function bytesPart(number: number, value: Buffer): Part {
  const tag = encodeVarint((BigInt(number) << 3n) | 2n);
  return {
    number,
    isDefault: value.length === 0,
    bytes: Buffer.concat([tag, encodeVarint(BigInt(value.length)), value]),
  };
}

const textPart = (number: number, value: string) => bytesPart(number, bytesOf(value));
const boolPart = (number: number, value: boolean) => varintPart(number, value ? 1n : 0n);

/** A part that is written even where it has the default value: repeated ones, and those of a oneof. */
const present = (part: Part): Part => ({ ...part, isDefault: false });

const UNKNOWN_PARTS: readonly Part[] = [
  varintPart(1001, -1n),
  doublePart(1002, 0.5),
  bytesPart(1003, Buffer.from('\u0008\u0001unknown')),
  { number: 1004, isDefault: false, bytes: Buffer.from('e53e01020304', 'hex') },
];

function arrange(parts: readonly Part[], order: Style['order']): readonly Part[] {
  if (order === 'ascending') return parts.toSorted((a, b) => a.number - b.number);
  if (order === 'descending') return parts.toSorted((a, b) => b.number - a.number);
  const rounds: Part[][] = [];
  const seen = new Map<number, number>();
  for (const part of parts) {
    const round = seen.get(part.number) ?? 0;
    seen.set(part.number, round + 1);
    rounds[round] = [...(rounds[round] ?? []), part];
  }
  return rounds.flat();
}

function encodeMessage(parts: readonly Part[], style: Style): Buffer {
  const written = parts.filter((part) => style.defaults === 'everywhere' || !part.isDefault);
  return Buffer.concat(arrange(written, style.order).map((part) => part.bytes));
}

function entryPart(number: number, key: string, value: Part, style: Style): Part {
  const halves = [textPart(1, key), value].filter((part) => style.defaults !== 'nowhere' || !part.isDefault);
  if (style.entries === 'value-first') halves.reverse();
  const unknown = style.unknown ? UNKNOWN_PARTS : [];
  return present(bytesPart(number, Buffer.concat([...halves, ...unknown].map((part) => part.bytes))));
}

function tagParts(number: number, tags: Readonly<Record<string, string>>, style: Style): Part[] {
  return Object.entries(tags).map(([key, value]) => entryPart(number, key, textPart(2, value), style));
}

function fieldPart(key: string, value: Value, style: Style): Part {
  switch (value.type) {
    case 'float':
      return entryPart(8, key, doublePart(2, value.v), style);
    case 'int':
      return entryPart(9, key, varintPart(2, value.v), style);
    case 'string':
      return entryPart(10, key, textPart(2, value.v), style);
    case 'bool':
      return entryPart(12, key, boolPart(2, value.v), style);
  }
}

function encodePoint(point: Point, style: Style): Buffer {
  return encodeMessage(
    [
      varintPart(1, point.time),
      textPart(2, point.name),
      textPart(3, point.database),
      textPart(4, point.retentionPolicy),
      textPart(5, point.group),
      ...point.dimensions.map((dimension) => present(textPart(6, dimension))),
      ...tagParts(7, point.tags, style),
      ...Object.entries(point.fields).map(([key, value]) => fieldPart(key, value, style)),
      boolPart(11, point.byName),
      ...point.unknown.map((hex) => ({ number: 2000, isDefault: false, bytes: Buffer.from(hex, 'hex') })),
      ...(style.unknown ? UNKNOWN_PARTS : []),
    ],
    style,
  );
}

function encodeBegin(begin: BeginBatch, style: Style): Buffer {
  return encodeMessage(
    [
      textPart(1, begin.name),
      textPart(2, begin.group),
      ...tagParts(3, begin.tags, style),
      varintPart(4, begin.size),
      boolPart(5, begin.byName),
    ],
    style,
  );
}

function encodeEnd(end: EndBatch, style: Style): Buffer {
  return encodeMessage(
    [
      textPart(1, end.name),
      textPart(2, end.group),
      varintPart(3, end.tmax),
      ...tagParts(4, end.tags, style),
      boolPart(5, end.byName),
    ],
    style,
  );
}

function optionValuePart(value: OptionValue): Part | undefined {
  switch (value.type) {
    case 'bool':
      return value.v === undefined ? undefined : boolPart(2, value.v);
    case 'int':
      return varintPart(3, value.v);
    case 'double':
      return doublePart(4, value.v);
    case 'string':
      return textPart(5, value.v);
    case 'duration':
      return varintPart(6, value.v);
  }
}

function encodeOption(option: Option, style: Style): Buffer {
  const values = option.values.map((value) => {
    const part = optionValuePart(value);
    const parts = [varintPart(1, BigInt(VALUE_TYPES.indexOf(value.type)))];
    if (part !== undefined) parts.push(present(part));
    return present(bytesPart(2, encodeMessage(parts, style)));
  });
  return encodeMessage([textPart(1, option.name), ...values], style);
}

function envelopePart(request: Request, style: Style): Part {
  switch (request.kind) {
    case 'info':
      return bytesPart(1, Buffer.alloc(0));
    case 'init': {
      const options = request.options.map((option) => present(bytesPart(1, encodeOption(option, style))));
      const parts = [...options, textPart(2, request.taskId), textPart(3, request.nodeId)];
      return bytesPart(2, encodeMessage(parts, style));
    }
    case 'keepalive':
      return bytesPart(3, encodeMessage([varintPart(1, request.time)], style));
    case 'snapshot':
      return bytesPart(4, Buffer.alloc(0));
    case 'restore':
      return bytesPart(5, encodeMessage([bytesPart(1, request.snapshot)], style));
    case 'begin':
      return bytesPart(16, encodeBegin(request.begin, style));
    case 'point':
      return bytesPart(17, encodePoint(request.point, style));
    case 'end':
      return bytesPart(18, encodeEnd(request.end, style));
  }
}

/** Encodes a message as Kapacitor, or with a `style` another writer, sends it, without its length. */
export function encodeRequest(request: Request, style: Style = GO_STYLE): Buffer {
  return envelopePart(request, style).bytes;
}

// Frames

/** A message with its length in front, as it goes through the socket. */
export function frame(message: Buffer): Buffer {
  return Buffer.concat([encodeVarint(BigInt(message.length)), message]);
}

/** Cuts whole messages from the front of `bytes`; `rest` is what belongs to a message not yet whole. */
export function cutFrames(bytes: Buffer): { messages: Buffer[]; rest: Buffer } {
  const messages: Buffer[] = [];
  let start = 0;
  while (true) {
    const length = readVarint(bytes, start);
    if (length === undefined) return { messages, rest: bytes.subarray(start) };
    const end = length.end + Number(length.value);
    if (end > bytes.length) return { messages, rest: bytes.subarray(start) };
    messages.push(bytes.subarray(length.end, end));
    start = end;
  }
}
