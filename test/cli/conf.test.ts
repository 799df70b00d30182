import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { CapturedIo } from '../support/captured-io.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

async function conf(
  args: readonly string[],
  input = '',
): Promise<{ code: number; out: string; err: string }> {
  const io = new CapturedIo(input);
  const code = await run(['conf', ...args], io);
  return { code, out: io.out, err: io.err };
}

describe('edge-detect conf', () => {
  test('prints the lines of all that is served', async () => {
    expect(await conf(['--socket-dir', '/srv/udf'])).toEqual({
      code: 0,
      err: '',
      out: [
        '[udf.functions.edgeDetect]',
        '  socket = "/srv/udf/edgeDetect.sock"',
        '  timeout = "10s"',
        '',
        '[udf.functions.edgeDetectBatch]',
        '  socket = "/srv/udf/edgeDetectBatch.sock"',
        '  timeout = "10s"',
        '',
      ].join('\n'),
    });
  });

  test('refuses a file that it would not read', async () => {
    expect(await conf(['kapacitor.conf'])).toMatchObject({ code: 2, out: '' });
    expect((await conf(['--remove', '/no/such.conf'])).err).toMatch(
      /\/no\/such\.conf: cannot read it: ENOENT/,
    );
  });
});

describe('edge-detect conf --remove', () => {
  const CONF = [
    'hostname = "x"',
    '[udf]',
    '[udf.functions]',
    '  [udf.functions.other]',
    '    socket = "/tmp/other.sock"',
    '  # changes of state',
    '  [udf.functions.edgeDetect]',
    '    socket = "/somewhere/else.sock"',
    '    timeout = "10s"',
    '    [udf.functions.edgeDetect.env]',
    '      A = "1"',
    '',
    '# batches',
    '[udf.functions."myBatch"]',
    '  socket = "/var/run/kapacitor-udf/edgeDetectBatch.sock"',
    '',
    '[talk]',
    '  enabled = false',
    '',
  ];

  test('says which lines are of functions that are served, by name or socket, and changes nothing', async () => {
    const file = join(temporaryFolder(), 'kapacitor.conf');
    writeFileSync(file, CONF.join('\n'));
    const { code, err, out } = await conf(['--remove', file]);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain(
      `${file}: remove lines 7 to 11 (edgeDetect):\n     7    [udf.functions.edgeDetect]\n`,
    );
    expect(out).toContain(`${file}: remove lines 14 to 15 (myBatch):\n`);
    expect(out).toContain(`or: sed -i '7,11d;14,15d' ${file}\n`);
    expect(out).not.toContain('other');
    expect(readFileSync(file, 'utf8')).toBe(CONF.join('\n'));
  });

  test('says so where there are none, also on standard input', async () => {
    const { code, out } = await conf(['--remove', '-'], '[udf]\n[udf.functions]\n');
    expect([code, out]).toEqual([0, '-: there are no lines of functions that are served here\n']);
  });
});
