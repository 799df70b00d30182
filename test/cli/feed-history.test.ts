import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { atEnd } from '../support/at-end.ts';
import { CapturedIo } from '../support/captured-io.ts';
import { RecordedServer } from '../support/recorded-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { zipOf } from '../support/zip.ts';

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function edgeDetect(args: readonly string[], input: string | Buffer = ''): Promise<Result> {
  const io = new CapturedIo(input);
  const code = await run(args, io);
  return { code, out: io.out, err: io.err };
}

function feed(input: string | Buffer, ...args: readonly string[]): Promise<Result> {
  return edgeDetect(['feed', '--file', '-', '--measurement', 'm', ...args], input);
}

function replay(input: string | Buffer, ...args: readonly string[]): Promise<Result> {
  return edgeDetect(['replay', '-', '--field', 'v', '--format', 'lp', ...args], input);
}

function caseFile(name: string): Buffer {
  return readFileSync(new URL(`../fixtures/cases/${name}`, import.meta.url));
}

describe('a time that can not be meant', () => {
  const lines = (unit: string): string =>
    ['1', '2', '3'].map((v, at) => `m v=${v} 153344172${at}${unit}\n`).join('');

  test.each([
    ['s', ''],
    ['ms', '000'],
    ['us', '000000'],
  ])('is refused by feed, which names the unit %s and has written nothing', async (unit, zeros) => {
    const { code, err, out } = await edgeDetect(['feed', '--file', '-'], lines(zeros));
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(
      new RegExp(`the first times all lie before 1980 \\(1970-.*not nanoseconds: say --precision ${unit} `),
    );
    const believed = await edgeDetect(['feed', '--file', '-', '--precision', unit], lines(zeros));
    expect([believed.code, believed.out.split('\n')[0]]).toEqual([0, 'm v=1 1533441720000000000']);
  });

  test('is warned of by replay, which goes on, and takes --precision', async () => {
    const warned = await replay(lines(''));
    expect([warned.code, warned.out]).toEqual([0, lines('')]);
    expect(warned.err).toMatch(
      /^edge-detect: warning: the first times all lie before 1980 .*say --precision s /,
    );
    const said = await replay(lines(''), '--precision', 's');
    expect([said.code, said.err, said.out.split('\n')[0]]).toEqual([0, '', 'm v=1 1533441720000000000']);
  });

  test('is none where the first of them can be meant, or it is said that they are', async () => {
    const mixed = await edgeDetect(['feed', '--file', '-'], 'm v=1 1533441720000000000\nm v=2 5\n');
    expect([mixed.code, mixed.out]).toEqual([0, 'm v=1 1533441720000000000\nm v=2 5\n']);
    expect((await edgeDetect(['feed', '--file', '-', '--precision', 'ns'], 'm v=2 5\n')).out).toBe(
      'm v=2 5\n',
    );
  });

  test.each([
    ['in the far future', 'm v=1 9000000000000000000\n', /after 2200 \(2255-/],
    [
      'of a clock that was never set',
      'time,v\n1970-01-01T00:05:00Z,1\n',
      /before 1980 \(1970-01-01T00:05:00Z\)/,
    ],
    ['of numbers too small for any unit', 'time,v\n7,1\n', /say what unit/],
  ])('is refused also %s', async (_what, text, message) => {
    const { code, err, out } = await edgeDetect(
      ['feed', '--file', '-', ...(text.startsWith('m') ? [] : ['--measurement', 'm'])],
      text,
    );
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
  });

  test('is refused in what a program prints', async () => {
    const exec = ['feed', '--exec', 'echo m v=1 1533441720', '--polls', '1'];
    const { code, err, out } = await edgeDetect(exec);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('say --precision s');
    expect((await edgeDetect([...exec, '--precision', 's'])).out).toBe('m v=1 1533441720000000000\n');
  });

  test('is refused where --shift-to-now moves it beyond what can be held', async () => {
    const text = 'm v=1 1533441720000000000\nm v=2 9200000000000000000\nm v=3 1533441721000000000\n';
    const { code, err, out } = await edgeDetect(['feed', '--file', '-', '--shift-to-now'], text);
    expect(code).toBe(1);
    expect(out.match(/v=\d/g)).toEqual(['v=1', 'v=3']);
    expect(err).toMatch(/rejected: moved, its time is outside of the years 1677 to 2262/);
  });
});

describe('points without a time', () => {
  test.each(['feed', 'replay'] as const)(
    'are asked about by %s where another name looks like one',
    async (command) => {
      const ask = command === 'feed' ? feed : replay;
      const { code, err, out } = await ask(caseFile('05-ha-history.csv'));
      expect([code, out]).toEqual([2, '']);
      expect(err).toMatch(
        /no time, but last_changed looks like one .*say --time last_changed, or --type last_changed=string/,
      );
    },
  );

  test('are of the time of reading where nothing does, and that is said', async () => {
    const { code, err } = await feed('v,w\n1,2\n3,4\n');
    expect(code).toBe(0);
    expect(err).toContain('2 points had no time: each was given that at which it was read');
    expect((await edgeDetect(['feed', '--file', '-'], 'm v=1\n')).err).toContain('1 point had no time');
    expect((await replay('v,w\n1,2\n')).err).toContain('1 point without a timestamp');
  });

  test('of a device are nothing to speak of', async () => {
    const { err } = await edgeDetect(['feed', '--exec', 'echo m v=1', '--polls', '1']);
    expect(err).toBe('edge-detect feed: points: 1 read, 1 written, 0 rejected, 0 lost; runs: 1, failed: 0\n');
  });
});

describe('feed and replay of one file', () => {
  const FLAGS: Readonly<Record<string, readonly string[]>> = {
    '01-flux-annotated.csv': ['value', 'host'],
    '02-inspect-export.lp': ['value', 'host'],
    '08-influx-cli.csv': ['value', 'host'],
    '08c-query.json': ['value', 'host'],
    '09b-array-pretty.json': ['state', 'host'],
    '27-space.csv': ['state', 'host'],
    '35-nan.csv': ['state', 'host'],
  };

  test.each(Object.entries(FLAGS))('%s give the same points', async (name, [field = '', tag = '']) => {
    const fed = await edgeDetect(
      [
        'feed',
        '--file',
        '-',
        ...(/lp$|^0[18]/.test(name) ? [] : ['--measurement', 'stdin']),
        ...(/^09/.test(name) ? ['--tag', tag] : []),
      ],
      caseFile(name),
    );
    const changes = await edgeDetect(
      ['replay', '-', '--field', field, '--group-by', tag, '--format', 'lp'],
      caseFile(name),
    );
    expect([fed.code, changes.code]).toEqual([0, 0]);
    const states = fed.out.split('\n').filter((line) => line.includes(`${field}=`));
    expect(states).toEqual(expect.arrayContaining(changes.out.split('\n').filter((line) => line !== '')));
  });

  test('knows UTF-16, gzip and CRLF alike', async () => {
    const text = 'time;v\r\n2025-01-01 12:00;1\r\n2025-01-01 12:01;2\r\n';
    const bytes = gzipSync(Buffer.from(`\uFEFF${text}`, 'utf16le'));
    const zone = ['--time-zone', 'Europe/Berlin'];
    expect((await feed(bytes, ...zone)).out).toBe('m v=1 1735729200000000000\nm v=2 1735729260000000000\n');
    expect((await replay(bytes, ...zone)).out).toBe(
      'stdin v=1 1735729200000000000\nstdin v=2 1735729260000000000\n',
    );
  });

  test('leave out what is no point, and say so by their exit code', async () => {
    const text = 'time,v\n2025-01-01,1\nnever,2\n2025-01-02,3\n';
    const fed = await feed(text);
    expect([fed.code, fed.out.match(/v=\d/g)]).toEqual([1, ['v=1', 'v=3']]);
    const played = await replay(text);
    expect([played.code, played.out.match(/v=\d/g)]).toEqual([1, ['v=1', 'v=3']]);
    expect(played.err).toMatch(/rejected: line 3: 'never' is no time/);
    expect(played.err).toContain('1 record was left out as no point');
  });

  test('refuse what is no text by its name, and name the flag that says otherwise', async () => {
    const xlsx = Buffer.from(`PK\u0003\u0004${'\0'.repeat(26)}[Content_Types].xml`, 'latin1');
    const fed = await feed(xlsx);
    expect([fed.code, fed.err]).toEqual([2, expect.stringMatching(/stdin: this is an Excel workbook/)]);
    const file = join(temporaryFolder(), 'a.xlsx');
    writeFileSync(file, zipOf({ '[Content_Types].xml': '<a/>', 'xl/workbook.xml': '<a/>' }));
    expect((await edgeDetect(['replay', file, '--field', 'v'])).err).toMatch(/this is an Excel workbook/);
    const prose = 'Dear reader, this is a letter.\nIt has no points.\n';
    expect((await feed(prose)).err).toMatch(/neither line protocol nor JSON nor CSV.*--format says/);
    expect((await replay(prose)).err).toMatch(/neither line protocol nor JSON nor CSV.*--input-format says/);
  });
});

describe('what the product writes', () => {
  // Fields in the order in which they come back: floats, integers, strings, switches.
  const LINES =
    'm,host=r\\,1 f=3,n=-0.5,i=9007199254740993i,v="a \\"b\\"\\\\",b=true 1514979051065000001\n' +
    'm,host=r\\,1 f=1e+21,n=-0,i=-3i,v="c",b=false 1514979051065000002\n';

  test.each(['lp', 'json'])('as replay --format %s, it reads', async (format) => {
    const played = await edgeDetect(
      ['replay', '-', '--field', 'v', '--group-by', 'host', '--format', format],
      LINES,
    );
    expect(played.code).toBe(0);
    expect((await edgeDetect(['feed', '--file', '-'], played.out)).out).toBe(LINES);
    const again = await edgeDetect(
      ['replay', '-', '--field', 'v', '--group-by', 'host', '--format', 'lp'],
      played.out,
    );
    expect(again.out).toBe(LINES);
  });

  test('as feed writes it to standard output, it reads', async () => {
    const { out } = await feed(caseFile('09b-array-pretty.json'), '--tag', 'host');
    expect((await edgeDetect(['feed', '--file', '-'], out)).out).toBe(out);
  });
});

describe('an export that says where its points belong', () => {
  const EXPORT =
    '# DDL\nCREATE DATABASE a\n# DML\n# CONTEXT-DATABASE: a\n# CONTEXT-RETENTION-POLICY: raw\nm v=1 1514979051000000000\n' +
    '# CONTEXT-DATABASE: b\nm v=2 1514979052000000000\nm v=3 1514979053000000000\n';

  async function server(): Promise<RecordedServer> {
    const started = await RecordedServer.start(({ url }) =>
      url.pathname === '/ping'
        ? { status: 204, headers: { 'x-influxdb-version': '1.6.7' } }
        : { status: 204 },
    );
    atEnd(() => started[Symbol.asyncDispose]());
    return started;
  }

  function writes({ requests }: RecordedServer): unknown[] {
    return requests
      .filter(({ url }) => url.pathname.endsWith('/write'))
      .map(({ body, url }) => [url.searchParams.get('db'), url.searchParams.get('rp'), body.match(/v=\d/g)]);
  }

  test('is written there where nobody has said a database', async () => {
    const influx = await server();
    const { code, err } = await edgeDetect(['feed', '--file', '-', '--influxdb', influx.url.href], EXPORT);
    expect([code, writes(influx)]).toEqual([
      0,
      [
        ['a', 'raw', ['v=1']],
        ['b', null, ['v=2', 'v=3']],
      ],
    ]);
    expect(err).toContain('writing to InfluxDB 1.6.7 at');
    expect(err).toContain("statements are passed over, such as 'CREATE DATABASE a'");
  });

  test('is written to the database that was said, and that is told', async () => {
    const influx = await server();
    const flags = ['--influxdb', influx.url.href, '--database', 'c'];
    const { code, err } = await edgeDetect(['feed', '--file', '-', ...flags], EXPORT);
    expect([code, writes(influx)]).toEqual([0, [['c', null, ['v=1', 'v=2', 'v=3']]]]);
    expect(err).toContain('points of the database a are written to c, as --database says');
  });

  test('is replayed as of there', async () => {
    const { out } = await edgeDetect(['replay', '-', '--field', 'v', '--format', 'lp'], EXPORT);
    expect(out.match(/v=\d/g)).toEqual(['v=1', 'v=2', 'v=3']);
  });
});

describe('a pipe that is quiet', () => {
  test('has given what came so far, whatever would follow', async () => {
    const pipe = new PassThrough();
    const io = new CapturedIo(pipe);
    const fed = run(['feed', '--file', '-', '--measurement', 'm'], io);
    pipe.write('time,v\n2025-01-01,1\n');
    await io.said('m v=1 1735689600000000000\n');
    pipe.write('2025-01-02,ERR\n');
    pipe.end();
    expect(await fed).toBe(1);
    expect(io.err).toMatch(/v is mixed: '1', and then 'ERR' in line 3, which is left out/);
  });
});

describe('flags of reading', () => {
  test.each([
    [
      ['--time-format', 'dd.MM.yyyy', '--precision', 's'],
      /--time-format is for dates and --precision for numbers/,
    ],
    [['--time-format', 'YYYY-MM-dd'], /--time-format 'YYYY-MM-dd': Y is the year that a week belongs to/],
    [['--time-zone', 'Berlin'], /--time-zone Berlin: there is no such zone/],
    [['--encoding', 'klingon'], /It is not known here/],
    [['--delimiter', 'ab'], /It must be one character/],
    [['--decimal', ':'], /Allowed choices are/],
    [['--select', 'w'], /there is no column w; there are: time, v/],
  ])('%j are refused', async (flags, message) => {
    for (const command of [feed, replay]) {
      const { code, err } = await command('time,v\n2025-01-01,1\n', ...flags);
      expect([code, err]).toEqual([2, expect.stringMatching(message)]);
    }
  });

  test('a tab is a delimiter that can be written', async () => {
    const file = join(temporaryFolder(), 'a.csv');
    writeFileSync(file, 'time\tv\n2025-01-01\ta,b\n');
    const { out } = await edgeDetect(['feed', '--file', file, '--measurement', 'm', '--delimiter', '\\t']);
    expect(out).toBe('m v="a,b" 1735689600000000000\n');
  });
});
