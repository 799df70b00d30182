import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ReadSettings } from '../../../src/feed/readers/settings.ts';
import { cuts, readText } from '../../support/feed/readings.ts';

function read(text: string | Buffer, some: Partial<ReadSettings> = {}) {
  return readText(text, some, { format: 'csv' });
}

function caseFile(name: string): Buffer {
  return readFileSync(new URL(`../../fixtures/cases/${name}`, import.meta.url));
}

const HOST = { tagNames: new Set(['host']) };
const ISO = '2018-01-03T11:30:51Z';
const NS = '1514979051000000000';

describe('CsvReader', () => {
  test('makes fields of columns, tags of those named, and a time of the one called time', () => {
    const text =
      '\uFEFFtime,host,value,snr,up\r\n1514979051,"router, 1",SHOWTIME,6.5,true\r\n\r\n1514979141,r2,"a ""b""",,false\r\n';
    expect(read(text, HOST).all).toEqual([
      'm,host=router\\,\\ 1 value="SHOWTIME",snr=6.5,up=true 1514979051000000000',
      'm,host=r2 value="a \\"b\\"",up=false 1514979141000000000',
    ]);
  });

  test('takes the types that were said, exact where the text is', () => {
    const types = new Map([
      ['n', 'int'],
      ['code', 'string'],
      ['note', 'ignore'],
    ] as const);
    const text = 'n;code;note;when\n9223372036854775807;007;x;1514979051065000001\n';
    expect(read(text, { types, timeName: 'when', precision: 'ns', delimiter: ';' }).all).toEqual([
      'm n=9223372036854775807i,code="007" 1514979051065000001',
    ]);
  });

  test('refuses rows that do not fit, each with its line and reason, in their order, and reads on', () => {
    const { all } = read('v,w\n1,a\n2\nn/a,b\n3,"two\nlines"\n,\n4,d,e\n5,f,,\n');
    expect(all).toEqual([
      'm v=1,w="a"',
      '2 <- line 3: 1 columns where the header has 2',
      'm w="b"',
      'm v=3,w="two\nlines"',
      'empty',
      '4,d,e <- line 8: 3 columns where the header has 2',
      'm v=5,w="f"',
    ]);
  });

  test('takes a stray quote for what it is, and the next row for the next row', () => {
    expect(read('v,w\n"x"y,5" pipe\n"a",b\n').all).toEqual(['m v="\\"x\\"y",w="5\\" pipe"', 'm v="a",w="b"']);
  });

  test('loses one line to a quote that is never closed, and none after it', () => {
    expect(read('v,w\n1,a\n"x,b\n3,c\n').all).toEqual([
      'm v=1,w="a"',
      '"x,b <- line 3: a quote in it is not closed',
      'm v=3,w="c"',
    ]);
    const long = read(`v,w\n"${'x'.repeat(2_000_000)}\n3,c\n`).all;
    expect(long).toHaveLength(2);
    expect(long[1]).toBe('m v=3,w="c"');
  });

  test.each([
    ['CRLF', 'v,w\r\n1,a\r\n2,b\r\n'],
    ['CR', 'v,w\r1,a\r2,b\r'],
    ['all kinds of line ends', 'v,w\r\n1,a\n2,b\r'],
    ['blank lines', '\n\nv,w\n\n1,a\n   \n2,b\n\n'],
    ['blanks around names and cells', ' v , w\n 1 ,"a" \n2\t, b\n'],
    ['semicolons', 'v;w\n1;a\n2;b\n'],
    ['tabs', 'v\tw\n1\ta\n2\tb\n'],
    ['bars', 'v|w\n1|a\n2|b\n'],
    ['a delimiter that it says itself', 'sep=;\r\nv;w\r\n1;a\r\n2;b\r\n'],
    ['a delimiter that it says itself, in quotes', '"sep=;"\nv;w\n1;a\n2;b\n'],
    ['its header again', 'v,w\n1,a\nv,w\n2,b\n'],
    ['why rows were refused', '# rejected: line 3: "a", b\nv,w\n1,a\n# rejected: "never closed\n2,b\n'],
    ['no line break at its end', 'v,w\n1,a\n2,b'],
    ['nothing in its last columns', 'v,w\n1,a,\n2,b,,\n'],
  ])('reads what has %s', (_what, text) => {
    expect(read(text)).toMatchObject({ all: ['m v=1,w="a"', 'm v=2,w="b"'], notes: [] });
  });

  test('keeps what is in quotes: delimiters, blanks, line breaks, sep=', () => {
    expect(read('v,w\n" a;b, ","x\r\n# rejected: y"\n').all).toEqual(['m v=" a;b, ",w="x\r\n# rejected: y"']);
  });

  test('takes the delimiter that keeps the number of columns where a header has several', () => {
    expect(
      read('Zeit;Temp, innen;Status\n2025-01-01T00:00:00Z;21,5;Ein\n', { timeName: 'Zeit', decimal: ',' })
        .all,
    ).toEqual(['m Temp\\,\\ innen=21.5,Status="Ein" 1735689600000000000']);
  });

  test('passes over lines before the header', () => {
    const text = 'Report of today\n"a, b"\n\nv;w\n1;a\n';
    expect(read(text, { skippedLines: 2 }).all).toEqual(['m v=1,w="a"']);
    expect(() => read('Report of today\nv;w\n1;a\n')).toThrow(/header has one column .*skipLines N/);
  });

  test('reads the same wherever its bytes are cut', () => {
    const text = 'v,ẅ\r\n1,"a\r\nb"\r\nx"y,2\r\n3\r\n"open,4\n4,d';
    const whole = read(text);
    for (const pieces of cuts(text)) expect(readText(pieces, {}, { format: 'csv' })).toEqual(whole);
  });

  test.each([
    [
      'a name that no column has',
      'host,v\na,1\n',
      { tagNames: new Set(['hots']) },
      'there is no column hots; there are: host, v',
    ],
    ['two columns of one name', 'v,w,v\n1,2,3\n', {}, "two columns called 'v' (1 and 3)"],
    [
      'data in place of a header',
      '2025-01-01T00:00:00Z,UP\n2025-01-01T00:01:00Z,DOWN\n',
      {},
      'the CSV has no header',
    ],
    ['numbers in place of a header', '1,2\n3,4\n', {}, 'the CSV has no header'],
    [
      'a time of another form than can be read',
      '#datatype measurement,dateTime:2006-01-02,double\nm,time,v\nx,2025-01-01,1\n',
      {},
      'timeFormat',
    ],
  ])('refuses %s', (_what, text, some, message) => {
    expect(() => read(text, some)).toThrow(message);
  });

  test('calls a column without a name by its number, and says so where it holds something', () => {
    expect(read(`,time,state\n0,${ISO},UP\n`)).toMatchObject({
      all: [`m column_1=0,state="UP" ${NS}`],
      notes: ['column 1 has no name in the header: it is called column_1'],
    });
    expect(read(`time,state,\n${ISO},UP,\n`).notes).toEqual([]);
  });

  test('reads decimal commas and thousands where they are said, and asks where they are not', () => {
    const text = caseFile('14-comma.csv');
    expect(read(text, { decimal: ',' }).all).toEqual([
      'm state="UP",temp=21.5,p=1234.5 1735689600000000000',
      'm state="UP",temp=21,p=7 1735689660000000000',
    ]);
    expect(read(text).notes[0]).toBe(
      "temp holds '21,5', which is taken for text; decimal , makes a number of it",
    );
    const spaced = read(`v;w\n1 234,5;1'234\n-1.234.567,8;+0,5\n`, { decimal: ',' });
    expect(spaced.all).toEqual(['m v=1234.5,w=1234', 'm v=-1234567.8,w=0.5']);
  });

  test('reads what a German spreadsheet writes', () => {
    const some = {
      decimal: ',',
      tagNames: new Set(['Anlage']),
      timeFormat: 'dd.MM.yyyy HH:mm:ss',
      timeName: 'Zeit',
      timeZone: 'Europe/Berlin',
    } as const;
    expect(read(caseFile('06-excel-de.csv'), some)).toMatchObject({
      all: [
        'm,Anlage=Kessel\\ 1 Status="Ein",Temperatur=21.5,Leistung=1234.5 1761352200000000000',
        // Shown twice: the first time, in summer time.
        'm,Anlage=Kessel\\ 1 Status="Aus",Temperatur=-3.75,Leistung=0 1761438600000000000',
      ],
      notes: ['1 time was shown twice by the clocks of its zone: it was taken for the first'],
    });
  });
});

describe('CsvReader, of Flux', () => {
  test('reads tables one after another, their measurement, tags, types and times', () => {
    expect(read(caseFile('01-flux-annotated.csv'))).toMatchObject({
      all: [
        'adsl_connection,host=router1 value="SHOWTIME" 1514979051000000000',
        'adsl_connection,host=router1 value="TRAINING" 1514979141000000000',
        'adsl_connection,host=router1 snr=6.5 1514979051000000000',
      ],
      notes: [],
    });
  });

  test('takes types as they are annotated, and defaults', () => {
    const text = [
      '#group,false,false,false,false,true,true,true',
      '#datatype,string,long,dateTime:RFC3339,long,string,string,string',
      '#default,_result,,,7,,,r1',
      ',result,table,_time,_value,_field,_measurement,host',
      `,,0,${ISO},9223372036854775807,n,adsl,`,
      `,,0,${ISO},,n,adsl,r2`,
      '',
      '#group,false,false,false,false,true,true',
      '#datatype,string,long,dateTime:RFC3339,boolean,string,string',
      '#default,_result,,,,,',
      ',result,table,_time,_value,_field,_measurement',
      `,,1,${ISO},true,up,adsl`,
      '#group,false,false,false,false,true,true',
      '#datatype,string,long,dateTime:RFC3339,string,string,string',
      '#default,_result,,,,,',
      ',result,table,_time,_value,_field,_measurement',
      `,,2,${ISO},n/a,state,adsl`,
    ].join('\r\n');
    expect(read(text).all).toEqual([
      `adsl,host=r1 n=9223372036854775807i ${NS}`,
      `adsl,host=r2 n=7i ${NS}`,
      `adsl up=true ${NS}`,
      // A string of a database's own is no marker of nothing.
      `adsl state="n/a" ${NS}`,
    ]);
  });

  test('reads fields in columns of their own', () => {
    const text = [
      '#group,false,false,false,true,true,false,false,false',
      '#datatype,string,long,dateTime:RFC3339,string,string,double,string,long',
      '#default,_result,,,,,,,',
      ',result,table,_time,_measurement,host,snr,state,n',
      `,,0,${ISO},adsl,r1,6.5,UP,3`,
      `,,0,${ISO},adsl,r2,,DOWN,`,
    ].join('\n');
    expect(read(text).all).toEqual([
      `adsl,host=r1 snr=6.5,state="UP",n=3i ${NS}`,
      `adsl,host=r2 state="DOWN" ${NS}`,
    ]);
  });

  test('reads tables without annotations', () => {
    const table = `,result,table,_time,_value,_field,_measurement,host\n,,0,${ISO},UP,state,adsl,r1\n`;
    expect(read(`${table}\n${table}`).all).toEqual(Array(2).fill(`adsl,host=r1 state="UP" ${NS}`));
  });

  test('asks for the time where a query has left it out', () => {
    const table = `,result,table,_start,_stop,_value,_field,_measurement\n,,0,${ISO},${ISO},UP,state,adsl\n`;
    expect(() => read(table)).toThrow(/say time _st/);
    expect(read(table, { timeName: '_stop' }).all).toEqual([`adsl state="UP" ${NS}`]);
  });

  test('says what a query has failed of', () => {
    const text =
      '#datatype,string,string\n#group,true,true\n#default,,\n,error,reference\n,no such bucket,897\n';
    expect(read(text).all).toEqual([
      ',no such bucket,897 <- line 5: the query has failed, says the server: no such bucket',
    ]);
  });
});

describe('CsvReader, of influx write', () => {
  test.each([
    [
      'annotations',
      `#datatype measurement,tag,double,string,dateTime:RFC3339\nm,host,snr,state,time\nadsl,r1,6.5,7,${ISO}\n`,
    ],
    [
      'annotations in a column of their own',
      `#datatype,measurement,tag,double,string,dateTime:RFC3339\n,m,host,snr,state,time\n,adsl,r1,6.5,7,${ISO}\n`,
    ],
    [
      'types in the header',
      `m|measurement,host|tag,snr|double,state|string,time|dateTime:RFC3339\nadsl,r1,6.5,7,${ISO}\n`,
    ],
    [
      'a default in the header',
      `m|measurement|adsl,host|tag|r1,snr|double,state|string,time|dateTime\n,,6.5,7,${ISO}\n`,
    ],
    [
      'constants',
      `#constant measurement,adsl\n#constant tag,host,r1\nsnr|double,state|string,time|dateTime:number\n6.5,7,1514979051\n`,
    ],
    [
      'what is ignored',
      `#datatype measurement,tag,double,string,ignored,dateTime:RFC3339\nm,host,snr,state,x,time\nadsl,r1,6.5,7,9,${ISO}\n`,
    ],
  ])('reads %s', (_what, text) => {
    expect(read(text).all).toEqual([`adsl,host=r1 snr=6.5,state="7" ${NS}`]);
  });

  test('takes numbers and switches as their types have them', () => {
    const text = `#datatype measurement,"double:,.","boolean:yes,on:no,off",long,time\nm,a,b,c,time\nx,"1.234,5",on,12,${NS}\n`;
    expect(read(text).all).toEqual([`x a=1234.5,b=true,c=12i ${NS}`]);
  });
});

describe('CsvReader, of the influx shell', () => {
  test('makes a measurement and tags of its first columns', () => {
    expect(read(caseFile('08-influx-cli.csv')).all).toEqual([
      'adsl_connection,host=router1 value="SHOWTIME" 1514979051065000000',
      'adsl_connection,host=router1 value="TRAINING" 1514979141070000000',
      'adsl_connection,host=router1 value="SHOWTIME" 1514979231065000000',
    ]);
  });

  test('reads several tables, tags with commas, and times of any precision', () => {
    const text =
      'name,tags,time,n,value\nadsl,"host=a,b,site=",2018-01-03T11:30:51Z,3,"TRAIN, ""q"""\n' +
      'name,tags,time,v\ncpu,host=x y,1514979051,1.5e+30\n\nname,time,host,v\ncpu,1514979051000,a,1\n';
    expect(read(text).all).toEqual([
      `adsl,host=a\\,b n=3,value="TRAIN, \\"q\\"" ${NS}`,
      `cpu,host=x\\ y v=1.5e+30 ${NS}`,
      `cpu host="a",v=1 ${NS}`,
    ]);
  });

  test('takes backslashes off tags where InfluxDB itself has put them', () => {
    const text = `name,tags,time,v\na,"host=r1,site=a\\ b\\,c\\=d",${NS},1\n`;
    expect(read(text).all).toEqual([`a,host=r1,site=a\\ b\\,c\\=d v=1 ${NS}`]);
  });

  test('leaves a name alone that somebody has said the meaning of', () => {
    const text = `name,time,v\na,${ISO},1\n`;
    expect(read(text).all).toEqual([`a v=1 ${NS}`]);
    expect(read(text, { tagNames: new Set(['name']) }).all).toEqual([`m,name=a v=1 ${NS}`]);
    expect(read(text, { measurement: 'x' }).all).toEqual([`x name="a",v=1 ${NS}`]);
  });
});
