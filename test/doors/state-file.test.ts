import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { StateFile } from '../../src/doors/state-file.ts';
import { InputError } from '../../src/errors.ts';
import type { NodeLog } from '../../src/function/contract.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let path: string;
let warnings: string[];
const log: NodeLog = {
  info() {},
  warn: (fields, message) => warnings.push(`${message}: ${String(fields.problem)}`),
};

beforeEach(() => {
  path = join(temporaryFolder(), 'node.state');
  warnings = [];
});

const PIECES = [Buffer.from('a snap'), Buffer.alloc(0), Buffer.from('shot\n\0of a node')];

function stateFile(name = 'edgeDetect'): StateFile {
  return new StateFile(path, name, log);
}

describe('a state file', () => {
  test('gives back what was saved last, and says what it is in its first line', async () => {
    expect(stateFile().read()).toBeUndefined();
    await stateFile().write([Buffer.from('before')], 1);
    await stateFile().write(PIECES, 12);
    expect(Buffer.from(stateFile().read() ?? [])).toEqual(Buffer.concat(PIECES));
    const header: unknown = JSON.parse(readFileSync(path, 'utf8').split('\n')[0] ?? '');
    expect(header).toMatchObject({ format: 'edge-detect state', function: 'edgeDetect', lines: 12 });
    expect(readdirSync(join(path, '..'))).toEqual(['node.state']);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(warnings).toEqual([]);
  });

  test('cut at any byte, or with any byte changed, is set aside, and the node starts empty', async () => {
    await stateFile().write(PIECES, 12);
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at] = (whole[at] ?? 0) ^ 0x20;
      for (const damaged of [whole.subarray(0, at), changed]) {
        writeFileSync(path, damaged);
        expect(stateFile().read()).toBeUndefined();
        expect(existsSync(path)).toBe(false);
        expect(readFileSync(`${path}.damaged`)).toEqual(damaged);
      }
    }
    expect(warnings).toHaveLength(2 * whole.length);
  });

  test('of another function is set aside', async () => {
    await stateFile('mirror').write(PIECES, 1);
    expect(stateFile().read()).toBeUndefined();
    expect(warnings[0]).toContain('it is the state of another function than edgeDetect');
  });

  test('that cannot be written is warned of once, and the one before stays', async () => {
    await stateFile().write(PIECES, 1);
    mkdirSync(`${path}.new`);
    const file = stateFile();
    await file.write([Buffer.from('later')], 2);
    await file.write([Buffer.from('later still')], 3);
    expect(warnings).toEqual([expect.stringContaining('the state could not be saved')]);
    expect(Buffer.from(stateFile().read() ?? [])).toEqual(Buffer.concat(PIECES));
  });

  test('in a folder that is not there, or that is no file, is refused at the start', () => {
    expect(() => new StateFile(join(path, 'x', 'y'), 'edgeDetect', log)).toThrow(InputError);
    mkdirSync(path);
    expect(() => stateFile().read()).toThrow(/state .*node.state can't be read/);
  });
});
