/** A seeded source of random numbers: the same seed gives the same numbers on every machine. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed any text */
  constructor(seed: string) {
    // FNV-1a, one hash a word of state.
    const hash = (salt: number): number => {
      let value = 0x811c9dc5 ^ salt;
      for (let at = 0; at < seed.length; at++) value = Math.imul(value ^ seed.charCodeAt(at), 0x01000193);
      return value >>> 0;
    };
    this.#a = hash(1);
    this.#b = hash(2);
    this.#c = hash(3);
    for (let round = 0; round < 12; round++) this.next();
  }

  /** A number from 0 to less than 1 (the generator sfc32). */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** A number around 0 with a standard deviation of 1 (Irwin–Hall of twelve). */
  normal(): number {
    let sum = -6;
    for (let count = 0; count < 12; count++) sum += this.next();
    return sum;
  }
}
