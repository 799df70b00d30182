import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CsvReader } from '../../../src/feed/readers/csv.ts';
import { JsonReader } from '../../../src/feed/readers/json.ts';
import { LineReader } from '../../../src/feed/readers/lines.ts';
import { RecordMapper } from '../../../src/feed/readers/record-mapper.ts';
import { type ReadSettings, USUAL_SETTINGS } from '../../../src/feed/readers/settings.ts';
import type { Reader, Reading } from '../../../src/feed/reading.ts';

const PLAIN: ReadSettings = { ...USUAL_SETTINGS, measurement: 'm' };

function mapper(options: Partial<ReadSettings> = {}): RecordMapper {
  return new RecordMapper({ ...PLAIN, ...options });
}

function lines(): LineReader {
  return new LineReader({ name: 'f', precision: 'ns', fixedTags: new Map() });
}

async function readAll(reader: Reader, pieces: readonly string[]): Promise<Reading[]> {
  const readings: Reading[] = [];
  for (const piece of pieces) readings.push(...(await reader.push(piece)));
  readings.push(...(await reader.end()));
  return readings;
}

/** A point as one text, or what was refused and why. */
async function read(reader: Reader, text: string): Promise<string[]> {
  return (await readAll(reader, [text])).map(shown);
}

function shown(reading: Reading): string {
  if (reading.kind === 'refused') return `${reading.record} <- ${reading.reason}`;
  return `${reading.text}${reading.timeNs === undefined ? '' : ` ${reading.timeNs}`}`;
}

/** Every way to cut a text that matters: at each position once, and into single characters. */
function* cuts(text: string): Generator<string[]> {
  for (let at = 0; at <= text.length; at++) yield [text.slice(0, at), text.slice(at)];
  yield [...text];
}

describe('LineReader', () => {
  const TEXT =
    'm v=1 10\r\n\n# a comment\n m,h=a\\ b s="two\nlines, \\"one\\"",t=t\nbad line\nm v=2i -3\nk v=3';
  test('leaves points as they were written, their times apart, and refuses the others line by line', async () => {
    const readings = await read(lines(), TEXT);
    const [refusal] = readings.splice(2, 1);
    expect(readings).toEqual(['m v=1 10', 'm,h=a\\ b s="two\nlines, \\"one\\"",t=t', 'm v=2i -3', 'k v=3']);
    expect(refusal).toMatch(/^bad line <- f:6:9: expected = /);
  });

  test('reads the same wherever its text is cut', async () => {
    const whole = (await readAll(lines(), [TEXT])).map(shown);
    for (const pieces of cuts(TEXT)) expect((await readAll(lines(), pieces)).map(shown)).toEqual(whole);
  });

  test('loses one line only to a quote that is never closed', async () => {
    const text = 'm v=1 1\nm v="open 2\nm v=3 3\nm v=4 4\n';
    const readings = await readAll(lines(), [text]);
    expect(readings.map((reading) => reading.kind)).toEqual(['point', 'refused', 'point', 'point']);
    expect(shown(readings[1] ?? failed())).toMatch(/^m v="open 2 <- f:2:/);
  });

  test('does not wait for ever for a quote to be closed', async () => {
    const reader = lines();
    const long = `m v="open\n${'m v=1\n'.repeat(200_000)}`;
    const readings = await reader.push(long);
    expect(readings[0]).toMatchObject({ kind: 'refused', record: 'm v="open' });
    expect(readings).toHaveLength(200_001);
  });

  test('brings times to nanoseconds, and refuses those that have none', async () => {
    const reader = new LineReader({ name: 'f', precision: 's', fixedTags: new Map() });
    expect(await read(reader, 'm v=1 1514979051\nm v=2 9999999999999')).toEqual([
      'm v=1 1514979051000000000',
      'm v=2 9999999999999 <- time 9999999999999 is outside of the years 1677 to 2262 that InfluxDB can hold',
    ]);
  });

  test('sets the tags that every point is to have', async () => {
    const reader = new LineReader({ name: 'f', precision: 'ns', fixedTags: new Map([['host', 'r 1']]) });
    expect(await read(reader, 'm,host=x,a=b v=1i 7')).toEqual(['m,host=r\\ 1,a=b v=1i 7']);
  });

  test('refuses a field that InfluxDB would leave out without a word', async () => {
    expect(await read(lines(), 'm v=1,time=5 7')).toEqual([
      'm v=1,time=5 7 <- InfluxDB keeps no field called time',
    ]);
  });

  test('refuses a point that would swallow those after it', async () => {
    const readings = await read(lines(), 'm,t\\\\ k="b v=1 7\nm,t\\\\\\ k="b v=1 7\nm,t\\ k="b v="c\\\\" 7');
    expect(readings[0]).toMatch(/<- InfluxDB would take the lines after it for a part of it/);
    expect(readings.slice(1)).toEqual(['m,t\\\\\\ k="b v=1 7', 'm,t\\ k="b v="c\\\\" 7']);
  });

  test('refuses a measurement that InfluxDB would give back as another one', async () => {
    expect(await read(lines(), 'a\\\\,b v=1 7\na\\b v=1 7')).toEqual([
      'a\\\\,b v=1 7 <- InfluxDB would not keep the backslash in the measurement "a\\\\,b"',
      'a\\b v=1 7',
    ]);
  });
});

describe('CsvReader', () => {
  test('makes fields of columns, tags of those named, and a time of the one called time', async () => {
    const reader = new CsvReader(mapper({ tagNames: new Set(['host']) }), ',');
    const text =
      '\uFEFFtime,host,value,snr,up\r\n1514979051,"router, 1",SHOWTIME,6.5,true\r\n\r\n1514979141,r2,"a ""b""",,false\r\n';
    expect(await read(reader, text)).toEqual([
      'm,host=router\\,\\ 1 value="SHOWTIME",snr=6.5,up=true 1514979051000000000',
      'm,host=r2 value="a \\"b\\"",up=false 1514979141000000000',
    ]);
  });

  test('takes the types that were said, exact where the text is', async () => {
    const types = new Map([
      ['n', 'int'],
      ['code', 'string'],
      ['note', 'ignore'],
    ] as const);
    const reader = new CsvReader(mapper({ types, timeName: 'when', precision: 'ns' }), ';');
    expect(await read(reader, 'n;code;note;when\n9223372036854775807;007;x;1514979051065000001\n')).toEqual([
      'm n=9223372036854775807i,code="007" 1514979051065000001',
    ]);
  });

  test('refuses rows that do not fit, each with its line and reason, and reads on', async () => {
    const reader = new CsvReader(mapper(), ',');
    const text = 'v,w\n1,a\n2\nn/a,b\n3,"two\nlines"\n,\n4,d\n';
    const readings = (await readAll(reader, [text])).map(shown);
    expect(readings.filter((reading) => !reading.includes('<-'))).toEqual([
      'm v=1,w="a"',
      'm v=3,w="two\nlines"',
      'm v=4,w="d"',
    ]);
    const refusals = readings.filter((reading) => reading.includes('<-'));
    expect(refusals).toHaveLength(3);
    expect(refusals[0]).toBe('2 <- line 3: 1 columns where the header has 2');
    expect(refusals[1]).toMatch(/^n\/a,b <- line 4: v: 'n\/a' is no float, as v was before; .*type v=string/);
    expect(refusals[2]).toBe(', <- line 7: it has no field with a value');
  });

  test('takes a stray quote for what it is, and the next row for the next row', async () => {
    const reader = new CsvReader(mapper(), ',');
    expect(await read(reader, 'v,w\n"x"y,5" pipe\n"a",b\n')).toEqual([
      'm v="\\"x\\"y",w="5\\" pipe"',
      'm v="a",w="b"',
    ]);
  });

  test('reads the same wherever its text is cut', async () => {
    const text = 'v,w\r\n1,"a\r\nb"\r\nx"y,2\r\n3\r\n4,d';
    const whole = (await readAll(new CsvReader(mapper(), ','), [text])).map(shown);
    for (const pieces of cuts(text))
      expect((await readAll(new CsvReader(mapper(), ','), pieces)).map(shown)).toEqual(whole);
  });

  test('refuses options that name no column', async () => {
    const reader = new CsvReader(mapper({ tagNames: new Set(['hots']) }), ',');
    await expect(reader.push('host,v\na,1\n')).rejects.toThrow('there is no column hots; there are: host, v');
  });

  test('refuses a header with two columns of one name', async () => {
    await expect(new CsvReader(mapper(), ',').push('v,v\n1,2\n')).rejects.toThrow(/two columns called 'v'/);
  });

  test('ends at a quote that is never closed, before the memory is full', async () => {
    const reader = new CsvReader(mapper(), ',');
    await expect(reader.push(`v\n"${'x'.repeat(2_000_000)}`)).rejects.toThrow(/is a quote not closed/);
    await expect(readAll(new CsvReader(mapper(), ','), ['v\n1\n"x'])).rejects.toThrow(/at line 3/);
  });
});

describe('JsonReader', () => {
  test('makes fields of values, with dots for objects in objects, and keeps every digit', async () => {
    const reader = new JsonReader(
      mapper({ types: new Map([['n', 'int']]), tagNames: new Set(['host.name']) }),
      false,
    );
    const text =
      '{"@timestamp":"2018-01-03T11:30:51.065Z","host":{"name":"r1"},"n":9007199254740993,"x":1.5,"ok":true,"none":null,"list":[1],"s":""}\n';
    expect(await read(reader, text)).toEqual([
      'm,host.name=r1 n=9007199254740993i,x=1.5,ok=true,list.0=1,s="" 1514979051065000000',
    ]);
  });

  test("keeps the measurement and tags of Telegraf's own JSON", async () => {
    const reader = new JsonReader(mapper({ measurement: undefined }), false);
    const metric =
      '{"fields":{"value":"SHOWTIME","snr":6},"name":"adsl_connection","tags":{"host":"r1"},"timestamp":1514979051}';
    expect(await read(reader, `${metric}\n{"metrics":[${metric}]}`)).toEqual(
      Array(2).fill('adsl_connection,host=r1 value="SHOWTIME",snr=6 1514979051000000000'),
    );
  });

  test('refuses lines that are no object, and reads on', async () => {
    const readings = await read(
      new JsonReader(mapper(), false),
      '{"v":1}\n{"v":\n[{"v":2},3]\nnull\n\n{"v":4}',
    );
    expect(readings).toEqual([
      'm v=1',
      '{"v": <- expected one JSON object a line',
      'm v=2',
      '3 <- expected a JSON object',
      'null <- expected a JSON object',
      'm v=4',
    ]);
  });

  test('reads one value over many lines where a program printed it', async () => {
    const text = '[\n  {"v": 1},\n  {"v": 2}\n]\n';
    expect(await read(new JsonReader(mapper(), true), text)).toEqual(['m v=1', 'm v=2']);
    expect(await read(new JsonReader(mapper(), true), '{"v":1}\n{"v":2}\n')).toEqual(['m v=1', 'm v=2']);
  });

  test('says that nobody has named the measurement', () => {
    const reader = new JsonReader(mapper({ measurement: undefined }), false);
    expect(() => reader.push('{"v":1}\n')).toThrow('no measurement: say measurement NAME');
  });
});

describe('RecordMapper', () => {
  test('calls tags and fields by their new names, whatever else is said of the old ones', async () => {
    const options = { tagNames: new Set(['router']), types: new Map([['n', 'int']] as const) };
    const newNames = new Map([
      ['router', 'host'],
      ['n', 'errors'],
    ]);
    const reader = new CsvReader(mapper({ ...options, newNames }), ',');
    expect(await read(reader, 'router,n,time\nr1,7,1514979051\n')).toEqual([
      'm,host=r1 errors=7i 1514979051000000000',
    ]);
  });

  test('writes what any text is, or refuses it, and never makes two lines of it', async () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1 });
    await fc.assert(
      fc.asyncProperty(name, name, fc.string({ unit: 'grapheme' }), async (key, tag, text) => {
        const record = new Map([
          [`k${key}`, { kind: 'string', text } as const],
          [`t${tag}`, { kind: 'tag', text } as const],
        ]);
        const reading = mapper().read(record, text);
        if (reading.kind === 'refused') return;
        expect(await read(lines(), `${reading.text}\n`)).toEqual([reading.text]);
      }),
    );
  });
});

function failed(): never {
  throw new Error('there is no such reading');
}
