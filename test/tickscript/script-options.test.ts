import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/errors.ts';
import { checkOptions, type OptionTypes, parseOptions } from '../../src/tickscript/script-options.ts';

const TYPES: OptionTypes = {
  field: ['STRING'],
  deadband: ['DOUBLE'],
  hold: ['DURATION'],
  holdTo: ['STRING', 'DURATION'],
  confirm: ['INT'],
  initial: ['BOOL'],
  rising: [],
};

function valuesOf(text: string): unknown[] {
  const options = parseOptions(text);
  checkOptions(options, TYPES);
  return options.flatMap(({ name, values }) => [name, ...values.map(({ value }) => value)]);
}

function failureOf(text: string): string {
  try {
    valuesOf(text);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return error instanceof Error ? error.message : '';
  }
  return 'no error';
}

describe('an option in the notation of TICKscript', () => {
  test.each<[string, ...unknown[]]>([
    ["field('value')", 'field', 'value'],
    ["field('it\\'s')", 'field', "it's"],
    ["field('C:\\temp\\\\')')", 'field', "C:\\temp\\')"],
    ["field('''it's''')", 'field', "it's"],
    ["field('')", 'field', ''],
    ['deadband(1.5)', 'deadband', 1.5],
    ['deadband(.5)', 'deadband', 0.5],
    ['deadband(-2.)', 'deadband', -2],
    ['confirm(3)', 'confirm', 3n],
    ['confirm(010)', 'confirm', 8n],
    ['confirm(-9223372036854775807)', 'confirm', -9223372036854775807n],
    ['initial(FALSE)', 'initial', false],
    ['initial(!FALSE)', 'initial', true],
    ['rising()', 'rising'],
    [' . rising ( ) ', 'rising'],
    ["holdTo('DOWN', 30s)", 'holdTo', 'DOWN', 30_000_000_000n],
    ["holdTo('DOWN', 30s,)", 'holdTo', 'DOWN', 30_000_000_000n],
    ['hold(-30s)', 'hold', -30_000_000_000n],
    ['hold(1u)', 'hold', 1_000n],
    ['hold(1µ)', 'hold', 1_000n],
    ['hold(1ms)', 'hold', 1_000_000n],
    ['hold(1m)', 'hold', 60_000_000_000n],
    ['hold(1h)', 'hold', 3_600_000_000_000n],
    ['hold(1d)', 'hold', 86_400_000_000_000n],
    ['hold(1w)', 'hold', 604_800_000_000_000n],
    ["field('a').field('b')\n  .hold(1s)", 'field', 'a', 'field', 'b', 'hold', 1_000_000_000n],
  ])('%s means what Kapacitor sends', (text, ...expected) => {
    expect(valuesOf(text)).toEqual(expected);
  });

  test.each([
    ['deadband(1)', 'unexpected arg to deadband, got INT expected DOUBLE; write 1.0'],
    [
      'hold(30)',
      'unexpected arg to hold, got INT expected DURATION; write the unit as well, for example 30s',
    ],
    ['hold(1.5)', 'unexpected arg to hold, got DOUBLE expected DURATION'],
    ['confirm(1.0)', 'unexpected arg to confirm, got DOUBLE expected INT'],
    ['field("value")', 'unexpected arg to field, got BOOL expected STRING; a string stands in single quotes'],
    ['field(/a\\/b/)', 'unexpected arg to field, got BOOL expected STRING'],
    ['field(lambda: "a" > abs(1))', 'unexpected arg to field, got BOOL expected STRING'],
    ['field(*)', 'unexpected arg to field, got BOOL expected STRING'],
    ["holdTo('DOWN')", 'unexpected number of args to holdTo, got 1 expected 2; write holdTo('],
    ['rising(TRUE)', 'unexpected number of args to rising, got 1 expected 0; write rising()'],
    ["Field('x')", 'no method or property "Field" on *pipeline.UDFNode; write field'],
    ['toString()', 'no method or property "toString" on *pipeline.UDFNode; there are field, deadband'],
  ])('%s is refused in the words of Kapacitor', (text, message) => {
    expect(failureOf(text)).toContain(`option ${text}: ${message}`);
  });

  test.each([
    ['hold(1m30s)', "at character 6: expected 'a string', 3, 1.5, TRUE, FALSE, or a duration of one number"],
    ['hold(1ns)', 'at character 6: expected'],
    ['deadband(1.0.0)', 'at character 10: expected'],
    ['deadband(1e3)', 'at character 10: expected'],
    ['confirm(089)', 'expected a number without a leading 0'],
    ['confirm(9223372036854775808)', 'expected a 64 bit integer'],
    ['hold(99999999w)', 'expected a duration of at most 15250 weeks'],
    ['initial(true)', 'at character 9: expected'],
    ['initial(!3)', 'expected TRUE or FALSE after !'],
    ["field(-'x')", 'expected a number or a duration after -'],
    ["field('x\\')", 'at character 7: expected'],
    ["field('x'", 'at character 10: expected , or ) in field'],
    ["field 'x'", 'at character 7: expected ( after field'],
    ["field('x') hold(1s)", 'at character 12: expected a dot before the next option'],
    ['30s', 'at character 1: expected the name of an option, as in hold(30s)'],
    ['', 'at character 1: expected the name of an option'],
  ])('%s, which TICKscript cannot read, is refused with its place', (text, message) => {
    expect(failureOf(text)).toContain(message);
  });

  test('that a lambda stands in for passes where a BOOL is wanted, for the agent to refuse, as in Kapacitor', () => {
    expect(valuesOf('initial(lambda: TRUE)')).toEqual(['initial', undefined]);
  });
});
