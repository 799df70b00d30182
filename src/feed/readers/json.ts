import { InputError, messageOf } from '../../errors.ts';
import { type Reader, type ReaderReading, refused } from '../reading.ts';
import { Digits, isObject, type JsonItem, JsonValues, jsonText, NoNumber } from './json-values.ts';
import type { Cell, RecordMapper, SourceRecord } from './record-mapper.ts';
import { RecordWindow } from './record-window.ts';

/** How deep objects may lie in one another. */
const MAX_DEPTH = 32;

/**
 * Reads JSON objects: one a line, one after another, or in arrays. Objects in objects give names joined by dots. What
 * Telegraf and `replay` write (`name`, `tags`, `fields`) keeps its measurement and tags, and an answer of InfluxDB's
 * `/query` its series.
 */
export class JsonReader implements Reader {
  readonly #mapper: RecordMapper;
  readonly #values = new JsonValues();
  readonly #window: RecordWindow;

  constructor(mapper: RecordMapper) {
    this.#mapper = mapper;
    this.#window = new RecordWindow(mapper);
  }

  push(text: string): readonly ReaderReading[] {
    return this.#values.push(text).flatMap((item) => this.#read(item));
  }

  settle(): readonly ReaderReading[] {
    return this.#window.settle();
  }

  end(): readonly ReaderReading[] {
    const readings = this.#values.end().flatMap((item) => this.#read(item));
    return [...readings, ...this.#window.settle()];
  }

  #read({ line, problem, text, value }: JsonItem): readonly ReaderReading[] {
    const where = `line ${line}`;
    if (value === undefined)
      return this.#window.refuse(refused(text, `${where}: ${problem ?? 'this is no JSON'}`));
    return this.#readValue(value, where, text);
  }

  /** @param raw the value as it stood; undefined: within another one */
  #readValue(value: unknown, where: string, raw?: string): readonly ReaderReading[] {
    if (Array.isArray(value)) return value.flatMap((element) => this.#readValue(element, where));
    const text = raw === undefined ? jsonText(value) : raw.replace(/\s*\n\s*/g, ' ');
    if (!isObject(value)) return this.#window.refuse(refused(text, `${where}: expected a JSON object`));
    const { error, metrics, results } = value;
    if (Array.isArray(results)) return results.flatMap((result) => this.#readResult(result, where));
    if (typeof error === 'string' && Object.keys(value).length === 1)
      return this.#window.refuse(refused(text, `${where}: the server answered: ${error}`));
    if (Array.isArray(metrics)) return this.#readValue(metrics, where);
    try {
      return this.#window.add({ ...recordOf(value), raw: text, where });
    } catch (failure) {
      if (failure instanceof InputError) throw failure;
      return this.#window.refuse(refused(text, `${where}: ${messageOf(failure)}`));
    }
  }

  /** What InfluxDB answers to one statement. */
  #readResult(result: unknown, where: string): readonly ReaderReading[] {
    if (!isObject(result))
      return this.#window.refuse(refused(jsonText(result), `${where}: expected a result of a query`));
    const { error, series, partial } = result;
    if (typeof error === 'string')
      return this.#window.refuse(
        refused(jsonText({ results: [result] }), `${where}: the server answered: ${error}`),
      );
    if (partial === true) this.#sayPartial();
    if (!Array.isArray(series)) return [];
    return series.flatMap((each: unknown) => this.#readSeries(each, where));
  }

  #readSeries(series: unknown, where: string): readonly ReaderReading[] {
    if (!isObject(series) || !Array.isArray(series.columns) || !Array.isArray(series.values))
      return isObject(series) && series.values === undefined
        ? []
        : this.#window.refuse(
            refused(jsonText(series), `${where}: expected a series with columns and values`),
          );
    if (series.partial === true) this.#sayPartial();
    const { name, tags } = series;
    const columns = series.columns.map(String);
    return series.values.flatMap((row: unknown): readonly ReaderReading[] => {
      const raw = jsonText({ results: [{ series: [{ name, tags, columns, values: [row] }] }] });
      if (!Array.isArray(row) || row.length !== columns.length)
        return this.#window.refuse(refused(raw, `${where}: expected a row of ${columns.length} values`));
      const cells = tagCells(tags);
      for (const [at, column] of columns.entries()) putCells(column, row[at], cells, 0);
      const measurement = typeof name === 'string' ? name : undefined;
      return this.#window.add({ cells, raw, where, measurement });
    });
  }

  #sayPartial(): void {
    this.#mapper.notes.once('partial', 'the server has cut its answer off (partial): ask for the rest');
    this.#mapper.notes.lost();
  }
}

/** Names and values of an object, and its measurement and time if it says them as Telegraf does. */
function recordOf(value: Record<string, unknown>): Pick<SourceRecord, 'cells' | 'measurement' | 'timeName'> {
  const { fields, kind, name, since, tags } = value;
  if (typeof name !== 'string' || !isObject(fields)) {
    const cells = new Map<string, Cell>();
    for (const [key, part] of Object.entries(value)) putCells(key, part, cells, 0);
    return { cells };
  }
  const cells = tagCells(tags);
  const timeName = ['timestamp', 'time', '@timestamp'].find((key) => value[key] !== undefined);
  if (timeName !== undefined) putCells(timeName, value[timeName], cells, 0);
  // Edges, as replay writes them, tell integers from floats.
  const isEdge = typeof kind === 'string' && typeof since === 'string';
  for (const [key, part] of Object.entries(fields)) {
    if (isEdge && part instanceof Digits && /^-?\d+$/.test(part.text))
      cells.set(key, { kind: 'int', text: part.text });
    else putCells(key, part, cells, 0);
  }
  return { cells, measurement: name, timeName };
}

function tagCells(tags: unknown): Map<string, Cell> {
  const cells = new Map<string, Cell>();
  if (isObject(tags))
    for (const [key, tag] of Object.entries(tags))
      if (tag !== null) cells.set(key, { kind: 'tag', text: tag instanceof Digits ? tag.text : String(tag) });
  return cells;
}

function putCells(name: string, value: unknown, into: Map<string, Cell>, depth: number): void {
  if (depth > MAX_DEPTH) throw new Error(`its objects are more than ${MAX_DEPTH} deep`);
  if (value instanceof Digits) into.set(name, { kind: 'number', text: value.text });
  else if (value instanceof NoNumber) into.set(name, { kind: 'nothing', text: value.text });
  else if (value === null) into.set(name, { kind: 'nothing', text: 'null' });
  else if (typeof value === 'string') into.set(name, { kind: 'string', text: value });
  else if (typeof value === 'boolean') into.set(name, { kind: 'bool', text: String(value) });
  else if (typeof value === 'object')
    for (const [key, part] of Object.entries(value)) putCells(`${name}.${key}`, part, into, depth + 1);
}
