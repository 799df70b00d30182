import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { atEnd } from '../support/at-end.ts';
import { CapturedIo } from '../support/captured-io.ts';
import { RecordedServer } from '../support/recorded-server.ts';
import { HAS_OPENSSL, makeIdentity } from '../support/tls-identity.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'feed-'));
  atEnd(() => rmSync(path, { recursive: true }));
  return path;
}

function fileOf(name: string, content: string | Buffer): string {
  const path = join(folder(), name);
  writeFileSync(path, content);
  return path;
}

/** Times of 1970 are believed. */
const NS = ['--precision', 'ns'];

async function feed(io: CapturedIo, ...args: string[]): Promise<number> {
  return run(['feed', ...args], io);
}

/** A router's command line: what it prints at one poll after another; `!N` fails with N, `~` hangs. */
function router(...answers: string[]): string {
  const at = folder();
  writeFileSync(join(at, 'answers'), answers.join('\n'));
  const script = `
n=$(cat ${at}/n 2>/dev/null || echo 1); echo $((n + 1)) > ${at}/n
answer=$(sed -n "$n p" ${at}/answers)
case $answer in
  !*) echo 'connection refused' >&2; exit \${answer#!} ;;
  '~') sleep 60 ;;
  '') exit 0 ;;
esac
printf 'ADSL line 0\\r\\n  Status      : %s\\r\\n  SNR margin  : 6.5 dB\\r\\n' "$answer"
`;
  writeFileSync(join(at, 'show-adsl-status'), script);
  return `/bin/sh ${at}/show-adsl-status`;
}

/** What is asked for in every poll; a machine under load may need its time for that. */
const STATUS = [
  ...'--time-limit 60s --measurement adsl_connection --tag host=router1 --pattern'.split(' '),
  'Status +: (?<value>\\w+)$',
];

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('edge-detect feed --file', () => {
  test('takes line protocol from a pipe and says what became of it', async () => {
    const io = new CapturedIo('m v=1 1\nm s="a b" 2\n');
    expect(await feed(io, '--file', '-', ...NS)).toBe(0);
    expect(io.out).toBe('m v=1 1\nm s="a b" 2\n');
    expect(io.err).toBe('edge-detect feed: points: 2 read, 2 written, 0 rejected, 0 lost\n');
  });

  test('knows gzip by its content and the format by the name', async () => {
    const csv = fileOf('history.csv.gz', gzipSync('host,value,time\nr1,SHOWTIME,2018-01-03T11:30:51.065Z\n'));
    const io = new CapturedIo();
    expect(await feed(io, '--file', csv, '--measurement', 'adsl_connection', '--tag', 'host')).toBe(0);
    expect(io.out).toBe('adsl_connection,host=r1 value="SHOWTIME" 1514979051065000000\n');

    const misnamed = new CapturedIo(gzipSync('{"value":"SHOWTIME","time":1514979051}\n'));
    expect(await feed(misnamed, '--file', '-', '--measurement', 'm')).toBe(0);
    expect(misnamed.out).toBe('m value="SHOWTIME" 1514979051000000000\n');
  });

  test("takes Kapacitor's own recordings, moved to the present with their distances", async () => {
    const io = new CapturedIo();
    const file = 'test/fixtures/recordings/adsl-stream.srpl';
    expect(await feed(io, '--file', file, '--shift-to-now')).toBe(0);
    const times = io.out
      .trimEnd()
      .split('\n')
      .map((line) => BigInt(line.split(' ').at(-1) ?? 0));
    expect(times).toHaveLength(17);
    expect((times[1] ?? 0n) - (times[0] ?? 0n)).toBe(90_005_000_000n);
    expect((times[0] ?? 0n) > 1_600_000_000_000_000_000n).toBe(true);
  });

  test.each([
    [['--shift-to-now', '30m'], 1_800_000],
    [['--shift-to-now'], 0],
  ])('moves the first time to the present, or so long before it: %j', async (flags, agoMs) => {
    const io = new CapturedIo('m v=1 1500000001000000000\nm v=2 1500000002000000000\n');
    expect(await feed(io, '--file', '-', ...flags)).toBe(0);
    const [first = 0, second = 0] = [...io.out.matchAll(/ (\d+)$/gm)].map(([, time]) => Number(time) / 1e6);
    expect(Math.round(second - first)).toBe(1000);
    expect(Math.abs(Date.now() - agoMs - first)).toBeLessThan(60_000);
  });

  test('gives points without a time the present, and no two of them the same', async () => {
    const io = new CapturedIo('m v=1\nm v=2\nm v=3\n');
    await feed(io, '--file', '-', ...NS);
    const times = io.out
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ').at(-1));
    expect(new Set(times).size).toBe(3);
  });

  test('keeps what is rejected in a file that can be mended and fed again', async () => {
    const rejected = join(folder(), 'rejected.lp');
    const io = new CapturedIo('m v=1 1\nm v=x 2\nm v=3 3\n');
    expect(await feed(io, '--file', '-', ...NS, '--rejected', rejected)).toBe(1);
    expect(io.err).toBe('edge-detect feed: points: 3 read, 2 written, 1 rejected, 0 lost\n');
    const kept = readFileSync(rejected, 'utf8');
    expect(kept).toMatch(/^# rejected: stdin:2:5: expected a value for field v .*\nm v=x 2\n$/);
    const again = new CapturedIo(kept.replace('v=x', 'v=2'));
    expect(await feed(again, '--file', '-', ...NS)).toBe(0);
    expect(again.out).toBe('m v=2 2\n');
  });

  test('stops a line with broken bytes, and no other', async () => {
    const broken = Buffer.concat([
      Buffer.from('m v="\uFFFD" 1\nm v="'),
      Buffer.from([0xff]),
      Buffer.from('" 2\n'),
    ]);
    const whole = new CapturedIo('m v="\uFFFD" 1\n');
    expect(await feed(whole, '--file', '-', ...NS)).toBe(0);
    const io = new CapturedIo(Buffer.concat([broken, Buffer.from('m v=3 3\n')]));
    expect(await feed(io, '--file', '-', ...NS)).toBe(1);
    expect(io.out).toContain('m v=3 3\n');
    expect(io.err).toContain('it has bytes that are no UTF-8');
  });

  test('draws its progress for a person, and for nobody else', async () => {
    const file = fileOf('points.lp', 'm v=1 1\n');
    const watched = new CapturedIo();
    watched.stderr.isTTY = true;
    await feed(watched, '--file', file, ...NS);
    expect(watched.err).toMatch(/\d+% \| \d points written/);
    expect(watched.err).toMatch(/points: 1 read, 1 written/);
    const unwatched = new CapturedIo();
    await feed(unwatched, '--file', file, ...NS);
    expect(unwatched.err).not.toContain('%');
  });

  test('writes what a quiet pipe has brought so far when it is told to end', async () => {
    const pipe = new PassThrough();
    const io = new CapturedIo(pipe);
    const fed = feed(io, '--file', '-', ...NS);
    pipe.write('m v=1 1\n');
    await io.said('m v=1 1\n');
    io.signal('SIGTERM');
    expect(await fed).toBe(0);
    expect(io.err).toContain('points: 1 read, 1 written, 0 rejected, 0 lost');
  });

  test('says where a gzipped file is cut off, after what stands before', async () => {
    const whole = gzipSync('m v=1 1\n'.repeat(10_000));
    const io = new CapturedIo(whole.subarray(0, whole.length - 20));
    expect(await feed(io, '--file', '-', ...NS)).toBe(2);
    expect(io.err).toMatch(/edge-detect: stdin: its gzip data is cut off/);
  });

  test('ends when nobody reads its output any more', async () => {
    const io = new CapturedIo('m v=1 1\n');
    io.stdout.destroy(new Error('EPIPE'));
    expect(await feed(io, '--file', '-', ...NS)).toBe(1);
    expect(io.err).toContain('points: 1 read, 0 written, 0 rejected, 1 lost');
    expect(io.err).toContain("edge-detect: standard output can't be written to");
  });
});

describe('edge-detect feed --exec', () => {
  test('polls a router, reports what fails and feeds it as a state', async () => {
    const io = new CapturedIo();
    const answers = router('SHOWTIME', '!255', 'TRAINING', '', '?', 'SHOWTIME');
    const args = '--every 50ms --polls 6 --on-failure value="UNREACHABLE",failed=t'.split(' ');
    expect(await feed(io, '--exec', answers, ...STATUS, ...args)).toBe(0);
    const lines = io.out.trimEnd().split('\n');
    expect(lines.map((line) => line.replace(/ \d+$/, ''))).toEqual([
      'adsl_connection,host=router1 value="SHOWTIME"',
      'adsl_connection,host=router1 value="UNREACHABLE",failed=true',
      'adsl_connection,host=router1 value="TRAINING"',
      'adsl_connection,host=router1 value="UNREACHABLE",failed=true',
      'adsl_connection,host=router1 value="UNREACHABLE",failed=true',
      'adsl_connection,host=router1 value="SHOWTIME"',
    ]);
    const times = lines.map((line) => BigInt(line.split(' ').at(-1) ?? 0));
    expect(times.every((time, at) => at === 0 || time > (times[at - 1] ?? 0n))).toBe(true);
    expect(io.err).toContain('run 2 failed: /bin/sh ended with exit code 255: connection refused');
    expect(io.err).toContain('run 4 failed: it printed nothing');
    expect(io.err).toContain("run 5 failed: nothing in what it printed is a point; it begins 'ADSL line 0");
    expect(io.err).toContain('points: 6 read, 6 written, 0 rejected, 0 lost; runs: 6, failed: 3\n');
  });

  test('ends a run that hangs, and polls on', async () => {
    const io = new CapturedIo();
    const args = '--every 10ms --polls 2 --time-limit 2s'.split(' ');
    expect(await feed(io, '--exec', router('~', 'SHOWTIME'), ...STATUS, ...args)).toBe(0);
    expect(io.err).toContain('run 1 failed: /bin/sh: it took longer than 2 s');
    expect(io.out).toContain('value="SHOWTIME"');
  });

  test('exits with 1 if no run gave anything', async () => {
    const io = new CapturedIo();
    expect(await feed(io, '--exec', router('!1', '!1'), ...STATUS, '--every', '10ms', '--polls', '2')).toBe(
      1,
    );
    expect(io.err).toContain('points: 0 read, 0 written, 0 rejected, 0 lost; runs: 2, failed: 2');
  });

  test('polls until it is told to end, and writes what it has', async () => {
    const io = new CapturedIo();
    const fed = feed(io, '--exec', router('SHOWTIME', '~'), ...STATUS, '--every', '10ms');
    await io.said('SHOWTIME');
    io.signal('SIGTERM');
    expect(await fed).toBe(0);
    expect(io.err).toContain('points: 1 read, 1 written, 0 rejected, 0 lost; runs: 1, failed: 0');
  });

  test('reads line protocol, JSON, and through a shell', async () => {
    const once = ['--polls', '1'];
    const lp = new CapturedIo();
    expect(await feed(lp, '--exec', `echo 'm v=1 7'`, '--tag', 'host=r1', ...NS, ...once)).toBe(0);
    expect(lp.out).toBe('m,host=r1 v=1 7\n');
    const json = new CapturedIo();
    const ndjson = ['--format', 'ndjson', '--measurement', 'm', '--tag', 'n', '--precision', 's'];
    expect(
      await feed(
        json,
        '--exec',
        `echo '[{"n":"a","v":1,"time":7},{"n":"b","v":2,"time":7}]'`,
        ...ndjson,
        ...once,
      ),
    ).toBe(0);
    expect(json.out).toBe('m,n=a v=1 7000000000\nm,n=b v=2 7000000000\n');
    const shell = new CapturedIo();
    expect(await feed(shell, '--exec', 'echo m v=1 7 | cat', '--shell', ...NS, ...once)).toBe(0);
    expect(shell.out).toBe('m v=1 7\n');
  });

  test('takes exit codes for success, and another encoding, that it is told of', async () => {
    const io = new CapturedIo();
    const script = `printf 'state: gest\\366rt \\033[0m\\r\\n'; exit 3`;
    const flags = ['--exec', script, '--shell', '--polls', '2', '--every', '10ms', '--time-limit', '60s'];
    const text = ['--measurement', 'm', '--pattern', 'state: (?<v>.+)'];
    expect(await feed(io, ...flags, ...text, '--accept-exit', '0, 3', '--encoding', 'latin1')).toBe(0);
    expect(io.out).toMatch(/^m v="gestört" \d+\nm v="gestört" \d+\n$/);
    expect(io.err).toContain('2 written, 0 rejected, 0 lost; runs: 2, failed: 0');
    expect(io.err).not.toContain('--encoding');

    const damaged = new CapturedIo();
    expect(await feed(damaged, ...flags, ...text, '--accept-exit', '3')).toBe(0);
    expect(damaged.out).toMatch(/^m v="gest\uFFFDrt" \d+\nm v="gest\uFFFDrt" \d+\n$/);
    expect(damaged.err.match(/holds bytes that are no UTF-8.*--encoding/g)).toHaveLength(1);

    const failed = new CapturedIo();
    expect(await feed(failed, ...flags, ...text, '--on-failure', 'v="DOWN"')).toBe(0);
    expect(failed.err).toContain('run 1 failed: /bin/sh ended with exit code 3: state: gest\uFFFDrt\n');
  });

  test('says once that a named group ends inside a word', async () => {
    const io = new CapturedIo();
    const flags = ['--exec', 'echo Status: G.994 Training', '--polls', '3', '--every', '10ms'];
    const text = ['--time-limit', '60s', '--measurement', 'm', '--pattern', 'Status: (?<v>\\w+)'];
    expect(await feed(io, ...flags, ...text)).toBe(0);
    expect(io.err.match(/the group v took 'G' of 'G.994 Training'/g)).toHaveLength(1);
  });

  test('says when InfluxDB would keep one of several points only', async () => {
    const io = new CapturedIo();
    const pattern = ['--pattern', '(?<value>\\w+)', '--match', 'lines', '--measurement', 'm'];
    await feed(io, '--exec', `printf 'a\\nb\\n'`, ...pattern, '--polls', '1');
    expect(io.err).toContain('of which InfluxDB keeps the last only');
  });

  test('does not show the credentials to what it runs', async () => {
    vi.stubEnv('EDGE_DETECT_FEED_TOKEN', 'top-secret');
    vi.stubEnv('EDGE_DETECT_FEED_PASSWORD', 'top-secret');
    const io = new CapturedIo();
    const pattern = ['--pattern', '(?<value>^PATH=|top-secret)', '--measurement', 'm'];
    expect(await feed(io, '--exec', 'env', ...pattern, '--match', 'lines', '--polls', '1')).toBe(0);
    expect(io.out).toContain('PATH=');
    expect(io.out).not.toContain('top-secret');
  });
});

describe('edge-detect feed --simulate', () => {
  test('gives a history at once and then goes on with the time', async () => {
    const io = new CapturedIo();
    const fed = feed(io, '--simulate', 'adsl', '--devices', '2', '--every', '1h', '--start', '-150m');
    await io.said('host=router2');
    io.signal('SIGINT');
    expect(await fed).toBe(0);
    expect(io.err).toContain('points: 6 read, 6 written, 0 rejected, 0 lost');
  });

  test('begins where it is told, without waiting if it is told so', async () => {
    const io = new CapturedIo();
    const start = ['--start', '2018-01-03T11:30:51.065Z', '--pace', 'max'];
    expect(await feed(io, '--simulate', 'adsl', '--every', '90s', '--polls', '2', ...start)).toBe(0);
    expect(io.out).toMatch(
      /^adsl_connection,host=router1 value="SHOWTIME",.* 1514979051065000000\n.* 1514979141065000000\n$/,
    );
  });
});

describe('edge-detect feed --simulate --pace max', () => {
  test('ends at the present if nothing else ends it', async () => {
    const io = new CapturedIo();
    expect(await feed(io, '--simulate', 'adsl', '--every', '1h', '--start', '-150m', '--pace', 'max')).toBe(
      0,
    );
    expect(io.err).toContain('points: 3 read, 3 written, 0 rejected, 0 lost');
  });
});

describe('edge-detect feed and servers', () => {
  async function serve(answer: Parameters<typeof RecordedServer.start>[0]): Promise<RecordedServer> {
    const server = await RecordedServer.start(answer);
    atEnd(() => server[Symbol.asyncDispose]());
    return server;
  }

  test('hands over the credentials, from wherever they come, and never shows them', async () => {
    const refusal = { status: 401, body: '{"error":"authorization failed"}' };
    const server = await serve(() => refusal);
    const withUser = new URL(server.url);
    withUser.username = 'me';
    withUser.password = 'top-secret';
    vi.stubEnv('EDGE_DETECT_FEED_TOKEN', 'top-secret');
    const ways = [
      ['--influxdb', withUser.href, '--database', 'd'],
      ['--influxdb', server.url.href, '--database', 'd', '--user', 'me', '--password', 'top-secret'],
      ['--influxdb', server.url.href, '--org', 'o', '--bucket', 'b'],
      ['--kapacitor', withUser.href, '--database', 'd'],
      ['--kapacitor', 'top-secret', '--database', 'd'],
      ['--influxdb', 'ftp://me:top-secret@nas', '--database', 'd'],
    ];
    const codes = [];
    for (const way of ways) {
      const io = new CapturedIo('m v=1 1\n');
      codes.push(await feed(io, '--file', '-', ...NS, ...way));
      expect(io.err + io.out).not.toContain('top-secret');
    }
    expect(codes).toEqual([1, 1, 1, 1, 2, 2]);
    const basic = `Basic ${Buffer.from('me:top-secret').toString('base64')}`;
    const shown = server.requests
      .filter(({ url }) => /write|kapacitor/.test(url.pathname))
      .map(({ headers }) => headers.authorization);
    expect(shown).toEqual([basic, basic, 'Token top-secret', basic]);
  });

  test.each([
    ['TOKEN', ['--database', 'd'], 'Token top-secret'],
    ['TOKEN', ['--org', 'o', '--bucket', 'b'], 'Token top-secret'],
    [
      'PASSWORD',
      ['--database', 'd', '--user', 'me'],
      `Basic ${Buffer.from('me:top-secret').toString('base64')}`,
    ],
  ])('reads EDGE_DETECT_FEED_%s_FILE for %j', async (name, flags, expected) => {
    const server = await serve(() => ({ status: 204 }));
    vi.stubEnv(`EDGE_DETECT_FEED_${name}_FILE`, fileOf('secret', 'top-secret\n'));
    const io = new CapturedIo('m v=1 1\n');
    expect(await feed(io, '--file', '-', ...NS, '--influxdb', server.url.href, ...flags)).toBe(0);
    expect(server.requests.at(-1)?.headers.authorization).toBe(expected);
    vi.stubEnv(`EDGE_DETECT_FEED_${name}_FILE`, '/no/such/file');
    const lost = new CapturedIo('m v=1 1\n');
    expect(await feed(lost, '--file', '-', ...NS, '--influxdb', server.url.href, ...flags)).toBe(2);
    expect(lost.err).toContain(`EDGE_DETECT_FEED_${name}_FILE: cannot read it: ENOENT`);
  });

  test.runIf(HAS_OPENSSL)(
    'trusts the certificate of --influxdb-ca, or any with --influxdb-insecure',
    async () => {
      const identity = makeIdentity();
      const server = await RecordedServer.start(() => ({ status: 204 }), identity);
      atEnd(() => server[Symbol.asyncDispose]());
      const flags = ['--file', '-', ...NS, '--influxdb', server.url.href, '--database', 'd'];
      const refused = new CapturedIo('m v=1 1\n');
      expect(await feed(refused, ...flags)).toBe(1);
      expect(refused.err).toMatch(/can't be trusted: .*give the certificate that signed it by --influxdb-ca/);
      for (const trust of [['--influxdb-ca', fileOf('ca.pem', identity.cert)], ['--influxdb-insecure']])
        expect(await feed(new CapturedIo('m v=1 1\n'), ...flags, ...trust)).toBe(0);
    },
  );

  test('refuses unsigned integers where Kapacitor is the target alone', async () => {
    const server = await serve(({ url }) =>
      url.pathname === '/ping'
        ? { status: 204, headers: { 'x-influxdb-version': '2.7.1' } }
        : { status: 204, headers: { 'x-kapacitor-version': '1.8.3' } },
    );
    const lines = 'm,h=a v=18446744073709551615u,w=1.50 1\nm v=1 2\n';
    const stdout = new CapturedIo(lines);
    expect(await feed(stdout, '--file', '-', ...NS, '--tag', 'site=x')).toBe(0);
    expect(stdout.out).toBe('m,h=a,site=x v=18446744073709551615u,w=1.50 1\nm,site=x v=1 2\n');
    const bucket = ['--org', 'o', '--bucket', 'b', '--token', 't'];
    const influx = new CapturedIo(lines);
    expect(await feed(influx, '--file', '-', ...NS, '--influxdb', server.url.href, ...bucket)).toBe(0);
    expect(server.requests.at(-1)?.body).toBe(lines.trimEnd());
    const kapacitor = new CapturedIo(lines);
    expect(
      await feed(kapacitor, '--file', '-', ...NS, '--kapacitor', server.url.href, '--database', 'd'),
    ).toBe(1);
    expect(kapacitor.err).toMatch(/rejected: .*is unsigned, and Kapacitor cannot hand unsigned integers/);
    expect(server.requests.at(-1)?.body).toBe('m v=1 2');
    const beyond = new CapturedIo('m v=18446744073709551616u 1\n');
    expect(await feed(beyond, '--file', '-', ...NS)).toBe(1);
    expect(beyond.err).toContain('is beyond a 64 bit integer');
  });

  test('loses only what does not fit while the server is away, and says so', async () => {
    let isUp = false;
    const written: string[] = [];
    const server = await serve(({ body, url }) => {
      if (!isUp) return { status: 503 };
      if (url.pathname === '/ping') return { status: 204, headers: { 'x-influxdb-version': '1.6.7' } };
      written.push(...body.split('\n'));
      return { status: 204 };
    });
    const io = new CapturedIo();
    const args = [
      '--every',
      '10ms',
      '--polls',
      '6',
      '--buffer',
      '4',
      '--influxdb',
      server.url.href,
      '--database',
      'd',
    ];
    const fed = feed(io, '--exec', router('A', 'B', 'C', 'D', 'E', 'F'), ...STATUS, ...args);
    await io.said('lost 1 point: the buffer is full with 4 points');
    isUp = true;
    expect(await fed).toBe(1);
    expect(io.err).toMatch(/can't write now \(503\).*; trying again, and points wait/);
    expect(io.err).toMatch(/InfluxDB 1.6.7 at \S+ is back after/);
    const lost = Number(/ (\d) lost;/.exec(io.err)?.[1]);
    const states = written.map((line) => /"(.)"/.exec(line)?.[1]).join('');
    // The first point went, then the oldest that were not on their way just then: the others came in order, the last one too.
    expect(states).toHaveLength(6 - lost);
    expect(states).toMatch(/^B?C?D?E?F$/);
  });

  test('ends within its time when the server does not come back, and says what is lost', async () => {
    const server = await serve(() => ({ status: 503 }));
    const io = new CapturedIo();
    const args = ['--influxdb', server.url.href, '--database', 'd', '--flush-timeout', '100ms'];
    const fed = feed(io, '--exec', router('SHOWTIME'), ...STATUS, ...args);
    await io.said('trying again');
    io.signal('SIGTERM');
    expect(await fed).toBe(1);
    expect(io.err).toContain('lost 1 point: there was no more time to write them');
    expect(io.err).toContain('points: 1 read, 0 written, 0 rejected, 1 lost');
  });

  test('ends at once at the second signal', async () => {
    const server = await serve(() => ({ status: 503 }));
    const io = new CapturedIo();
    const args = ['--influxdb', server.url.href, '--database', 'd', '--flush-timeout', '1h'];
    const fed = feed(io, '--exec', router('SHOWTIME'), ...STATUS, ...args);
    await io.said('trying again');
    io.signal('SIGINT');
    io.signal('SIGINT');
    expect(await fed).toBe(1);
  });
});

describe('edge-detect feed and its options', () => {
  test('has a variable for each option', async () => {
    const io = new CapturedIo();
    expect(await feed(io, '--help')).toBe(0);
    const options = [...io.out.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name ?? '');
    expect(options.length).toBeGreaterThan(35);
    const flat = io.out.replace(/\s+/g, ' ');
    for (const name of options)
      expect(flat).toContain(`env: EDGE_DETECT_FEED_${name.replaceAll('-', '_').toUpperCase()})`);
    expect(io.out).toMatch(/\nExamples:\n/);
  });

  test('takes them from the environment, lists with commas, a flag first', async () => {
    vi.stubEnv('EDGE_DETECT_FEED_FILE', '-');
    vi.stubEnv('EDGE_DETECT_FEED_FORMAT', 'csv');
    vi.stubEnv('EDGE_DETECT_FEED_MEASUREMENT', 'not this one');
    vi.stubEnv('EDGE_DETECT_FEED_TAG', 'host,site=home');
    vi.stubEnv('EDGE_DETECT_FEED_TYPE', 'n=int,x=ignore');
    vi.stubEnv('EDGE_DETECT_FEED_SHIFT_TO_NOW', 'false');
    const io = new CapturedIo('host,n,x,time\nr1,7,8,1514979051\n');
    expect(await feed(io, '--measurement', 'm')).toBe(0);
    expect(io.out).toBe('m,site=home,host=r1 n=7i 1514979051000000000\n');
  });

  test.each<[string, string[], RegExp]>([
    ['no source', [], /one of --file, --exec and --simulate/],
    ['two sources', ['--file', '-', '--simulate', 'adsl'], /one of --file, --exec and --simulate/],
    ['two targets', ['--file', '-', '--influxdb', 'http://a', '--kapacitor', 'http://b'], /two targets/],
    ['an option of another source', ['--file', '-', '--devices', '2'], /--devices goes with --simulate only/],
    ['an option of another target', ['--file', '-', '--bucket', 'b'], /--bucket goes with --influxdb only/],
    [
      'nowhere in InfluxDB',
      ['--file', '-', '--format', 'csv', '--measurement', 'm', '--influxdb', 'http://a'],
      /--influxdb needs --database NAME \(1.x\), or/,
    ],
    [
      'both databases and buckets',
      ['--file', '-', '--influxdb', 'http://a', '--database', 'd', '--bucket', 'b'],
      /--influxdb needs/,
    ],
    [
      'a bucket of nobody',
      ['--file', '-', '--influxdb', 'http://a', '--bucket', 'b'],
      /--bucket needs --org and --token/,
    ],
    ['exit codes that are none', ['--exec', 'x', '--accept-exit', '0,256'], /exit codes from 0 to 255/],
    ['an encoding that nobody knows', ['--exec', 'x', '--encoding', 'utf7x'], /It is not known here/],
    [
      'to wait for a subscription of a bucket',
      ['--file', '-', '--influxdb', 'http://a', '--bucket', 'b', '--token', 't', '--wait-subscription'],
      /a bucket has no subscriptions/,
    ],
    [
      'nowhere in Kapacitor',
      ['--file', '-', '--format', 'csv', '--measurement', 'm', '--kapacitor', 'http://a'],
      /--kapacitor needs --database/,
    ],
    ['a file that is not there', ['--file', '/no/such/file'], /--file \/no\/such\/file does not exist/],
    ['a folder', ['--file', tmpdir()], /is a folder/],
    ['CSV of no measurement', ['--file', '-', '--format', 'csv'], /say --measurement NAME/],
    [
      'names in line protocol',
      ['--file', '-', '--format', 'lp', '--time', 't'],
      /--time is of no use here: line protocol says itself/,
    ],
    [
      'a tag column in line protocol',
      ['--file', '-', '--format', 'lp', '--tag', 'host'],
      /--tag without a value is of no use here/,
    ],
    [
      'a new name that is none',
      ['--file', '-', '--format', 'ndjson', '--rename', 'host'],
      /--rename host: expected the old name and the new one/,
    ],
    [
      'a type that is none',
      ['--file', '-', '--format', 'csv', '--measurement', 'm', '--type', 'v=text'],
      /--type v=text: expected a name and one of float/,
    ],
    [
      'a duration that is none',
      ['--exec', 'x', '--every', '90'],
      /'90' is invalid\. It must be a duration from 1ms to 24d, such as/,
    ],
    [
      'a duration longer than a timer can wait',
      ['--file', '-', '--flush-timeout', '25d'],
      /It must be a duration from 1ms to 24d/,
    ],
    [
      'a start that is neither a time nor a duration',
      ['--simulate', 'adsl', '--start', '-24'],
      /--start -24: after - it must be a duration such as/,
    ],
    ['a pace that is none', ['--file', '-', '--pace', '60'], /It must be a factor such as 1x/],
    ['a number that is none', ['--file', '-', '--batch', '0'], /It must be a whole number of 1 or more/],
    [
      'a pattern that is none',
      ['--exec', 'x', '--measurement', 'm', '--pattern', '('],
      /'\(' is no regular expression/,
    ],
    [
      'a tag that no group gives',
      ['--exec', 'x', '--measurement', 'm', '--pattern', '(?<v>x)', '--tag', 'h'],
      /there is no named group in --pattern h; there are: v/,
    ],
    [
      'a failure that is no point',
      ['--exec', 'x', '--measurement', 'm', '--on-failure', 'value=DOWN'],
      /--on-failure 'value=DOWN': expected a value for field value .*a string needs "double quotes"/,
    ],
    [
      'a failure of no measurement',
      ['--exec', 'x', '--on-failure', 'v=1'],
      /--on-failure needs --measurement/,
    ],
    ['a command for a shell', ['--exec', 'a | b'], /add --shell, or quote it/],
    [
      'a format that no program prints',
      ['--exec', 'x', '--format', 'csv'],
      /--exec reads lp, json, or text by --pattern, not csv/,
    ],
    [
      'a simulation without an end',
      ['--simulate', 'adsl', '--pace', 'max'],
      /--pace max has no end here: say --polls/,
    ],
    ['a start that is none', ['--simulate', 'adsl', '--start', 'soon'], /'soon' is no time/],
    [
      'a file for rejections that cannot be',
      ['--file', '-', '--rejected', '/no/such/folder/file'],
      /--rejected \/no\/such\/folder\/file can't be opened/,
    ],
  ])('refuses %s', async (_what, args, message) => {
    const io = new CapturedIo('v\n1\n');
    expect(await feed(io, ...args)).toBe(args.includes('--rejected') ? 1 : 2);
    expect(io.err).toMatch(message);
    expect(io.err).not.toMatch(/^ +at /m);
  });

  test('refuses a switch in the environment that is neither on nor off', async () => {
    vi.stubEnv('EDGE_DETECT_FEED_SHELL', 'maybe');
    const io = new CapturedIo();
    expect(await feed(io, '--exec', 'x')).toBe(2);
    expect(io.err).toContain("EDGE_DETECT_FEED_SHELL is 'maybe': say yes or no");
  });
});
