import { AddedFields } from '../../wire/added-fields.ts';
import { KIND } from '../../wire/point.ts';
import type { GroupCursor } from './group-cursor.ts';
import { FLAG, int64At, type Layout } from './groups.ts';
import type { Settings } from './options.ts';
import type { Texts } from './texts.ts';

/** The fields that a node adds to what it emits: the indexes of their names, -1 for those that are not wanted. */
export class Output {
  readonly added: AddedFields;
  readonly #value: number;
  readonly #previous: number;
  readonly #duration: number;
  readonly #since: number;
  readonly #count: number;
  /** The tracked field, where the point has none. */
  readonly #tracked: number;
  readonly #unitNs: number;
  readonly #layout: Layout;
  readonly #texts: Texts;

  /** @returns undefined where nothing is to be added: a point goes out as the bytes it came in */
  static of(settings: Settings, layout: Layout, texts: Texts): Output | undefined {
    return hasOutputs(settings) ? new Output(settings, layout, texts) : undefined;
  }

  /** For points that are made anew: the tracked field is added too, unless an output has its name. */
  static ofMade(settings: Settings, layout: Layout, texts: Texts): Output | undefined {
    const [{ type, name }] = settings.keys;
    const isAdded = type === 'field' && !Object.values(settings.outputs).includes(name);
    if (!isAdded && !hasOutputs(settings)) return undefined;
    return new Output(settings, layout, texts, isAdded ? name : undefined);
  }

  private constructor(settings: Settings, layout: Layout, texts: Texts, tracked?: string) {
    const names: string[] = [];
    const index = (name: string | undefined): number => (name === undefined ? -1 : names.push(name) - 1);
    const { value, previous, duration, since, count } = settings.outputs;
    this.#value = index(value);
    this.#previous = index(previous);
    this.#duration = index(duration);
    this.#since = index(since);
    this.#count = index(count);
    this.#tracked = index(tracked);
    this.#unitNs = Number(settings.unitNs);
    this.#layout = layout;
    this.#texts = texts;
    this.added = new AddedFields(names);
  }

  /** What is to be said of the group now. */
  fieldsOf({ page, at }: GroupCursor): AddedFields {
    const { accepted, previous, flags, lasted, began, count } = this.#layout;
    const { added } = this;
    added.clear();
    if (this.#tracked >= 0) this.#addValue(this.#tracked, page, at + accepted);
    if (this.#value >= 0) this.#addValue(this.#value, page, at + accepted);
    if ((page[at + flags] & FLAG.hasPrevious) !== 0) {
      if (this.#previous >= 0) this.#addValue(this.#previous, page, at + previous);
      if (this.#duration >= 0)
        added.setFloat(this.#duration, Number(int64At(page, at + lasted)) / this.#unitNs);
    }
    if (this.#since >= 0) added.setInt(this.#since, page[at + began], page[at + began + 1]);
    if (this.#count >= 0) added.setInt(this.#count, page[at + count], page[at + count + 1]);
    return added;
  }

  #addValue(index: number, words: Int32Array, at: number): void {
    const { added } = this;
    if (words[at] === KIND.int) added.setInt(index, words[at + 1], words[at + 2]);
    else if (words[at] === KIND.float) added.setFloatWords(index, words[at + 1], words[at + 2]);
    else if (words[at] === KIND.bool) added.setBool(index, words[at + 1] !== 0);
    else if (words[at] === KIND.string) added.setString(index, this.#texts.bytes(words[at + 1]));
  }
}

function hasOutputs({ outputs }: Settings): boolean {
  return Object.values(outputs).some((name) => name !== undefined);
}
