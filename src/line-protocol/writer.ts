import { OperationError } from '../errors.ts';
import type { FieldValue } from '../wire/point.ts';
import { MAX_INT, MAX_TIME, MIN_INT, MIN_TIME } from './limits.ts';
import type { LinePoint } from './parser.ts';

/**
 * Writes a point as one line (without a line break at its end) that `parseLine` and Kapacitor read as the same
 * point. A tag with an empty value is left out, as a tag without a value is none.
 * @throws OperationError if line protocol has no way to write it: NaN, a line break in a name, …
 */
export function formatLine(point: LinePoint): string {
  let line = formatMeasurement(point.measurement);
  for (const [key, value] of point.tags) if (value !== '') line += `,${formatTag(key)}=${formatTag(value)}`;
  let separator = ' ';
  for (const [key, value] of point.fields) {
    line += separator + formatField(key, value);
    separator = ',';
  }
  if (separator === ' ')
    throw new OperationError(`a point of ${point.measurement} has no field, so no line can hold it`);
  if (point.time === undefined) return line;
  if (point.time < MIN_TIME || point.time > MAX_TIME)
    throw new OperationError(`time ${point.time} is outside of what line protocol can hold`);
  return `${line} ${point.time}`;
}

/**
 * A field as it stands in a line.
 * @throws OperationError if line protocol has no way to write it
 */
export function formatField(key: string, value: FieldValue): string {
  return `${formatFieldKey(key)}=${formatValue(key, value)}`;
}

function formatMeasurement(name: string): string {
  if (/^[#\t\0]/.test(name)) throw unwritable(name, `starts with ${JSON.stringify(name[0])}`);
  checkName(name);
  // A backslash before = or " would be taken for their escape.
  return name.replace(/[, ]|(?<=\\)[="]/g, '\\$&');
}

function formatTag(text: string): string {
  checkName(text);
  return text.replace(/[,= ]/g, '\\$&');
}

function formatFieldKey(key: string): string {
  if (/^[\t\0]/.test(key)) throw unwritable(key, `starts with ${JSON.stringify(key[0])}`);
  checkName(key);
  if (/(?<!\\)(?:\\\\)*\\[,= ]/.test(key))
    throw unwritable(key, 'has a backslash before a character to be escaped');
  return key.replace(/[,=" ]/g, '\\$&');
}

function formatValue(key: string, value: FieldValue): string {
  switch (typeof value) {
    case 'number':
      if (!Number.isFinite(value)) throw unwritable(key, `holds ${value}`);
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      if (value < MIN_INT || value > MAX_INT) throw unwritable(key, `holds ${value}, no int64`);
      return `${value}i`;
    case 'string':
      return `"${value.replace(/[\\"]/g, '\\$&')}"`;
    case 'boolean':
      return value ? 'true' : 'false';
  }
}

function checkName(name: string): void {
  if (name === '') throw unwritable(name, 'is empty');
  if (name.includes('\n')) throw unwritable(name, 'has a line break');
  if (name.endsWith('\\')) throw unwritable(name, 'ends in a backslash');
}

function unwritable(name: string, why: string): OperationError {
  return new OperationError(`line protocol cannot hold ${JSON.stringify(name)}: it ${why}`);
}
