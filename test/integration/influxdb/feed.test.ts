import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { run } from '../../../src/cli/run.ts';
import { CapturedIo } from '../../support/captured-io.ts';
import { type InfluxServer, startInfluxDb } from '../../support/influxdb/influxdb.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const JSON_NS = ['--format', 'ndjson', '--precision', 'ns'];

/** A point as Telegraf writes it in JSON, where every place can hold any text. */
function telegraf(
  name: string,
  field: string,
  value: string,
  tag: string,
  tagValue: string,
  timestamp: number,
): string {
  return JSON.stringify({ name, fields: { [field]: value }, tags: { [tag]: tagValue }, timestamp });
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

for (const candidate of inject('influxdb')) {
  describe.skipIf(candidate.how === 'missing')(`feed to ${candidate.what}`, () => {
    let influx: InfluxServer;
    beforeAll(async () => {
      influx = await startInfluxDb(candidate);
    });
    afterAll(() => influx[Symbol.asyncDispose]());

    let databases = 0;
    async function newDatabase(): Promise<string> {
      const name = `test${databases++}`;
      await influx.create(name);
      return name;
    }

    async function feed(
      database: string,
      input: string | PassThrough,
      ...args: string[]
    ): Promise<CapturedIo & { code: number }> {
      const io = new CapturedIo(input);
      const believed = args.includes('--format') ? [] : ['--precision', 'ns'];
      const code = await run(['feed', '--file', '-', ...believed, ...influx.flags(database), ...args], io);
      return Object.assign(io, { code });
    }

    test('keeps every type exact, to the last digit and nanosecond', async () => {
      const database = await newDatabase();
      const lines = [
        'm s="text",f=1.5,i=9223372036854775807i,b=true 1514979051065000001',
        'm s="",f=-0.1,i=-9223372036854775808i,b=false 1514979051065000002',
        'm f=1e+300,i=9007199254740993i -1',
        'm f=5e-324 -6795364578871345152',
        'm f=20 4611686018427387904',
      ];
      const { code, err } = await feed(database, lines.join('\n'));
      expect(err).toContain('points: 5 read, 5 written, 0 rejected, 0 lost');
      expect(code).toBe(0);
      expect(await influx.points(database, 'm')).toEqual([
        { timeNs: '-6795364578871345152', tags: {}, fields: { f: '5e-324' } },
        { timeNs: '-1', tags: {}, fields: { f: '1e+300', i: '9007199254740993i' } },
        {
          timeNs: '1514979051065000001',
          tags: {},
          fields: { s: '"text"', f: '1.5', i: '9223372036854775807i', b: 'true' },
        },
        {
          timeNs: '1514979051065000002',
          tags: {},
          fields: { s: '""', f: '-0.1', i: '-9223372036854775808i', b: 'false' },
        },
        { timeNs: '4611686018427387904', tags: {}, fields: { f: '20' } },
      ]);
    });

    test.each([
      ['quotes', '"a" \'b\''],
      ['commas', ',a,,b'],
      ['spaces', ' a  b '],
      ['equals signs', '=a==b'],
      ['backslashes', 'C:\\new\\table \\\\x'],
      ['emoji', '📡👩‍👩‍👧‍👦é'],
      ['a number sign', '#a#b'],
      ['tabs', '\ta\tb'],
    ])('keeps %s in every place', async (_what, text) => {
      const database = await newDatabase();
      const { code, err } = await feed(
        database,
        telegraf(`m${text}m`, `k${text}k`, text, `t${text}t`, `v${text}v`, 7),
        ...JSON_NS,
      );
      expect(err).toContain('1 written, 0 rejected, 0 lost');
      expect(code).toBe(0);
      expect(await influx.points(database, `m${text}m`)).toEqual([
        { timeNs: '7', tags: { [`t${text}t`]: `v${text}v` }, fields: { [`k${text}k`]: quoted(text) } },
      ]);
    });

    test("keeps line breaks where line protocol can, and refuses them where it can't", async () => {
      const database = await newDatabase();
      const records = [
        { v: 'a\nb\r\nc', time: 1 },
        { v: 'x', t: 'a\nb', time: 2 },
        { 'v\nw': 'x', time: 3 },
      ];
      const { code, err } = await feed(
        database,
        records.map((record) => JSON.stringify(record)).join('\n'),
        ...['--format', 'ndjson', '--precision', 'ns', '--measurement', 'm', '--tag', 't'],
      );
      expect(code).toBe(1);
      expect(err).toContain('points: 3 read, 1 written, 2 rejected, 0 lost');
      expect(err).toMatch(/rejected: .*has a line break/);
      // What 2.x answers in has one kind of line break only, whatever it keeps.
      const kept = influx.major === 2 ? 'a\nb\nc' : 'a\nb\r\nc';
      expect(await influx.points(database, 'm')).toEqual([
        { timeNs: '1', tags: {}, fields: { v: `"${kept}"` } },
      ]);
    });

    test('keeps any text in any place, or says that it could not', async () => {
      const database = await newDatabase();
      const any = fc.string({ unit: 'grapheme', maxLength: 8 });
      const awkward = fc.string({ unit: fc.constantFrom(...'a\\" ,=#\n\t'), maxLength: 8 });
      const text = fc.oneof(any, awkward);
      const texts = fc.sample(fc.tuple(text, text, text, text), 300);
      // Each in a measurement of its own: with hundreds of tag keys in one, InfluxDB 1.6 does not read all of it back.
      const lines = texts.map(([key, value, tag, tagValue], at) =>
        telegraf(`m${at}`, `k${key}`, value, `t${tag}`, tagValue, at),
      );
      const rejected = join(temporaryFolder(), 'rejected');
      const { err } = await feed(
        database,
        lines.join('\n'),
        ...JSON_NS,
        '--null',
        '',
        '--rejected',
        rejected,
      );
      const refused = readFileSync(rejected, 'utf8').split('\n');
      let kept = 0;
      for (const [at, [key, value, tag, tagValue]] of texts.entries()) {
        if (refused.includes(lines[at] ?? '')) continue;
        kept++;
        const tags = tagValue === '' ? {} : { [`t${tag}`]: tagValue };
        expect(await influx.points(database, `m${at}`)).toEqual([
          { timeNs: String(at), tags, fields: { [`k${key}`]: quoted(value) } },
        ]);
      }
      expect(kept).toBeGreaterThan(50);
      expect(err).toContain(`points: 300 read, ${kept} written, ${300 - kept} rejected, 0 lost`);
    });

    test('loses nothing when the server is stopped and started again in mid-run', async () => {
      const database = await newDatabase();
      const pipe = new PassThrough();
      const io = new CapturedIo(pipe);
      const fed = run(
        ['feed', '--file', '-', '--precision', 'ns', '--batch', '10', ...influx.flags(database)],
        io,
      );
      let count = 0;
      function write(more: number): void {
        for (let end = count + more; count < end; count++) pipe.write(`m v=${count}i ${count}\n`);
      }
      write(100);
      await io.said('writing to InfluxDB');
      await expect
        .poll(async () => (await influx.points(database, 'm')).length, { timeout: 60_000 })
        .toBe(100);
      await influx.stop();
      write(500);
      await io.said('trying again');
      write(300);
      await influx.restart();
      write(100);
      await io.said('is back after');
      pipe.end();
      expect(await fed).toBe(0);
      expect(io.err).toContain('points: 1000 read, 1000 written, 0 rejected, 0 lost');
      const points = await influx.points(database, 'm');
      expect(points.map(({ fields }) => fields.v)).toEqual(
        Array.from({ length: 1_000 }, (_, at) => `${at}i`),
      );
    });

    test('finds the points of a wrong type among thousands, and writes every other one', async () => {
      const database = await newDatabase();
      await feed(database, 'm v=0 0');
      const lines = Array.from({ length: 3_000 }, (_, at) =>
        at % 997 === 5 ? `m v="${at}" ${at}` : `m v=${at} ${at}`,
      );
      const { code, err } = await feed(database, lines.join('\n'));
      expect(code).toBe(1);
      expect(err).toContain('points: 3000 read, 2996 written, 4 rejected, 0 lost');
      for (const at of [5, 1002, 1999, 2996])
        expect(err).toMatch(new RegExp(`rejected: .*field type conflict.*: m v="${at}" ${at}\n`));
      expect(await influx.points(database, 'm')).toHaveLength(2_996);
    });

    test('says what the user is to do about a database that is not there', async () => {
      const { code, err } = await feed('nowhere', 'm v=1 1');
      expect(code).toBe(1);
      expect(err).toMatch(
        influx.major === 1
          ? /has no database 'nowhere': create it, or say --create-database/
          : /bucket "nowhere" not found.*check --org and --bucket/,
      );
      expect(err).toContain('points: 1 read, 0 written, 0 rejected, 1 lost');
    });

    test('says what the user is to do about a wrong password', async () => {
      const database = await newDatabase();
      const wrong = influx.major === 1 ? ['--password', 'wrong-one'] : ['--token', 'wrong-one'];
      const { code, err } = await feed(database, 'm v=1 1', ...wrong);
      expect(code).toBe(1);
      expect(err).toMatch(
        influx.major === 1
          ? /refuses user admin \(.*\): check --user, --password/
          : /refuses the token \(.*\): check --token/,
      );
      expect(err).not.toContain('wrong-one');
    });

    test.runIf(candidate.major === 1)(
      'creates the database when asked to, and does not mind that it is there',
      async () => {
        const name = 'made "by" feed';
        for (const time of [1, 2])
          expect((await feed(name, `m v=1 ${time}`, '--create-database')).code).toBe(0);
        const { code, err } = await feed(name, 'm v=1 3', '--retention-policy', 'nowhere');
        expect(code).toBe(1);
        expect(err).toMatch(/database 'made "by" feed' has no retention policy 'nowhere': create it first/);
      },
    );

    test('reads whatever it answers, as it was written', async () => {
      const database = await newDatabase();
      const lines = [
        'adsl,host=r1,site=a\\ b snr=6.5,value="SHOW TIME",n=3i,up=true 1514979051065000001',
        'adsl,host=r1,site=a\\ b value="TRAIN, \\"q\\"",n=-4i,up=false 1514979141070000000',
        'adsl,host=r2 snr=-0.25 1514979141070000000',
      ];
      expect((await feed(database, lines.join('\n'))).code).toBe(0);
      const written = await influx.points(database, 'adsl');
      for (const [format, answer] of await influx.answers(database)) {
        const copy = await newDatabase();
        // Only annotations tell integers from floats.
        const flags = format.startsWith('annotated')
          ? ['--format', 'csv']
          : ['--precision', 'ns', '--type', 'n=int'];
        const { code, err } = await feed(copy, answer, ...flags);
        expect([format, code, err]).toEqual([format, 0, expect.stringContaining(', 0 rejected, 0 lost')]);
        expect([format, await influx.points(copy, 'adsl')]).toEqual([format, written]);
      }
    });

    test.runIf(candidate.major === 1)('writes an export to the databases that it names', async () => {
      const [one, other] = [await newDatabase(), await newDatabase()];
      const text =
        `# DDL\nCREATE DATABASE ${one}\n# DML\n# CONTEXT-DATABASE: ${one}\n# CONTEXT-RETENTION-POLICY: autogen\n` +
        `m v=1 1514979051000000000\n# CONTEXT-DATABASE: ${other}\nm v=2 1514979052000000000\n`;
      const io = new CapturedIo(text);
      const flags = influx.flags('x').filter((flag) => flag !== '--database' && flag !== 'x');
      expect(await run(['feed', '--file', '-', ...flags], io)).toBe(0);
      expect((await influx.points(one, 'm')).map(({ fields }) => fields)).toEqual([{ v: '1' }]);
      expect((await influx.points(other, 'm')).map(({ fields }) => fields)).toEqual([{ v: '2' }]);
    });

    test('takes a polled router to the table of its states', async () => {
      const database = await newDatabase();
      const folder = temporaryFolder();
      const states = ['SHOWTIME', 'TRAINING', 'SHOWTIME'];
      writeFileSync(join(folder, 'states'), `${states.join('\n')}\n`);
      writeFileSync(
        join(folder, 'show-adsl-status'),
        `state=$(head -n 1 ${folder}/states); sed -i 1d ${folder}/states; [ -n "$state" ] || exit 255
       echo "Line status: $state"; echo "Noise margin: 6.5 dB"`,
      );
      const io = new CapturedIo();
      const code = await run(
        [
          ...[
            'feed',
            '--exec',
            `sh ${folder}/show-adsl-status`,
            '--every',
            '20ms',
            '--polls',
            '4',
            '--time-limit',
            '60s',
          ],
          ...[
            '--pattern',
            'status: (?<value>\\w+)[^]*margin: (?<snr_margin>[\\d.]+)',
            '--measurement',
            'adsl_connection',
          ],
          ...['--tag', 'host=router1', '--on-failure', 'value="UNREACHABLE"', ...influx.flags(database)],
        ],
        io,
      );
      expect(io.err).toContain('points: 4 read, 4 written, 0 rejected, 0 lost; runs: 4, failed: 1');
      expect(code).toBe(0);
      const points = await influx.points(database, 'adsl_connection');
      expect(points.map(({ fields, tags }) => `${tags.host} ${fields.value} ${fields.snr_margin}`)).toEqual([
        'router1 "SHOWTIME" 6.5',
        'router1 "TRAINING" 6.5',
        'router1 "SHOWTIME" 6.5',
        'router1 "UNREACHABLE" undefined',
      ]);
    });
  });
}
