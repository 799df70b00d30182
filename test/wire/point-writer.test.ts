import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FieldValue, Point } from '../../src/wire/point.ts';
import { encodePoint } from '../../src/wire/point-writer.ts';
import { plainPoint } from '../support/protocol/points.ts';
import { cutFrames, decodeRequest, type Point as Sent } from '../support/protocol/protocol.ts';
import * as arbitrary from '../support/scenarios/arbitrary.ts';

/** A point as a function has it. */
function made({ unknown: _, tags, fields, ...rest }: Sent): Point {
  return {
    ...rest,
    tags: new Map(Object.entries(tags)),
    fields: new Map(Object.entries(fields).map(([name, { v }]): [string, FieldValue] => [name, v])),
  };
}

test('a point made anew is read as what it was made of', () => {
  fc.assert(
    fc.property(arbitrary.point, (point) => {
      const { messages, rest } = cutFrames(encodePoint(made(point)));
      expect(rest).toHaveLength(0);
      expect(messages.map(decodeRequest)).toEqual([{ kind: 'point', point }]);
    }),
    { numRuns: 300 },
  );
});

test('an integer or time that has no place in 64 bits is refused, not cut', () => {
  const point = made(plainPoint({}));
  expect(() => encodePoint({ ...point, time: 2n ** 63n })).toThrow('the time does not fit into 64 bits');
  expect(() => encodePoint({ ...point, fields: new Map([['n', -(2n ** 63n) - 1n]]) })).toThrow(
    "the field 'n' does not fit into 64 bits",
  );
});
