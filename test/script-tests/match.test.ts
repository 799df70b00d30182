import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ListSpec, matchList, matchText } from '../../src/script-tests/match.ts';

function compare(spec: ListSpec<string>, actual: readonly string[]): readonly string[] {
  const found = matchList(['list'], spec, actual, {
    describeExpected: (text) => text,
    describeActual: (text) => text,
    mismatches: (a, b) => (a === b ? [] : ['text', 'more', 'and', 'more']),
  });
  return found.flatMap(({ lines, title }) => [title, ...lines]);
}

describe('a list', () => {
  test('must be met whole and in order', () => {
    expect(compare(['a', 'b'], ['a', 'b'])).toEqual([]);
    expect(compare(['a', 'b'], ['b', 'a'])).toEqual(['list: 1 missing, 1 not expected', '- a', '  b', '+ a']);
    expect(compare([], ['a'])).toEqual(['list: 1 not expected', '+ a']);
    expect(compare(['a'], [])).toEqual(['list: 1 missing', '- a']);
  });

  test('may come in any order', () => {
    expect(compare({ unordered: ['a', 'b', 'a'] }, ['a', 'a', 'b'])).toEqual([]);
    expect(compare({ unordered: ['a', 'b'] }, ['b', 'c'])).toEqual([
      'list: 1 missing, 1 not expected',
      '- a',
      '+ c',
    ]);
  });

  test('may come in order among others', () => {
    expect(compare({ contains: ['a', 'c'] }, ['x', 'a', 'b', 'c', 'd'])).toEqual([]);
    expect(compare({ contains: ['c', 'a'] }, ['a', 'c'])).toEqual(['list: 1 missing', '- a']);
  });

  test('is different if and only if something of it is, and then every expected and surplus line is told', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 });
    fc.assert(
      fc.property(letters, letters, (expected, actual) => {
        const lines = compare(expected, actual).slice(1);
        const isSame = expected.join() === actual.join();
        expect(lines.length === 0).toBe(isSame);
        if (isSame) return;
        const kept = lines.filter((line) => line.startsWith('  ')).map((line) => line.slice(2));
        const told = (sign: string): string[] =>
          lines.filter((line) => line.startsWith(sign)).map((line) => line.slice(2));
        expect([...kept, ...told('-')].sort()).toEqual([...expected].sort());
        expect([...kept, ...told('+')].sort()).toEqual([...actual].sort());
      }),
    );
  });
});

test.each([
  ['a', 'a', true],
  ['a', 'ab', false],
  ['/a/', 'xax', true],
  ['/^a$/', 'xax', false],
  ['/a.b/', 'a\nb', true],
  ['/', '/', true],
])('the text %j and %j', (expected, actual, isMet) => {
  expect(matchText(expected, actual)).toBe(isMet);
});
