import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CaseDocument } from '../../src/script-tests/case-document.ts';
import { CaseFile } from '../../src/script-tests/case-schema.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-cases-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(text: string): CaseDocument {
  const file = join(folder, 'x.tickscript.yaml');
  writeFileSync(file, text);
  return CaseDocument.read(file);
}

describe('a case file that is wrong says where, and what was expected', () => {
  test.each([
    [
      'script: a\ntests:\n  - name: x\n    expect:\n      alertz: []\n',
      /:5:7: unknown key "alertz"; there are alerts, levels, writes/,
    ],
    ['script: a\ntests:\n  - name: x\n    expcet: {}\n', /:4:5: unknown key "expcet"; there are name, data/],
    ['script: a\ntests: 5\n', /:2:8: it must be an array/],
    [
      'tests:\n  - name: x\n    expect: {alerts: [{level: CRIT}]}\n',
      /:3:31: it must be OK or INFO or WARNING or CRITICAL/,
    ],
    ['tests:\n  - name: x\n    name: y\n', /:3:5: Map keys must be unique/],
    ['tests:\n  - name: [\n', /:3:1: Flow sequence/],
    ['', /it must be an object/],
  ])('%j', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  test('and one that is not there is named', () => {
    expect(() => CaseDocument.read(join(folder, 'none.yaml'))).toThrow(/none\.yaml: cannot be read/);
  });
});

test('every place of a file is known, the nearest one where something is left out', () => {
  const document = read('script: a\ntests:\n  - name: x\n    data: 5m\n');
  expect(document.position(['tests', 0, 'data'])).toEqual({ line: 4, column: 11 });
  expect(document.position(['tests', 0, 'expect', 'alerts'])).toEqual({ line: 3, column: 5 });
});

test('a time of 19 digits is exact', () => {
  const document = read(
    'script: a\ntests:\n  - name: x\n    expect: {alerts: [{time: 1514979051065000001}]}\n',
  );
  expect(document.written(['tests', 0, 'expect', 'alerts', 0, 'time'])).toBe('1514979051065000001');
});

test('editors have the schema that the files are checked with, and it takes every case file there is', () => {
  const schema: unknown = JSON.parse(
    readFileSync(new URL('../../schemas/tickscript-cases.schema.json', import.meta.url), 'utf8'),
  );
  const { $schema, $id, ...rest } = Object.fromEntries(Object.entries(Object(schema)));
  expect($schema).toBe('http://json-schema.org/draft-07/schema#');
  expect($id).toBeDefined();
  expect(rest).toEqual(JSON.parse(JSON.stringify(CaseFile)));
  const validate = new Ajv({ strict: false }).compile(rest);
  for (const file of globSync(new URL('../../tickscripts/tests/*.yaml', import.meta.url).pathname))
    expect(validate(parse(readFileSync(file, 'utf8'))), file).toBe(true);
});
