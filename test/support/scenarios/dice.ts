import { Random } from '../../../src/feed/sources/random.ts';

/** Choices that are the same for the same seed. */
export class Dice {
  readonly #random: Random;

  /** @param seed any text */
  constructor(seed: string) {
    this.#random = new Random(seed);
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  /** Small numbers often, large ones at times. */
  count(limit: number): number {
    return this.below(1 + this.below(limit));
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}
