import { varint64 } from './varint.ts';

// Values as they lie in a message, and as JavaScript has them.

/** Two words as the signed 64-bit integer that they hold. */
export function toBigInt(lo: number, hi: number): bigint {
  return (BigInt(hi) << 32n) | BigInt(lo >>> 0);
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

/** UTF-8 to text; invalid bytes, which Kapacitor 1.5 passes on, become replacement characters. */
export function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
