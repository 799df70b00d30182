import { malformed, ProtocolError } from './protocol-error.ts';
import {
  lengthEnd,
  readLength,
  readTag,
  sizeOfVarint32,
  skipVarint,
  varint64,
  writeVarint32,
} from './varint.ts';

/** The numbers of the messages in Request and Response. */
export const MESSAGE = {
  info: 1,
  init: 2,
  keepalive: 3,
  snapshot: 4,
  restore: 5,
  error: 6,
  begin: 16,
  point: 17,
  end: 18,
} as const;

/** A register: where {@link readEnvelope} leaves the body: its first byte, and the byte after its last. */
export const body = new Int32Array(2);

// The two bytes that a point's message starts with: number 17, length-delimited.
const POINT_TAG_0 = (MESSAGE.point << 3) | 0x82;
const POINT_TAG_1 = MESSAGE.point >> 4;

/**
 * Finds the message inside a frame. The body's place is left in {@link body}; of several messages the last counts, as
 * in any oneof.
 * @returns the message's number
 * @throws ProtocolError UNKNOWN_MESSAGE, MALFORMED_MESSAGE
 */
export function readEnvelope(bytes: Uint8Array, start: number, end: number): number {
  // Nearly every frame is a point whose length takes one or two bytes and that fills the frame.
  if (bytes[start] === POINT_TAG_0 && bytes[start + 1] === POINT_TAG_1) {
    const first = bytes[start + 2];
    if (first < 0x80) {
      if (start + 3 + first === end) {
        body[0] = start + 3;
        body[1] = end;
        return MESSAGE.point;
      }
    } else if (start + 4 + ((first & 0x7f) | (bytes[start + 3] << 7)) === end && bytes[start + 3] < 0x80) {
      body[0] = start + 4;
      body[1] = end;
      return MESSAGE.point;
    }
  }
  let kind = 0;
  let p = start;
  while (p < end) {
    p = readTag(bytes, p, end);
    const tag = varint64[0];
    if (varint64[1] !== 0 || tag >>> 3 === 0) malformed('a field without a number');
    if ((tag & 7) !== 2) {
      p = skipValue(bytes, p, end, tag & 7);
      continue;
    }
    const length = readLength(bytes, p, end);
    p = lengthEnd[0];
    const number = tag >>> 3;
    if (
      (number >= MESSAGE.info && number <= MESSAGE.error) ||
      (number >= MESSAGE.begin && number <= MESSAGE.end)
    ) {
      kind = number;
      body[0] = p;
      body[1] = p + length;
    }
    p += length;
  }
  if (kind === 0) {
    throw new ProtocolError('UNKNOWN_MESSAGE', 'a frame without any message that Kapacitor sends to a UDF');
  }
  return kind;
}

/** The position after a value of this wire type (0, 1, 2 or 5; the others are not in use any more). */
export function skipValue(bytes: Uint8Array, at: number, end: number, wireType: number): number {
  let p: number;
  if (wireType === 0) return skipVarint(bytes, at, end);
  if (wireType === 1) p = at + 8;
  else if (wireType === 5) p = at + 4;
  else if (wireType === 2) {
    const length = readLength(bytes, at, end);
    p = lengthEnd[0] + length;
  } else malformed(`wire type ${wireType}`);
  if (p > end) malformed('a value beyond the end of the message');
  return p;
}

/** How many bytes a frame takes whose message has this number and a body of this length. */
export function sizeOfFrame(kind: number, bodyLength: number): number {
  const message = (kind < 16 ? 1 : 2) + sizeOfVarint32(bodyLength) + bodyLength;
  return sizeOfVarint32(message) + message;
}

/**
 * Writes what stands in front of a body: the frame's length, the message's tag and its length.
 * @returns the position where the body belongs
 */
export function writeFrameHead(bytes: Uint8Array, at: number, kind: number, bodyLength: number): number {
  const tagLength = kind < 16 ? 1 : 2;
  let p = writeVarint32(bytes, at, tagLength + sizeOfVarint32(bodyLength) + bodyLength);
  p = writeVarint32(bytes, p, (kind << 3) | 2);
  return writeVarint32(bytes, p, bodyLength);
}

/** A whole frame around a body. */
export function frameOf(kind: number, content: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(sizeOfFrame(kind, content.length));
  frame.set(content, writeFrameHead(frame, 0, kind, content.length));
  return frame;
}
