/** A column's memory starts at a multiple of this. */
const ALIGNED_BYTES = 8;

/** Memory for columns of zeros, which are all given back together. */
export class Columns {
  #memory = new ArrayBuffer(ALIGNED_BYTES);
  #length = 0;

  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return new Uint8Array(this.#memory, at, count);
  }

  words(count: number): Int32Array {
    const at = this.#take(count * Int32Array.BYTES_PER_ELEMENT);
    return new Int32Array(this.#memory, at, count);
  }

  clear(): void {
    new Uint8Array(this.#memory, 0, this.#length).fill(0);
    this.#length = 0;
  }

  /** @returns where the column starts in the memory, a new one if there is no room: the others keep theirs */
  #take(bytes: number): number {
    const size = Math.ceil(bytes / ALIGNED_BYTES) * ALIGNED_BYTES;
    if (this.#length + size > this.#memory.byteLength) {
      this.#memory = new ArrayBuffer(Math.max(2 * this.#memory.byteLength, size));
      this.#length = 0;
    }
    this.#length += size;
    return this.#length - size;
  }
}

export function bytesOf(words: ArrayBufferView): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
