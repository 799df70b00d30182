const BACKSLASH = 0x5c;

/** By a byte, whether a backslash before it makes it part of a measurement. */
export const ESCAPED_IN_NAME = setOf(',"= ');
/** Likewise, of a tag. */
export const ESCAPED_IN_TAG = setOf(',= ');
/** Likewise, of a string. */
export const ESCAPED_IN_STRING = setOf('\\"');

/** A register: where {@link takeEscapesOff} leaves what it made. */
export let unescaped = Buffer.allocUnsafe(1024);

/** Takes the backslashes off that stand before these bytes. @returns how many bytes are left */
export function takeEscapesOff(bytes: Uint8Array, start: number, end: number, escapable: Uint8Array): number {
  if (end - start > unescaped.length) unescaped = Buffer.allocUnsafe(2 * (end - start));
  let length = 0;
  for (let p = start; p < end; p++) {
    if (bytes[p] === BACKSLASH && p + 1 < end && escapable[bytes[p + 1]] === 1) p++;
    unescaped[length++] = bytes[p];
  }
  return length;
}

function setOf(characters: string): Uint8Array {
  const set = new Uint8Array(256);
  for (const byte of Buffer.from(characters)) set[byte] = 1;
  return set;
}
