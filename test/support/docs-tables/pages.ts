import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandSections } from './commands.ts';
import { errorsTable } from './errors.ts';
import { fill } from './markdown.ts';
import { eventsTable, metricsTable } from './metrics.ts';
import { optionsTable } from './options.ts';

// `npm run docs`: writes the tables of the docs anew, from the declarations. A test holds the pages against them.

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A page of the docs as it is, and as it should be. */
export interface Page {
  readonly path: string;
  readonly now: string;
  readonly right: string;
}

/** What can be made of declarations, by the name in the pages' marks. */
export async function docsTables(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['options', optionsTable()],
    ['commands', await commandSections()],
    ['protocol-errors', errorsTable()],
    ['metrics', metricsTable()],
    ['events', eventsTable()],
  ]);
}

/** All pages of the docs. */
export async function docsPages(): Promise<Page[]> {
  const tables = await docsTables();
  return globSync('docs/**/*.md', { cwd: ROOT }).map((path) => {
    const now = readFileSync(join(ROOT, path), 'utf8');
    return { path, now, right: fill(now, tables) };
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { path, now, right } of await docsPages()) {
    if (now === right) continue;
    writeFileSync(join(ROOT, path), right);
    process.stdout.write(`${path}: written\n`);
  }
}
