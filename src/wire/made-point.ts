import { frameOf, MESSAGE } from './envelope.ts';
import { messageType } from './messages.ts';
import type { Point } from './point.ts';

const pointType = messageType('Point');

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

/**
 * A frame with a point that a function made anew, by protobufjs and objects: for what is emitted seldom.
 * @throws RangeError if the time or an integer does not fit into 64 bits
 */
export function encodePoint(point: Point): Buffer {
  const doubles = new Map<string, number>();
  const ints = new Map<string, unknown>();
  const strings = new Map<string, string>();
  const bools = new Map<string, boolean>();
  for (const [name, value] of point.fields) {
    if (typeof value === 'number') doubles.set(name, value);
    else if (typeof value === 'bigint') ints.set(name, int64(value, `the field '${name}'`));
    else if (typeof value === 'string') strings.set(name, value);
    else bools.set(name, value);
  }
  const message = pointType.create({
    time: int64(point.time, 'the time'),
    name: point.name,
    database: point.database,
    retentionPolicy: point.retentionPolicy,
    group: point.group,
    dimensions: point.dimensions,
    tags: Object.fromEntries(point.tags),
    fieldsDouble: Object.fromEntries(doubles),
    fieldsInt: Object.fromEntries(ints),
    fieldsString: Object.fromEntries(strings),
    byName: point.byName,
    fieldsBool: Object.fromEntries(bools),
  });
  return frameOf(MESSAGE.point, pointType.encode(message).finish());
}

/** An int64 as protobufjs takes it. */
function int64(value: bigint, what: string): { low: number; high: number; unsigned: boolean } {
  if (value < MIN_INT64 || value > MAX_INT64)
    throw new RangeError(`${what} does not fit into 64 bits: ${value}`);
  return {
    low: Number(BigInt.asIntN(32, value)),
    high: Number(BigInt.asIntN(32, value >> 32n)),
    unsigned: false,
  };
}
