import type { Origin, Place } from './reading.ts';

/** A line of line protocol on its way, and what it was made of, where that is another thing. */
export interface QueuedLine {
  readonly text: string;
  readonly origin: Origin | undefined;
  /** Where it belongs, where the target asks for that. */
  readonly place: Place | undefined;
}

/** Lines waiting to be written, oldest first, at most so many. */
export class LineQueue {
  readonly #capacity: number;
  #lines: QueuedLine[] = [];
  /** Where the oldest one stands; what is before it has been taken. */
  #head = 0;
  #taken = 0;

  /** @param capacity how many lines, those taken included, 1 or more */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Lines waiting, without those taken. */
  get length(): number {
    return this.#lines.length - this.#head;
  }

  get isFull(): boolean {
    return this.length + this.#taken >= this.#capacity;
  }

  add(line: QueuedLine): void {
    this.#lines.push(line);
  }

  /** Removes the oldest line that is not taken; false if there is none. */
  dropOldest(): boolean {
    if (this.length === 0) return false;
    this.#head++;
    this.#compact();
    return true;
  }

  /**
   * Takes the oldest lines of one place, one at least; `settle` or `putBack` is to follow before others are taken.
   * @param count how many at most
   * @param length how many characters they may have together, the first one apart
   */
  take(count: number, length: number): readonly QueuedLine[] {
    let end = this.#head;
    let total = 0;
    while (end < this.#lines.length && end - this.#head < count) {
      total += this.#lines[end]?.text.length ?? 0;
      if (total > length && end > this.#head) break;
      if (!isSamePlace(this.#lines[end]?.place, this.#lines[this.#head]?.place)) break;
      end++;
    }
    const lines = this.#lines.slice(this.#head, end);
    this.#head += lines.length;
    this.#taken = lines.length;
    this.#compact();
    return lines;
  }

  /** Forgets the lines taken. */
  settle(): void {
    this.#taken = 0;
  }

  /** Puts lines that were taken in front again, and forgets the others that were. */
  putBack(lines: readonly QueuedLine[]): void {
    this.#taken = 0;
    this.#lines = lines.concat(this.#lines.slice(this.#head));
    this.#head = 0;
  }

  /** Gives the room of lines gone back, at a cost that is small for each of them. */
  #compact(): void {
    if (this.#head < 1_024 || this.#head * 2 < this.#lines.length) return;
    this.#lines = this.#lines.slice(this.#head);
    this.#head = 0;
  }
}

function isSamePlace(one: Place | undefined, other: Place | undefined): boolean {
  return one?.database === other?.database && one?.retentionPolicy === other?.retentionPolicy;
}
