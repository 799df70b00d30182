import fc from 'fast-check';
import { expect, test } from 'vitest';
import { frameOf, MESSAGE } from '../../src/wire/envelope.ts';
import type { FieldValue, Point } from '../../src/wire/point.ts';
import { PointWriter } from '../../src/wire/point-writer.ts';
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

function bodyOf(point: Point): Buffer {
  const writer = new PointWriter();
  writer.point(point);
  return writer.body;
}

test('a point made anew is read as what it was made of', () => {
  fc.assert(
    fc.property(arbitrary.point, (point) => {
      const { messages, rest } = cutFrames(frameOf(MESSAGE.point, bodyOf(made(point))));
      expect(rest).toHaveLength(0);
      expect(messages.map(decodeRequest)).toEqual([{ kind: 'point', point }]);
    }),
    { numRuns: 300 },
  );
});

test('an integer or time that has no place in 64 bits is refused, not cut', () => {
  const point = made(plainPoint({}));
  expect(() => bodyOf({ ...point, time: 2n ** 63n })).toThrow('the time does not fit into 64 bits');
  expect(() => bodyOf({ ...point, fields: new Map([['n', -(2n ** 63n) - 1n]]) })).toThrow(
    "the field 'n' does not fit into 64 bits",
  );
});
