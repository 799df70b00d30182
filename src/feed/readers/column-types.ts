import type { FieldValue } from '../../line-protocol/parser.ts';
import { setting, wording } from '../../wording.ts';
import { hasDecimalComma, inferType, typedValue, type ValueType } from './field-type.ts';
import { type ReadingNotes, shownValue } from './notes.ts';
import type { ReadSettings } from './settings.ts';

/** What a column was seen to hold. */
interface Column {
  type: ValueType;
  /** The first value, which gave the type. */
  readonly first: string;
  /** The first value of another type, and where it stands. */
  other: { readonly text: string; readonly where: string } | undefined;
  /** Values have been written with this type, so another one would be refused by InfluxDB. */
  isSettled: boolean;
}

/**
 * The types of columns that nobody has declared. What holds values of several types at the beginning is text; what
 * turns out to later keeps its type, and the others are left out.
 */
export class ColumnTypes {
  readonly #decimal: '.' | ',';
  readonly #notes: ReadingNotes;
  readonly #columns = new Map<string, Column>();

  constructor(settings: Pick<ReadSettings, 'decimal'>, notes: ReadingNotes) {
    this.#decimal = settings.decimal;
    this.#notes = notes;
  }

  /** The type of a column; undefined if no value was seen in it yet. */
  typeOf(name: string): ValueType | undefined {
    return this.#columns.get(name)?.type;
  }

  /**
   * Takes note of a value before it is written.
   * @param type what it is; undefined: what it looks like
   */
  observe(name: string, text: string, type: ValueType | undefined, where: string): void {
    const seen = type ?? inferType(text, this.#decimal);
    const column = this.#columns.get(name);
    if (column === undefined)
      this.#columns.set(name, { type: seen, first: text, other: undefined, isSettled: false });
    else if (seen !== column.type && column.other === undefined && !column.isSettled) {
      column.other = { text, where };
      column.type = 'string';
    }
    if (seen === 'string' && type === undefined && this.#decimal === '.' && hasDecimalComma(text))
      this.#notes.once(
        `decimal ${name}`,
        wording`${name} holds ${shownValue(text)}, which is taken for text; ${setting('decimal')} , makes a number of it`,
      );
  }

  /** The types seen so far are those that values are written with. */
  settle(): void {
    for (const [name, column] of this.#columns) {
      if (column.isSettled) continue;
      column.isSettled = true;
      if (column.other === undefined) continue;
      const { text, where } = column.other;
      this.#notes.once(
        `mixed ${name}`,
        wording`${name} is mixed: ${shownValue(column.first)}, and then ${shownValue(text)}${where && ` in ${where}`}; all of it is taken for text (${setting('type')} ${name}=float leaves out what is no number, ${setting('type')} ${name}=string says that text is meant)`,
      );
    }
  }

  /**
   * The value that is written for a text.
   * @param type what it is; undefined: what it looks like
   * @returns undefined if it does not fit what the column has held so far, which has been noted then
   */
  value(name: string, text: string, type: ValueType | undefined, where: string): FieldValue | undefined {
    if (!this.#columns.has(name)) this.observe(name, text, type, where);
    const column = this.#columns.get(name);
    if (column === undefined) return undefined;
    const seen = type ?? inferType(text, this.#decimal);
    if (column.type === 'string') {
      if (seen !== 'string' && column.isSettled && column.other === undefined) {
        column.other = { text, where };
        this.#notes.once(
          `mixed ${name}`,
          wording`${name} is mixed: ${shownValue(column.first)}, and then ${shownValue(text)}${where && ` in ${where}`}, which is taken for text as well (${setting('type')} ${name}=float leaves out what is no number, ${setting('type')} ${name}=string says that text is meant)`,
        );
      }
      column.isSettled = true;
      return text;
    }
    column.isSettled = true;
    const value = seen === 'string' ? undefined : typedValue(text, column.type, this.#decimal);
    if (value !== undefined) return value;
    this.#notes.once(
      `mixed ${name}`,
      wording`${name} is mixed: ${shownValue(column.first)}, and then ${shownValue(text)}${where && ` in ${where}`}, which is left out, as all that is no ${column.type} will be (${setting('type')} ${name}=string keeps everything, ${setting('type')} ${name}=${column.type} says that this is meant)`,
    );
    this.#notes.leftOut(name, shownValue(text));
    this.#notes.lost();
    return undefined;
  }
}
