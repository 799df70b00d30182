import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AddedFields } from '../../src/wire/added-fields.ts';
import { body, readEnvelope } from '../../src/wire/envelope.ts';
import { PointReader } from '../../src/wire/point-view.ts';
import {
  decodeRequest,
  encodeRequest,
  frame,
  GO_STYLE,
  type Point,
  type Style,
  type Value,
} from '../support/protocol/protocol.ts';
import * as arbitrary from '../support/scenarios/arbitrary.ts';

const additions = fc.uniqueArray(fc.record({ name: arbitrary.name, value: arbitrary.value }), {
  maxLength: 5,
  selector: ({ name }) => name,
});

function set(added: AddedFields, index: number, value: Value): void {
  if (value.type === 'int') {
    added.setInt(index, Number(BigInt.asIntN(32, value.v)), Number(BigInt.asIntN(32, value.v >> 32n)));
  } else if (value.type === 'float') added.setFloat(index, value.v);
  else if (value.type === 'bool') added.setBool(index, value.v);
  else added.setString(index, Buffer.from(value.v));
}

function setAll(added: AddedFields, values: readonly Value[]): void {
  for (const [index, value] of values.entries()) set(added, index, value);
}

/** The point's body with the fields, as it goes out. */
function splice(message: Buffer, added: AddedFields): Buffer {
  readEnvelope(message, 0, message.length);
  const view = new PointReader();
  view.read(message, body[0], body[1]);
  const most = added.sizeWith(body[1] - body[0]);
  const target = Buffer.alloc(most + 7, 0xee);
  const end = added.write(view, target, 7);
  expect(end).toBeLessThanOrEqual(target.length);
  return target.subarray(7, end);
}

function bodyOf(point: Point, style: Style): { message: Buffer; content: Buffer } {
  const message = encodeRequest({ kind: 'point', point }, style);
  readEnvelope(message, 0, message.length);
  return { message, content: message.subarray(body[0], body[1]) };
}

function decode(content: Buffer): Point {
  const request = decodeRequest(Buffer.concat([Buffer.from('8a01', 'hex'), frame(content)]));
  if (request.kind !== 'point') throw new Error('no point any more');
  return request.point;
}

function without(point: Point, names: readonly string[]): Point {
  return {
    ...point,
    fields: Object.fromEntries(Object.entries(point.fields).filter(([name]) => !names.includes(name))),
  };
}

test('a point with fields added is the same point with those fields set', () => {
  const wrong = fc.constantFrom<Value>({ type: 'bool', v: true }, { type: 'string', v: 'before' });
  fc.assert(
    fc.property(arbitrary.point, arbitrary.style, additions, wrong, (point, style, fields, before) => {
      const { message, content } = bodyOf(point, style);
      const added = new AddedFields(fields.map(({ name }) => name));
      // What was set for a point before must not be seen in this one.
      setAll(
        added,
        fields.map(() => before),
      );
      added.clear();
      setAll(
        added,
        fields.map(({ value }) => value),
      );
      const expected = decode(content);
      // Throws where a name stands in two of the typed maps.
      expect(decode(splice(message, added))).toEqual({
        ...expected,
        fields: {
          ...expected.fields,
          ...Object.fromEntries(fields.map(({ name, value }) => [name, value])),
        },
      });
    }),
    { numRuns: 1000 },
  );
});

test('what is not replaced goes out byte for byte, in its order', () => {
  fc.assert(
    fc.property(arbitrary.point, additions, fc.boolean(), (point, fields, unknown) => {
      const names = fields.map(({ name }) => name);
      const clashing = {
        ...point,
        fields: {
          ...point.fields,
          ...Object.fromEntries(names.map((name) => [name, { type: 'int', v: 1n } as const])),
        },
      };
      const style: Style = { ...GO_STYLE, unknown };
      const added = new AddedFields(names);
      setAll(
        added,
        fields.map(({ value }) => value),
      );
      const { content } = bodyOf(without(point, names), style);
      const spliced = splice(bodyOf(clashing, style).message, added);
      expect(spliced.subarray(0, content.length)).toEqual(content);
    }),
  );
});

test('only what is set replaces a field: another name that may be set leaves it alone', () => {
  const { message, content } = bodyOf(
    { ...decode(Buffer.alloc(0)), fields: { a: { type: 'int', v: 7n }, b: { type: 'int', v: 8n } } },
    GO_STYLE,
  );
  const added = new AddedFields(['a', 'b']);
  expect(splice(message, added)).toEqual(content);
  added.setFloat(1, 0.5);
  expect(decode(splice(message, added)).fields).toEqual({
    a: { type: 'int', v: 7n },
    b: { type: 'float', v: 0.5 },
  });
  added.clear();
  expect(splice(message, added)).toEqual(content);
});

test('a name that would go out twice is refused', () => {
  expect(() => new AddedFields(['a', 'b', 'a'])).toThrow("'a' is named twice");
  const added = new AddedFields(['a', 'b']);
  added.setInt(1, 1, 0);
  expect(() => added.setString(1, Buffer.from('x'))).toThrow("'b' is set already");
  added.clear();
  expect(() => added.setString(1, Buffer.from('x'))).not.toThrow();
});
