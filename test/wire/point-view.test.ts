import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { body, MESSAGE, readEnvelope } from '../../src/wire/envelope.ts';
import { Keys } from '../../src/wire/keys.ts';
import { type FieldValue, KIND } from '../../src/wire/point.ts';
import { PointReader } from '../../src/wire/point-view.ts';
import { toBigInt, toFloat } from '../../src/wire/scalars.ts';
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

type Key = { readonly type: 'field' | 'tag'; readonly name: string };

const key: fc.Arbitrary<Key> = fc.record({
  type: fc.constantFrom('field', 'tag'),
  name: arbitrary.name,
});
const keys = fc.uniqueArray(key, { maxLength: 6, selector: ({ type, name }) => `${type} ${name}` });

/** Points the view at a message, which lies between others as in a chunk. */
function read(view: PointReader, message: Buffer): void {
  const chunk = Buffer.concat([Buffer.alloc(3, 0x0a), message, Buffer.alloc(20, 0x0a)]);
  expect(readEnvelope(chunk, 3, 3 + message.length)).toBe(MESSAGE.point);
  view.read(chunk, body[0], body[1]);
}

function viewOf(point: Point, style: Style, wanted = new Keys([])): PointReader {
  const view = new PointReader(wanted);
  read(view, encodeRequest({ kind: 'point', point }, style));
  return view;
}

/** What the i-th key holds, as the tests' protocol has values. */
function found(wanted: Keys, i: number, { bytes }: PointReader): Value | undefined {
  const lo = wanted.lo[i];
  const hi = wanted.hi[i];
  switch (wanted.kind[i]) {
    case KIND.int:
      return { type: 'int', v: toBigInt(lo, hi) };
    case KIND.float:
      return { type: 'float', v: toFloat(lo, hi) };
    case KIND.bool:
      return { type: 'bool', v: lo !== 0 };
    case KIND.string:
      return { type: 'string', v: Buffer.from(bytes.subarray(lo, hi)).toString() };
    default:
      return undefined;
  }
}

/** The own property of that name, so that one like `toString` is none. */
function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

describe('a point, whoever wrote it', () => {
  test('has the wanted fields and tags found in passing', () => {
    fc.assert(
      fc.property(arbitrary.point, arbitrary.style, keys, (point, style, names) => {
        const wanted = new Keys(names);
        const view = viewOf(point, style, wanted);
        const expected = names.map(({ type, name }): Value | undefined => {
          if (type === 'field') return own(point.fields, name);
          const tag = own(point.tags, name);
          return tag === undefined ? undefined : { type: 'string', v: tag };
        });
        expect(names.map((_, i) => found(wanted, i, view))).toEqual(expected);
        expect(wanted.found).toBe(expected.filter((value) => value !== undefined).length);
      }),
      { numRuns: 1000 },
    );
  });

  test('has its time and group, and all of it in a copy', () => {
    fc.assert(
      fc.property(arbitrary.point, arbitrary.style, (point, style) => {
        const view = viewOf(point, style);
        expect(view.time).toBe(point.time);
        expect(view.group).toBe(point.group);
        const { unknown: _, tags, fields, ...rest } = point;
        expect(view.toPoint()).toEqual({
          ...rest,
          tags: new Map(Object.entries(tags)),
          fields: new Map(Object.entries(fields).map(([name, { v }]): [string, FieldValue] => [name, v])),
        });
        for (const [name, { v }] of Object.entries(fields)) expect(view.field(name)).toEqual(v);
        for (const [name, value] of Object.entries(tags)) expect(view.tag(name)).toBe(value);
        expect(() => view.validate()).not.toThrow();
      }),
      { numRuns: 300 },
    );
  });

  test('leaves nothing behind for the next one', () => {
    fc.assert(
      fc.property(arbitrary.point, arbitrary.point, arbitrary.style, keys, (before, point, style, names) => {
        const wanted = new Keys(names);
        const view = new PointReader(wanted);
        read(view, encodeRequest({ kind: 'point', point: before }, GO_STYLE));
        const message = encodeRequest({ kind: 'point', point }, style);
        read(view, message);
        const fresh = new Keys(names);
        const freshView = new PointReader(fresh);
        read(freshView, message);
        expect(view.toPoint()).toEqual(freshView.toPoint());
        expect(wanted.found).toBe(fresh.found);
        expect(names.map((_, i) => found(wanted, i, view))).toEqual(
          names.map((_, i) => found(fresh, i, freshView)),
        );
      }),
    );
  });
});

test('keys of which one would never be found are refused', () => {
  const key = { type: 'field', name: 'a' } as const;
  expect(() => new Keys([key, { type: 'tag', name: 'a' }, key])).toThrow("the field 'a' is wanted twice");
  expect(() => new Keys([{ type: 'tag', name: '' }])).toThrow('a tag without a name');
});

test('what the point lacks is undefined', () => {
  const view = viewOf(
    { ...EMPTY, tags: { a: '' }, fields: { b: { type: 'string', v: '' } } },
    { ...GO_STYLE, defaults: 'nowhere' },
  );
  expect([view.field('a'), view.field('b'), view.tag('a'), view.tag('b')]).toEqual([
    undefined,
    '',
    '',
    undefined,
  ]);
});

test('text that is no UTF-8, as Kapacitor 1.5 passes on, is kept as bytes and shown with replacement characters', () => {
  const wanted = new Keys([{ type: 'tag', name: 'host' }]);
  const view = viewOf({ ...EMPTY, group: 'host=a\udcff', tags: { host: 'a\udcff' } }, GO_STYLE, wanted);
  expect(view.bytes.subarray(wanted.lo[0], wanted.hi[0])).toEqual(Buffer.of(0x61, 0xff));
  expect(view.bytes.subarray(view.groupStart, view.groupEnd)).toEqual(Buffer.from('host=a\xff', 'latin1'));
  expect(view.tag('host')).toBe('a\ufffd');
  expect(view.group).toBe('host=a\ufffd');
});

const EMPTY: Point = {
  time: 0n,
  name: '',
  database: '',
  retentionPolicy: '',
  group: '',
  dimensions: [],
  tags: {},
  fields: {},
  byName: false,
  unknown: [],
};

// Bodies that a Go program would refuse to read: sent on, they would end the task with an error that nobody understands.
const LONG_KEY = `0a8201${'61'.repeat(130)}`;
const MALFORMED = [
  ['a time that is a string', '0a0130'],
  ['a time without an end', '0880'],
  ['a time of eleven bytes', '088080808080808080808000'],
  ['a name that is a number', '1001'],
  ['a group that is a double', '290102030405060708'],
  ['a group longer than the point', '2a0461'],
  ['a group of which the length is missing', '2a'],
  ['a group of which the length takes six bytes', '2a81808080800061'],
  ['a byName that is a string', '5a0131'],
  ['a byName that looks like a map entry', '5a0a' + '0a0161' + '120568656c6c6f'],
  ['dimensions that are numbers', '3001'],
  ['a map that is a number', '4001'],
  ['a field number 0', '020161'],
  ['a field number 0 that is a number', '0001'],
  ['a group, which nobody writes any more', '1b1c'],
  ['a wire type that does not exist', '0e'],
  ['a tag entry whose value is a number', '3a05' + '0a0161' + '1001'],
  ['a tag entry whose value is the number 0', '3a05' + '0a0161' + '1000'],
  ['a double of four bytes', '4208' + '0a0161' + '1501020304'],
  ['a double that is cut off', '4207' + '0a0161' + '11010203'],
  ['an integer that is a double', '4a0c' + '0a0161' + '110102030405060708'],
  ['an integer without its bytes', '4a04' + '0a0161' + '10'],
  ['an integer without an end', '4a05' + '0a0161' + '1080'],
  ['an integer of eleven bytes', '4a0f' + '0a0161' + '108080808080808080808000'],
  ['an integer with more behind it', '4a06' + '0a0161' + '100101'],
  ['a double with more behind it', '420d' + '0a0161' + '11010203040506070800'],
  ['a string that is longer than its entry', '5206' + '0a0161' + '120261'],
  ['a bool that is a string', '6206' + '0a0161' + '120174'],
  ['a key that is longer than its entry', '4a03' + '0a0261'],
  ['a key that is a number', '4a04' + '0801' + '1001'],
  ['a key that is the number 0', '4a04' + '0800' + '1001'],
  ['an entry with a field number 0', '4a05' + '0a0161' + '0001'],
  ['an entry whose value has a tag of more bytes than it takes', '4a06' + '0a0161' + '900001'],
  ['a double of four bytes behind a long key', `428a01${LONG_KEY}1501020304`],
  ['an integer that is a string behind a long key', `4a8801${LONG_KEY}120161`],
  ['a string that is a number behind a long key', `528701${LONG_KEY}1001`],
  ['a long string that is longer than its entry', `528301${'0a0161'}128001${'61'.repeat(125)}`],
  ['an unknown field that is cut off', 'c23e0461'],
  ['an unknown field of a number beyond 29 bits', 'eaffffff1f00'],
] as const;

const KEYS_THAT_MATTER: readonly (readonly Key[])[] = [
  [],
  [
    { type: 'field', name: 'a' },
    { type: 'tag', name: 'a' },
  ],
  [
    { type: 'field', name: 'other' },
    { type: 'tag', name: 'other' },
  ],
];

test.each(MALFORMED)('a point with %s is malformed, at the latest when it is to go out', (_, hex) => {
  const bytes = Buffer.from(`${hex}${'00'.repeat(16)}`, 'hex');
  for (const names of KEYS_THAT_MATTER) {
    const view = new PointReader(new Keys(names));
    expect(() => {
      view.read(bytes, 0, hex.length / 2);
      view.validate();
    }).toThrow(expect.objectContaining({ code: 'MALFORMED_MESSAGE' }));
  }
});

test('a point of which some bytes are wrong is malformed, or another one that can be read', () => {
  const change = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) });
  const changes = fc.array(change, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(
      arbitrary.point,
      arbitrary.style,
      changes,
      fc.nat(),
      keys,
      (point, style, wrong, cut, names) => {
        const { bytes } = viewOf(point, style);
        const body = Buffer.from(bytes.subarray(3, bytes.length - 20));
        for (const { at, byte } of wrong) body[at % body.length] = byte;
        const end = cut % 3 === 0 ? cut % body.length : body.length;
        const view = new PointReader(new Keys(names));
        try {
          view.read(body, 0, end);
          view.validate();
        } catch (error) {
          expect(error).toMatchObject({ code: 'MALFORMED_MESSAGE' });
          return;
        }
        const message = Buffer.concat([Buffer.from('8a01', 'hex'), frame(body.subarray(0, end))]);
        expect(decodeUnlessTwice(message)?.point.time ?? view.time).toBe(view.time);
      },
    ),
    { numRuns: 1000 },
  );
});

/** Undefined where a name stands in two of the typed maps, which the tests' decoder refuses. */
function decodeUnlessTwice(message: Buffer): { readonly point: Point } | undefined {
  try {
    const request = decodeRequest(message);
    return request.kind === 'point' ? request : undefined;
  } catch (error) {
    expect(String(error)).toContain('two of the typed maps');
    return undefined;
  }
}
