import { skipValue } from './envelope.ts';

import { malformed } from './protocol-error.ts';
import { text, toBigInt } from './scalars.ts';
import { lengthEnd, readTag, readVarint64, varint64 } from './varint.ts';

// BeginBatch := 1 name  2 group  3 tags*  4 size  5 byName
// EndBatch   := 1 name  2 group  3 tmax   4 tags*  5 byName
// Keepalive  := 1 time
// tags       := a map entry each: 1 key  2 value

/** The wire type that each field of a message must have, by its number; -1 for a field that nobody knows. */
type Grammar = readonly number[];

const BEGIN: Grammar = [-1, 2, 2, 2, 0, 0];
const END: Grammar = [-1, 2, 2, 0, 2, 0];
const KEEPALIVE: Grammar = [-1, 0];
const TAG: Grammar = [-1, 2, 2];

const BEGIN_NAME = 1;
const BEGIN_GROUP = 2;
const BEGIN_TAGS = 3;
const BEGIN_SIZE = 4;
const BEGIN_BY_NAME = 5;
const END_TIME = 3;
const END_TAGS = 4;
const TAG_KEY = 1;
const TAG_VALUE = 2;

/** The begin of a batch, copied: it lasts until the batch's end. */
export class BatchBegin {
  /** The body without its size: what goes out, since the size of what is emitted is not known yet. */
  readonly bytes: Uint8Array;
  /** The group's first byte in {@link bytes}. */
  readonly groupStart: number;
  /** The byte after its last. */
  readonly groupEnd: number;

  /** @throws ProtocolError MALFORMED_MESSAGE */
  constructor(source: Uint8Array, start: number, end: number) {
    const bytes = Buffer.allocUnsafe(end - start);
    let length = 0;
    let groupStart = 0;
    let groupEnd = 0;
    let p = start;
    while (p < end) {
      const from = p;
      p = skipField(source, from, end, BEGIN);
      const valueStart = lengthEnd[0];
      if (fieldNumber === BEGIN_SIZE) continue;
      if (fieldNumber === BEGIN_TAGS) check(source, valueStart, p, TAG);
      else if (fieldNumber === BEGIN_GROUP) {
        groupStart = length + valueStart - from;
        groupEnd = length + p - from;
      }
      bytes.set(source.subarray(from, p), length);
      length += p - from;
    }
    this.bytes = bytes.subarray(0, length);
    this.groupStart = groupStart;
    this.groupEnd = groupEnd;
  }

  /** The group's id as Kapacitor made it. */
  get group(): string {
    return text(this.bytes, this.groupStart, this.groupEnd);
  }

  /** The measurement. */
  get name(): string {
    let name = '';
    for (const [number, start, end] of this.#fields())
      if (number === BEGIN_NAME) name = text(this.bytes, start, end);
    return name;
  }

  /** Whether the measurement is a part of the group's id. */
  get byName(): boolean {
    let byName = false;
    for (const [number, , end] of this.#fields())
      if (number === BEGIN_BY_NAME) byName = this.bytes[end - 1] !== 0;
    return byName;
  }

  /** The group's tags, which are its dimensions. */
  tags(): Map<string, string> {
    const tags = new Map<string, string>();
    for (const [number, start, end] of this.#fields())
      if (number === BEGIN_TAGS) tags.set(...tagOf(this.bytes, start, end));
    return tags;
  }

  /** The number of each field, and where its content lies. */
  *#fields(): Generator<[number: number, start: number, end: number]> {
    const { bytes } = this;
    let p = 0;
    while (p < bytes.length) {
      p = skipField(bytes, p, bytes.length, BEGIN);
      yield [fieldNumber, lengthEnd[0], p];
    }
  }
}

function tagOf(bytes: Uint8Array, start: number, end: number): [key: string, value: string] {
  let key = '';
  let value = '';
  let p = start;
  while (p < end) {
    p = skipField(bytes, p, end, TAG);
    if (fieldNumber === TAG_KEY) key = text(bytes, lengthEnd[0], p);
    else if (fieldNumber === TAG_VALUE) value = text(bytes, lengthEnd[0], p);
  }
  return [key, value];
}

/** The end of a batch, valid only during the call that hands it over. */
export class BatchEnd {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;

  /** @throws ProtocolError MALFORMED_MESSAGE unless it may be passed on */
  constructor(bytes: Uint8Array, start: number, end: number) {
    check(bytes, start, end, END, END_TAGS);
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  /** The greatest time that a point of the batch can have, in nanoseconds since the epoch: the end of a query's window. */
  get time(): bigint {
    let time = 0n;
    let p = this.#start;
    while (p < this.#end) {
      const from = p;
      p = skipField(this.#bytes, p, this.#end, END);
      if (fieldNumber !== END_TIME) continue;
      // A tag of one byte, as the number is below 16.
      readVarint64(this.#bytes, from + 1, p);
      time = toBigInt(varint64[0], varint64[1]);
    }
    return time;
  }
}

/** @throws ProtocolError MALFORMED_MESSAGE unless it is a keepalive that may be sent back */
export function checkKeepalive(bytes: Uint8Array, start: number, end: number): void {
  check(bytes, start, end, KEEPALIVE);
}

/** When a keepalive that was checked was sent, by its sender's clock, in milliseconds. */
export function keepaliveSentMs(bytes: Uint8Array, start: number, end: number): number {
  let ms = 0;
  for (let p = start; p < end; ) {
    p = readVarint64(bytes, p, end);
    const wireType = varint64[0] & 7;
    if (varint64[0] >>> 3 === 1) {
      readVarint64(bytes, p, end);
      ms = (varint64[1] * 2 ** 32 + (varint64[0] >>> 0)) / 1_000_000;
    }
    p = skipValue(bytes, p, end, wireType);
  }
  return ms;
}

/** @param tags the number of the field that holds tags, if any */
function check(bytes: Uint8Array, start: number, end: number, grammar: Grammar, tags = -1): void {
  let p = start;
  while (p < end) {
    p = skipField(bytes, p, end, grammar);
    if (fieldNumber === tags) check(bytes, lengthEnd[0], p, TAG);
  }
}

/** A register: the number of the field that {@link skipField} passed over last. */
let fieldNumber = 0;

/** The position after a field; the start of a length-delimited one's content is left in {@link lengthEnd}. */
function skipField(bytes: Uint8Array, at: number, end: number, grammar: Grammar): number {
  const p = readTag(bytes, at, end);
  const wireType = varint64[0] & 7;
  const number = varint64[0] >>> 3;
  if (number === 0 || varint64[1] !== 0) malformed('a field without a number');
  if (number < grammar.length && grammar[number] !== wireType)
    malformed(`field ${number} has wire type ${wireType}`);
  fieldNumber = number;
  return skipValue(bytes, p, end, wireType);
}
