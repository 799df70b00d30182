import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const SRC = new URL('../src/', import.meta.url);

/** Flags of programs that are no concern of ours, and where they may stand. */
const FOREIGN: ReadonlyMap<string, readonly string[]> = new Map([
  ['agent/watchdog/watchdog-thread.ts', ['--allow-natives-syntax']],
]);

const FLAG = /(?<![\w-])--[a-z][a-z-]*[a-z](?![\w(.])/g;

const lowerRooms = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && !/^cli\/|^feed\/|^agent\/session/.test(file),
);

function sourceOf(file: string): string {
  return readFileSync(new URL(file, SRC), 'utf8');
}

describe('the rooms below the command line', () => {
  test('name no flag: a setting has another name for HTTP and for the SDK (see wording.ts)', () => {
    const found = lowerRooms.flatMap((file) =>
      [...sourceOf(file).matchAll(FLAG)]
        .map(([flag]) => flag)
        .filter((flag) => FOREIGN.get(file)?.includes(flag) !== true)
        .map((flag) => `${file}: ${flag}`),
    );
    expect(found).toEqual([]);
  });

  test('throw no UsageError, which means an exit code: what is wrong with an input has a code of its own', () => {
    const found = lowerRooms.filter((file) => file !== 'errors.ts' && /\bUsageError\b/.test(sourceOf(file)));
    expect(found).toEqual([]);
  });
});
