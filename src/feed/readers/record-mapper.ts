import { InputError, messageOf } from '../../errors.ts';
import type { FieldValue, LinePoint } from '../../line-protocol/parser.ts';
import { formatLine } from '../../line-protocol/writer.ts';
import { setting, type Wording, wording } from '../../wording.ts';
import { type EmptyReading, type ReaderReading, refused } from '../reading.ts';
import { ColumnTypes } from './column-types.ts';
import { type FieldType, typedValue, type ValueType } from './field-type.ts';
import { reasonNotKept } from './kept.ts';
import { ReadingNotes, shownValue } from './notes.ts';
import type { ReadSettings } from './settings.ts';
import { TIME_NAMES, timeLookalike } from './time-names.ts';
import { TimeReader } from './times.ts';

/**
 * One value of a record. A `text` says nothing of its type, and may be a marker of nothing; a `string` may be one where
 * others of its name are numbers; a `literal` is a string whatever it says. `tag` is a tag of the text's own, `nothing`
 * no value, its text what stands for that.
 */
export interface Cell {
  readonly kind: 'text' | 'number' | 'int' | 'bool' | 'string' | 'literal' | 'tag' | 'nothing';
  readonly text: string;
}

/** Names and values as a text has them together. */
export interface SourceRecord {
  readonly cells: ReadonlyMap<string, Cell>;
  /** The record as it stood. */
  readonly raw: string;
  /** What must stand before such records for a reader to understand them. */
  readonly head?: string;
  /** Where it stands, for messages: `line 3`. */
  readonly where?: string;
  /** The measurement that the text itself gives it. */
  readonly measurement?: string | undefined;
  /** The name that the text itself holds the time under. */
  readonly timeName?: string | undefined;
}

const EMPTY: EmptyReading = { kind: 'empty' };
/** Of more records without a time than these none is asked what its time might be. */
const MAX_ASKED = 10;

/** Makes points of records that are names and values. */
export class RecordMapper {
  readonly notes: ReadingNotes;
  readonly #settings: ReadSettings;
  readonly #types: ColumnTypes;
  readonly #times: TimeReader;
  /** Names that were asked for and have not been seen in any record. */
  readonly #unseen: Set<string>;
  #asked = 0;

  /** @throws InputError if the settings ask for what there is not, such as a zone that is none */
  constructor(settings: ReadSettings, notes = new ReadingNotes()) {
    this.#settings = settings;
    this.notes = notes;
    this.#types = new ColumnTypes(settings, notes);
    this.#times = new TimeReader(settings, notes);
    this.#unseen = new Set(this.#wantedNames());
  }

  /**
   * Checks the settings against the names that all records will have.
   * @throws InputError naming the settings' names that are not among them
   */
  checkNames(names: readonly string[], what: string | Wording): void {
    const missing = this.#wantedNames().find((name) => !names.some((known) => isOf(known, name)));
    if (missing !== undefined)
      throw new InputError(
        'UNKNOWN_NAME',
        wording`there is no ${what} ${missing}; there are: ${names.join(', ')}`,
      );
  }

  /** Names that were asked for and that no record has had. */
  get unseenNames(): readonly string[] {
    return [...this.#unseen];
  }

  /**
   * Takes note of the types in records before any of them is read.
   * @throws InputError as `read` does
   */
  learn(records: readonly SourceRecord[]): void {
    for (const record of records) {
      const { cells, where = '' } = record;
      const timeName = this.#timeNameOf(record);
      if (timeName === undefined) this.#askForTime(cells);
      for (const [key, cell] of cells) {
        if (key === timeName || !this.#isField(key, cell) || this.#settings.types.has(key)) continue;
        const type = typeOfKind(cell.kind);
        if (cell.kind !== 'nothing' && !this.#mayBeNothing(cell))
          this.#types.observe(key, cell.text, type, where);
      }
    }
    this.#types.settle();
  }

  /** @throws InputError if the record could be a point but nobody has said of which measurement, or where its time is */
  read(record: SourceRecord): ReaderReading {
    const { cells, head = '', raw, where = '' } = record;
    const { measurement: name, usualMeasurement } = this.#settings;
    const measurement = name ?? record.measurement ?? usualMeasurement;
    if (measurement === undefined)
      throw new InputError('NO_MEASUREMENT', wording`no measurement: say ${setting('measurement')} NAME`);
    const timeName = this.#timeNameOf(record);
    if (timeName === undefined) this.#askForTime(cells);
    try {
      const timeNs = this.#time(cells, timeName);
      const { losses } = this.notes;
      const { fields, tags } = this.#parts(cells, timeName, where);
      if (fields.size === 0 && this.notes.losses > losses)
        return refused(raw, placed(where, 'none of its values fits its column'), head);
      if (fields.size === 0) return EMPTY;
      const point = { measurement, tags, fields };
      const text = formatLine({ ...point, time: undefined });
      const reason = reasonNotKept(point, text);
      if (reason !== undefined) return refused(raw, placed(where, reason), head);
      return { kind: 'point', text, timeNs, point, origin: { record: raw, head } };
    } catch (error) {
      return refused(raw, placed(where, messageOf(error)), head);
    }
  }

  #timeNameOf({ cells, timeName }: SourceRecord): string | undefined {
    return this.#settings.timeName ?? timeName ?? TIME_NAMES.find((candidate) => cells.has(candidate));
  }

  #parts(
    cells: SourceRecord['cells'],
    timeName: string | undefined,
    where: string,
  ): Pick<LinePoint, 'fields' | 'tags'> {
    const { fixedTags, likelyTagNames, newNames, tagNames } = this.#settings;
    const tags = new Map(fixedTags);
    const fields = new Map<string, FieldValue>();
    if (this.#unseen.size > 0) this.#see(cells);
    for (const tag of tagNames) if (!cells.has(tag)) this.notes.leftOut(tag, 'missing');
    for (const [key, cell] of cells) {
      if (key === timeName) continue;
      const name = newNames.get(key) ?? key;
      if (cell.kind === 'tag' || tagNames.has(key) || likelyTagNames.has(key)) {
        if (cell.kind === 'nothing' || (cell.kind === 'text' && this.#isNull(cell.text)))
          this.notes.leftOut(key, cell.text);
        else if (cell.text !== '') tags.set(name, cell.text);
        continue;
      }
      const value = this.#isField(key, cell) ? this.#value(key, cell, where) : undefined;
      if (value === undefined) continue;
      if (name !== 'time') fields.set(name, value);
      else this.#leaveTimeOut();
    }
    return { fields, tags };
  }

  #isField(key: string, cell: Cell): boolean {
    const { likelyTagNames, selected, tagNames, types } = this.#settings;
    if (cell.kind === 'tag' || tagNames.has(key) || likelyTagNames.has(key) || types.get(key) === 'ignore')
      return false;
    return selected.size === 0 || [...selected].some((name) => isOf(key, name));
  }

  /** @returns undefined if there is none, or none that can be used, which has been noted then */
  #value(key: string, cell: Cell, where: string): FieldValue | undefined {
    const declared = this.#settings.types.get(key);
    if (cell.kind === 'nothing' || this.#isNothing(key, cell, declared)) {
      this.notes.leftOut(key, cell.text);
      return undefined;
    }
    if (declared === undefined || declared === 'ignore') {
      if (cell.kind === 'int')
        return typedValue(cell.text, 'int') ?? this.#types.value(key, cell.text, 'float', where);
      return this.#types.value(key, cell.text, typeOfKind(cell.kind), where);
    }
    // A number from JSON has a point whatever the decimals of texts are.
    const decimal = cell.kind === 'number' ? '.' : this.#settings.decimal;
    const value = typedValue(cell.text, declared, decimal);
    if (value === undefined) this.notes.leftOut(key, shownValue(cell.text));
    return value;
  }

  #isNothing(key: string, cell: Cell, declared: FieldType | undefined): boolean {
    if (cell.kind === 'text') return this.#isNull(cell.text);
    if (!this.#mayBeNothing(cell) || declared === 'string') return false;
    // "" says that it is a text; the others are markers as long as nothing else is known of their name.
    const type = declared ?? this.#types.typeOf(key) ?? (cell.text === '' ? 'string' : undefined);
    return type !== 'string';
  }

  #mayBeNothing(cell: Cell): boolean {
    return (cell.kind === 'text' || cell.kind === 'string') && this.#isNull(cell.text);
  }

  #isNull(text: string): boolean {
    return text === '' || this.#settings.nulls.has(text);
  }

  #leaveTimeOut(): void {
    this.notes.once(
      'field time',
      wording`InfluxDB keeps no field called time, so it is left out; ${setting('rename')} time=NAME keeps it, ${setting('type')} time=ignore says that this is meant`,
    );
    this.notes.leftOut('time', 'not kept by InfluxDB');
    this.notes.lost();
  }

  #time(cells: SourceRecord['cells'], name: string | undefined): bigint | undefined {
    if (name === undefined) return undefined;
    const cell = cells.get(name);
    if (cell === undefined || cell.kind === 'nothing' || this.#isNull(cell.text))
      throw new InputError('BAD_TIME', `it has no ${name}`);
    return this.#times.read(cell.text);
  }

  /** A time under another name must not become the present without a word. */
  #askForTime(cells: SourceRecord['cells']): void {
    const { isHistory, likelyTagNames, newNames, tagNames, types } = this.#settings;
    if (!isHistory || this.#asked >= MAX_ASKED) return;
    this.#asked++;
    const unexplained = [...cells].filter(
      ([key, cell]) =>
        cell.kind !== 'tag' && ![tagNames, likelyTagNames, types, newNames].some((names) => names.has(key)),
    );
    const name = timeLookalike(unexplained.map(([key, cell]) => [key, cell.text] as const));
    if (name === undefined) return;
    const text = cells.get(name)?.text ?? '';
    throw new InputError(
      'BAD_TIME',
      wording`the points have no time, but ${name} looks like one${text && ` (${shownValue(text)})`}: say ${setting('time')} ${name}, or ${setting('type')} ${name}=string (or ignore) if it is none`,
    );
  }

  #see(cells: SourceRecord['cells']): void {
    for (const name of this.#unseen) {
      if (cells.has(name) || [...cells.keys()].some((key) => isOf(key, name))) this.#unseen.delete(name);
    }
  }

  #wantedNames(): string[] {
    const { newNames, selected, tagNames, timeName, types } = this.#settings;
    const names = [...tagNames, ...selected, ...types.keys(), ...newNames.keys()];
    return timeName === undefined ? names : [...names, timeName];
  }
}

/** Whether a name is the one asked for, or lies below it. */
function isOf(name: string, wanted: string): boolean {
  return name === wanted || name.startsWith(`${wanted}.`);
}

function typeOfKind(kind: Cell['kind']): ValueType | undefined {
  switch (kind) {
    case 'number':
    case 'int':
      return 'float';
    case 'bool':
      return 'bool';
    case 'string':
    case 'literal':
      return 'string';
    default:
      return undefined;
  }
}

function placed(where: string, reason: string): string {
  return where === '' ? reason : `${where}: ${reason}`;
}
