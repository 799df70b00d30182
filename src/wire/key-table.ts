/**
 * Finds a name of a small, fixed set from its bytes, without decoding them: the length alone rejects most of the
 * keys in a point by one look-up.
 */
export class KeyTable {
  readonly names: readonly string[];
  readonly #bytes: Uint8Array;
  readonly #starts: Int32Array;
  /**
   * By the first byte of a key's length, as it stands in the message: 0 if no name can have it. From 128 on it is only
   * a part of the length, and says nothing.
   */
  readonly wants = new Uint8Array(256).fill(1, 128);
  /** By the length of a name: 1 + the first index of that length, 0 for none. Longer names share the last entry. */
  readonly #byLength = new Int32Array(129);
  /** 1 + the next index of the same entry, 0 for none. */
  readonly #next: Int32Array;

  constructor(names: readonly string[]) {
    this.names = names;
    const encoded = names.map((name) => Buffer.from(name));
    this.#bytes = Buffer.concat(encoded);
    this.#starts = new Int32Array(names.length + 1);
    this.#next = new Int32Array(names.length);
    let at = 0;
    encoded.forEach((name, index) => {
      this.#starts[index] = at;
      at += name.length;
      const entry = Math.min(name.length, 128);
      if (name.length < 128) this.wants[name.length] = 1;
      this.#next[index] = this.#byLength[entry];
      this.#byLength[entry] = index + 1;
    });
    this.#starts[names.length] = at;
  }

  /** The index of the name that stands at `start` to `end`, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    let candidate = this.#byLength[Math.min(length, 128)];
    while (candidate !== 0) {
      const index = candidate - 1;
      const from = this.#starts[index];
      if (this.#starts[index + 1] - from === length) {
        let i = 0;
        while (i < length && bytes[start + i] === this.#bytes[from + i]) i++;
        if (i === length) return index;
      }
      candidate = this.#next[index];
    }
    return -1;
  }
}
