import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { wantOfDescriptors } from '../src/descriptors.ts';

const PROGRAM = fileURLToPath(new URL('../src/descriptors.ts', import.meta.url));

test('names the limit of the process and how to raise it', () => {
  const script = `import { wantOfDescriptors } from ${JSON.stringify(PROGRAM)}; console.log(wantOfDescriptors(Object.assign(new Error(), { code: 'EMFILE' })));`;
  const said = execFileSync(
    'sh',
    ['-c', 'ulimit -n 200; exec "$@"', 'sh', process.execPath, '--input-type=module', '--eval', script],
    { encoding: 'utf8' },
  );
  expect(said).toMatch(
    /^the 200 file descriptors that this process may have are used up; raise the limit \(ulimit -n/,
  );
});

test('tells a machine without descriptors from a process without', () => {
  expect(wantOfDescriptors(Object.assign(new Error(), { code: 'ENFILE' }))).toContain('of this machine');
  expect(wantOfDescriptors(Object.assign(new Error(), { code: 'ECONNREFUSED' }))).toBeUndefined();
});
