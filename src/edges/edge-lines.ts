import { formatLine } from '../line-protocol/writer.ts';
import { isoTime } from './display-text.ts';
import type { Edge, TrackedKey } from './edges.ts';

/** An edge as a line of JSON. Integers keep all their digits, as JSON allows; NaN and the infinities become texts. */
export function jsonLine(edge: Edge, keys: readonly TrackedKey[]): string {
  const { point, kind, values, previous, lastedSeconds } = edge;
  return json({
    time: isoTime(point.time),
    name: point.name,
    group: point.group,
    kind,
    value: trackedValue(keys, values),
    previous: previous && trackedValue(keys, previous),
    lastedSeconds,
    since: isoTime(edge.sinceNs),
    tags: Object.fromEntries(point.tags),
    fields: Object.fromEntries(point.fields),
  });
}

/** The value itself if one key is tracked, else an object of them. */
function trackedValue(keys: readonly TrackedKey[], values: Edge['values']): unknown {
  if (keys.length === 0) return undefined;
  if (keys.length === 1) return values[0];
  return Object.fromEntries(keys.map(({ name }, index) => [name, values[index]]));
}

function json(value: unknown): string {
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
