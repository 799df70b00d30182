import type { Dice } from '../support/scenarios/dice.ts';

// What is done to bytes without knowing what they mean, and to protobuf with its lengths kept right, so that the damage
// lies as deep as the decoder reaches.

const ODD_BYTES = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a, 0x22, 0x5c];

/** Varints at the edges of what fits: of 32, 53, 63 and 64 bits, too long, without an end, and longer than needed. */
const ODD_VARINTS = [
  '00',
  '7f',
  '8000',
  '808080800f',
  'ffffffff07',
  'ffffffff0f',
  '8080808010',
  'ffffffffffffff0f',
  '8080808080808010',
  'ffffffffffffffff7f',
  '80808080808080808001',
  'ffffffffffffffffff01',
  'ffffffffffffffffffff01',
  'ffffffffffffffffff7f',
  '80808080808080808000',
  'ffff',
].map((hex) => Buffer.from(hex, 'hex'));

export function encodeVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}

/** One change of some bytes. */
export function mutateBytes(dice: Dice, bytes: Buffer): Buffer {
  const at = dice.below(bytes.length + 1);
  const length = dice.count(Math.min(64, bytes.length - at) + 1);
  const before = bytes.subarray(0, at);
  const behind = bytes.subarray(at + length);
  switch (dice.below(8)) {
    case 0: {
      const changed = Buffer.from(bytes);
      if (at < changed.length) changed[at] ^= 1 << dice.below(8);
      return changed;
    }
    case 1: {
      const changed = Buffer.from(bytes);
      if (at < changed.length) changed[at] = dice.chance(0.5) ? dice.pick(ODD_BYTES) : dice.below(256);
      return changed;
    }
    case 2:
      return Buffer.concat([before, behind]);
    case 3:
      return Buffer.concat([before, dice.bytes(1 + dice.count(16)), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([before, dice.pick(ODD_VARINTS), behind]);
    case 5:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 6: {
      const changed = Buffer.from(bytes);
      if (at < changed.length) changed[at] += dice.chance(0.5) ? 1 : -1;
      return changed;
    }
    default:
      return Buffer.from(before);
  }
}

interface Field {
  readonly number: number;
  readonly wireType: number;
  readonly content: Buffer;
}

/** A varint that fits a double well enough to be compared with a length; undefined where there is none. */
export function readVarint(bytes: Buffer, start: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let at = start; at < bytes.length && at < start + 10; at++) {
    value += (bytes[at] & 0x7f) * 2 ** (7 * (at - start));
    if (bytes[at] < 0x80) return { value, end: at + 1 };
  }
  return undefined;
}

/** The fields of a message up to the first thing that is none, and whether that is its end. */
export function fieldsOf(message: Buffer): { readonly fields: Field[]; readonly isWhole: boolean } {
  const fields: Field[] = [];
  let at = 0;
  while (at < message.length) {
    const tag = readVarint(message, at);
    if (tag === undefined || tag.value < 8 || tag.value >= 2 ** 31) break;
    const wireType = tag.value & 7;
    const read = wireType === 0 || wireType === 2 ? readVarint(message, tag.end) : { value: 0, end: tag.end };
    if (read === undefined) break;
    const start = wireType === 2 ? read.end : tag.end;
    if (wireType === 0) at = read.end;
    else if (wireType === 1) at = start + 8;
    else if (wireType === 2) at = start + read.value;
    else if (wireType === 5) at = start + 4;
    else break;
    if (at > message.length) break;
    fields.push({ number: tag.value >>> 3, wireType, content: message.subarray(start, at) });
  }
  return { fields, isWhole: at === message.length };
}

function encodeField({ number, wireType, content }: Field): Buffer {
  const tag = encodeVarint(number * 8 + wireType);
  return Buffer.concat(wireType === 2 ? [tag, encodeVarint(content.length), content] : [tag, content]);
}

function mutateField(dice: Dice, field: Field): Field {
  const { number, wireType, content } = field;
  if (dice.chance(0.1)) return { ...field, number: 1 + dice.below(20) };
  if (dice.chance(0.1)) return { ...field, wireType: dice.below(8) };
  if (wireType === 0) return { ...field, content: dice.pick(ODD_VARINTS) };
  if (wireType !== 2) return { ...field, content: dice.bytes(content.length) };
  if (dice.chance(0.1)) return { number, wireType, content: Buffer.alloc(0) };
  return { number, wireType, content: mutateMessage(dice, content) };
}

/** One change of a message, somewhere in its tree; the lengths around it stay right. */
export function mutateMessage(dice: Dice, message: Buffer): Buffer {
  const { fields, isWhole } = fieldsOf(message);
  if (!isWhole || fields.length === 0 || dice.chance(0.1)) return mutateBytes(dice, message);
  const at = dice.below(fields.length);
  const field = fields[at];
  switch (dice.below(8)) {
    case 0:
      fields.splice(at, 1);
      break;
    case 1:
      fields.splice(dice.below(fields.length), 0, field);
      break;
    case 2:
      fields.splice(at, 1);
      fields.splice(dice.below(fields.length + 1), 0, field);
      break;
    default:
      fields[at] = mutateField(dice, field);
  }
  return Buffer.concat(fields.map(encodeField));
}
