const FIRST_BYTES = 64 * 1024;
/** From here on a copy in one piece costs less than byte by byte. */
const LONG_RUN = 96;

/** Bytes that gather until they are taken. */
export class OutputBytes {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#reserve(length);
    const bytes = this.#bytes;
    const at = this.#length;
    // Not subarray: of a Buffer that is a Buffer, which takes longer to make than this copy.
    if (length > LONG_RUN) bytes.set(new Uint8Array(source.buffer, source.byteOffset + start, length), at);
    else for (let i = 0; i < length; i++) bytes[at + i] = source[start + i];
    this.#length = at + length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  text(text: string): void {
    this.#reserve(3 * text.length);
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** Everything since the last call, which stays as it is. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    if (this.#length > 0) this.#bytes = Buffer.allocUnsafe(FIRST_BYTES);
    this.#length = 0;
    return taken;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + more));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
