import { KeyTable } from '../../wire/key-table.ts';
import type { Keys } from '../../wire/keys.ts';
import { KIND } from '../../wire/point.ts';
import type { Texts } from './texts.ts';
import { textOf, VALUE_WORDS } from './values.ts';

/** `ignore`: values that stand in a state's place without being one. Such a key is as good as not there. */
export class IgnoredValues {
  readonly #strings: KeyTable;
  /** Those that a number or a boolean can have as its text. */
  readonly #others: ReadonlySet<string>;
  readonly #texts: Texts;
  readonly #value = new Int32Array(VALUE_WORDS);

  constructor(texts: readonly string[], held: Texts) {
    this.#strings = new KeyTable([...new Set(texts)]);
    this.#others = new Set(texts.filter(isTextOfOther));
    this.#texts = held;
  }

  /** Takes from the keys of the point at hand what says nothing. */
  dropFrom(keys: Keys, bytes: Uint8Array): void {
    for (let i = 0; i < keys.kind.length; i++) {
      if (this.#isIgnored(keys, i, bytes)) keys.drop(i);
    }
  }

  #isIgnored(keys: Keys, i: number, bytes: Uint8Array): boolean {
    const kind = keys.kind[i];
    if (kind === KIND.none) return false;
    if (kind === KIND.string) return this.#strings.find(bytes, keys.lo[i], keys.hi[i]) >= 0;
    if (this.#others.size === 0) return false;
    this.#value[0] = kind;
    this.#value[1] = keys.lo[i];
    this.#value[2] = keys.hi[i];
    return this.#others.has(textOf(this.#value, 0, this.#texts));
  }
}

function isTextOfOther(text: string): boolean {
  return text === 'true' || text === 'false' || text === String(Number(text)) || /^-?\d+$/.test(text);
}
