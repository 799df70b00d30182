import type { Wording } from '../../wording.ts';

/** Of more columns, or kinds of values in one, a summary doesn't tell. */
const MAX_COLUMNS = 12;
const MAX_KINDS = 6;
/** The longest value that a note shows. */
const MAX_VALUE_LENGTH = 40;

/** What a person should know of a text that is read: said once when it is found, or counted and said at the end. */
export class ReadingNotes {
  readonly #say: (note: Wording | string) => void;
  readonly #said = new Set<string>();
  /** By column and kind. */
  readonly #leftOut = new Map<string, Map<string, number>>();
  /** By the text that says it, with the number's place as `#`. */
  readonly #counts = new Map<string, number>();
  #losses = 0;

  /** @param say is told what can't wait until the end */
  constructor(say: (note: Wording | string) => void = () => {}) {
    this.#say = say;
  }

  /** How much was left out that nobody has said to leave out, though no record was refused for it. */
  get losses(): number {
    return this.#losses;
  }

  /** Says something, once for each key. */
  once(key: string, note: Wording | string): void {
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.#say(note);
  }

  /** Counts a value that is no value: a marker of nothing, or what does not fit its declared type. */
  leftOut(column: string, kind: string): void {
    let kinds = this.#leftOut.get(column);
    if (kinds === undefined) {
      kinds = new Map();
      this.#leftOut.set(column, kinds);
    }
    const name = kinds.has(kind) || kinds.size < MAX_KINDS ? kind : 'other';
    kinds.set(name, (kinds.get(name) ?? 0) + 1);
  }

  /** Notes that something is missing from what is read, and nobody has asked for that. */
  lost(): void {
    this.#losses++;
  }

  /** Counts what is to be said at the end. */
  count(one: string, many: string): void {
    const key = `${one}\n${many}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** What there is to say at the end, a line each. */
  summary(): string[] {
    const lines: string[] = [];
    const columns = [...this.#leftOut];
    if (columns.length > 0) {
      let total = 0;
      for (const [, kinds] of columns) for (const count of kinds.values()) total += count;
      const shown = columns.slice(0, MAX_COLUMNS).map(([column, kinds]) => {
        const parts = [...kinds].map(([kind, count]) => `${kind === '' ? 'empty' : kind} ${count}`);
        return `${column} ${parts.join(', ')}`;
      });
      if (columns.length > MAX_COLUMNS) shown.push(`and ${columns.length - MAX_COLUMNS} more columns`);
      lines.push(`${total} ${total === 1 ? 'value' : 'values'} left out: ${shown.join('; ')}`);
    }
    for (const [key, count] of this.#counts) {
      const [one = '', many = ''] = key.split('\n');
      lines.push(count === 1 ? `1 ${one}` : `${count} ${many}`);
    }
    return lines;
  }
}

/** A value as a note shows it: short, in one line, and nothing in it that a terminal would obey. */
export function shownValue(value: string): string {
  const text = value.replace(/\p{Cc}/gu, '\uFFFD');
  return `'${text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}…` : text}'`;
}
