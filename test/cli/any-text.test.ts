import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { parseLine } from '../../src/line-protocol/parser.ts';
import { CapturedIo } from '../support/captured-io.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CASES = new URL('../fixtures/cases/', import.meta.url);
const SAMPLES = readdirSync(CASES).map((name) => ({
  name,
  text: readFileSync(new URL(name, CASES)).toString('latin1'),
}));
const NS_PER_MS = 1_000_000n;

/** One thing that happens to files on their way. */
type Mishap = (text: string, at: number) => string;

const MISHAPS: readonly Mishap[] = [
  (text) => text,
  (text, at) => text.slice(0, at),
  (text, at) => text.slice(at),
  (text, at) => text.slice(0, at) + text.slice(at + 7),
  (text, at) => text.slice(0, at) + text.slice(Math.max(0, at - 40), at) + text.slice(at),
  (text) => text.replaceAll('\n', '\r\n'),
  (text) => text.replaceAll('\n', '\n\n'),
  (text) => text.replaceAll(',', ';'),
  (text) => text.replaceAll(',', '\t'),
  (text) => text.replace(/time|Zeit/, 'stamp'),
  (text) => text.replace(/\d{19}/g, (digits) => digits.slice(0, 10)),
  (text) => text.replaceAll('2025', '1925'),
  (text, at) => `${text.slice(0, at)}"${text.slice(at)}`,
  (text, at) => `${text.slice(0, at)}\u001b[31m\u00ff\u0007${text.slice(at)}`,
  (text) => `\u00ef\u00bb\u00bf${text}`,
  (text) => text.replace(/^.*\n/, ''),
  (text) => `Report of a device\n${text}`,
  (text) => text + text,
];

const file = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(...SAMPLES),
      fc.array(fc.tuple(fc.constantFrom(...MISHAPS), fc.double({ min: 0, max: 1, noNaN: true })), {
        maxLength: 3,
      }),
    )
    .map(([{ name, text }, mishaps]) => ({
      name,
      bytes: Buffer.from(
        mishaps.reduce((changed, [mishap, at]) => mishap(changed, Math.floor(at * changed.length)), text),
        'latin1',
      ),
    })),
  fc
    .tuple(
      fc.constantFrom('a.csv', 'a.json', 'a.lp', 'a.tsv', 'a.txt'),
      fc.array(
        fc.array(fc.constantFrom(...'abct,;:="{}[]#-1 \n\r\t'.split(''), 'time', '2025-01-01', 'é', 'NaN')),
        {
          maxLength: 12,
        },
      ),
    )
    .map(([name, lines]) => ({ name, bytes: Buffer.from(lines.map((line) => line.join('')).join('\n')) })),
);

async function runOn(
  command: string,
  { bytes, name }: { name: string; bytes: Buffer },
  flags: readonly string[],
) {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, bytes);
  const io = new CapturedIo();
  const beforeNs = BigInt(Date.now()) * NS_PER_MS;
  const code = await run([command, ...(command === 'feed' ? ['--file'] : []), path, ...flags], io);
  return { code, out: io.out, err: io.err, beforeNs };
}

/** The points in line protocol, read back. */
function pointsOf(out: string): { readonly time: bigint | undefined }[] {
  // A string may hold line breaks, and none of these files has one before a digit at its end.
  return out
    .split(/(?<= -?\d+)\n/)
    .filter((line) => line !== '')
    .map((line) => parseLine(line, { file: 'out', line: 1 }));
}

function expectNoSurprise(out: string, err: string, code: number): void {
  expect([0, 1, 2]).toContain(code);
  // Nothing that a terminal would obey, and nobody's stack trace.
  expect(/[^\P{Cc}\n\t]/u.test(err)).toBe(false);
  expect(err).not.toMatch(/^ +at |TypeError|RangeError|ReferenceError/m);
  if (code !== 0) expect(err).not.toBe('');
  // A recording that is cut off shows that at its end.
  if (code === 2 && !err.includes('recording')) expect(out).toBe('');
}

describe('whatever a text file holds', () => {
  test('feed writes nothing at the present without a word, and says what it loses', async () => {
    await fc.assert(
      fc.asyncProperty(file, async (given) => {
        const { beforeNs, code, err, out } = await runOn('feed', given, ['--measurement', 'm']);
        const { code: bareCode, err: bareErr, out: bareOut } = await runOn('feed', given, []);
        expectNoSurprise(bareOut, bareErr, bareCode);
        expectNoSurprise(out, err, code);
        const points = pointsOf(out);
        const [, read, written, rejected, lost] =
          /points: (\d+) read, (\d+) written, (\d+) rejected, (\d+) lost/.exec(err)?.map(Number) ?? [];
        expect(written).toBe(points.length);
        if (code === 0) expect([read, rejected, lost]).toEqual([written, 0, 0]);
        const atPresent = points.filter(({ time = 0n }) => time >= beforeNs).length;
        if (atPresent > 0) expect(err).toMatch(new RegExp(`${atPresent} points? had no time`));
      }),
      { numRuns: 150 },
    );
  });

  test('replay warns of what it can not mean, and says what it loses', async () => {
    await fc.assert(
      fc.asyncProperty(file, async (given) => {
        const flags = ['--field', 'state', '--field', 'value', '--field', 'a', '--format', 'lp'];
        const { beforeNs, code, err, out } = await runOn('replay', given, flags);
        expect([0, 1, 2]).toContain(code);
        expect(/[^\P{Cc}\n\t]/u.test(err)).toBe(false);
        expect(err).not.toMatch(/^ +at |TypeError|RangeError|ReferenceError/m);
        const points = pointsOf(out);
        if (points.some(({ time = 0n }) => time >= beforeNs)) expect(err).toMatch(/without a timestamp/);
        if (/rejected:|left out as no point/.test(err)) expect(code).not.toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
