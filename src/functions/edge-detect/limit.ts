/** `limit`: at most so many edges of a group within a time. */
export class Limit {
  readonly #edges: number;
  readonly #windowNs: bigint;
  readonly #made: Map<number, bigint[]>;

  /** @param made by the group's id, when its last edges were emitted */
  constructor(
    { edges, windowNs }: { readonly edges: number; readonly windowNs: bigint },
    made: Map<number, bigint[]>,
  ) {
    this.#edges = edges;
    this.#windowNs = windowNs;
    this.#made = made;
  }

  /** Whether another edge of the group may go out now. */
  hasRoom(id: number, now: bigint): boolean {
    const made = this.#made.get(id);
    if (made === undefined || made.length < this.#edges) return true;
    return !made.every((time) => time > now - this.#windowNs);
  }

  /** Counts an edge that goes out now. */
  note(id: number, now: bigint): void {
    const made = this.#made.get(id);
    if (made === undefined) this.#made.set(id, [now]);
    else if (made.push(now) > this.#edges) made.shift();
  }
}
