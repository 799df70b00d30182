import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTimeNs, scaleToNs } from '../../../src/feed/readers/times.ts';

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

  test.each(['', 'yesterday', '2018-02-30', '2018-01-03T24:61:00Z', '03.01.2018', '1e9', '12:00'])(
    'refuses %j',
    (text) => {
      expect(() => parseTimeNs(text, undefined)).toThrow(/is no time/);
    },
  );

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
