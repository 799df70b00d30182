import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { CapturedIo } from '../support/captured-io.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let folder: string;
beforeEach(() => {
  // Where the compiler and the types of Node are found, and nothing is that npm packs.
  folder = mkdtempSync(join(ROOT, '.new-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function make(...args: string[]) {
  const io = new CapturedIo();
  const code = await run(['new', ...args, '--dir', folder], io);
  return { code, out: io.out, err: io.err };
}

function passes(program: string, ...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect({ status, output: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, output: '' });
}

describe('edge-detect new', () => {
  test.each([
    ['a function of points', 'distance', []],
    ['a function of batches', 'greatest', ['--batch']],
  ])(
    'makes %s that passes its test and the type check at once',
    { timeout: 60_000 },
    async (_, name, flags) => {
      const { code, out, err } = await make(name, ...flags);
      expect([code, err]).toEqual([0, '']);
      expect(out).toContain(`edge-detect serve --functions-dir ${folder}`);
      const files = [`${name}.test.ts`, `${name}.tick`, `${name}.ts`, 'tsconfig.json'];
      expect(readdirSync(folder).filter((file) => file !== 'node_modules')).toEqual(files);
      passes('--test', `${name}.test.ts`);
      passes(join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json');
    },
  );

  test('writes over nothing', async () => {
    await make('distance');
    const { code, err } = await make('distance');
    expect(code).toBe(2);
    expect(err).toContain('is there already: nothing was written');
  });

  test.each([
    ['no-name', "'no-name' is no name of a function"],
    ['edgeDetect', '@edgeDetect is taken by the agent itself'],
    ['status', "@status is taken by the agent's status socket"],
  ])('refuses the name %s', async (name, message) => {
    const { code, err } = await make(name);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});
