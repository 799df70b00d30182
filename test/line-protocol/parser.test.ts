import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/errors.ts';
import { type FieldValue, LineParser, type LinePoint, parseLine } from '../../src/line-protocol/parser.ts';

function parse(text: string): LinePoint {
  return parseLine(text, { file: 'points.lp', line: 1 });
}

function failureOf(text: string): string {
  try {
    parse(text);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return error instanceof Error ? error.message : '';
  }
  return 'no error';
}

function fieldOf(text: string): FieldValue | undefined {
  return parse(`m f=${text}`).fields.get('f');
}

describe('parseLine', () => {
  test('reads measurement, tags, fields of every type and a timestamp beyond the doubles', () => {
    const point = parse('cpu,host=a,dc=x load=1.5,n=-3i,up=t,note="fine" 1514979051065000001');
    expect(point.measurement).toBe('cpu');
    expect([...point.tags]).toEqual([
      ['host', 'a'],
      ['dc', 'x'],
    ]);
    expect([...point.fields]).toEqual([
      ['load', 1.5],
      ['n', -3n],
      ['up', true],
      ['note', 'fine'],
    ]);
    expect(point.time).toBe(1514979051065000001n);
  });

  test.each([
    ['1', 1],
    ['-0', -0],
    ['5.', 5],
    ['.5', 0.5],
    ['-.5', -0.5],
    ['007', 7],
    ['1e3', 1000],
    ['1E+3', 1000],
    ['2.5e-3', 0.0025],
    ['1e-999', 0],
  ])('reads the float %s', (text, value) => {
    expect(fieldOf(text)).toBe(value);
  });

  test.each([
    ['0i', 0n],
    ['-0i', 0n],
    ['9223372036854775807i', 9223372036854775807n],
    ['-9223372036854775808i', -9223372036854775808n],
  ])('reads the integer %s exactly', (text, value) => {
    expect(fieldOf(text)).toBe(value);
  });

  test.each(['t', 'T', 'true', 'True', 'TRUE'])('reads %s as true', (text) => {
    expect(fieldOf(text)).toBe(true);
  });

  test.each(['f', 'F', 'false', 'False', 'FALSE'])('reads %s as false', (text) => {
    expect(fieldOf(text)).toBe(false);
  });

  test.each([
    ['an empty string', '""', ''],
    ['escaped quotes and backslashes', String.raw`"a \"b\" c:\\d\\"`, String.raw`a "b" c:\d\ `.trimEnd()],
    ['other backslashes as they are', String.raw`"a\nb\,c"`, String.raw`a\nb\,c`],
    ['commas, spaces and equals signs', '"a,b =c"', 'a,b =c'],
    ['line breaks', '"a\nb\r\nc"', 'a\nb\r\nc'],
    ['a comment sign at the start of its second line', '"a\n#b"', 'a\n#b'],
  ])('keeps %s in a string', (_, text, value) => {
    expect(fieldOf(text)).toBe(value);
  });

  test('unescapes names, where only a backslash before a special character is an escape', () => {
    const point = parse(String.raw`a\ b\,c\d\=e,t\ a\=g=v\,a\ l\=\u f\ i\,e\=l\"d=1`);
    expect(point.measurement).toBe(String.raw`a b,c\d=e`);
    expect([...point.tags]).toEqual([['t a=g', String.raw`v,a l=\u`]]);
    expect([...point.fields.keys()]).toEqual(['f i,e=l"d']);
  });

  test('takes a backslash before an escaped comma of a tag as itself, as Kapacitor does', () => {
    expect([...parse(String.raw`m,t=C:\\,x f=1`).tags]).toEqual([['t', String.raw`C:\,x`]]);
  });

  test('takes an equals sign at the start of a tag value, as Kapacitor does', () => {
    expect([...parse('m,t==x f=1').tags]).toEqual([['t', '=x']]);
  });

  test('gives quotes in names no meaning', () => {
    const point = parse('"m",t="x" "f"=1');
    expect([point.measurement, point.tags.get('t'), [...point.fields.keys()]]).toEqual([
      '"m"',
      '"x"',
      ['"f"'],
    ]);
  });

  test('lets the last of two fields with one name win', () => {
    expect(parse('m f=1,f=2i').fields.get('f')).toBe(2n);
  });

  test.each([
    ['leading blanks', ' \t m f=1 5'],
    ['several spaces between the parts', 'm  f=1   5'],
    ['trailing spaces', 'm f=1 5  '],
    ['a line feed', 'm f=1 5\n'],
    ['a carriage return and line feed', 'm f=1 5\r\n'],
    ['a comment and a blank line before it', '# comment "\\\n \t\r\n\nm f=1 5'],
  ])('passes over %s', (_, text) => {
    expect(parse(text)).toEqual({
      measurement: 'm',
      tags: new Map(),
      fields: new Map([['f', 1]]),
      time: 5n,
    });
  });

  test.each(['m f=1', 'm f="x"\r\n', 'm f=t ', 'm f=1i\n'])('leaves the time of %j open', (text) => {
    expect(parse(text).time).toBeUndefined();
  });

  test.each([
    ['', '1:1: expected a point (measurement key=value), found the end of the line'],
    [',t=x f=1', "1:1: expected a measurement, found ','"],
    ['m', '1:2: expected a space and fields'],
    ['m\r\n', '1:2: expected a space and fields'],
    ['m,t=x', '1:6: expected a space and fields'],
    ['m, f=1', '1:3: expected a tag key, found a space'],
    ['m,t=x, f=1', '1:7: expected a tag key, found a space'],
    ['m,=x f=1', "1:3: expected a tag key, found '=x'"],
    ['m,t f=1', '1:4: expected = and a value after tag t, found a space'],
    ['m,t= f=1', '1:5: expected a value for tag t, found a space'],
    ['m,t=a=b f=1', "1:6: expected a comma or space after tag t, found '=b'"],
    ['m,t=a,t=b f=1', '1:7: tag t stands there twice'],
    ['m,t=a f', '1:8: expected = and a value after field f, found the end of the line'],
    ['m  ', '1:4: expected a field key, found the end of the line'],
    ['m =1', "1:3: expected a field key, found '=1'"],
    ['m f=1,', '1:7: expected a field key, found the end of the line'],
    ['m f=1, 5', '1:7: expected a field key, found a space'],
    ['m f=1,g 5', '1:8: expected = and a value after field g, found a space'],
    ['m f=', '1:5: expected a value for field f (1.5, 1i, true or "text"), found the end of the line'],
    ['m f=,g=1', '1:5: expected a value for field f (1.5, 1i, true or "text"), found \',\''],
    ['m f=UP', '1:5: expected a value for field f (1.5, 1i, true or "text"), found \'UP\'; a string needs'],
    ['m f=tRUE', '1:5: expected a value for field f'],
    ['m f=NaN', '1:5: expected a value for field f'],
    ['m f=+1', '1:5: expected a value for field f'],
    ['m f=1.1.1', '1:5: expected a value for field f'],
    ['m f=1e', '1:5: expected a value for field f'],
    ['m f=-', '1:5: expected a value for field f'],
    ['m f=1.0i', '1:5: expected a value for field f'],
    ['m f=0x10', '1:5: expected a value for field f'],
    ['m f=1e400', '1:5: field f: 1e400 is beyond a 64 bit float'],
    ['m f=9223372036854775808i', '1:5: field f: 9223372036854775808i is beyond a 64 bit integer'],
    ['m f=5u', '1:5: field f: 5u is unsigned, and Kapacitor cannot hand unsigned integers to a UDF'],
    ['m f="x', '1:5: expected a closing " for the string in field f'],
    ['m f="x"y', "1:8: expected a comma, a space or the end of the line after field f, found 'y'"],
    [String.raw`m f\\=1`, String.raw`1:3: field key f\\ ends in a backslash`],
    ['m f=1 5x', "1:7: expected a timestamp (an integer) or the end of the line, found '5x'"],
    ['m f=1 5.0', '1:7: expected a timestamp'],
    ['m f=1 5 6', "1:9: expected the end of the line after the timestamp, found '6'"],
    ['m f=1 9223372036854775807', '1:7: timestamp 9223372036854775807 is outside of the years 1677 to 2262'],
    ['m f=1 5\nm f=2 6', "2:1: expected the end of the text after one point, found 'm'"],
    ['m a="1\n2",b=oops', '2:6: expected a value for field b'],
    ['m,t=😀 f=x', '1:9: expected a value for field f'],
  ])('refuses %j with its place and what was expected', (text, message) => {
    expect(failureOf(text)).toContain(`points.lp:${message}`);
  });

  test('shows only the start of what it did not expect', () => {
    expect(failureOf(`m f=${'x'.repeat(100_000)}`).length).toBeLessThan(200);
    expect(failureOf(`m ${'f'.repeat(100_000)}=`).length).toBeLessThan(200);
  });
});

test('shows no control characters of the line, which a terminal might obey', () => {
  expect(failureOf('m f=\u001b[2Jx')).not.toContain('\u001b');
});

describe('LineParser', () => {
  test('waits in front of a line whose string is still open where the text is cut', () => {
    const scanner = new LineParser('m f=1\nm f="a\n', { file: 'x', line: 1 }, false);
    expect(scanner.next()?.measurement).toBe('m');
    expect(scanner.next()).toBeUndefined();
    expect(scanner.position).toBe('m f=1\n'.length);
  });
});
