/** What is open now: sessions of a process, processes of a pool. Tells when nothing is open any more. */
export class OpenSet<T> {
  readonly #members = new Set<T>();
  #onEmpty: (() => void) | undefined;

  add(member: T): void {
    this.#members.add(member);
  }

  delete(member: T): void {
    this.#members.delete(member);
    if (this.#members.size === 0) this.#onEmpty?.();
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#members.values();
  }

  get size(): number {
    return this.#members.size;
  }

  /** Asks every member to end, and waits until none is left. */
  end(ask: (member: T) => void): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      if (this.#members.size === 0) resolve();
      for (const member of [...this.#members]) ask(member);
    });
  }
}
