import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTimeNs } from '../../src/feed/readers/times.ts';
import { MAX_TIME, MIN_TIME } from '../../src/line-protocol/limits.ts';
import { plainTime } from '../../src/web/api/answer-texts.ts';

test('a time is written so that reading it gives the same nanosecond, without needless digits', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: MIN_TIME, max: MAX_TIME }),
      fc.constantFrom(1n, 1_000n, 1_000_000_000n),
      (timeNs, step) => {
        const rounded = (timeNs / step) * step;
        const text = plainTime(rounded);
        expect(parseTimeNs(text, undefined)).toBe(rounded);
        expect(text).not.toMatch(/\.\d*0Z$|\.Z$/);
      },
    ),
  );
  expect(plainTime(1_514_980_221_010_000_000n)).toBe('2018-01-03T11:50:21.01Z');
  expect(plainTime(-1n)).toBe('1969-12-31T23:59:59.999999999Z');
});
