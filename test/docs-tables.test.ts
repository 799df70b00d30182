import { expect, test } from 'vitest';
import { marksIn } from './support/docs-tables/markdown.ts';
import { docsPages, docsTables } from './support/docs-tables/pages.ts';

test('the tables of the docs say what the declarations say (else: npm run docs)', async () => {
  for (const { path, now, right } of await docsPages()) expect(now, path).toBe(right);
});

test('every table stands on a page', async () => {
  const marks = (await docsPages()).flatMap(({ now }) => marksIn(now));
  expect(marks.sort()).toEqual([...(await docsTables()).keys()].sort());
});
