import { createHash } from 'node:crypto';

/** Of more hints than these nobody keeps count: they are said again. */
const MAX_HINTS = 10_000;

/** What has been said of each task: a Kapacitor that connects anew is no reason to say it again. */
export class Hints {
  readonly #said = new Set<string>();

  /** @param about all that makes a hint another one: the task, its options, what is said */
  isNew(about: readonly unknown[]): boolean {
    const text = JSON.stringify(about, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    const key = createHash('sha256').update(text).digest('base64');
    if (this.#said.has(key)) return false;
    if (this.#said.size >= MAX_HINTS) this.#said.clear();
    this.#said.add(key);
    return true;
  }
}
