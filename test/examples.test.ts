import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const FOLDER = fileURLToPath(new URL('../examples/functions/', import.meta.url));
const files = readdirSync(FOLDER);

test.each(files.filter((file) => file.endsWith('.test.ts')))(
  'examples/functions/%s passes in node --test',
  (file) => {
    const { status, stdout } = spawnSync(process.execPath, ['--test', file], {
      cwd: FOLDER,
      encoding: 'utf8',
    });
    expect(stdout).toMatch(/^# fail 0$|^ℹ fail 0$/m);
    expect(status).toBe(0);
  },
);

test('every example has its test and its TICKscript', () => {
  const names = files.filter((file) => /^[a-zA-Z]+\.ts$/.test(file)).map((file) => file.slice(0, -3));
  expect(names).toEqual(['mirror', 'movingAverage', 'outliers', 'stateTime', 'tTest']);
  for (const name of names)
    expect(files).toEqual(expect.arrayContaining([`${name}.test.ts`, `${name}.tick`]));
});
