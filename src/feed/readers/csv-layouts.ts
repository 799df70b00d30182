import { InputError } from '../../errors.ts';
import { setting, wording } from '../../wording.ts';
import { type ReadingNotes, shownValue } from './notes.ts';
import type { Cell, SourceRecord } from './record-mapper.ts';
import type { ReadSettings } from './settings.ts';
import { isDate } from './times.ts';

/** What a row of a table means. */
export interface CsvLayout {
  readonly kind: 'plain' | 'flux' | 'annotated' | 'shell' | 'error';
  /** The names of its columns, where every row has all of them; undefined: other tables may have others. */
  readonly names: readonly string[] | undefined;
  /** How many columns a row has. */
  readonly width: number;
  /** Names and values of a row, or why it has none. */
  record(cells: readonly string[]): Omit<SourceRecord, 'raw'> | string;
}

/** The annotations above a header, by name, each with a cell for each column. */
export type Annotations = ReadonlyMap<string, readonly string[]>;

/** Names that Flux gives to what is no tag. */
const FLUX_NAMES = new Set([
  '',
  'result',
  'table',
  '_start',
  '_stop',
  '_time',
  '_value',
  '_field',
  '_measurement',
]);
const SHORTHAND =
  /^([^|]*)\|(measurement|tag|field|time|dateTime.*|ignored?|double.*|long.*|unsignedLong.*|boolean.*|string|duration|base64Binary)(?:\|(.*))?$/;

/**
 * Recognises what a header, with the annotations above it, says of its table.
 * @throws InputError if it is no header, or can't be understood
 */
export function layoutOf(
  header: readonly string[],
  annotations: Annotations,
  settings: ReadSettings,
  notes: ReadingNotes,
): CsvLayout {
  if (isErrorHeader(header)) return errorLayout(header);
  if (isFluxHeader(header)) return fluxLayout(header, annotations, settings);
  if (annotations.size > 0 || header.some((cell) => SHORTHAND.test(cell)))
    return annotatedLayout(header, annotations);
  if (isShellHeader(header, settings)) return shellLayout(header);
  return plainLayout(header, notes);
}

/** Whether a row is the header of the influx shell: `name,tags,time,…`. */
export function isShellHeader(cells: readonly string[], settings: ReadSettings): boolean {
  const [name, second, third] = cells;
  if (name !== 'name') return false;
  if (second === 'tags' && third === 'time') return true;
  // A name and a time may be columns of anybody's; but then it is said what they are.
  const { measurement, newNames, selected, tagNames, types } = settings;
  const isSaid = [tagNames, types, newNames, selected].some((names) => names.has('name'));
  return second === 'time' && cells.length > 2 && measurement === undefined && !isSaid;
}

function plainLayout(header: readonly string[], notes: ReadingNotes): CsvLayout {
  checkHeader(header);
  const names = header.map((name, at) => (name === '' ? `column_${at + 1}` : name));
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined)
    throw new InputError(
      'BAD_RECORDS',
      `the CSV's header has two columns called '${twice}' (${names.flatMap((name, at) => (name === twice ? [at + 1] : [])).join(' and ')})`,
    );
  return {
    kind: 'plain',
    names,
    width: names.length,
    record(cells) {
      const record = new Map<string, Cell>();
      for (const [at, name] of names.entries()) {
        const text = cells[at] ?? '';
        if (header[at] !== '') record.set(name, { kind: 'text', text });
        else if (text !== '') {
          notes.once(`unnamed ${at}`, `column ${at + 1} has no name in the header: it is called ${name}`);
          record.set(name, { kind: 'text', text });
        }
      }
      return { cells: record };
    },
  };
}

/** Data in the place of a header would be lost, and its values taken for names. */
function checkHeader(header: readonly string[]): void {
  const value =
    header.find((cell) => isDate(cell) || /^-?\d{10,}(?:\.\d+)?$/.test(cell)) ??
    (header.every((cell) => /^[+-]?\d+(?:[.,]\d+)?$/.test(cell)) ? header[0] : undefined);
  if (value !== undefined)
    throw new InputError(
      'BAD_RECORDS',
      wording`the CSV has no header: where its names should be, there is ${shownValue(value)}; put a line such as time,state above it (${setting('skipLines')} N passes over lines before a header)`,
    );
}

/** What `influx -format csv` prints, and InfluxDB itself when asked for CSV: a measurement and tags beside each row. */
function shellLayout(header: readonly string[]): CsvLayout {
  return {
    kind: 'shell',
    names: undefined,
    width: header.length,
    record(cells) {
      const record = new Map<string, Cell>();
      for (const [at, name] of header.entries()) {
        const text = cells[at] ?? '';
        if (at === 0) continue;
        if (at === 1 && name === 'tags') {
          for (const [tag, value] of shellTags(text)) record.set(tag, { kind: 'tag', text: value });
        } else record.set(name, { kind: 'text', text });
      }
      return { cells: record, measurement: cells[0], timeName: 'time' };
    },
  };
}

/**
 * `host=router1,site=a`: with backslashes before commas and blanks as InfluxDB answers, or without as its shell prints.
 * What has no = goes on with the value before.
 */
export function shellTags(text: string): Map<string, string> {
  const tags = new Map<string, string>();
  let last: string | undefined;
  for (const part of text.split(/(?<!\\),/)) {
    const [, name, value = ''] = /^((?:[^=\\]|\\.)+)=(.*)$/s.exec(part) ?? [];
    if (name !== undefined) {
      last = unescapeTag(name.trim());
      tags.set(last, unescapeTag(value));
    } else if (last !== undefined) tags.set(last, `${tags.get(last)},${part}`);
  }
  return tags;
}

function unescapeTag(text: string): string {
  return text.replace(/\\([,= ])/g, '$1');
}

export function isErrorHeader(header: readonly string[]): boolean {
  return header.filter((name) => name !== '').join() === 'error,reference' || header.join() === 'error,';
}

function errorLayout(header: readonly string[]): CsvLayout {
  const at = header.indexOf('error');
  return {
    kind: 'error',
    names: undefined,
    width: header.length,
    record: (cells) => `the query has failed, says the server: ${cells[at] ?? ''}`,
  };
}

export function isFluxHeader(header: readonly string[]): boolean {
  return header.includes('table') && (header.includes('result') || header.includes('_value'));
}

/** What Flux gives: fields by name and value, or already in columns of their own. */
function fluxLayout(header: readonly string[], annotations: Annotations, settings: ReadSettings): CsvLayout {
  const types = annotations.get('datatype') ?? [];
  const groups = annotations.get('group');
  const defaults = annotations.get('default') ?? [];
  const isByField = header.includes('_field');
  const timeName = settings.timeName ?? (header.includes('_time') ? '_time' : undefined);
  return {
    kind: 'flux',
    names: undefined,
    width: header.length,
    record(cells) {
      const record = new Map<string, Cell>();
      const at = (name: string): string => valueAt(header.indexOf(name), cells, defaults);
      for (const [column, name] of header.entries()) {
        const text = valueAt(column, cells, defaults);
        const isBound = name === '_stop' || name === '_start';
        if (name === timeName || (timeName === undefined && isBound))
          record.set(name, { kind: 'literal', text });
        if (FLUX_NAMES.has(name) || name === timeName) continue;
        const type = types[column] ?? '';
        const isTag = isByField || (groups?.[column] === 'true' && (type === 'string' || type === ''));
        if (isTag) record.set(name, { kind: 'tag', text });
        else if (text !== '') record.set(name, typedCell(text, type));
      }
      const value = at('_value');
      if (header.includes('_value'))
        record.set(
          isByField ? at('_field') : '_value',
          typedCell(value, types[header.indexOf('_value')] ?? ''),
        );
      return { cells: record, measurement: at('_measurement') || undefined, timeName };
    },
  };
}

/** What `influx write` takes: a type for each column, in a line above the header or behind the names. */
function annotatedLayout(header: readonly string[], annotations: Annotations): CsvLayout {
  const columns = header.map((cell, at) => {
    const [, name = cell, type, ownDefault] = SHORTHAND.exec(cell) ?? [];
    return {
      name,
      type: type ?? annotations.get('datatype')?.[at] ?? 'field',
      usual: ownDefault ?? annotations.get('default')?.[at] ?? '',
    };
  });
  const constants = (annotations.get('constant') ?? []).map((text) => text.split('\n'));
  const unreadable = columns.find(({ type }) => /^dateTime:(?!RFC3339(?:Nano)?$|number$)/.test(type));
  if (unreadable !== undefined)
    throw new InputError(
      'BAD_RECORDS',
      wording`the times of ${unreadable.name} are written as ${unreadable.type}, which can't be read here: write dateTime, and say ${setting('timeFormat')} 'yyyy-MM-dd HH:mm:ss' or the like`,
    );
  const timeName = columns.find(({ type }) => /^(?:time$|dateTime)/.test(type))?.name;
  return {
    kind: 'annotated',
    names: undefined,
    width: header.length,
    record(cells) {
      const record = new Map<string, Cell>();
      let measurement: string | undefined;
      for (const [type = '', name = '', value = ''] of constants) {
        if (type === 'measurement') measurement = name;
        else if (type === 'tag') record.set(name, { kind: 'tag', text: value });
        else record.set(name, typedCell(value, type));
      }
      for (const [at, { name, type, usual }] of columns.entries()) {
        const text = (cells[at] ?? '') || usual;
        if (type === 'measurement') measurement = text;
        else if (type === 'tag') record.set(name, { kind: 'tag', text });
        else if (name !== '' && !/^ignored?$/.test(type)) record.set(name, typedCell(text, type));
      }
      return { cells: record, measurement: measurement || undefined, timeName };
    },
  };
}

function valueAt(column: number, cells: readonly string[], defaults: readonly string[]): string {
  return column < 0 ? '' : (cells[column] ?? '') || (defaults[column] ?? '');
}

/** A cell of a type as Flux calls it; without one it says nothing of its type. */
function typedCell(text: string, datatype: string): Cell {
  const [type = '', format = ''] = datatype.split(/:(.*)/s);
  if (text === '') return { kind: 'nothing', text: '' };
  switch (type) {
    case 'long':
    case 'unsignedLong':
      return /^[+-]?\d+$/.test(text) ? { kind: 'int', text } : { kind: 'text', text };
    case 'double': {
      const [decimal = '.', ignored = ''] = format;
      const plain = [...text]
        .filter((character) => !ignored.includes(character))
        .join('')
        .replace(decimal, '.');
      return Number.isFinite(Number(plain)) ? { kind: 'number', text: plain } : { kind: 'nothing', text };
    }
    case 'boolean': {
      const [yes = '', no = ''] = format.split(':');
      if (yes.split(',').includes(text)) return { kind: 'bool', text: 'true' };
      if (no.split(',').includes(text)) return { kind: 'bool', text: 'false' };
      return {
        kind: /^(?:true|false|t|f|1|0)$/i.test(text) ? 'bool' : 'text',
        text: /^(?:true|t|1)$/i.test(text) ? 'true' : text,
      };
    }
    case 'string':
    case 'duration':
    case 'base64Binary':
      return { kind: 'literal', text };
    default:
      return { kind: 'text', text };
  }
}
