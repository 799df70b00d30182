import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { withAgent } from '../support/agent/agent.ts';
import { CapturedIo } from '../support/captured-io.ts';

const STREAM = new URL('../fixtures/recordings/adsl-stream.srpl', import.meta.url).pathname;
const BATCH = new URL('../fixtures/recordings/adsl-overlap.brpl', import.meta.url).pathname;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-detect-cli-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function replay(args: readonly string[], input: string | Buffer = ''): Promise<Result> {
  const io = new CapturedIo(input);
  const code = await run(['replay', ...args], io);
  return { code, out: io.out, err: io.err };
}

/** What comes out of lines of line protocol, whose times of 1970 are believed. */
function replayLines(lines: string, ...args: readonly string[]): Promise<Result> {
  return replay(['-', '--precision', 'ns', ...args], lines);
}

async function edgesOf(lines: string, ...args: readonly string[]): Promise<Record<string, unknown>[]> {
  const { code, out, err } = await replayLines(lines, '--format', 'json', ...args);
  expect([code, err]).toEqual([0, '']);
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

describe('edge-detect replay', () => {
  test('shows the six edges of the polled router, their timeline, and what they came from', async () => {
    const { code, out, err } = await replay([STREAM, '--group-by', 'host', '--field', 'value']);
    expect([code, err]).toEqual([0, '']);
    expect(out.split('\n')).toEqual([
      '┌─────────────────────────┬──────────────┬──────────┬──────────┬────────┐',
      '│ Time (UTC)              │ Group        │ Value    │ Previous │ Lasted │',
      '├─────────────────────────┼──────────────┼──────────┼──────────┼────────┤',
      '│ 2018-01-03 11:30:51.065 │ host=router1 │ SHOWTIME │ –        │ –      │',
      '│ 2018-01-03 11:32:21.070 │ host=router1 │ TRAINING │ SHOWTIME │ 1m 30s │',
      '│ 2018-01-03 11:33:51.065 │ host=router1 │ SHOWTIME │ TRAINING │ 1m 30s │',
      '│ 2018-01-03 11:41:21.040 │ host=router1 │ TRAINING │ SHOWTIME │ 7m 30s │',
      '│ 2018-01-03 11:47:21.020 │ host=router1 │ SHOWTIME │ TRAINING │ 6m     │',
      '│ 2018-01-03 11:50:21.010 │ host=router1 │ TRAINING │ SHOWTIME │ 3m     │',
      '└─────────────────────────┴──────────────┴──────────┴──────────┴────────┘',
      '',
      '2018-01-03 11:30:51 to 11:54:51 UTC',
      'host=router1  ━━━━█████━━━━━━━━━━━━━━━━━━━█████████████████━━━━━━━█████████████',
      '              ───────────┬────────────┬─────────────┬────────────┬─────────────',
      '                         11:35        11:40         11:45        11:50',
      '              ━ SHOWTIME   █ TRAINING',
      '',
      '6 edges from 17 points in 1 group',
      '',
    ]);
  });

  test('leaves no socket behind', async () => {
    const leftovers = (): string[] =>
      readdirSync(tmpdir()).filter((name) => name.startsWith(`edge-detect-replay-${process.pid}-`));
    const points = new Readable({ read() {} });
    points.push('m f=1 1\n');
    const io = new CapturedIo(points);
    const running = run(['replay', '-', '--field', 'f', '--format', 'lp', '--precision', 'ns'], io);
    await io.said('m f=1 1');
    expect(leftovers()).toHaveLength(1);
    points.push(null);
    expect(await running).toBe(0);
    await replay([STREAM, '--field', 'value', '--option', 'hold(-1s)']);
    expect(leftovers()).toEqual([]);
  });

  test('writes JSON with the true previous state, also where a filter keeps its edge back', async () => {
    const lines = 'm f="a" 1000000000\nm f="b" 3000000000\nm f="a" 4500000000\nm f="b" 4750000001\n';
    expect(await edgesOf(lines, '--field', 'f', '--option', "to('b')")).toEqual([
      {
        time: '1970-01-01T00:00:03Z',
        name: 'm',
        group: '',
        kind: 'change',
        value: 'b',
        previous: 'a',
        lastedSeconds: 2,
        since: '1970-01-01T00:00:03Z',
        tags: {},
        fields: { f: 'b' },
      },
      {
        time: '1970-01-01T00:00:04.750000001Z',
        name: 'm',
        group: '',
        kind: 'change',
        value: 'b',
        previous: 'a',
        lastedSeconds: 0.250000001,
        since: '1970-01-01T00:00:04.750000001Z',
        tags: {},
        fields: { f: 'b' },
      },
    ]);
  });

  test('keeps the digits of integers in JSON', async () => {
    const { out } = await replayLines('m f=9223372036854775807i 1\n', '--field', 'f', '--format', 'json');
    expect(out).toContain('"value":9223372036854775807,');
  });

  test('writes line protocol that holds just what the options add', async () => {
    const lines = 'm,t=x f=1i,g="y" 1\nm,t=x f=2i,g="y" 1000000001\n';
    const { out } = await replayLines(lines, '--field', 'f', '--format', 'lp', '--option', "durationAs('d')");
    expect(out).toBe('m,t=x f=1i,g="y" 1\nm,t=x f=2i,g="y",d=1 1000000001\n');
  });

  test("reads previous state and duration from the user's own outputs, in their unit", async () => {
    const lines = 'm f=1i 1\nm f=2i 60000000001\n';
    const [, edge] = await edgesOf(
      lines,
      ...['--field', 'f', '--option', "previousAs('p').durationAs('d').unit(1m)"],
    );
    expect(edge).toMatchObject({ previous: 1, lastedSeconds: 60, fields: { f: 2, p: 1, d: 1 } });
  });

  test('tells the first point, changes and repetitions apart', async () => {
    const lines = 'm f=1i 0\nm f=1i 5000000000\nm f=2i 6000000000\nm f=2i 9000000000\n';
    const edges = await edgesOf(lines, '--field', 'f', '--option', 'every(3s)');
    expect(edges.map(({ kind, value }) => [kind, value])).toEqual([
      ['first', 1],
      ['repeat', 1],
      ['change', 2],
      ['repeat', 2],
    ]);
    const { out } = await replayLines(lines, '--field', 'f', '--option', 'every(3s)');
    expect(out).toContain('(still)');
  });

  test('tracks several keys, fields and tags, and shows which was what', async () => {
    const lines = 'm,site=a f=1i 1\nm,site=b f=1i 2\n';
    const edges = await edgesOf(lines, '--field', 'f', '--tag', 'site');
    expect(edges.map(({ value, previous }) => [value, previous])).toEqual([
      [{ f: 1, site: 'a' }, undefined],
      [
        { f: 1, site: 'b' },
        { f: 1, site: 'a' },
      ],
    ]);
    expect((await replayLines(lines, '--field', 'f', '--tag', 'site')).out).toContain(
      '│ f=1 site=b │ f=1 site=a │',
    );
  });

  test('runs any function, on batches the one for batches', async () => {
    const { out } = await replayLines('m f=1i 1\nm f=1i 2\n', '--function', 'mirror', '--format', 'lp');
    expect(out).toBe('m f=1i 1\nm f=1i 2\n');
    const batches = await replay([BATCH, '--field', 'value', '--option', 'initial(FALSE)', '--format', 'lp']);
    expect(batches.code).toBe(0);
    expect(batches.out.split('\n')[0]).toBe(
      'adsl_connection,host=router0 snr=3.1,value="TRAINING" 1795384575000000000',
    );
    expect((await replay([BATCH, '--field', 'value'])).out).toContain('31 edges from 840 points in 3 groups');
  });

  test('uses an agent that is running already, and leaves it running', async () => {
    await withAgent(async (agent) => {
      const path = agent.socketOf('edgeDetect');
      for (let round = 0; round < 2; round++) {
        const { code, out } = await replay([
          STREAM,
          '--field',
          'value',
          '--socket',
          path,
          '--format',
          'json',
        ]);
        expect([code, out.trim().split('\n').length]).toEqual([0, 6]);
      }
      expect(existsSync(path)).toBe(true);
    });
  });

  test('takes its flags from the environment as well', async () => {
    process.env.EDGE_DETECT_REPLAY_FIELD = 'value';
    process.env.EDGE_DETECT_REPLAY_OPTION = "initial(FALSE).to('TRAINING')";
    process.env.EDGE_DETECT_REPLAY_FORMAT = 'json';
    try {
      expect((await replay([STREAM])).out.trim().split('\n')).toHaveLength(3);
    } finally {
      delete process.env.EDGE_DETECT_REPLAY_FIELD;
      delete process.env.EDGE_DETECT_REPLAY_OPTION;
      delete process.env.EDGE_DETECT_REPLAY_FORMAT;
    }
  });

  test.each([
    ['', 'no edges: standard input holds no points'],
    ['m f=1 1\n', "no edges: of 1 point none is of measurement 'x'; there are 'm'", '--measurement', 'x'],
    [
      'm,t=a f=1 1\n',
      "no edges: of 1 point none carried field 'x' or tag 'y'; there are the fields 'f' and the tags 't'",
      ...['--field', 'x', '--tag', 'y'],
    ],
    [
      'm f=1 1\nm f=1 2\n',
      'no edges: the options let none of the changes in 2 points in 1 group through, or there were none',
      ...['--field', 'f', '--option', 'initial(FALSE)'],
    ],
  ])('explains why there is nothing to see in %j', async (lines, reason, ...args) => {
    const flags = args.includes('--field') ? args : ['--field', 'f', ...args];
    expect(await replayLines(lines, ...flags)).toEqual({ code: 0, out: `${reason}\n`, err: '' });
    expect(await replayLines(lines, ...flags, '--format', 'lp')).toEqual({
      code: 0,
      out: '',
      err: `edge-detect: ${reason}\n`,
    });
  });

  test('says what a person may not know about the points', async () => {
    const { err } = await replayLines('a f=1\nb f=1\n', '--field', 'f');
    expect(err).toContain('2 points without a timestamp: each was given the time it was read at');
    expect(err).toContain("points of 'a', 'b' were sent together: --measurement picks one");
    const mixed = await replayLines('m,t=a f=1 1\nm,t=b f=1 2\n', '--field', 'f');
    expect(mixed.err).toContain('edge-detect: warning: one group holds points of different tags');
  });

  const DEVICE = [
    'm,host=a v="UP" 1000000000000000000',
    'm,host=a v="DOWN" 1000000060000000000',
    'm,host=a v="UP" 1000000120000000000',
    'm,host=a v="UP" 1500000000000000000',
    'm,host=a v="DOWN" 1500000060000000000',
    'm,host=a v="UP" 1500000120000000000',
  ].join('\n');

  test('shows the edges of --since and --until alone, in the state that was before', async () => {
    const flags = ['--group-by', 'host', '--field', 'v', '--since', '2017-07-14T02:40:00Z'];
    const { code, out } = await replayLines(DEVICE, ...flags);
    expect(code).toBe(0);
    expect(out).toMatch(/│ 2017-07-14 02:41:00 │ host=a │ DOWN {2}│ UP {7}│ 15y|│ 2017-07-14 02:41:00 │/);
    expect(out).not.toContain('2001-09-09');
    expect(out).toContain('2017-07-14 02:40:00 to 02:42:00 UTC\nhost=a  ━');
    expect(out).toContain('2 edges from 6 points in 1 group, and 3 edges at other times');
    const until = await replayLines(DEVICE, '--field', 'v', '--until', '2010-01-01', '--format', 'lp');
    expect(until.out).toBe(`${DEVICE.split('\n').slice(0, 3).join('\n')}\n`);
    const between = ['--since', '2010-01-01', '--until', '2011-01-01'];
    const none = await replayLines(DEVICE, '--group-by', 'host', '--field', 'v', ...between);
    expect(none.out).toMatch(/^2010-01-01 00:00:00 to 2011-01-01 00:00:00 UTC\nhost=a {2}━+\n/m);
    expect(none.out).toContain('no edges within --since and --until: all 5 are at other times');
  });

  test('points at a gap of years, and at what shows its sides', async () => {
    const { out } = await replayLines(DEVICE, '--field', 'v');
    expect(out).toContain('without an edge from 2001-09-09T01:48:40Z on: --until and --since show what lies');
    expect((await replayLines('m v=1 1\nm v=2 90000000000\n', '--field', 'v')).out).not.toContain('--since');
  });

  test('draws a state alike, however long it lasted and whatever else there is', async () => {
    const legend = async (...states: string[]): Promise<string[]> => {
      const lines = states.map((state, at) => `m v="${state}" ${at}000000000`);
      const { out } = await replayLines(lines.join('\n'), '--field', 'v');
      return [...out.matchAll(/([^\s│]) (eco|comfort|frost|UP|DOWN)\b(?= {3}|$)/gm)]
        .map(([text]) => text)
        .sort();
    };
    const all = await legend('eco', 'UP', 'comfort', 'frost', 'DOWN', 'eco');
    expect(all).toHaveLength(5);
    expect(new Set(all.map((entry) => entry[0])).size).toBe(5);
    const some = [
      ...(await legend('DOWN', 'DOWN', 'DOWN', 'UP')),
      ...(await legend('frost', 'comfort', 'frost')),
    ];
    for (const entry of some) expect(all).toContain(entry);
    expect(some).toContain('━ UP');
    expect(some).toContain('█ DOWN');
  });

  test('tells the number 1 from the text "1"', async () => {
    const lines = 'm v=1 1000000000\nm v="1" 2000000000\nm v="true" 3000000000\nm v=true 4000000000\n';
    const { out } = await replayLines(lines, '--field', 'v');
    const values = [...out.matchAll(/^│ [^│]+│ ([^│]+?) +│/gm)].map(([, value]) => value);
    expect(values).toEqual(['Value', '1', '"1"', '"true"', 'true']);
    expect(out).toMatch(/ 1 /);
    expect(out).toMatch(/ "1"/);
  });

  test('trims lists, and names a tag to group by that no point has', async () => {
    const lines = 'm,host=a,path=/ v=1 1\nm,host=b,path=/ v=2 2\n';
    const { err, out } = await replayLines(
      lines,
      '--field',
      'v',
      '--group-by',
      'host, path',
      '--format',
      'json',
    );
    expect(err).toBe('');
    expect(out).toContain('"group":"host=a,path=/"');
    const wrong = await replayLines(lines, '--field', 'v', '--group-by', 'host,pfad');
    expect(wrong.err).toContain(
      "edge-detect: no point has the tag 'pfad' to group by; there are the tags 'host', 'path'\n",
    );
    const bare = await replayLines('m v=1 1\n', '--field', 'v', '--group-by', 'host');
    expect(bare.err).toContain("no point has the tag 'host' to group by; there are no tags at all");
    expect((await replayLines(lines, '--field', 'v', '--group-by', '*')).err).toBe('');
  });

  test.each([
    [[STREAM, '--field', 'f', '--since', 'monday'], 'It must be a date such as'],
    [[STREAM, '--field', 'f', '--since', '-24'], 'After - it must be a duration'],
    [
      [STREAM, '--field', 'f', '--since', '2019-01-01', '--until', '2018-01-01'],
      '--since is later than --until',
    ],
    [[STREAM], 'nothing is tracked: name a field with --field, or a tag with --tag'],
    [[STREAM, '--field', 'f', '--option', 'deadband(1)'], 'got INT expected DOUBLE; write 1.0'],
    [[STREAM, '--field', 'f', '--option', 'hold(-1s)'], 'the function refuses its options: hold('],
    [[STREAM, '--field', 'f', '--field', 'f'], 'the function refuses its options: field'],
    [[STREAM, '--field', 'f', '--option', 'hold'], 'expected ( after hold'],
    [
      [STREAM, '--field', 'f', '--function', 'edgeDetectBatch'],
      'holds a stream, but the function wants BATCH',
    ],
    [
      [STREAM, '--function', 'nothing'],
      "there is no function 'nothing'; there are edgeDetect, edgeDetectBatch, mirror",
    ],
    [[STREAM, '--function', 'mirror', '--socket', '/x'], 'leave it or --socket out'],
    [[BATCH, '--field', 'value', '--group-by', 'host'], 'grouped by their query: leave --group-by out'],
    [['missing.srpl', '--field', 'f'], 'missing.srpl: there is no such file'],
    [[], "missing required argument 'file'"],
  ])('refuses %j with one line and exit code 2', async (args, message) => {
    const { code, out, err } = await replay(args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(message);
    expect(err.replace('(--help shows what there is)\n', '').trim().split('\n')).toHaveLength(1);
  });

  test('names the place of a wrong line, and shows nothing of what came before it in a table', async () => {
    const { code, out, err } = await replayLines('m f=1 1\nm f=5u 2\n', '--field', 'f');
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('edge-detect: stdin:2:5: field f: 5u is unsigned');
  });

  test('exits with 1 if there is no agent at the socket', async () => {
    const { code, err } = await replay([STREAM, '--field', 'f', '--socket', join(folder, 'none.sock')]);
    expect(code).toBe(1);
    expect(err).toContain('there is no such socket; is the agent running?');
  });

  test('stops at a signal, also where its input has not ended', async () => {
    const endless = new Readable({ read() {} });
    endless.push('m f=1 1\nm f=2 2\n');
    const io = new CapturedIo(endless);
    const done = run(['replay', '-', '--field', 'f', '--format', 'lp', '--precision', 'ns'], io);
    await io.said('m f=2 2');
    io.signal('SIGINT');
    expect(await done).toBe(1);
    expect(io.err).toBe('edge-detect: interrupted before the end of the recording\n');
  });

  test('stops without a word when nobody reads its output any more', async () => {
    const io = new CapturedIo(STREAM);
    io.stdout.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    io.stdout.on('error', () => {});
    expect(await run(['replay', STREAM, '--field', 'value', '--format', 'lp'], io)).toBe(0);
    expect(io.err).toBe('');
  });

  test('says it when its output cannot be written', async () => {
    const io = new CapturedIo();
    io.stdout.write = () => {
      io.stdout.emit(
        'error',
        Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }),
      );
      return true;
    };
    expect(await run(['replay', STREAM, '--field', 'value', '--format', 'lp'], io)).toBe(1);
    expect(io.err).toContain('cannot write the output: ENOSPC');
  });

  test('has a table that fits a narrow terminal', async () => {
    const file = join(folder, 'wide.lp');
    const name = 'x'.repeat(60);
    writeFileSync(file, `m,t=${name} f="${name}" 1\nm,t=${name} f="b" 60000000000\n`);
    const io = new CapturedIo();
    Object.assign(io.stdout, { isTTY: true, columns: 90 });
    await run(['replay', file, '--group-by', 't', '--field', 'f', '--precision', 'ns'], io);
    const colors = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g');
    const widths = io.out.split('\n').map((line) => [...line.replace(colors, '')].length);
    expect(Math.max(...widths)).toBeLessThanOrEqual(90);
    expect(io.out).toContain('…');
  });

  test('has help with examples', async () => {
    const { code, out } = await replay(['--help']);
    expect(code).toBe(0);
    expect(out).toContain('Examples:\n  edge-detect replay router.srpl');
  });
});
