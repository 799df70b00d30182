import fc from 'fast-check';
import type { BeginBatch, EndBatch, Option, OptionValue, Point, Style, Value } from '../protocol/protocol.ts';

// Whatever Kapacitor or another writer may send, for fast-check: any text, any 64-bit integer, any way to write it.

export const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

/** Lengths around those at which a length takes another byte. */
const longText = fc.constantFrom(127, 128, 300).map((length) => 'x'.repeat(length));

export const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'host', 'value', 'ü', '😀', 'a,b=c') },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  { weight: 1, arbitrary: longText },
);

/** A name of a field or tag, but for those that every plain object has already. */
export const name = text.filter((each) => each !== '' && !(each in {}));

export const value: fc.Arbitrary<Value> = fc.oneof(
  fc.record({ type: fc.constant('int'), v: fc.oneof(int64, fc.constantFrom(0n, 1n, -1n)) }),
  fc.record({ type: fc.constant('float'), v: fc.oneof(fc.double(), fc.constantFrom(0, -0, Number.NaN)) }),
  fc.record({ type: fc.constant('string'), v: text }),
  fc.record({ type: fc.constant('bool'), v: fc.boolean() }),
);

const dictionary = <T>(values: fc.Arbitrary<T>) =>
  fc.dictionary(name, values, { maxKeys: 5, noNullPrototype: true });

export const point: fc.Arbitrary<Point> = fc.record({
  time: int64,
  name: text,
  database: text,
  retentionPolicy: text,
  group: text,
  dimensions: fc.array(text, { maxLength: 3 }),
  tags: dictionary(text),
  fields: dictionary(value),
  byName: fc.boolean(),
  unknown: fc.constant([]),
});

export const begin: fc.Arbitrary<BeginBatch> = fc.record({
  name: text,
  group: text,
  tags: dictionary(text),
  size: int64,
  byName: fc.boolean(),
});

export const end: fc.Arbitrary<EndBatch> = fc.record({
  name: text,
  group: text,
  tmax: int64,
  tags: dictionary(text),
  byName: fc.boolean(),
});

const optionValue: fc.Arbitrary<OptionValue> = fc.oneof(
  fc.record({ type: fc.constant('bool'), v: fc.constantFrom(true, false, undefined) }),
  fc.record({ type: fc.constantFrom('int', 'duration'), v: int64 }),
  fc.record({ type: fc.constant('double'), v: fc.double() }),
  fc.record({ type: fc.constant('string'), v: text }),
);

export const option: fc.Arbitrary<Option> = fc.record({
  name: text,
  values: fc.array(optionValue, { maxLength: 3 }),
});

/** Every way in which a writer may put a message. */
export const style: fc.Arbitrary<Style> = fc.record({
  order: fc.constantFrom('ascending', 'descending', 'interleaved'),
  entries: fc.constantFrom('key-first', 'value-first'),
  defaults: fc.constantFrom('in-entries', 'everywhere', 'nowhere'),
  unknown: fc.boolean(),
});
