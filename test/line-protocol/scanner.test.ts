import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { messageOf } from '../../src/errors.ts';
import { LineParser, type LinePoint } from '../../src/line-protocol/parser.ts';
import { LineScanner, SCANNED, SOURCE_LINE } from '../../src/line-protocol/scanner.ts';
import { groupId, sortedNames } from '../../src/wire/group-id.ts';
import type { Point } from '../../src/wire/point.ts';
import { PointReader } from '../../src/wire/point-view.ts';

const NOW_NS = 1_700_000_000_123_456_789n;

interface Found {
  readonly points: readonly Point[];
  readonly lines: readonly string[];
  /** What the scan ended with, if not with the end. */
  readonly problem: string | undefined;
}

function scanner(groupBy: readonly string[], takesUnsigned = false): LineScanner {
  return new LineScanner({ groupBy, keepsLine: true, takesUnsigned, nowNs: () => NOW_NS });
}

/** What the scanner finds, up to the first line that is none. */
function scan(text: string, groupBy: readonly string[] = [], isFinal = true): Found {
  const bytes = Buffer.from(text);
  const lines = scanner(groupBy);
  const points: Point[] = [];
  const sources: string[] = [];
  const view = new PointReader();
  for (;;) {
    const found = lines.next(bytes, lines.position, bytes.length, isFinal);
    if (found === SCANNED.point) {
      view.read(lines.body, 0, lines.bodyLength);
      view.validate();
      points.push(view.toPoint());
      sources.push(bytes.toString('utf8', lines.start, lines.fieldsEnd));
      continue;
    }
    const problem =
      found === SCANNED.refused ? lines.complaint('x') : found === SCANNED.open ? 'open' : undefined;
    return { points, lines: sources, problem };
  }
}

/** The same by the parser. */
function parse(text: string, groupBy: readonly string[] = [], isFinal = true): Omit<Found, 'lines'> {
  const parser = new LineParser(text, { file: 'x', line: 1 }, isFinal);
  const points: Point[] = [];
  try {
    for (let point = parser.next(); point !== undefined; point = parser.next())
      points.push(pointOf(point, groupBy));
    return { points, problem: parser.position < text.length ? 'open' : undefined };
  } catch (error) {
    return { points, problem: messageOf(error) };
  }
}

function pointOf({ measurement, tags, fields, time }: LinePoint, groupBy: readonly string[]): Point {
  const dimensions = sortedNames(groupBy.includes('*') ? tags.keys() : groupBy);
  return {
    time: time ?? NOW_NS,
    name: measurement,
    database: '',
    retentionPolicy: '',
    group: groupId(measurement, tags, dimensions, false),
    dimensions,
    byName: false,
    tags,
    fields,
  };
}

function agree(text: string, groupBy: readonly string[] = [], isFinal = true): void {
  const { points, problem } = scan(text, groupBy, isFinal);
  expect({ points, problem }).toEqual(parse(text, groupBy, isFinal));
}

const groupings = fc.constantFrom([], ['host'], ['b', 'a'], ['*']);

/** Pieces that lines are made of, and those that spoil them. */
const piece = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('m', 'host', 'a', 'b', 'value', 'é', '😀', 'x1') },
  { weight: 6, arbitrary: fc.constantFrom(',', '=', ' ', ' ') },
  { weight: 3, arbitrary: fc.constantFrom('1', '1.5', '-2i', '12i', 't', 'false', '"up"', '1e3', '007') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '\\',
      '"',
      '\n',
      '\r\n',
      '\\,',
      '\\ ',
      '\\"',
      '#',
      '\t',
      '\r',
      '\0',
      '.',
      '-',
      'i',
      'u',
    ),
  },
);
const anything = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));

const name = fc
  .array(fc.constantFrom('a', 'b', 'host', 'é', '\\,', '\\ ', '\\=', '"', "'", '\\a'), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) => parts.join(''));
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.integer().map(String),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map((value) => `${value}i`),
  fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 25n }), fc.nat(25)).map(([digits, at]) => {
    const text = String(digits);
    return `${text.slice(0, at)}.${text.slice(at)}`;
  }),
);
const value = fc.oneof(
  number,
  fc.constantFrom('t', 'T', 'true', 'True', 'TRUE', 'f', 'F', 'false', 'False', 'FALSE', 'tRUE', '5u'),
  fc
    .string({ unit: fc.constantFrom('a', 'é', '\\\\', '\\"', '\\a', ',', '=', ' ', '\n') })
    .map((text) => `"${text}"`),
);
const time = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n) - 2n, max: 2n ** 63n + 2n }).map((ns) => ` ${ns}`),
  fc.constantFrom(
    '',
    ' ',
    ' 1600000000000000000',
    '  12',
    ' 9223372036854775806',
    ' 9223372036854775807',
    ' -1  ',
  ),
);
const line = fc
  .tuple(
    name,
    fc.array(fc.tuple(name, name), { maxLength: 4 }),
    fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 5 }),
    time,
  )
  .map(
    ([measurement, tags, fields, ns]) =>
      `${measurement}${tags.map(([key, text]) => `,${key}=${text}`).join('')} ` +
      `${fields.map(([key, text]) => `${key}=${text}`).join(',')}${ns}`,
  );

describe('LineScanner', () => {
  test('finds in lines what the parser finds, and complains of the same', () => {
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 4 }),
        groupings,
        fc.constantFrom('\n', '\r\n', '\n\n# c\n'),
        (lines, groupBy, end) => {
          agree(lines.join(end), groupBy);
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('finds in anything at all what the parser finds, and complains of the same', () => {
    fc.assert(
      fc.property(anything, groupings, (text, groupBy) => {
        agree(text, groupBy);
        agree(`${text}\n`, groupBy, false);
      }),
      { numRuns: 5000 },
    );
  });

  test('takes numbers at the limits exactly', () => {
    for (const text of [
      '9223372036854775807i',
      '-9223372036854775808i',
      '9223372036854775808i',
      '-9223372036854775809i',
      '999999999999999i',
      '1000000000000000i',
      '9007199254740993i',
      '899999999999999999i',
      '4294967296i',
      '-4294967296i',
      '00000000000000000000000001i',
      '0.1',
      '-0',
      '0.30000000000000004',
      '123456789012345',
      '1234567890123456',
      '1e400',
      '5e-324',
      '1.',
      '.5',
      '-.5',
      '.',
      '1.e2',
      '1e',
      '1e+',
      '-',
    ])
      agree(`m v=${text} 1`);
  });

  test('finds a name given twice, by the last value, and in a long line as well', () => {
    agree('m v=1,w=2,v="a" 1');
    agree('m,a=1,b=2,a=3 v=1 1');
    const names = Array.from({ length: 200 }, (_, index) => `k${index}`);
    agree(`m,${names.map((key) => `${key}=x`).join(',')} ${names.map((key) => `${key}=1`).join(',')} 1`, [
      'k3',
      'k170',
    ]);
    agree(`m,${names.map((key) => `${key}=x`).join(',')},k199=y v=1`);
    agree(`m ${names.map((key) => `${key}=1`).join(',')},k7="last" 1`, ['*']);
  });

  test('keeps the line in the body up to its time, in a field that readers pass over', () => {
    const bytes = Buffer.from('# a comment\n  m,host=a value="x\\"y",n=1.50  7 \n');
    const lines = scanner(['host']);
    expect(lines.next(bytes, 0, bytes.length, false)).toBe(SCANNED.point);
    const kept = Buffer.from('m,host=a value="x\\"y",n=1.50');
    expect(lines.body.subarray(lines.bodyLength - kept.length - 2, lines.bodyLength)).toEqual(
      Buffer.concat([Buffer.of((SOURCE_LINE << 3) | 2, kept.length), kept]),
    );
    expect(lines).toMatchObject({ hasTime: true, line: 3, position: bytes.length });
  });

  test('waits for the end of a string that is open, and counts the lines in it', () => {
    const bytes = Buffer.from('m v="a\nb\nm v=1\n');
    const lines = scanner([]);
    expect(lines.next(bytes, 0, bytes.length, false)).toBe(SCANNED.open);
    expect(lines).toMatchObject({ position: 0, line: 1 });
    const whole = Buffer.from('m v="a\nb"\nm v=x\n');
    expect(lines.next(whole, lines.position, whole.length, false)).toBe(SCANNED.point);
    expect(lines.next(whole, lines.position, whole.length, false)).toBe(SCANNED.refused);
    expect(lines.complaint('stdin')).toMatch(/^stdin:3:5: /);
    lines.skipLine();
    expect(lines.next(whole, lines.position, whole.length, false)).toBe(SCANNED.end);
  });

  test('tells a measurement by its name without escapes', () => {
    const bytes = Buffer.from('a\\ b v=1\n');
    const lines = scanner([]);
    lines.next(bytes, 0, bytes.length, false);
    expect(lines.isOf(Buffer.from('a b'))).toBe(true);
    expect(lines.isOf(Buffer.from('a\\ b'))).toBe(false);
    expect(lines.isOf(Buffer.from('a c'))).toBe(false);
  });

  test('takes unsigned integers for integers if it is to, and those beyond int64 for floats', () => {
    const bytes = Buffer.from(
      'm a=5u,b=9223372036854775807u,c=9223372036854775808u,d=18446744073709551615u 1\n',
    );
    const lines = scanner([], true);
    expect(lines.next(bytes, 0, bytes.length, false)).toBe(SCANNED.point);
    const view = new PointReader();
    view.read(lines.body, 0, lines.bodyLength);
    expect(Object.fromEntries(view.toPoint().fields)).toEqual({
      a: 5n,
      b: 2n ** 63n - 1n,
      c: 2 ** 63,
      d: 2 ** 64,
    });
    for (const none of ['-1u', 'u', '18446744073709551616u', '1.5u']) {
      const line = Buffer.from(`m v=${none} 1\n`);
      expect(lines.next(line, 0, line.length, false)).toBe(SCANNED.refused);
    }
    expect(scanner([]).next(bytes, 0, bytes.length, false)).toBe(SCANNED.refused);
  });
});
