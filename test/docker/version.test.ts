import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('an image that is built without a version has that of package.json on its label', () => {
  const { version }: { version: string } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(readFileSync('Dockerfile', 'utf8')).toContain(`\nARG VERSION=${version}\n`);
});
