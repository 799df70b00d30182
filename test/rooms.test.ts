import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const SRC = new URL('../src/', import.meta.url);

const FLAG = /(?<![\w-])--[a-z][a-z-]*[a-z](?![\w-])/g;

/** A whole command that somebody is told to run is no setting's name. */
const COMMAND_LINE = /`edge-detect [^`]*`/g;

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const lowerRooms = files.filter((file) => !file.startsWith('cli/'));

/** Whatever the command line calls a flag; those of other programs, such as V8's, are none of ours. */
const ours = new Set(
  files.filter((file) => file.startsWith('cli/')).flatMap((file) => flagsIn(sourceOf(file))),
);

function flagsIn(source: string): string[] {
  return [...source.matchAll(FLAG)].map(([flag]) => flag);
}

function sourceOf(file: string): string {
  return readFileSync(new URL(file, SRC), 'utf8');
}

describe('the rooms below the command line', () => {
  test('name no flag: a setting has another name for HTTP and for the SDK (see wording.ts)', () => {
    expect(ours).toContain('--max-frame-bytes');
    const found = lowerRooms.flatMap((file) =>
      flagsIn(sourceOf(file).replace(COMMAND_LINE, ''))
        .filter((flag) => ours.has(flag))
        .map((flag) => `${file}: ${flag}`),
    );
    expect(found).toEqual([]);
  });

  test('throw no UsageError, which means an exit code: what is wrong with an input has a code of its own', () => {
    const found = lowerRooms.filter((file) => file !== 'errors.ts' && /\bUsageError\b/.test(sourceOf(file)));
    expect(found).toEqual([]);
  });
});
