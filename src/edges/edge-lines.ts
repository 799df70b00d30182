import type { FieldValue } from '../line-protocol/parser.ts';
import { formatLine } from '../line-protocol/writer.ts';
import { shownTime } from './display-text.ts';
import type { Edge, TrackedKey } from './edges.ts';

/**
 * An edge as a line of JSON. Integers keep all their digits, as JSON allows, and fields that are floats a point, so that
 * who reads them can tell their types; NaN and the infinities become texts.
 */
export function jsonLine(edge: Edge, keys: readonly TrackedKey[]): string {
  const { point, kind, values, previous, lastedSeconds } = edge;
  return json({
    time: shownTime(point.time),
    name: point.name,
    group: point.group,
    kind,
    value: trackedValue(keys, values),
    previous: previous && trackedValue(keys, previous),
    lastedSeconds,
    since: shownTime(edge.sinceNs),
    tags: Object.fromEntries(point.tags),
    fields: Object.fromEntries([...point.fields].map(([name, value]) => [name, new FieldJson(value)])),
  });
}

/** The value itself if one key is tracked, else an object of them. */
function trackedValue(keys: readonly TrackedKey[], values: Edge['values']): unknown {
  if (keys.length === 0) return undefined;
  if (keys.length === 1) return values[0];
  return Object.fromEntries(keys.map(({ name }, index) => [name, values[index]]));
}

/** A field's value, whose type is to be told from its digits: a float has a point. */
class FieldJson {
  readonly text: string;

  constructor(value: FieldValue) {
    const text = json(value);
    if (typeof value !== 'number' || !/^-?\d+$/.test(text)) this.text = text;
    else this.text = `${Object.is(value, -0) ? '-0' : text}.0`;
  }
}

function json(value: unknown): string {
  if (value instanceof FieldJson) return value.text;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${json(member)}`).join(',')}}`;
}

/** The emitted point as a line of line protocol. */
export function lineProtocolLine({ point }: Edge): string {
  return formatLine({ ...point, measurement: point.name });
}
