import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { allCommands } from '../src/cli/run.ts';
import { CapturedIo } from './support/captured-io.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = ['README.md', 'CONTRIBUTING.md', ...globSync('{docs,examples}/**/*.md', { cwd: ROOT })];
const FILES = globSync(['docker-compose.yml', '.github/workflows/*.yml', 'tickscripts/**/*.{tick,yaml}'], {
  cwd: ROOT,
});

const commands = new Map((await allCommands(new CapturedIo())).map((each) => [each.name(), each]));
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The blocks of code that are for a shell or a configuration file, and code within the text. */
function codeOf(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^ *```(\w*)\n([\s\S]*?)^ *```$/gm)];
  const text = markdown.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
  return [
    ...blocks.map(([, , code = '']) => code),
    ...[...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code),
  ];
}

interface Call {
  readonly text: string;
  readonly name: string;
  readonly flags: readonly string[];
}

/** The calls of this program, up to what ends a command of a shell. */
function callsIn(code: string): Call[] {
  // A line that goes on is one; what stands in quotes says nothing to the shell.
  const joined = code.replaceAll(/\\\n\s*/g, ' ');
  const calls = joined.matchAll(/(?:^|[\s/(])(?:edge-detect|npm start --) ([a-z]+)((?: [^\n|;&#)]*)?)/gm);
  return [...calls].map(([text, name = '', rest = '']) => ({
    text: text.trim(),
    name,
    flags: [...rest.replaceAll(/'[^']*'|"[^"]*"/g, '').matchAll(/(?<=\s)--[\w-]+/g)].map(([flag]) => flag),
  }));
}

function knows(command: Command, flag: string): boolean {
  return (
    flag === '--help' ||
    command.options.some(({ long }) => long === flag) ||
    command.commands.some((child) => knows(child, flag))
  );
}

describe.each([...PAGES, ...FILES])('%s', (path) => {
  const code = path.endsWith('.md') ? codeOf(read(path)) : [read(path)];

  test('calls this program as it can be called', () => {
    const wrong = code.flatMap(callsIn).flatMap(({ flags, name, text }) => {
      const command = commands.get(name);
      // A sentence that goes on behind the program's name.
      if (command === undefined) return flags.length > 0 ? [text] : [];
      return flags.filter((flag) => !knows(command, flag)).map((flag) => `${flag} in ${text}`);
    });
    expect(wrong).toEqual([]);
  });

  test('runs scripts that there are', () => {
    const named = code.flatMap((each) =>
      [...each.matchAll(/npm run (?:--silent )?([a-z][\w:-]*)/g)].map(([, name = '']) => name),
    );
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });
});

test('every variable that the docs name is read by something', () => {
  const sources = globSync(
    ['src/**/*.ts', 'test/**/*.ts', 'docker*/**', 'Dockerfile', 'docker-compose.yml'],
    { cwd: ROOT },
  )
    .filter((path) => /\.\w+$|Dockerfile$/.test(path))
    .map(read)
    .join('\n');
  const declared = new Set<string>();
  const collect = (command: Command): void => {
    for (const { envVar } of command.options) if (envVar !== undefined) declared.add(envVar);
    command.commands.forEach(collect);
  };
  commands.forEach(collect);
  const unread = PAGES.flatMap((path) =>
    [...read(path).matchAll(/\bEDGE_DETECT_[A-Z_]*[A-Z]\b(?!_|…)/g)].map(([name]) => name),
  ).filter(
    (name) => !declared.has(name) && !declared.has(name.replace(/_FILE$/, '')) && !sources.includes(name),
  );
  expect([...new Set(unread)]).toEqual([]);
});
