import { isUtf8 } from 'node:buffer';

/** Decodes UTF-8 in pieces cut anywhere, and remembers whether it was damaged. */
export class Utf8Decoder {
  #carry = Buffer.alloc(0);
  #isFirst = true;
  #isDamaged = false;

  /**
   * Whether bytes that are no UTF-8 have been seen. They became U+FFFD, which an undamaged text may hold as well,
   * so this says whether a U+FFFD is to be believed.
   */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  push(chunk: Uint8Array): string {
    const bytes = Buffer.concat([this.#carry, chunk]);
    const end = bytes.length - cutLength(bytes);
    this.#carry = Buffer.from(bytes.subarray(end));
    return this.#decode(bytes.subarray(0, end));
  }

  end(): string {
    const rest = this.#carry;
    this.#carry = Buffer.alloc(0);
    return this.#decode(rest);
  }

  #decode(bytes: Buffer): string {
    if (!isUtf8(bytes)) this.#isDamaged = true;
    const text = bytes.toString('utf8');
    if (!this.#isFirst || text === '') return text;
    this.#isFirst = false;
    return text.replace(/^\uFEFF/, '');
  }
}

/** How many bytes at the end belong to a character that goes on in the next piece (0 to 3). */
function cutLength(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
  }
  return 0;
}
