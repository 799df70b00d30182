import { InputError, messageOf } from '../../errors.ts';
import type { FieldValue } from '../../line-protocol/parser.ts';
import { formatLine } from '../../line-protocol/writer.ts';
import { setting, type Wording, wording } from '../../wording.ts';
import { type Reading, refused } from '../reading.ts';
import { inferType, parseValue, type ValueType } from './field-type.ts';
import { reasonNotKept } from './kept.ts';
import type { ReadSettings } from './settings.ts';
import { parseTimeNs } from './times.ts';

/** One value of a record. A `text` says nothing of its type; the others come from a source that does. */
export interface Cell {
  readonly kind: 'text' | 'number' | 'string' | 'bool' | 'tag';
  readonly text: string;
}

/** Names taken for the time when none is given. */
const TIME_NAMES = ['time', 'timestamp', '@timestamp'] as const;

/** Makes points of records that are names and values. */
export class RecordMapper {
  readonly #settings: ReadSettings;
  /** The types that texts were first seen to have: a column that changed its type would be refused by InfluxDB. */
  readonly #inferred = new Map<string, ValueType>();

  constructor(settings: ReadSettings) {
    this.#settings = settings;
  }

  /**
   * Checks the settings against the names that all records will have.
   * @throws InputError naming the settings' names that are not among them
   */
  checkNames(names: readonly string[], what: string | Wording): void {
    const { newNames, tagNames, timeName, types } = this.#settings;
    const wanted = [
      ...tagNames,
      ...types.keys(),
      ...newNames.keys(),
      ...(timeName === undefined ? [] : [timeName]),
    ];
    const missing = wanted.find((name) => !names.includes(name));
    if (missing !== undefined)
      throw new InputError(
        'UNKNOWN_NAME',
        wording`there is no ${what} ${missing}; there are: ${names.join(', ')}`,
      );
  }

  /**
   * @param raw the record as it stood, for the report if it is refused
   * @param measurement stands in where the settings give none
   * @throws InputError if the record could be a point but nobody has said of which measurement
   */
  read(record: ReadonlyMap<string, Cell>, raw: string, measurement?: string): Reading {
    const { fixedTags, newNames, tagNames, types } = this.#settings;
    const name = this.#settings.measurement ?? measurement;
    if (name === undefined)
      throw new InputError('NO_MEASUREMENT', wording`no measurement: say ${setting('measurement')} NAME`);
    const timeName = this.#settings.timeName ?? TIME_NAMES.find((candidate) => record.has(candidate));
    try {
      const tags = new Map(fixedTags);
      const fields = new Map<string, FieldValue>();
      for (const [key, cell] of record) {
        if (key === timeName) continue;
        const newName = newNames.get(key) ?? key;
        if (cell.kind === 'tag' || tagNames.has(key)) tags.set(newName, cell.text);
        else if (types.get(key) !== 'ignore' && (cell.text !== '' || cell.kind === 'string'))
          fields.set(newName, this.#value(key, cell));
      }
      if (fields.size === 0) return refused(raw, 'it has no field with a value');
      const text = formatLine({ measurement: name, tags, fields, time: undefined });
      const reason = reasonNotKept({ fields, measurement: name }, text);
      if (reason !== undefined) return refused(raw, reason);
      return { kind: 'point', text, timeNs: this.#time(record, timeName) };
    } catch (error) {
      return refused(raw, messageOf(error));
    }
  }

  #time(record: ReadonlyMap<string, Cell>, name: string | undefined): bigint | undefined {
    if (name === undefined) return undefined;
    const cell = record.get(name);
    if (cell === undefined || cell.text === '') throw new InputError('BAD_VALUE', `it has no ${name}`);
    return parseTimeNs(cell.text, this.#settings.precision);
  }

  #value(key: string, cell: Cell): FieldValue {
    const declared = this.#settings.types.get(key);
    if (declared !== undefined && declared !== 'ignore') return this.#parse(key, cell.text, declared);
    switch (cell.kind) {
      case 'string':
        return cell.text;
      case 'bool':
        return cell.text === 'true';
      case 'number':
        return this.#parse(key, cell.text, 'float');
      case 'text':
      case 'tag':
        return this.#inferredValue(key, cell.text);
    }
  }

  #inferredValue(key: string, text: string): FieldValue {
    const known = this.#inferred.get(key);
    if (known !== undefined) {
      try {
        return parseValue(text, known);
      } catch (error) {
        throw new InputError(
          'BAD_VALUE',
          wording`${key}: ${messageOf(error)}, as ${key} was before; if it is to hold both, say ${setting('type')} ${key}=string`,
        );
      }
    }
    const type = inferType(text);
    const value = this.#parse(key, text, type);
    this.#inferred.set(key, type);
    return value;
  }

  #parse(key: string, text: string, type: ValueType): FieldValue {
    try {
      return parseValue(text, type);
    } catch (error) {
      throw new InputError('BAD_VALUE', `${key}: ${messageOf(error)}`);
    }
  }
}
