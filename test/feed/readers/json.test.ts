import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ReadSettings } from '../../../src/feed/readers/settings.ts';
import { cuts, readText } from '../../support/feed/readings.ts';

function read(text: string | Buffer, some: Partial<ReadSettings> = {}) {
  return readText(text, some, { format: 'json' });
}

function caseFile(name: string): Buffer {
  return readFileSync(new URL(`../../fixtures/cases/${name}`, import.meta.url));
}

describe('JsonReader', () => {
  test('makes fields of values, with dots for objects in objects, and keeps every digit', () => {
    const some = { types: new Map([['n', 'int']] as const), tagNames: new Set(['host.name']) };
    const text =
      '{"@timestamp":"2018-01-03T11:30:51.065Z","host":{"name":"r1"},"n":9007199254740993,"x":1.5,"ok":true,"none":null,"list":[1],"s":""}\n';
    expect(read(text, some)).toMatchObject({
      all: ['m,host.name=r1 n=9007199254740993i,x=1.5,ok=true,list.0=1,s="" 1514979051065000000'],
      notes: ['1 value left out: none null 1'],
    });
  });

  test.each([
    ['one object a line', '{"v":1}\n{"v":2}\n{"v":3}\n'],
    ['one object a line, with CRLF and blank lines', '\r\n{"v":1}\r\n\r\n{"v":2}\r\n{"v":3}'],
    ['one after another', '{"v":1}{"v":2} {"v":3}'],
    ['pretty-printed, one after another', '{\n  "v": 1\n}\n{\n  "v": 2\n}\n{\n  "v": 3\n}\n'],
    ['an array', '[{"v":1},{"v":2},{"v":3}]'],
    ['a pretty-printed array', '[\n  {\n    "v": 1\n  },\n  {"v": 2},\n  {"v": 3}\n]\n'],
    ['arrays within an array', '[[{"v":1},{"v":2}],[{"v":3}],[]]'],
    ['an array a line', '[{"v":1}]\n[{"v":2},{"v":3}]\n'],
    ['a byte order mark', '\uFEFF[{"v":1},{"v":2},{"v":3}]'],
    ['commas behind the lines', '{"v":1},\n{"v":2},\n{"v":3}\n'],
    ['record separators', '\u001e{"v":1}\n\u001e{"v":2}\n\u001e{"v":3}\n'],
    ['why records were refused', '# rejected: line 1: {"v"\n{"v":1}\n{"v":2}\n# rejected: x\n{"v":3}\n'],
  ])('reads %s', (_what, text) => {
    expect(read(text)).toMatchObject({ all: ['m v=1', 'm v=2', 'm v=3'], notes: [] });
  });

  test('reads the same wherever its bytes are cut', () => {
    const text =
      '[{"v":1,"s":"}\\"\\\\"},\n {"v":NaN,"w":"ü"}, [{"v":\n3}]]\n{"v":4}\nnonsense\n# rejected: x\n{"v":5}{"v"';
    const whole = read(text);
    expect(whole.all).toHaveLength(7);
    for (const pieces of cuts(text)) expect(readText(pieces, {}, { format: 'json' })).toEqual(whole);
  });

  test('refuses what is no object, with its line, and reads on', () => {
    expect(
      read('{"v":1}\n{"v":\n[{"v":2},3]\nnull\n\n{"v":4}\n{"v":"open\n{"v":5}\n{"v":6,}\n{"v":7}').all,
    ).toEqual([
      'm v=1',
      '{"v": <- line 2: a text in it is not closed',
      'm v=2',
      '3 <- line 3: expected a JSON object',
      'null <- line 4: expected a JSON object',
      'm v=4',
      '{"v":"open <- line 7: a text in it is not closed',
      'm v=5',
      '{"v":6,} <- line 9: this is no JSON',
      'm v=7',
    ]);
  });

  test('says that an array was cut off', () => {
    expect(read('[{"v":1},\n{"v":2}').all.at(-1)).toMatch(/an array is not closed/);
  });

  test("keeps the measurement, tags and time of Telegraf's own", () => {
    const metric =
      '{"fields":{"value":"SHOWTIME","snr":6},"name":"adsl_connection","tags":{"host":"r1"},"timestamp":1514979051}';
    expect(read(`${metric}\n{"metrics":[${metric}]}`, { usualMeasurement: undefined }).all).toEqual(
      Array(2).fill('adsl_connection,host=r1 value="SHOWTIME",snr=6 1514979051000000000'),
    );
  });

  test('says that nobody has named the measurement', () => {
    expect(() => read('{"v":1}\n', { usualMeasurement: undefined })).toThrow(
      'no measurement: say measurement NAME',
    );
  });

  test('takes the fields that are selected, and nothing else', () => {
    const text =
      '[[{"entity_id":"sensor.a","state":"on","attributes":{"unit":"W","friendly":{"name":"A"},"n":1},"last_changed":"2025-01-01T00:00:00Z"}]]';
    const some = { tagNames: new Set(['entity_id']), timeName: 'last_changed' };
    expect(read(text, { ...some, selected: new Set(['state']) }).all).toEqual([
      'm,entity_id=sensor.a state="on" 1735689600000000000',
    ]);
    expect(read(text, { ...some, selected: new Set(['attributes.friendly', 'attributes.n']) }).all).toEqual([
      'm,entity_id=sensor.a attributes.friendly.name="A",attributes.n=1 1735689600000000000',
    ]);
    const wrong = read(text, { ...some, selected: new Set(['status']) });
    expect(wrong).toMatchObject({ all: ['empty'], notes: ['no record has had a status'] });
    expect(wrong.losses).toBe(1);
  });
});

describe('JsonReader, of answers of InfluxDB', () => {
  test('reads the series of a query, plain and pretty', () => {
    const lines = [
      'adsl_connection,host=router1 value="SHOWTIME" 1514979051065000000',
      'adsl_connection,host=router1 value="TRAINING" 1514979141070000000',
      'adsl_connection,host=router1 value="SHOWTIME" 1514979231065000000',
    ];
    const plain = caseFile('08c-query.json');
    expect(read(plain).all).toEqual(lines);
    expect(read(JSON.stringify(JSON.parse(plain.toString()), null, 4)).all).toEqual(lines);
  });

  test('reads several statements and series, numbers exact, nulls as nothing', () => {
    const text =
      '{"results":[{"statement_id":0,"series":[{"name":"a","columns":["time","host","n","x"],"values":[[1514979051065000001,"r1",9007199254740993,null]]}]},' +
      '{"statement_id":1},{"statement_id":2,"series":[{"name":"b","tags":{"host":"r,1"},"columns":["time","ok"],"values":[["2018-01-03T11:30:51Z",false]]}]}]}';
    const some = { tagNames: new Set(['host']), types: new Map([['n', 'int']] as const) };
    expect(read(text, some).all).toEqual([
      'a,host=r1 n=9007199254740993i 1514979051065000001',
      'b,host=r\\,1 ok=false 1514979051000000000',
    ]);
  });

  test.each([
    ['of the whole', '{"error":"authorization failed"}', /the server answered: authorization failed/],
    [
      'of a statement',
      '{"results":[{"statement_id":0,"error":"database not found: x"}]}',
      /the server answered: database not found/,
    ],
  ])('says the error %s', (_what, text, message) => {
    expect(read(text).all).toEqual([expect.stringMatching(message)]);
  });

  test('says that an answer was cut off by the server', () => {
    const text =
      '{"results":[{"series":[{"name":"a","columns":["time","v"],"values":[[1514979051,1]],"partial":true}]}]}';
    const { losses, notes } = read(text);
    expect([losses, notes]).toEqual([1, [expect.stringMatching(/cut its answer off/)]]);
  });
});
