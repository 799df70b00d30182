import { ByteTable } from '../../function/byte-table.ts';

/**
 * The strings that are states, each kept once: a thousand routers share one SHOWTIME. A string goes when the last
 * value that holds it does.
 */
export class Texts {
  readonly #table = new ByteTable(1);

  /** Takes a hold of a string. @returns its id */
  hold(bytes: Uint8Array, start: number, end: number): number {
    let id = this.#table.find(bytes, start, end);
    if (id < 0) id = this.#table.add(bytes, start, end);
    this.#table.page(id)[this.#table.at(id)]++;
    return id;
  }

  /** Takes another hold of a string that is there. */
  holdAgain(id: number): void {
    this.#table.page(id)[this.#table.at(id)]++;
  }

  release(id: number): void {
    if (--this.#table.page(id)[this.#table.at(id)] === 0) this.#table.remove(id);
  }

  equals(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#table.equals(id, bytes, start, end);
  }

  /** The string as UTF-8, valid until the next {@link hold}. */
  bytes(id: number): Buffer {
    return this.#table.name(id);
  }

  /** How many different strings are held. */
  get size(): number {
    return this.#table.size;
  }

  clear(): void {
    this.#table.clear();
  }
}
