import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { apiReport, ENTRIES } from '../support/api-report.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PATIENCE_MS = 120_000;

test.each(ENTRIES)(
  'what /%s shows is what its report says: a change of it is a change of that file (npm run api)',
  (entry) => {
    expect(apiReport(entry, false)).toBe(false);
  },
  PATIENCE_MS,
);

/** Runs a program and gives what it wrote. */
function run(folder: string, program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

const PROJECT = `import { runFunction } from 'kapacitor-edge-detect/testing';
import { defineFunction, option } from 'kapacitor-edge-detect/udf';

export const doubled = defineFunction({
  name: 'doubled',
  wants: 'STREAM',
  provides: 'STREAM',
  options: { field: option.string({ summary: 'the field to double' }) },
  point(point, _, { options, emit }) {
    const field: string = options.field;
    const value = point.field(field);
    if (typeof value === 'number') emit.forward(point, { doubled: 2 * value });
  },
});
const { lines } = await runFunction(doubled, { options: { field: 'x' }, lines: 'm x=2 1' });
console.log(lines.join());
`;

test(
  'what npm packs is of use in a foreign project: it runs, and its types are known',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'edge-foreign-'));
    try {
      run(ROOT, 'npm', 'pack', '--silent', '--pack-destination', folder);
      const [archive = ''] = readdirSync(folder);
      const modules = join(folder, 'node_modules');
      const own = join(modules, 'kapacitor-edge-detect');
      mkdirSync(own, { recursive: true });
      run(folder, 'tar', '-xzf', archive, '-C', own, '--strip-components=1');
      // As npm would lay them out, without asking a registry.
      for (const name of [
        'protobufjs',
        'typescript',
        '@types',
        'undici-types',
        'long',
        '@protobufjs',
        '@typescript',
      ])
        symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
      writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
      writeFileSync(join(folder, 'doubled.ts'), PROJECT);
      expect(run(folder, process.execPath, 'doubled.ts')).toBe('m x=2,doubled=4 1\n');
      const options = { module: 'nodenext', target: 'es2024', types: ['node'], strict: true, noEmit: true };
      writeFileSync(
        join(folder, 'tsconfig.json'),
        JSON.stringify({ compilerOptions: options, files: ['doubled.ts'] }),
      );
      run(folder, process.execPath, join(ROOT, 'node_modules/typescript/bin/tsc'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  PATIENCE_MS,
);
