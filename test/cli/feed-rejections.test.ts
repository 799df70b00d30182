import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { atEnd } from '../support/at-end.ts';
import { CapturedIo } from '../support/captured-io.ts';
import { RecordedServer } from '../support/recorded-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Result {
  readonly code: number;
  readonly lines: readonly string[];
  readonly err: string;
}

async function feed(...args: readonly string[]): Promise<Result> {
  const io = new CapturedIo();
  const code = await run(['feed', ...args], io);
  return { code, lines: io.out.split('\n').filter((line) => line !== ''), err: io.err };
}

/** A text in which some records are wrong, how they are mended, and what all of it gives then. */
interface Case {
  readonly name: string;
  readonly flags: readonly string[];
  readonly content: string | Buffer;
  readonly rejected: number;
  readonly mend: (text: string) => string;
  readonly points: readonly string[];
}

const ISO = '2018-01-03T11:30:5';
const NS = '151497905';
const M = ['--measurement', 'm'];

const CASES: readonly Case[] = [
  {
    name: 'points.lp',
    flags: [],
    content: `m v=1 ${NS}1000000000\nm v=x ${NS}2000000000\nm s="a\nb" ${NS}3000000000\nm ${NS}4000000000\n`,
    rejected: 2,
    mend: (text) => text.replace('v=x', 'v=2').replace('m 15', 'm v=4 15'),
    points: [`m v=2 ${NS}2000000000`, `m v=4 ${NS}4000000000`],
  },
  {
    name: 'seconds.lp',
    flags: ['--precision', 's', '--tag', 'site=home'],
    content: `# CONTEXT-DATABASE: telegraf\nm v=1 ${NS}1\nm v=x ${NS}2\n`,
    rejected: 1,
    mend: (text) => text.replace('v=x', 'v=2'),
    points: [`m,site=home v=2 ${NS}2000000000`],
  },
  {
    name: 'history.csv',
    flags: [...M, '--tag', 'host'],
    content: `time,host,state\n${ISO}1Z,r1,UP\n${ISO}xZ,r1,"a ""b"",\nc"\n${ISO}2Z,r1\n${ISO}3Z,r1,UP\n`,
    rejected: 2,
    mend: (text) => text.replaceAll(`${ISO}x`, `${ISO}4`).replace('2Z,r1\n', '2Z,r1,DOWN\n'),
    points: [`m,host=r1 state="a \\"b\\",`, `c" ${NS}4000000000`, `m,host=r1 state="DOWN" ${NS}2000000000`],
  },
  {
    name: 'report.csv',
    flags: [...M, '--skip-lines', '2', '--decimal', ',', '--encoding', 'latin1'],
    content: Buffer.from(`Bericht\nüber "alles\n\nsep=;\ntime;größe\n${ISO}1Z;1,5\nnie;2,5\n`, 'latin1'),
    rejected: 1,
    mend: (text) => text.replaceAll('nie', `${ISO}2Z`),
    points: [`m größe=2.5 ${NS}2000000000`],
  },
  {
    name: 'history.tsv',
    flags: M,
    content: `time\tstate\n${ISO}1Z\tUP\n${ISO}2Z\n`,
    rejected: 1,
    mend: (text) => text.replace('2Z\n', '2Z\tDOWN\n'),
    points: [`m state="DOWN" ${NS}2000000000`],
  },
  {
    name: 'events.ndjson',
    flags: M,
    content: `{"time":"${ISO}1Z","v":1}\n{"time":"${ISO}2Z","v":\n{"time":"nie","v":12345678901234567890}\n`,
    rejected: 2,
    mend: (text) => text.replace('"v":\n', '"v":2}\n').replaceAll('nie', `${ISO}3Z`),
    points: [`m v=2 ${NS}2000000000`, `m v=12345678901234567000 ${NS}3000000000`],
  },
  {
    name: 'pretty.json',
    flags: M,
    content: `[\n  {\n    "time": "${ISO}1Z",\n    "v": 1\n  },\n  {\n    "time": "nie",\n    "v": 2.50\n  }\n]\n`,
    rejected: 1,
    mend: (text) => text.replaceAll('nie', `${ISO}3Z`),
    points: [`m v=2.5 ${NS}3000000000`],
  },
  {
    name: 'query.json',
    flags: [],
    content: `{"results":[{"series":[{"name":"a","tags":{"host":"r1"},"columns":["time","v"],"values":[["${ISO}1Z",1],["nie",2]]}]}]}`,
    rejected: 1,
    mend: (text) => text.replaceAll('nie', `${ISO}2Z`),
    points: [`a,host=r1 v=2 ${NS}2000000000`],
  },
  {
    name: 'flux.csv',
    flags: [],
    content: [
      '#group,false,false,false,false,true,true,true',
      '#datatype,string,long,dateTime:RFC3339,double,string,string,string',
      '#default,_result,,,,,,',
      ',result,table,_time,_value,_field,_measurement,host',
      `,,0,${ISO}1Z,1.5,snr,adsl,r1`,
      `,,0,nie,2.5,snr,adsl,r1`,
      '',
      '#group,false,false,false,false,true,true,true',
      '#datatype,string,long,dateTime:RFC3339,string,string,string,string',
      '#default,_result,,,,,,',
      ',result,table,_time,_value,_field,_measurement,host',
      `,,1,nie,7,state,adsl,r1`,
      '',
    ].join('\r\n'),
    rejected: 2,
    mend: (text) => text.replaceAll('nie', `${ISO}2Z`),
    points: [`adsl,host=r1 snr=2.5 ${NS}2000000000`, `adsl,host=r1 state="7" ${NS}2000000000`],
  },
  {
    name: 'shell.csv',
    flags: [],
    content: `name,tags,time,v\na,host=r1,${NS}1000000000,1\na,host=r1,nie,2\nname,tags,time,w,x\nb,,nie,3,\n`,
    rejected: 2,
    mend: (text) => text.replaceAll('nie', `${NS}2000000000`),
    points: [`a,host=r1 v=2 ${NS}2000000000`, `b w=3 ${NS}2000000000`],
  },
  {
    name: 'shell.txt',
    flags: [],
    content: `name: a\ntags: host=r1\ntime       v\n----       -\n${NS}1 1\nnie        2\n\nname: b\ntime       w\n----       -\nnie        3\n`,
    rejected: 2,
    mend: (text) => text.replaceAll('nie       ', `${NS}2`),
    points: [`a,host=r1 v=2 ${NS}2000000000`, `b w=3 ${NS}2000000000`],
  },
];

describe('edge-detect feed --rejected', () => {
  test.each(CASES)('keeps what is wrong in $name so that it can be mended and fed again', async (one) => {
    const { content, flags, mend, name, points, rejected } = one;
    const folder = temporaryFolder();
    const file = join(folder, name);
    writeFileSync(file, content);

    const kept = join(folder, `kept-${name}`);
    const first = await feed('--file', file, ...flags, '--rejected', kept);
    expect(first.code).toBe(1);
    expect(first.err).toContain(`${rejected} rejected, 0 lost`);

    // As it is, it gives the same rejections again: nothing of it is taken for a point, and nothing lost.
    const again = join(folder, `again-${name}`);
    const second = await feed('--file', kept, ...flags, '--rejected', again);
    expect(second.err).toContain(`points: ${rejected} read, 0 written, ${rejected} rejected, 0 lost`);
    const records = (path: string): string => readFileSync(path, 'utf8').replace(/^# rejected: .*\n/gm, '');
    expect(records(again)).toBe(records(kept));

    const mended = join(folder, `mended-${name}`);
    writeFileSync(mended, mend(readFileSync(kept, 'utf8')));
    const third = await feed('--file', mended, ...flags);
    expect(third.lines).toEqual(points);
    expect([third.code, third.err.match(/points: .*/)?.[0]]).toEqual([
      0,
      `points: ${rejected} read, ${rejected} written, 0 rejected, 0 lost`,
    ]);
  });

  test('adds to a file that holds the same, and does not mix what is of another kind into it', async () => {
    const folder = temporaryFolder();
    const kept = join(folder, 'kept.csv');
    const write = (name: string, text: string): string => {
      const file = join(folder, name);
      writeFileSync(file, text);
      return file;
    };
    const csv = write('a.csv', 'time,v\nnie,1\n');
    await feed('--file', csv, ...M, '--rejected', kept);
    await feed('--file', csv, ...M, '--rejected', kept);
    expect(readFileSync(kept, 'utf8').match(/^time,v$/gm)).toHaveLength(1);
    expect(readFileSync(kept, 'utf8').match(/^nie,1$/gm)).toHaveLength(2);
    const other = await feed('--file', write('b.csv', 'time,w\nnie,1\n'), ...M, '--rejected', kept);
    expect(other.err).toMatch(
      /holds records of another kind; what is rejected follows here\n.*rejected: line 2: .*: nie,1/,
    );
  });

  test('keeps the record of a point that the server refuses, as it stood', async () => {
    const server = await RecordedServer.start(({ body, url }) => {
      if (url.pathname === '/ping') return { status: 204, headers: { 'x-influxdb-version': '1.6.7' } };
      return body.includes('v=2')
        ? { status: 400, body: '{"error":"partial write: field type conflict dropped=2"}' }
        : { status: 204 };
    });
    atEnd(() => server[Symbol.asyncDispose]());
    const folder = temporaryFolder();
    const file = join(folder, 'a.csv');
    writeFileSync(file, `time,v,note\n${ISO}1Z,1,x\n${ISO}2Z,2,"y ""z"""\n`);
    const kept = join(folder, 'kept.csv');
    const flags = [
      ...M,
      '--type',
      'note=ignore',
      '--influxdb',
      server.url.href,
      '--database',
      'd',
      '--batch',
      '1',
    ];
    const { code } = await feed('--file', file, ...flags, '--rejected', kept);
    expect(code).toBe(1);
    expect(readFileSync(kept, 'utf8')).toBe(
      `time,v,note\n# rejected: partial write: field type conflict\n${ISO}2Z,2,"y ""z"""\n`,
    );
  });

  test('shows nothing that a terminal would obey, and not more than a person reads', async () => {
    const file = join(temporaryFolder(), 'a.csv');
    const rows = Array.from({ length: 250 }, () => `nie,"\u001b[31mred\u0007"`);
    writeFileSync(file, `time,v\n${rows.join('\n')}\n`);
    const { err } = await feed('--file', file, ...M);
    expect(err.match(/rejected: line/g)).toHaveLength(100);
    expect(err).toContain('rejected: 150 more; --rejected FILE keeps them all');
    expect(err).not.toContain('\u001b');
  });
});
