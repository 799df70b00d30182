import { expect, test } from 'vitest';
import { udfCalls } from '../../src/tickscript/udf-calls.ts';

const isFunction = (name: string): boolean => name.startsWith('edgeDetect');

test('a call has the measurement, grouping and options of its script, variables put in', () => {
  const script = `
var groups = ['host', 'port']
var wait = 30s
var points = stream
    |from()
        .measurement('adsl')
        .groupBy(groups)
points
    @edgeDetect()
        .field('value')
        .hold(wait)
        .holdTo('DOWN', wait)
        .initial(FALSE)
`;
  expect(udfCalls(script, isFunction)).toEqual([
    {
      name: 'edgeDetect',
      position: { line: 9, column: 6 },
      measurement: 'adsl',
      groupBy: ['host', 'port'],
      options: ["field('value')", 'hold(30s)', "holdTo('DOWN', 30s)", 'initial(FALSE)'],
      notFollowed: [],
    },
  ]);
});

test('what cannot be followed is named with its place, and the rest still counts', () => {
  const script = `var field string
stream
    |from()
        .measurement('m')
        .where(lambda: "a" > 1)
        .groupBy(*)
    |eval(lambda: "a" + 1).as('b')
    @edgeDetect().field(field).confirm(2)`;
  const [call] = udfCalls(script, isFunction);
  expect(call?.groupBy).toEqual(['*']);
  expect(call?.options).toEqual(['confirm(2)']);
  expect(call?.notFollowed).toEqual([
    { what: '.where() is not heeded: all points come', position: { line: 5, column: 10 } },
    { what: '|eval() before it changes what comes', position: { line: 7, column: 6 } },
    { what: 'the value of .field() is not known before the script runs', position: { line: 8, column: 19 } },
  ]);
});

test('a groupBy node counts after the one of the source; a function that nobody knows is no call', () => {
  const script = "stream|from().groupBy('a')|groupBy('b')@other()@edgeDetect()";
  expect(udfCalls(script, isFunction)).toMatchObject([{ name: 'edgeDetect', groupBy: ['b'] }]);
});
