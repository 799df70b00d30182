import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReadingNotes } from '../../../src/feed/readers/notes.ts';
import { type ReadSettings, USUAL_SETTINGS } from '../../../src/feed/readers/settings.ts';
import { TimeFormat } from '../../../src/feed/readers/time-format.ts';
import { parseTimeNs, scaleToNs, TimeReader } from '../../../src/feed/readers/times.ts';

describe('parseTimeNs', () => {
  test.each([
    ['2018-01-03T11:30:51.065Z', 1514979051065000000n],
    ['2018-01-03 11:30:51', 1514979051000000000n],
    ['2018-01-03T12:30:51.065000001+01:00', 1514979051065000001n],
    ['2018-01-03T05:00:51-0630', 1514979051000000000n],
    ['2018-01-03', 1514937600000000000n],
    ['1969-12-31T23:59:59.999999999Z', -1n],
    ['2016-02-29T00:00:00z', 1456704000000000000n],
  ])('reads the date %s exactly', (text, timeNs) => {
    expect(parseTimeNs(text, undefined)).toBe(timeNs);
  });

  test.each([
    ['1514979051', 1514979051000000000n],
    ['1514979051.065000001', 1514979051065000001n],
    ['1514979051065', 1514979051065000000n],
    ['1514979051065123', 1514979051065123000n],
    ['1514979051065123457', 1514979051065123457n],
    ['-1.5', -1500000000n],
  ])('takes the unit of the number %s from its size', (text, timeNs) => {
    expect(parseTimeNs(text, undefined)).toBe(timeNs);
  });

  test('takes a number in the unit that was said, whatever its size', () => {
    expect(parseTimeNs('5', 'ms')).toBe(5_000_000n);
    expect(parseTimeNs('1514979051065', 'ns')).toBe(1514979051065n);
  });

  test.each([
    '',
    'yesterday',
    '2018-02-30',
    '2018-01-03T24:61:00Z',
    '03.01.2018',
    '1e9',
    '12:00',
    '2025-01-01 12:00 Europe/Berlin',
  ])('refuses %j', (text) => {
    expect(() => parseTimeNs(text, undefined)).toThrow(/is no time/);
  });

  test('refuses what InfluxDB cannot hold', () => {
    expect(() => parseTimeNs('9223372036854775807', 'ns')).toThrow(/1677 to 2262/);
    expect(() => scaleToNs(9_223_372_037n, 's')).toThrow(/1677 to 2262/);
  });

  test('reads every instant to the nanosecond that it was written with', () => {
    const second = fc.integer({ min: -9_000_000_000, max: 9_000_000_000 });
    fc.assert(
      fc.property(second, fc.integer({ min: 0, max: 999_999_999 }), (seconds, nanos) => {
        const text = new Date(seconds * 1_000)
          .toISOString()
          .replace('.000Z', `.${String(nanos).padStart(9, '0')}Z`);
        expect(parseTimeNs(text, undefined)).toBe(BigInt(seconds) * 1_000_000_000n + BigInt(nanos));
      }),
    );
  });
});

describe('TimeReader', () => {
  function read(text: string, some: Partial<ReadSettings> = {}): { iso: string; notes: string[] } {
    const said: string[] = [];
    const notes = new ReadingNotes((note) => said.push(String(note)));
    const ns = new TimeReader({ ...USUAL_SETTINGS, ...some }, notes).read(text);
    return { iso: isoOf(ns), notes: [...said, ...notes.summary()] };
  }

  test.each([
    ['2017-6-30 09:48:00', '2017-06-30T09:48:00Z'],
    ['2024-02-27T21:00+01:00', '2024-02-27T20:00:00Z'],
    ['2024-02-27 21:00', '2024-02-27T21:00:00Z'],
    ['2024/02/27 21:00:05', '2024-02-27T21:00:05Z'],
    ['2025-01-01T12:00:00 Europe/Berlin', '2025-01-01T11:00:00Z'],
    ['2025-01-01T12:00:00[Europe/Berlin]', '2025-01-01T11:00:00Z'],
    ['2025-01-01T12:00:00', '2025-01-01T12:00:00Z'],
    ['2025-01-01T24:00:00Z', '2025-01-02T00:00:00Z'],
    ['2025-01-01 12:00:00+0100', '2025-01-01T11:00:00Z'],
    ['2025-01-01T12:00:00,500Z', '2025-01-01T12:00:00.500000000Z'],
    ['2025-01-01 12:00:00 UTC', '2025-01-01T12:00:00Z'],
    ['2025-01-01T12:00:00.0000001Z', '2025-01-01T12:00:00.000000100Z'],
    // Days that spreadsheets count: to the second that was meant, as far as the digits tell.
    ['45658.520833', '2025-01-01T12:30:00Z'],
    ['45658,520833', '2025-01-01T12:30:00Z'],
    ['45658.52', '2025-01-01T12:28:48Z'],
    ['45658.5208333333', '2025-01-01T12:30:00Z'],
    ['45658', '2025-01-01T00:00:00Z'],
    // Compact dates: as numbers they would all be of the seventies.
    ['20250101', '2025-01-01T00:00:00Z'],
    ['202501011230', '2025-01-01T12:30:00Z'],
    ['20250101123045', '2025-01-01T12:30:45Z'],
    ['20250101123045678', '2025-01-01T12:30:45.678000000Z'],
    // Numbers since 1970 all the same.
    ['1514979051', '2018-01-03T11:30:51Z'],
    ['1514979051065', '2018-01-03T11:30:51.065000000Z'],
  ])('reads %s', (text, iso) => {
    expect(read(text).iso).toBe(iso);
  });

  test.each([
    ['01.01.2023', /timeFormat 'dd.MM.yyyy/],
    ['01/02/2023 11:00', /which is the day/],
    ['2025-02-30T00:00:00Z', /is no time/],
    ['2025-01-01T25:00:00Z', /is no time/],
    ['2025-01-01T12:00:00 Europe/Nowhere', /no zone Europe\/Nowhere/],
    ['1.514979051e9', /is no time/],
    ['noon', /is no time/],
  ])('refuses %s', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  test('believes a unit that is said', () => {
    expect(read('45658', { precision: 's' }).iso).toBe('1970-01-01T12:40:58Z');
  });

  test('says once that times without a zone are taken for UTC, and what it takes for serials', () => {
    expect(read('2025-01-01 12:00').notes).toEqual([
      expect.stringMatching(/taken for UTC; timeZone Europe\/Berlin/),
    ]);
    expect(read('2025-01-01 12:00', { timeZone: 'Europe/Berlin' })).toEqual({
      iso: '2025-01-01T11:00:00Z',
      notes: [],
    });
    expect(read('45658.5').notes).toEqual([
      expect.stringMatching(/days that spreadsheets count/),
      expect.stringMatching(/taken for UTC/),
    ]);
  });

  test.each([
    ['2025-10-26 01:59:59', '2025-10-25T23:59:59Z', []],
    ['2025-10-26 02:30:00', '2025-10-26T00:30:00Z', [/shown twice .* the first/]],
    ['2025-10-26 03:00:00', '2025-10-26T02:00:00Z', []],
    ['2025-03-30 01:59:59.5', '2025-03-30T00:59:59.500000000Z', []],
    ['2025-03-30 02:30:00', '2025-03-30T01:00:00Z', [/never shown .* the next/]],
    ['2025-03-30 03:00:00', '2025-03-30T01:00:00Z', []],
  ])('reads %s on the clocks of Berlin', (text, iso, notes) => {
    const { iso: found, notes: said } = read(text, { timeZone: 'Europe/Berlin' });
    expect(found).toBe(iso);
    expect(said).toEqual(notes.map((note) => expect.stringMatching(note)));
  });

  test('refuses a zone that is none', () => {
    expect(() => read('2025-01-01', { timeZone: 'Europe/Nowhere' })).toThrow(/there is no such zone/);
  });
});

describe('TimeFormat', () => {
  test.each([
    ['dd.MM.yyyy HH:mm:ss', '25.10.2025 02:30:00', '2025-10-25T02:30:00Z', true],
    ['d.M.yy H:mm', '5.1.25 2:30', '2025-01-05T02:30:00Z', true],
    ['MM/dd/yyyy hh:mm a', '10/25/2025 02:30 PM', '2025-10-25T14:30:00Z', true],
    [
      "yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSS",
      '2025-10-25T02:30:00.123456789',
      '2025-10-25T02:30:00.123456789Z',
      true,
    ],
    ['yyyy-MM-ddTHH:mm:ss,SSS', '2025-10-25T02:30:00,123', '2025-10-25T02:30:00.123000000Z', true],
    ['uuuu-MM-dd HH:mm:ssXXX', '2025-10-25 02:30:00+02:00', '2025-10-25T00:30:00Z', false],
    ['yyyy-MM-dd HH:mm:ssXX', '2025-10-25 02:30:00+0200', '2025-10-25T00:30:00Z', false],
    ['yyyy-MM-dd HH:mm:ssX', '2025-10-25 02:30:00Z', '2025-10-25T02:30:00Z', false],
    ['yyyy-MM-dd HH:mm:ss Z', '2025-10-25 02:30:00 -0130', '2025-10-25T04:00:00Z', false],
    ['yyyy-MM-dd HH:mm:ss VV', '2025-10-25 02:30:00 Europe/Berlin', '2025-10-25T00:30:00Z', false],
    ['EEE, dd MMM yyyy HH:mm', 'Sat, 25 Oct 2025 02:30', '2025-10-25T02:30:00Z', true],
    ['yyyyMMddHHmm', '202510250230', '2025-10-25T02:30:00Z', true],
  ])('reads by %s', (format, text, iso, isLocal) => {
    const stated = new TimeFormat(format).read(text);
    expect(stated).toEqual({ ns: nsOf(iso), isLocal });
  });

  test('does not read what is written otherwise', () => {
    const format = new TimeFormat('dd.MM.yyyy');
    for (const text of ['2025-10-25', '31.02.2025', '25.10.2025 12:00', ''])
      expect(format.read(text)).toBeUndefined();
  });

  test.each([
    ['YYYY-MM-dd', /Y is the year that a week belongs to: write yyyy/],
    ['yyyy-MM-DD', /D is the day of the year/],
    ['%Y-%m-%d', /strptime/],
    ['..:', /it has no token/],
    ['yyyy-MM-dd Q', /'Q' is no token/],
  ])('refuses %s', (source, message) => {
    expect(() => new TimeFormat(source)).toThrow(message);
  });
});

function isoOf(ns: bigint): string {
  const belowSecond = ns % 1_000_000_000n;
  const iso = new Date(Number((ns - belowSecond) / 1_000_000n)).toISOString().slice(0, 19);
  return belowSecond === 0n ? `${iso}Z` : `${iso}.${String(belowSecond).padStart(9, '0')}Z`;
}

function nsOf(iso: string): bigint {
  const [, seconds = '', fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(iso) ?? [];
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
