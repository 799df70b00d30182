import { InputError, messageOf } from '../../errors.ts';
import { MAX_RECORD_LENGTH, type Reader, type Reading, refused } from '../reading.ts';
import type { Cell, RecordMapper } from './record-mapper.ts';

/** A number as it was written. */
class Digits {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** How deep objects may lie in one another. */
const MAX_DEPTH = 32;

/**
 * Reads one JSON object (or array of objects) a line. Objects in objects give names joined by dots. What Telegraf
 * writes as JSON (`name`, `tags`, `fields`, `timestamp`) keeps its measurement and tags.
 */
export class JsonReader implements Reader {
  readonly #mapper: RecordMapper;
  readonly #mayBeWhole: boolean;
  #pending = '';

  /** @param mayBeWhole whether all the text until `end` may be one JSON value over several lines */
  constructor(mapper: RecordMapper, mayBeWhole: boolean) {
    this.#mapper = mapper;
    this.#mayBeWhole = mayBeWhole;
  }

  push(text: string): readonly Reading[] {
    this.#pending += text;
    if (this.#mayBeWhole) return [];
    const lines = this.#pending.split('\n');
    this.#pending = lines.pop() ?? '';
    const readings = lines.flatMap((line) => this.#readLine(line));
    if (this.#pending.length > MAX_RECORD_LENGTH) {
      readings.push(refused(this.#pending, `a line is longer than ${MAX_RECORD_LENGTH} characters`));
      this.#pending = '';
    }
    return readings;
  }

  end(): readonly Reading[] {
    const whole = this.#mayBeWhole ? parse(this.#pending) : undefined;
    if (whole !== undefined) return this.#readValue(whole, this.#pending.trim());
    return this.#pending.split('\n').flatMap((line) => this.#readLine(line));
  }

  #readLine(line: string): Reading[] {
    const text = line.trim();
    if (text === '') return [];
    const value = parse(text);
    return value === undefined
      ? [refused(text, 'expected one JSON object a line')]
      : this.#readValue(value, text);
  }

  #readValue(value: unknown, text: string): Reading[] {
    if (Array.isArray(value)) return value.flatMap((element) => this.#readValue(element, textOf(element)));
    if (!isObject(value)) return [refused(text, 'expected a JSON object')];
    const { metrics, name, fields, tags, timestamp } = value;
    if (Array.isArray(metrics)) return this.#readValue(metrics, text);
    try {
      const record = new Map<string, Cell>();
      if (typeof name !== 'string' || !isObject(fields)) {
        flatten('', value, record, 0);
        return [this.#mapper.read(record, text)];
      }
      if (isObject(tags))
        for (const [key, tag] of Object.entries(tags)) record.set(key, { kind: 'tag', text: String(tag) });
      flatten('', fields, record, 0);
      if (timestamp instanceof Digits) record.set('timestamp', { kind: 'number', text: timestamp.text });
      return [this.#mapper.read(record, text, name)];
    } catch (error) {
      if (error instanceof InputError) throw error;
      return [refused(text, messageOf(error))];
    }
  }
}

function parse(text: string): unknown {
  try {
    // The third argument, the text that a value was read from, is not in the compiler's library yet.
    return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) =>
      typeof value === 'number' ? new Digits(context?.source ?? String(value)) : value,
    );
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, part) => (part instanceof Digits ? Number(part.text) : part));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Digits);
}

function flatten(prefix: string, value: object, into: Map<string, Cell>, depth: number): void {
  if (depth > MAX_DEPTH) throw new Error(`its objects are more than ${MAX_DEPTH} deep`);
  for (const [key, part] of Object.entries(value)) {
    const name = prefix + key;
    if (part instanceof Digits) into.set(name, { kind: 'number', text: part.text });
    else if (typeof part === 'string') into.set(name, { kind: 'string', text: part });
    else if (typeof part === 'boolean') into.set(name, { kind: 'bool', text: String(part) });
    else if (typeof part === 'object' && part !== null) flatten(`${name}.`, part, into, depth + 1);
  }
}
