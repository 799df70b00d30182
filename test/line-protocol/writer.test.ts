import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OperationError } from '../../src/errors.ts';
import { type FieldValue, type LinePoint, parseLine } from '../../src/line-protocol/parser.ts';
import { formatLine } from '../../src/line-protocol/writer.ts';

const name = fc
  .string({
    unit: fc.constantFrom('a', 'é', '😀', '\\', ',', '=', ' ', '"', '#', '\t', '\r', "'"),
    minLength: 1,
    maxLength: 6,
  })
  .filter((text) => !text.endsWith('\\') && !/^[#\t]/.test(text));
const fieldKey = name.filter((text) => !/\\[,= ]/.test(text));
const value: fc.Arbitrary<FieldValue> = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.boolean(),
  fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\\', ',', '=', ' ', '"', '\n', '\r') }),
);
const point: fc.Arbitrary<LinePoint> = fc.record({
  measurement: name,
  tags: fc.uniqueArray(fc.tuple(name, name), { selector: ([key]) => key }).map((pairs) => new Map(pairs)),
  fields: fc
    .uniqueArray(fc.tuple(fieldKey, value), { selector: ([key]) => key, minLength: 1 })
    .map((pairs) => new Map(pairs)),
  time: fc.option(fc.bigInt({ min: -(2n ** 63n) + 2n, max: 2n ** 63n - 2n }), { nil: undefined }),
});

describe('formatLine', () => {
  test('writes what parseLine reads as the same point', () => {
    fc.assert(
      fc.property(point, (original) => {
        expect(parseLine(formatLine(original), { file: 'points.lp', line: 1 })).toEqual(original);
      }),
    );
  });

  test('leaves a tag with an empty value out', () => {
    const fields = new Map([['f', true]]);
    expect(formatLine({ measurement: 'm', tags: new Map([['t', '']]), fields, time: undefined })).toBe(
      'm f=true',
    );
  });

  test.each([
    ['an empty measurement', '', 'f', 1],
    ['a measurement that would be a comment', '#m', 'f', 1],
    ['a measurement that ends in a backslash', 'm\\', 'f', 1],
    ['a field key with a line break', 'm', 'f\ng', 1],
    ['a field key with a backslash before a comma', 'm', 'f\\,g', 1],
    ['NaN', 'm', 'f', Number.NaN],
    ['infinity', 'm', 'f', Number.POSITIVE_INFINITY],
  ])('refuses %s, which no line can hold', (_, measurement, key, value) => {
    const fields = new Map([[key, value]]);
    expect(() => formatLine({ measurement, tags: new Map(), fields, time: undefined })).toThrow(
      OperationError,
    );
  });
});
