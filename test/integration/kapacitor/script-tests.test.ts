import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, test } from 'vitest';
import { run } from '../../../src/cli/run.ts';
import { atEnd } from '../../support/at-end.ts';
import { CapturedIo } from '../../support/captured-io.ts';

const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));
const TICKSCRIPTS = fileURLToPath(new URL('../../../tickscripts', import.meta.url));

const kapacitor = inject('servers')?.kapacitor;
/** These commands start a program of their own; a container has none. */
const program = kapacitor?.how === 'program' ? kapacitor.what : undefined;
const IMAGE = process.env.KAPACITOR_IMAGE ?? 'kapacitor:1.8';
const hasImage = spawnSync('docker', ['image', 'inspect', IMAGE], { stdio: 'ignore' }).status === 0;
const describeWithProgram = describe.skipIf(program === undefined);

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function edgeDetect(...args: readonly string[]): Promise<Ran> {
  const io = new CapturedIo();
  const code = await run([...args, '--kapacitord', program ?? ''], io);
  return { code, out: io.out, err: io.err };
}

/** A folder with files. */
function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'edge-script-tests-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const ALERT = `dbrp "telegraf"."autogen"
stream
    |from()
        .measurement('cpu')
        .groupBy('host')
    |alert()
        .id('{{ index .Tags "host" }}')
        .message('{{ .ID }} in {{ .TaskName }} is {{ .Level }}')
        .warn(lambda: "usage" > 80)
        .crit(lambda: "usage" > 90)
        .stateChangesOnly()
        .post('http://pager.example/hook')
        .log('/var/log/alerts')
    |httpOut('cpu')
`;

/** Waits for what a stream says, each time for something new. */
function listenedTo(stream: Readable) {
  let heard = '';
  let look = (): void => undefined;
  stream.on('data', (chunk: Buffer) => {
    heard += chunk.toString();
    look();
  });
  return {
    said: (text: string): Promise<void> =>
      new Promise((resolve) => {
        look = () => {
          const at = heard.indexOf(text);
          if (at < 0) return;
          heard = heard.slice(at + text.length);
          resolve();
        };
        look();
      }),
  };
}

/** Two that pass, and one that is told what is different. */
const CASES = `script: alert.tick
tests:
  - name: warns, then is critical
    data: |
      cpu,host=a usage=50.0 +0s
      cpu,host=a usage=85.0 +10s
      cpu,host=a usage=95.0 +20s
    expect:
      levels: { WARNING: 1, CRITICAL: 1, OK: 0 }
      alerts:
        - { level: WARNING, id: a, message: a in alert is WARNING, time: +10s, previousLevel: OK }
        - { level: CRITICAL, time: +20s, duration: 10s, tags: { host: a }, fields: { usage: 95 } }
      posts: { contains: [{ to: 'http://pager.example/hook', level: CRITICAL }] }
      logs: { unordered: [{ level: CRITICAL }, { to: /var/log/alerts, level: WARNING }] }
      states: { cpu: 'cpu,host=a usage=95.0 +20s' }
      nodes:
        from1: { collected: 3, emitted: 3 }
        alert2: ['x,host=a usage=85.0 +10s', 'x,host=a usage=95.0 +20s']
  - name: says nothing of quiet hosts
    data: cpu,host=a usage=50.0 +0s
    expect: { none: true }
  - name: is wrong
    data: cpu,host=a usage=85.0 +0s
    expect: { alerts: [{ level: CRITICAL, id: a }] }
`;

describeWithProgram('edge-detect test', () => {
  test('runs every case of the TICKscripts that come along', async () => {
    const { code, out } = await edgeDetect('test', TICKSCRIPTS, '--reporter', 'json');
    const report: {
      readonly failed: number;
      readonly passed: number;
      readonly tests: readonly { readonly status: string }[];
    } = JSON.parse(out);
    expect(report.tests.filter(({ status }) => status !== 'passed')).toEqual([]);
    expect(report.passed).toBeGreaterThan(15);
    expect(code).toBe(0);
  }, 120_000);

  test('tells what is different, the nearest miss and the lines; exit code 1', async () => {
    const folder = folderWith({ 'alert.tick': ALERT, 'alert.tickscript.yaml': CASES });
    const { code, out } = await edgeDetect('test', folder);
    expect(code).toBe(1);
    expect(out).toContain('✓ warns, then is critical');
    expect(out).toContain('✓ says nothing of quiet hosts');
    expect(out).toMatch(/✗ is wrong .*alert\.tickscript\.yaml:\d+:5/);
    expect(out).toContain('- { level: CRITICAL, id: a }');
    expect(out).toContain(
      'nearest: { level: WARNING, id: a, message: "a in alert is WARNING", time: +0s, node: alert2 } (differs in level)',
    );
    expect(out).toContain('2 passed, 1 failed, 0 skipped');
  });

  test('runs them again when a case, its script or its data changes, until ctrl-C', async () => {
    const folder = folderWith({
      'tasks/alert.tick': ALERT,
      'data/cpu.csv': 'time,host,usage\n1704067200,a,85.0\n',
      'cases/a.tickscript.yaml': `script: ../tasks/alert.tick
tests:
  - name: is critical
    data: { file: ../data/cpu.csv, tags: [host] }
    expect: { levels: { CRITICAL: 1 } }
`,
    });
    const child = spawn(process.execPath, [
      MAIN,
      'test',
      '--watch',
      '--kapacitord',
      program ?? '',
      join(folder, 'cases'),
    ]);
    atEnd(() => child.kill('SIGKILL'));
    const [out, err] = [child.stdout, child.stderr].map(listenedTo);
    const ran = (result: string): Promise<unknown> =>
      Promise.all([out?.said(result), err?.said('waits for a change')]);
    await ran('0 passed, 1 failed');
    writeFileSync(join(folder, 'data/cpu.csv'), 'time,host,usage\n1704067200,a,95.0\n');
    await err?.said('cpu.csv');
    await ran('1 passed, 0 failed');
    writeFileSync(join(folder, 'tasks/alert.tick'), ALERT.replace('> 90', '> 99'));
    await err?.said('alert.tick');
    await ran('0 passed, 1 failed');
    const exited = once(child, 'exit');
    child.kill('SIGINT');
    expect(await exited).toEqual([1, null]);
  });

  test('writes may be named with their database and policy', async () => {
    const folder = folderWith({
      'a.tickscript.yaml': `script: |
  dbrp "telegraf"."autogen"
  stream
      |from()
      |influxDBOut().database('home').retentionPolicy('year').measurement('m')
tests:
  - name: right
    data: m v=1 +0s
    expect: { writes: { home.year.m: 'm v=1 +0s' } }
  - name: wrong
    data: m v=1 +0s
    expect: { writes: { home.week.m: [] } }
`,
    });
    const { code, out } = await edgeDetect('test', folder);
    expect(code).toBe(1);
    expect(out).toContain('✓ right');
    expect(out).toContain('writes to home.year.m were not expected');
  });

  test('says what no case reached', async () => {
    const folder = folderWith({ 'alert.tick': ALERT, 'alert.tickscript.yaml': CASES });
    const { out } = await edgeDetect('test', folder, '--run', 'quiet', '--coverage');
    expect(out).toContain('2 of 3 nodes reached');
    expect(out).toContain('no point ever reached http_out3');
    expect(out).toContain('alert2 was never WARNING or CRITICAL or OK');
  });

  test('keeps what came as a snapshot, and says what has changed since', async () => {
    const cases = (usage: string): string => `script: alert.tick
tests:
  - name: as it was
    data: cpu,host=a usage=${usage} +0s
    snapshot: true
`;
    const folder = folderWith({ 'alert.tick': ALERT, 'a.tickscript.yaml': cases('95.0') });
    expect((await withCi('', () => edgeDetect('test', folder))).code).toBe(0);
    expect(readdirSync(join(folder, '__snapshots__'))).toEqual(['a.tickscript.yaml']);
    writeFileSync(join(folder, 'a.tickscript.yaml'), cases('85.0'));
    const changed = await edgeDetect('test', folder);
    expect(changed.code).toBe(1);
    expect(changed.out).toContain('- alert: { level: CRITICAL');
    expect(changed.out).toContain('+ alert: { level: WARNING');
    expect((await edgeDetect('test', folder, '--update')).code).toBe(0);
    expect((await edgeDetect('test', folder)).code).toBe(0);
    rmSync(join(folder, '__snapshots__'), { recursive: true });
    expect((await withCi('true', () => edgeDetect('test', folder))).out).toContain(
      'there is no snapshot of this case',
    );
  });

  test("a script that must be refused is, with the words and the place of the person's own text", async () => {
    const folder = folderWith({
      'bad.tickscript.yaml': `script: |
  stream
      |from()
      @edgeDetect()
          .field(5)
tests:
  - { name: type, expect: { error: unexpected arg to field } }
  - { name: place, expect: { error: '/its script.:4:10: unexpected arg to field, got INT expected STRING$/' } }
  - { name: taken, expect: { error: nothing } }
`,
    });
    const { code, out } = await edgeDetect('test', folder);
    expect(code).toBe(1);
    expect(out).toContain('2 passed, 1 failed');
  });

  test('options that a function refuses are the error of the case', async () => {
    const folder = folderWith({
      'bad.tickscript.yaml': `script: |
  stream
      |from()
      @edgeDetect()
          .field('v')
          .hold(-5s)
tests:
  - { name: refused, expect: { error: 'hold(-5s): must be 0 or more' } }
`,
    });
    expect(await edgeDetect('test', folder)).toMatchObject({ code: 0 });
  });

  test('only, skip and --run choose; what is left out is counted with its reason', async () => {
    const folder = folderWith({
      'alert.tick': ALERT,
      'a.tickscript.yaml': `script: alert.tick
tests:
  - { name: one, only: true, expect: { none: true } }
  - { name: two, expect: { none: true } }
  - { name: three, skip: not yet, expect: { none: true } }
`,
    });
    const { code, out } = await edgeDetect('test', folder);
    expect(code).toBe(0);
    expect(out).toContain('– two: another case says only');
    expect(out).toContain('– three: not yet');
    expect(out).toContain('1 passed, 0 failed, 2 skipped');
    expect(await edgeDetect('test', folder, '--run', 'nothing')).toMatchObject({ code: 2 });
  });

  test('a Kapacitor that dies is named with its last words, and a case file that is wrong with its place', async () => {
    const folder = folderWith({
      'alert.tick': ALERT,
      'alert.tickscript.yaml': CASES,
      'dies.sh': '#!/bin/sh\necho "no disk left" >&2\nexit 3\n',
      'wrong.yaml': 'script: alert.tick\ntests:\n  - nam: x\n',
    });
    chmodSync(join(folder, 'dies.sh'), 0o755);
    const io = new CapturedIo();
    const code = await run(['test', folder, '--kapacitord', join(folder, 'dies.sh')], io);
    expect(code).toBe(1);
    expect(io.err).toContain('dies.sh does not start: it ended with exit code 3: no disk left');
    const wrong = await edgeDetect('test', join(folder, 'wrong.yaml'));
    expect(wrong.code).toBe(2);
    expect(wrong.err).toMatch(/wrong\.yaml:3:5: unknown key "nam"/);
  });

  test('a Kapacitor that dies in mid-run is named, and nothing waits for what it owes', async () => {
    const files = filesWithSignal(
      `process.kill(Number(readFileSync(process.env.TEST_PID_FILE ?? '', 'utf8')), 'SIGKILL')`,
    );
    const { code, err, isGone } = await signalled(folderWith(files));
    expect(code).toBe(1);
    expect(err).toMatch(/^edge-detect: kapacitord has died: it was ended by SIGKILL$/m);
    expect(isGone).toBe(true);
  });

  test('ctrl-C while points are on their way ends everything that was started', async () => {
    const { code, err, isGone } = await signalled(
      folderWith(filesWithSignal(`process.kill(process.pid, 'SIGINT')`)),
    );
    expect(code).toBe(1);
    expect(err).toMatch(/^edge-detect: interrupted: not all cases were run$/m);
    expect(isGone).toBe(true);
  });

  test.each([
    ['script: [', 1, 10, 'Flow sequence'],
    ['script: alert.tick\ntests: none\n', 2, 8, ''],
    ['\u0000', 1, 1, ''],
    ['', 1, 1, ''],
    ['script: alert.tick\ntests:\n  - name: x\n    data: cpu usage= +0s\n', 4, 11, ''],
    ['script: nowhere.tick\ntests:\n  - name: x\n', 1, 9, 'nowhere.tick'],
  ])(
    'a damaged case file (%j) is told with its place, before anything starts',
    async (text, line, column, words) => {
      const folder = folderWith({ 'alert.tick': ALERT, 'a.tickscript.yaml': text });
      const { code, err } = await edgeDetect('test', folder);
      expect(code).toBe(2);
      expect(err).toContain(`a.tickscript.yaml:${line}:${column}: `);
      expect(err).toContain(words);
      expect(err.trim().split('\n')).toHaveLength(1);
    },
  );

  test.skipIf(!hasImage)(`runs kapacitord in a container of ${IMAGE}, which is gone afterwards`, async () => {
    const folder = folderWith({ 'alert.tick': ALERT, 'alert.tickscript.yaml': CASES });
    const { code, out } = await edgeDetect('test', folder, '--image', IMAGE);
    expect(out).toContain('2 passed, 1 failed, 0 skipped');
    expect(code).toBe(1);
    expect(await edgeDetect('check', folder, '--image', IMAGE)).toMatchObject({ code: 0 });
    expect(await edgeDetect('test', folder, '--image', 'No Image')).toMatchObject({
      code: 1,
      err: expect.stringContaining('No Image does not start: '),
    });
    const label = 'edge-detect-kapacitord';
    const { stdout } = spawnSync('docker', [
      'ps',
      '-a',
      '-f',
      `label=${label}`,
      '--format',
      `{{.Label "${label}"}}`,
    ]);
    expect(stdout.toString()).not.toMatch(new RegExp(`^${process.pid}-`, 'm'));
  });

  test('ctrl-C in mid-run ends everything that was started', async () => {
    const folder = folderWith({ 'alert.tick': ALERT, 'alert.tickscript.yaml': CASES });
    const io = new CapturedIo();
    const running = run(['test', folder, '--kapacitord', program ?? ''], io);
    const stop = setInterval(() => io.signal('SIGINT'), 20);
    const code = await running;
    clearInterval(stop);
    expect(code).toBe(1);
    expect(io.err).toContain('interrupted');
    expect(
      readdirSync(tmpdir()).filter((name) => name.startsWith(`edge-detect-test-${process.pid}-`)),
    ).toEqual([]);
  });
});

describeWithProgram('edge-detect check', () => {
  test('Kapacitor takes everything that comes along', async () => {
    const { code, out } = await edgeDetect('check', TICKSCRIPTS);
    expect(out).toContain('Kapacitor takes all 11 of them');
    expect(code).toBe(0);
  });

  test('what it would not take is named with file, line and column, and the traps of [load] as well', async () => {
    const folder = folderWith({
      'tasks/a.tick': 'dbrp "a"."b"\nstream\n  |from()\n  @edgeDetect()\n    .field(5)\n',
      'tasks/b.tick': 'dbrp "a"."b"\nstream\n  |from()\n  @edgeDetect()\n    .field(\'v\')\n    .hold(-5s)\n',
      'tasks/c.tick': 'stream|from()\n',
      'tasks/d.tick': 'dbrp "a"."b"\nstream|from()|log()\n',
      'templates/t.tick': 'var m string\nstream|from().measurement(n)\n',
      'handlers/h.yaml': 'id: a\ntopic: leads\nkind: log\noptions: {path: /tmp/x}\n',
      'handlers/i.yaml': 'id: a\ntopic: alerts\nkind: logg\noptions: {path: /tmp/x}\n',
    });
    const { code, out } = await edgeDetect('check', folder);
    expect(code).toBe(1);
    expect(out).toContain('tasks/a.tick:5:6: unexpected arg to field, got INT expected STRING');
    expect(out).toContain(
      'tasks/b.tick:6:6: @edgeDetect() refuses its options: hold(-5s): must be 0 or more',
    );
    expect(out).toContain('tasks/c.tick: it does not say where its points are');
    expect(out).toMatch(/✓ .*tasks\/d\.tick/);
    expect(out).toMatch(/✗ .*templates\/t\.tick:.*"n"/);
    expect(out).toContain('has only letters of "handlers"');
    expect(out).toContain('unsupported action kind');
    expect(out).toContain('Kapacitor does not take 6 of 7');
  });
});

/** A case whose function, at its first point, does something to the processes around it. */
function filesWithSignal(deed: string): Record<string, string> {
  return {
    'functions/signals.ts': `import { readFileSync } from 'node:fs';
import { defineFunction } from 'kapacitor-edge-detect/udf';
export const signals = defineFunction({
  name: 'signals',
  wants: 'STREAM',
  provides: 'STREAM',
  options: {},
  begin: () => ({}),
  point() {
    ${deed};
  },
});
void readFileSync;
`,
    'kapacitord.sh': `#!/bin/sh
echo $$ > "$(dirname "$0")/pid"
exec ${program} "$@"
`,
    'a.tickscript.yaml': `script: |
  stream
      |from()
      @signals()
      |alert()
          .crit(lambda: TRUE)
tests:
  - name: whatever
    data: { generate: 'cpu value: UP x1000 every 1s for host=a' }
    expect: { none: true }
`,
  };
}

/** Runs the program on such a case. */
async function signalled(folder: string): Promise<{ code: unknown; err: string; isGone: boolean }> {
  const kapacitord = join(folder, 'kapacitord.sh');
  chmodSync(kapacitord, 0o755);
  const child = spawn(
    process.execPath,
    [MAIN, 'test', folder, '--functions-dir', join(folder, 'functions'), '--kapacitord', kapacitord],
    { env: { ...process.env, TMPDIR: folder, TEST_PID_FILE: join(folder, 'pid'), KAPACITORD: '' } },
  );
  atEnd(() => child.kill('SIGKILL'));
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  child.stdout.resume();
  const [code] = await once(child, 'close');
  const left = readdirSync(folder).filter((name) => name.startsWith('edge-detect-test-'));
  return {
    code,
    err,
    isGone: left.length === 0 && !isRunning(Number(readFileSync(join(folder, 'pid'), 'utf8'))),
  };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Runs with the variable `CI` set, or not. */
async function withCi<T>(value: string, work: () => Promise<T>): Promise<T> {
  const before = process.env.CI;
  process.env.CI = value;
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env.CI;
    else process.env.CI = before;
  }
}
