import { expect, test } from 'vitest';
import { mutantsOf } from '../mutations/mutants.ts';

test('changes constants, operators, references and properties of a script, one at a time, and says where', () => {
  const script = `dbrp "a"."b"
// 'a comment'
stream
    |from().where(lambda: "x" > 5 AND TRUE)
    |window().every(10s)`;
  expect(mutantsOf(script).map(({ what }) => what)).toEqual([
    '4:27: "x" -> "xX"',
    '4:31: > -> <',
    '4:33: 5 -> 6',
    '4:35: AND -> OR',
    '4:39: TRUE -> FALSE',
    '5:21: 10s -> 11s',
    '4:12: .where(lambda: "x" > 5 AND TRUE) -> nothing',
    '5:14: .every(10s) -> nothing',
  ]);
  expect(mutantsOf(script)[2]?.script).toBe(script.replace('5 AND', '6 AND'));
});

test('tells what a query asks from what is done with its answer', () => {
  const script = `batch|query('SELECT').period(1m)|log().level('x')`;
  expect(mutantsOf(script).map(({ isAsked, what }) => [what.split(': ')[1], isAsked])).toEqual([
    ["'SELECT' -> 'SELECTX'", true],
    ['1m -> 2m', true],
    ["'x' -> 'xX'", false],
    ['.period(1m) -> nothing', true],
    [".level('x') -> nothing", false],
  ]);
});
