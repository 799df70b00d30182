import { inspect } from 'node:util';
import type { FieldValue } from '../wire/point.ts';

/** The longest text that stands for something that is no plain value. */
const MAX_LENGTH = 120;

/** So many members of a state are shown. */
const MAX_MEMBERS = 32;

/** A state by its members, as far as they can be shown in a line each: for people. */
export function describeState(state: unknown): Record<string, FieldValue> {
  if (typeof state !== 'object' || state === null) return { state: shownValue(state) };
  const members = state instanceof Map ? state : Object.entries(state);
  const described: Record<string, FieldValue> = {};
  for (const [name, value] of members) {
    if (Object.keys(described).length === MAX_MEMBERS) break;
    if (value !== undefined) described[String(name)] = shownValue(value);
  }
  return described;
}

function shownValue(value: unknown): FieldValue {
  if (typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean') return value;
  const text =
    typeof value === 'string'
      ? value
      : inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 8 });
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}
