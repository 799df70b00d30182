import { skipValue } from './envelope.ts';
import { KeyTable } from './key-table.ts';
import { entry, isPlainEntry, readEntry } from './map-entry.ts';
import { BY_NAME, DIMENSIONS, GROUP, NAME, TAGS } from './point.ts';
import type { PointView } from './point-view.ts';
import { lengthEnd, readVarint64, sizeOfVarint32, varint64, writeVarint32, writeVarint64 } from './varint.ts';

const TIME_TAG = 0x08;
const GROUP_TAG = (GROUP << 3) | 2;
const TAGS_TAG = (TAGS << 3) | 2;

/** The tag and the ten bytes of a time; the tags and lengths around a group and around a tag's name and value. */
const TIME_BYTES = 11;
const OVERHEAD_BYTES = 32;

/**
 * What says where a point belongs, as bytes: its form, which is what all points of a measurement share (name, database,
 * retention policy, dimensions, byName), and its tags. Together with a time and the group they are a point again, one
 * without fields.
 */
export class PointHead {
  /** The form of the point that was read last; it has {@link formLength} bytes. */
  form: Buffer = Buffer.allocUnsafe(256);
  formLength = 0;
  /** Its tags; they have {@link tagsLength} bytes. */
  tags: Buffer = Buffer.allocUnsafe(256);
  tagsLength = 0;
  readonly #leftOut: KeyTable | undefined;
  #body: Buffer = Buffer.allocUnsafe(256);

  /** @param leftOut a tag that is not taken up */
  constructor(leftOut?: string) {
    this.#leftOut = leftOut === undefined ? undefined : new KeyTable([leftOut]);
  }

  /** @throws ProtocolError MALFORMED_MESSAGE where a tag is */
  read({ bytes, start, end }: PointView): void {
    const most = end - start;
    if (most > this.form.length) {
      this.form = Buffer.allocUnsafe(2 * most);
      this.tags = Buffer.allocUnsafe(2 * most);
    }
    let formLength = 0;
    let tagsLength = 0;
    let p = start;
    while (p < end) {
      const from = p;
      let tag = bytes[p];
      let content = p + 2;
      if ((tag & 0x87) === 2 && bytes[p + 1] < 0x80) {
        // Nearly all: a field number below 16 and a length below 128, a byte each.
        p = content + bytes[p + 1];
      } else {
        p = readVarint64(bytes, p, end);
        tag = varint64[0];
        p = skipValue(bytes, p, end, tag & 7);
        content = lengthEnd[0];
      }
      if (tag === TAGS_TAG) {
        if (!this.#isLeftOut(bytes, content, p)) tagsLength = copy(bytes, from, p, this.tags, tagsLength);
      } else if (isForm(tag >>> 3)) formLength = copy(bytes, from, p, this.form, formLength);
    }
    this.formLength = formLength;
    this.tagsLength = tagsLength;
  }

  /** Checks a tag. @returns whether it is the one that is not taken up */
  #isLeftOut(bytes: Uint8Array, start: number, end: number): boolean {
    const isShort = end - start < 0x80 && bytes[start] === 0x0a;
    if (this.#leftOut === undefined && isShort && isPlainEntry(bytes, start, end, TAGS)) return false;
    readEntry(bytes, start, end, TAGS);
    return this.#leftOut !== undefined && this.#leftOut.find(bytes, entry[0], entry[1]) >= 0;
  }

  /**
   * A point's body without fields, valid until the next call.
   * @param timeNs within 64 bits
   * @param tag one more tag, given as UTF-8
   */
  write(
    timeNs: bigint,
    form: Uint8Array,
    group: Uint8Array,
    tags: Uint8Array,
    tag?: { readonly name: Uint8Array; readonly value: Uint8Array },
  ): Buffer {
    const more = tag === undefined ? 0 : tag.name.length + tag.value.length;
    const most = TIME_BYTES + form.length + group.length + tags.length + more + OVERHEAD_BYTES;
    if (most > this.#body.length) this.#body = Buffer.allocUnsafe(2 * most);
    const body = this.#body;
    let p = 0;
    body[p++] = TIME_TAG;
    p = writeVarint64(body, p, Number(BigInt.asIntN(32, timeNs)), Number(BigInt.asIntN(32, timeNs >> 32n)));
    p = copy(form, 0, form.length, body, p);
    if (group.length > 0) p = writeText(body, p, GROUP_TAG, group);
    p = copy(tags, 0, tags.length, body, p);
    if (tag !== undefined) {
      body[p++] = TAGS_TAG;
      p = writeVarint32(body, p, sizeOfText(tag.name) + sizeOfText(tag.value));
      p = writeText(body, p, 0x0a, tag.name);
      p = writeText(body, p, 0x12, tag.value);
    }
    return body.subarray(0, p);
  }
}

function isForm(number: number): boolean {
  return number === BY_NAME || (number >= NAME && number <= DIMENSIONS && number !== GROUP);
}

function sizeOfText(text: Uint8Array): number {
  return 1 + sizeOfVarint32(text.length) + text.length;
}

function writeText(bytes: Uint8Array, at: number, tag: number, text: Uint8Array): number {
  bytes[at] = tag;
  return copy(text, 0, text.length, bytes, writeVarint32(bytes, at + 1, text.length));
}

/** A few bytes: a loop is faster than a call out of JavaScript. */
function copy(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  let q = at;
  for (let p = start; p < end; p++) to[q++] = from[p];
  return q;
}
