import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { CaseDocument } from '../../src/script-tests/case-document.ts';
import type { TimedPoint } from '../../src/script-tests/points.ts';
import { prepareCases, streamPoints } from '../../src/script-tests/prepared-case.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** What a case whose data is this file gets. @param rest what the case says of the file besides */
async function read(name: string, content: string | Buffer | undefined, rest = ''): Promise<TimedPoint[]> {
  const folder = temporaryFolder();
  const file = join(folder, 'own.tickscript.yaml');
  if (content !== undefined) writeFileSync(join(folder, name), content);
  writeFileSync(file, `script: "stream|from()"\ntests:\n  - name: x\n    data: { file: ${name}${rest} }\n`);
  const [prepared] = prepareCases(CaseDocument.read(file));
  const { data } = prepared.spec;
  if (data === undefined) throw new Error('the case has no data');
  return streamPoints(prepared, data, [...prepared.path, 'data']);
}

const flat = (points: readonly TimedPoint[]) =>
  points.map(({ fields, measurement, tags, time }) => ({
    measurement,
    tags: Object.fromEntries(tags),
    fields: Object.fromEntries(fields),
    time,
  }));

describe('the points of a file', () => {
  const CSV = 'when,host,state,snr\n2024-01-01T00:00:00Z,r1,UP,6.5\n2024-01-01T00:01:30Z,r1,DOWN,--\n';
  const UP = {
    tags: { host: 'r1' },
    fields: { state: 'UP', snr: 6.5 },
  };

  test('of CSV: columns are tags where the case says so, a marker of nothing costs its field alone', async () => {
    const points = flat(await read('adsl.csv', CSV, ', tags: [host], time: when'));
    expect(points).toMatchObject([
      { ...UP, measurement: 'adsl', time: 1704067200000000000n },
      { measurement: 'adsl', fields: { state: 'DOWN' }, time: 1704067290000000000n },
    ]);
    expect(Object.keys(points[1]?.fields ?? {})).toEqual(['state']);
  });

  test('of gzipped CSV, with a measurement and a type that it does not show', async () => {
    const csv = gzipSync('time,code\n1704067200,7\n');
    const points = await read(
      'codes.csv.gz',
      csv,
      ', measurement: line, types: {code: string}, precision: s',
    );
    expect(flat(points)).toEqual([
      {
        measurement: 'line',
        tags: {},
        fields: { code: '7' },
        time: 1704067200000000000n,
      },
    ]);
  });

  test('of JSON', async () => {
    const json = '[{"time":"2024-01-01T00:00:00Z","host":"r1","state":"UP","snr":6.5}]';
    expect(flat(await read('adsl.json', json, ', tags: [host]'))).toMatchObject([UP]);
  });

  test('of line protocol', async () => {
    expect(flat(await read('a.lp', 'adsl,host=r1 state="UP",snr=6.5 1704067200000000000\n'))).toMatchObject([
      UP,
    ]);
  });

  test.each([
    [
      'a record that is none',
      'a.csv',
      'time,v\nnever,1\n',
      '',
      /own\.tickscript\.yaml:4:19: a\.csv: .*never/,
    ],
    ['a point without a time', 'a.lp', 'adsl state="UP"\n', '', /own\.tickscript\.yaml:4:19: .*no time/],
    ['a setting that the file has no use for', 'a.lp', 'a v=1 1\n', ', tags: [host]', /:4:19: .*tag/],
    ['a file that is not there', 'none.lp', undefined, '', /:4:19: /],
  ])('%s is told with the place in the case', async (_, name, content, rest, message) => {
    await expect(read(name, content, rest)).rejects.toThrow(message);
  });
});
