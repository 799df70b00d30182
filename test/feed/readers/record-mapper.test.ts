import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineReader } from '../../../src/feed/readers/lines.ts';
import { RecordMapper } from '../../../src/feed/readers/record-mapper.ts';
import { readText, settings, shown } from '../../support/feed/readings.ts';

function caseFile(name: string): Buffer {
  return readFileSync(new URL(`../../fixtures/cases/${name}`, import.meta.url));
}

describe('RecordMapper, where there is no value', () => {
  test('loses the field, keeps the point, and counts by column and kind', () => {
    expect(readText(caseFile('35-nan.csv'))).toMatchObject({
      all: [
        'm snr=6.5,state="UP" 1735689600000000000',
        'm state="DOWN" 1735689660000000000',
        'm state="DOWN" 1735689720000000000',
        'm state="DOWN" 1735689780000000000',
        'm state="UP" 1735689840000000000',
      ],
      notes: ['4 values left out: snr NaN 1, NULL 1, empty 1, n/a 1'],
      losses: 0,
    });
  });

  test.each(['', 'null', 'NULL', 'NaN', 'N/A', 'n/a', '-', '--', ' -- '])(
    'takes %j for nothing, also in the first row',
    (marker) => {
      const { all } = readText(`snr,state\n${marker},DOWN\n6.5,UP\n`);
      expect(all).toEqual(['m state="DOWN"', 'm snr=6.5,state="UP"']);
    },
  );

  test('takes other markers where they are said', () => {
    const some = { nulls: new Set(['unavailable', '-999']) };
    expect(readText('a,b\n-999,x\n1,unavailable\n2,n/a\n', some).all).toEqual([
      'm b="x"',
      'm a=1',
      'm a=2,b="n/a"',
    ]);
  });

  test("takes JSON's null, Python's NaN and the markers in numbers for nothing, but a text for a text", () => {
    const text =
      '[{"snr":"n/a","s":"-","t":"x"},{"snr":NaN,"s":"UP"},{"snr":-Infinity,"s":"UP"},{"snr":null,"s":null,"t":"y"},{"snr":6.5,"s":"--"}]';
    expect(readText(text)).toMatchObject({
      all: ['m s="-",t="x"', 'm s="UP"', 'm s="UP"', 'm t="y"', 'm snr=6.5,s="--"'],
      notes: ['5 values left out: snr n/a 1, NaN 1, -Infinity 1, null 1; s null 1'],
    });
  });

  test('leaves out what does not fit a declared type, and counts it', () => {
    const some = {
      types: new Map([['state', 'float']] as const),
      timeName: 'last_changed',
      tagNames: new Set(['entity_id']),
    };
    const { all, losses, notes } = readText(caseFile('05-ha-history.csv'), some);
    expect(all.filter((line) => line !== 'empty')).toEqual([
      'm,entity_id=sensor.power state=18894.517578125 1756677600000000000',
      'm,entity_id=sensor.power state=18895 1756684800000000000',
    ]);
    expect(notes).toEqual([
      "6 values left out: state 'unavailable' 1, 'unknown' 1, empty 1, 'on' 2, 'off' 1",
    ]);
    expect(losses).toBe(0);
  });

  test('leaves out a tag that has no value, and counts records that lack it', () => {
    const some = { tagNames: new Set(['host']) };
    expect(readText('host,v\nn/a,1\nr1,2\n', some)).toMatchObject({
      all: ['m v=1', 'm,host=r1 v=2'],
      notes: ['1 value left out: host n/a 1'],
    });
    expect(readText('{"v":1}\n{"host":"r1","v":2}\n', some).notes).toEqual([
      '1 value left out: host missing 1',
    ]);
  });

  test('leaves a field called time out, as InfluxDB does, and says so', () => {
    const { all, losses, notes } = readText('when,time,v\n2025-01-01,5,1\n', { timeName: 'when' });
    expect(all).toEqual(['m v=1 1735689600000000000']);
    expect(losses).toBe(1);
    expect(notes[1]).toMatch(/InfluxDB keeps no field called time/);
  });
});

describe('RecordMapper and types', () => {
  test('takes a column for text that holds both from the beginning, whichever comes first', () => {
    for (const [rows, first, second] of [
      ['6.5\nERR\n', '6.5', 'ERR'],
      ['ERR\n6.5\n', 'ERR', '6.5'],
    ] as const) {
      const { all, losses, notes } = readText(`snr,b\n${rows.replaceAll('\n', ',x\n')}`);
      expect(all).toEqual([`m snr="${first}",b="x"`, `m snr="${second}",b="x"`]);
      expect(notes).toEqual([
        expect.stringMatching(`^snr is mixed: '${first}', and then '${second}' in line 3; .*type snr=float`),
      ]);
      expect(losses).toBe(0);
    }
  });

  test('keeps the type that was written, leaves out what does not fit it later, and says so once', () => {
    const rows = Array.from({ length: 1_500 }, (_, at) => (at < 1_400 ? `${at},x` : 'ERR,x'));
    const { all, losses, notes } = readText(`snr,b\n${rows.join('\n')}\n`);
    expect(all).toHaveLength(1_500);
    expect(all[1_399]).toBe('m snr=1399,b="x"');
    expect(all[1_400]).toBe('m b="x"');
    expect(losses).toBe(100);
    expect(notes).toEqual([
      expect.stringMatching(
        /^snr is mixed: '0', and then 'ERR' in line 1402, which is left out, .*type snr=string/,
      ),
      "100 values left out: snr 'ERR' 100",
    ]);
  });

  test('refuses a record none of whose values fits', () => {
    const rows = [...Array.from({ length: 1_000 }, (_, at) => String(at)), 'ERR'];
    const { all } = readText(`snr\n${rows.join('\n')}\n`, {}, { format: 'csv' });
    expect(all.at(-1)).toBe('ERR <- line 1002: none of its values fits its column');
  });

  test('calls tags and fields by their new names, whatever else is said of the old ones', () => {
    const some = { tagNames: new Set(['router']), types: new Map([['n', 'int']] as const) };
    const newNames = new Map([
      ['router', 'host'],
      ['n', 'errors'],
    ]);
    expect(readText('router,n,time\nr1,7,1514979051\n', { ...some, newNames }).all).toEqual([
      'm,host=r1 errors=7i 1514979051000000000',
    ]);
  });

  test('writes what any text is, or refuses it, and never makes two lines of it', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(name, name, fc.string({ unit: 'grapheme' }), (key, tag, text) => {
        const cells = new Map([
          [`k${key}`, { kind: 'string', text } as const],
          [`t${tag}`, { kind: 'tag', text } as const],
        ]);
        const reading = new RecordMapper(settings()).read({ cells, raw: text });
        if (reading.kind !== 'point') return;
        const reader = new LineReader({ name: 'f', precision: 'ns', fixedTags: new Map() });
        const again = [...reader.push(`${reading.text}\n`), ...reader.end()];
        expect(again.map(shown)).toEqual([reading.text]);
        expect(again[0]).toMatchObject({ point: reading.point });
      }),
    );
  });
});

describe('RecordMapper and times under other names', () => {
  test.each([
    ['last_changed', '2025-08-31T22:00:00.000Z'],
    ['_time', '2025-08-31T22:00:00Z'],
    ['date', '2025-08-31'],
    ['Time', '1514979051'],
    ['Zeit', '25.10.2025 02:30:00'],
    ['Datum/Uhrzeit', '25.10.2025 02:30'],
    ['created_at', '1514979051065'],
    ['when', ''],
    ['ts', '1514979051'],
    ['whatever', '2018-01-03T11:30:51.065Z'],
    ['x', '01/31/2025 11:30'],
  ])('asks whether %s (%s) is one', (name, text) => {
    expect(() => readText(`v,${name}\n1,${text}\n`)).toThrow(`but ${name} looks like one`);
    expect(() => readText(JSON.stringify({ v: 1, [name]: text }))).toThrow(`but ${name} looks like one`);
  });

  test('does not ask where it is said what the name holds, or nothing looks like a time', () => {
    const text = 'v,last_changed\n1,2025-08-31\n';
    const saids = [
      { types: new Map([['last_changed', 'string']] as const) },
      { types: new Map([['last_changed', 'ignore']] as const) },
      { tagNames: new Set(['last_changed']) },
    ];
    for (const said of saids) expect(readText(text, said).all).toHaveLength(1);
    expect(readText('uptime,response_time,status\n1,0.35,ok\n').all).toHaveLength(1);
    expect(readText(text, { isHistory: false }).all).toHaveLength(1);
  });

  test('refuses a record whose time is missing where others have one', () => {
    expect(readText('time,v\n2025-01-01,1\n,2\nn/a,3\n').all.slice(1)).toEqual([
      ',2 <- line 3: it has no time',
      'n/a,3 <- line 4: it has no time',
    ]);
  });
});
