import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InputError } from '../../../src/errors.ts';
import type { BatchRecord } from '../../../src/kapacitor/recordings/batch-recording.ts';
import { openRecording } from '../../../src/kapacitor/recordings/recording.ts';
import { readStreamRecords, type StreamRecord } from '../../../src/kapacitor/recordings/stream-recording.ts';
import type { FieldValue } from '../../../src/line-protocol/parser.ts';
import { zipOf } from '../../support/zip.ts';

const RECORDINGS = new URL('../../fixtures/recordings/', import.meta.url);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-detect-recording-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function fileWith(name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function streamOf(file: string, stdin = Readable.from([])): Promise<StreamRecord[]> {
  const recording = await openRecording(file, stdin);
  if (recording.kind !== 'stream') throw new Error('not a stream recording');
  return (await collect(recording.records())).flat();
}

async function batchesOf(file: string): Promise<BatchRecord[]> {
  const recording = await openRecording(file, Readable.from([]));
  if (recording.kind !== 'batch') throw new Error('not a batch recording');
  return collect(recording.records());
}

async function failureOf(records: Promise<unknown>): Promise<string> {
  try {
    await records;
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return error instanceof Error ? error.message.replace(folder, '') : '';
  }
  return 'no error';
}

const LINES = 'm,host=a f="a\nb" 1\n# comment\nm,host=b f="é😀" 2\r\n';
const TRIPLES = 'telegraf\nautogen\nm f=1 1\nother db\n\nm f="a\nb" 2\n';

describe('a stream recording of Kapacitor', () => {
  test('gives the points, where they were written, and how much has been read', async () => {
    const file = new URL('adsl-stream.srpl', RECORDINGS).pathname;
    const recording = await openRecording(file, Readable.from([]));
    if (recording.kind !== 'stream') throw new Error('not a stream recording');
    const records = (await collect(recording.records())).flat();
    expect(records).toHaveLength(17);
    expect(records[0]).toEqual({
      database: 'telegraf',
      retentionPolicy: 'autogen',
      point: {
        measurement: 'adsl_connection',
        tags: new Map([['host', 'router1']]),
        fields: new Map([['value', 'SHOWTIME']]),
        time: 1514979051065000000n,
      },
    });
    const { readBytes, totalBytes } = recording.progress();
    expect([readBytes, totalBytes]).toEqual([220, 220]);
  });

  test('may have a line break in a string, which Kapacitor itself cannot read back', async () => {
    const records = await streamOf(fileWith('line-break.srpl', gzipSync(TRIPLES)));
    expect(records.map(({ database, retentionPolicy }) => [database, retentionPolicy])).toEqual([
      ['telegraf', 'autogen'],
      ['other db', ''],
    ]);
    expect(records[1]?.point.fields.get('f')).toBe('a\nb');
  });

  test('is told by its content where its name says nothing', async () => {
    expect(await streamOf(fileWith('renamed', gzipSync(TRIPLES)))).toHaveLength(2);
    expect(await streamOf('-', Readable.from([Buffer.from(TRIPLES)]))).toHaveLength(2);
  });

  test.each([
    ['telegraf\nautogen\nm f=1 1\ntelegraf\n', '/cut.srpl:4: the recording ends inside its last record'],
    ['telegraf\nautogen\nm f=1 1\ntelegraf\nautogen\n', '/cut.srpl:4: the recording ends inside'],
    [
      'telegraf\nautogen\nm f=1 1\ntelegraf\nautogen\nm f',
      '/cut.srpl:6:4: expected = and a value after field f',
    ],
    ['telegraf\nautogen\nm f=1 1\ntelegraf\nautogen\nm f="a', '/cut.srpl:6:5: expected a closing "'],
  ])('that is cut off says where: %j', async (text, message) => {
    expect(await failureOf(streamOf(fileWith('cut.srpl', gzipSync(text))))).toContain(message);
  });

  test('whose gzip data is cut off or damaged says so', async () => {
    const whole = readFileSync(new URL('adsl-stream.srpl', RECORDINGS));
    const cut = whole.subarray(0, 150);
    expect(await failureOf(streamOf(fileWith('cut-gzip.srpl', cut)))).toBe(
      '/cut-gzip.srpl: its gzip data is cut off, near byte 150; copy the file again',
    );
    const damaged = Buffer.from(whole);
    damaged.writeUInt8(damaged.readUInt8(100) ^ 0xff, 100);
    expect(await failureOf(streamOf(fileWith('damaged.srpl', damaged)))).toMatch(
      /^\/damaged\.srpl: its gzip data is damaged \(.+\), near byte 220/,
    );
  });
});

describe('a file of line protocol', () => {
  test('can be plain, gzipped, or come through a pipe', async () => {
    const expected = [
      ['a', 'a\nb', 1n],
      ['b', 'é😀', 2n],
    ];
    const sources: [string, Readable?][] = [
      [fileWith('points.lp', LINES)],
      [fileWith('points.gz', gzipSync(LINES))],
      ['-', Readable.from([Buffer.from(LINES)])],
      ['-', Readable.from([gzipSync(LINES)])],
    ];
    for (const source of sources) {
      const records = await streamOf(...source);
      expect(records.map(({ point }) => [point.tags.get('host'), point.fields.get('f'), point.time])).toEqual(
        expected,
      );
    }
  });

  test.each(['', '\n', '# only a comment', ' \r\n\r\n'])('may be without any point: %j', async (text) => {
    expect(await streamOf(fileWith('empty.lp', text))).toEqual([]);
  });

  test('may begin with a byte order mark and end without a line break', async () => {
    expect((await streamOf(fileWith('bom.lp', '\ufeffm f=1')))[0]?.point.measurement).toBe('m');
  });

  test('gives the same points wherever its bytes are cut into chunks', async () => {
    for (const text of [LINES, TRIPLES]) {
      const bytes = Buffer.from(text);
      const whole = await streamOf('-', Readable.from([bytes]));
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(bytes.length)), async (cuts) => {
          const ends = [0, ...cuts.sort((a, b) => a - b), bytes.length];
          const chunks = ends.slice(1).map((end, index) => bytes.subarray(ends[index], end));
          const records = await collect(readStreamRecords(Readable.from(chunks), 'x', undefined));
          expect(records.flat()).toEqual(whole);
        }),
      );
    }
  });

  test('names the line of an error beyond the first chunk, strings with line breaks counted', async () => {
    const file = fileWith('long.lp', `${'m f="a\nb" 1\n'.repeat(50_000)}m f=oops\n`);
    expect(await failureOf(streamOf(file))).toContain('/long.lp:100001:5: expected a value for field f');
  });

  test('names the line that is not UTF-8', async () => {
    const file = fileWith('latin1.lp', Buffer.from('m f=1\nm f=2\nm,t=\xe9 f=3\nm f=4\n', 'latin1'));
    expect(await failureOf(streamOf(file))).toContain('/latin1.lp:3: this line is not UTF-8');
  });

  test.each([
    ['a line without an end', 'm f=1\n', 'x'],
    ['a string without an end', 'm f=1\nm f="', 'x\n'],
  ])('is refused instead of kept in memory if it has %s', async (_, start, rest) => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(start);
      for (;;) yield Buffer.from(rest.repeat(100_000));
    }
    expect(await failureOf(collect(readStreamRecords(endless(), 'points.lp', undefined)))).toContain(
      'points.lp:2: a line or string that begins here does not end',
    );
  });
});

describe('a batch recording of Kapacitor', () => {
  test('gives the batches with exact times, numbers as floats and the tags of the group', async () => {
    const batches = await batchesOf(new URL('adsl-overlap.brpl', RECORDINGS).pathname);
    expect(batches).toHaveLength(45);
    const [first] = batches;
    expect(first?.tags).toEqual(new Map([['host', 'router0']]));
    expect(first?.tmax).toBe(1795384592640917901n);
    expect(first?.points).toHaveLength(7);
    expect(first?.points[0]).toEqual({
      time: 1795384572000000000n,
      tags: new Map([['host', 'router0']]),
      fields: new Map<string, FieldValue>([
        ['snr', 6.5],
        ['value', 'SHOWTIME'],
      ]),
    });
  });

  test('reads its queries one after another and passes over empty batches, as Kapacitor does', async () => {
    const point = '{"fields":{"n":1},"tags":null,"time":"1970-01-01T01:00:00.000000001+01:00"}';
    const file = fileWith(
      'two.brpl',
      zipOf({
        '0': `{"name":"a","byname":true,"tags":{"z":"1","b":"2"},"tmax":"0001-01-01T00:00:00Z","points":[${point}]}\n{"name":"empty"}\n`,
        '1': `{"name":"{\\"}","points":[${point}]}`,
      }),
    );
    const [a, b, ...more] = await batchesOf(file);
    expect(more).toEqual([]);
    expect([a?.name, a?.byName, [...(a?.tags ?? [])]]).toEqual([
      'a',
      true,
      [
        ['b', '2'],
        ['z', '1'],
      ],
    ]);
    expect(a?.points[0]).toEqual({
      time: 1n,
      tags: a?.tags,
      fields: new Map([['n', 1]]),
    });
    expect(a?.tmax).toBe(1n);
    expect([b?.name, b?.byName, b?.tags]).toEqual(['{"}', false, new Map()]);
  });

  test.each([
    [
      '{"points":[{"fields":{"n":null},"time":"2026-01-01T00:00:00Z"}]}',
      'batch 1, point 1: field "n" is no number',
    ],
    [
      '{"points":[{"fields":{"n":1e999},"time":"2026-01-01T00:00:00Z"}]}',
      'batch 1, point 1: field "n" is no number',
    ],
    ['{"points":[{"fields":{"n":1},"time":"yesterday"}]}', 'batch 1, point 1: "time" is no time like'],
    ['{"points":[{"fields":{"n":1},"time":"2500-01-01T00:00:00Z"}]}', 'batch 1, point 1: "time" is outside'],
    ['{"points":[{"time":"2026-01-01T00:00:00Z"}]}', 'batch 1, point 1: "fields" is no object'],
    ['{"points":[1]}', 'batch 1, point 1: expected an object'],
    ['{"points":1}', 'batch 1: "points" is no list'],
    ['{"tags":{"host":1}}', 'batch 1: "tags": "host" is no string'],
    ['{} {"name":}', 'batch 2: this is no JSON'],
    ['{} {"name":"x"', 'batch 2 is cut off'],
    ['{} nonsense', 'expected { at the start of batch 2'],
  ])('with the entry %s says where it is wrong', async (entry, message) => {
    const file = fileWith('wrong.brpl', zipOf({ '0': entry }));
    expect(await failureOf(batchesOf(file))).toMatch(/^\/wrong\.brpl, entry 0[,:]/);
    expect(await failureOf(batchesOf(file))).toContain(message);
  });

  test('that is cut off or damaged is told apart from one that is none', async () => {
    const whole = readFileSync(new URL('adsl-overlap.brpl', RECORDINGS));
    expect(await failureOf(batchesOf(fileWith('cut.brpl', whole.subarray(0, 2000))))).toMatch(
      /^\/cut\.brpl: the zip archive is damaged \(.+\); copy the file again$/,
    );
    const damaged = zipOf({ '0': '{"name":"a"}' });
    damaged.write('b', damaged.indexOf('"a"') + 1);
    expect(await failureOf(batchesOf(fileWith('damaged.brpl', damaged)))).toBe(
      '/damaged.brpl, entry 0: the zip archive is damaged (its checksum is wrong); copy the file again',
    );
    expect(await failureOf(batchesOf(fileWith('text.brpl', 'm f=1')))).toContain(
      '/text.brpl: this is no zip archive',
    );
  });

  test('cannot come through a pipe', async () => {
    expect(await failureOf(openRecording('-', Readable.from([zipOf({ '0': '{}' })])))).toContain(
      'stdin: a batch recording cannot come through a pipe',
    );
  });
});

test('says which file is not there, or is none', async () => {
  expect(await failureOf(streamOf(join(folder, 'none.srpl')))).toBe('/none.srpl: there is no such file');
  expect(await failureOf(streamOf(folder))).toBe(': this is a directory, not a recording');
});
