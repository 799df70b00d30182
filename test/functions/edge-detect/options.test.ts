import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { OptionsError } from '../../../src/function/options.ts';
import { edgeDetect, edgeDetectBatch } from '../../../src/functions/edge-detect/index.ts';
import { pointRequest } from '../../support/agent/functions.ts';
import { TestNode } from '../../support/agent/node.ts';
import type { Option, OptionValue } from '../../support/protocol/protocol.ts';

const string = (v: string): OptionValue => ({ type: 'string', v });
const int = (v: bigint): OptionValue => ({ type: 'int', v });
const double = (v: number): OptionValue => ({ type: 'double', v });
const bool = (v: boolean | undefined): OptionValue => ({ type: 'bool', v });
/** In nanoseconds. */
const duration = (v: bigint): OptionValue => ({ type: 'duration', v });
const option = (name: string, ...values: OptionValue[]): Option => ({ name, values });

const S = 1_000_000_000n;
const FIELD = option('field', string('value'));

/** What is said to be wrong, a text for each thing. */
function problemsOf(...options: Option[]): readonly string[] {
  try {
    new TestNode(edgeDetect, options);
    return [];
  } catch (error) {
    if (error instanceof OptionsError) return error.problems;
    throw error;
  }
}

describe('is refused, with its name and value', () => {
  const refused: readonly (readonly [string, Option[], string])[] = [
    [
      'nothing to track',
      [],
      "field: nothing is tracked: name a field or a tag, for instance .field('value')",
    ],
    ['a field tracked twice', [FIELD, FIELD], "field('value'): is tracked twice"],
    [
      'a tag tracked twice',
      [option('tag', string('a')), option('tag', string('a'))],
      "tag('a'): is tracked twice",
    ],
    ['a field without a name', [option('field', string(''))], "field(''): the name is empty"],
    ['a negative hold', [FIELD, option('hold', duration(-30n * S))], 'hold(-30s): must be 0 or more'],
    [
      'a negative holdTo',
      [FIELD, option('holdTo', string('UP'), duration(-S))],
      "holdTo(-1s): for 'UP' it must be 0 or more",
    ],
    ['confirm at no point', [FIELD, option('confirm', int(0n))], 'confirm(0): must be 1 or more'],
    [
      'confirmTo at no point',
      [FIELD, option('confirmTo', string('UP'), int(0n))],
      "confirmTo(0): for 'UP' it must be 1 or more",
    ],
    ['a negative deadband', [FIELD, option('deadband', double(-0.5))], 'deadband(-0.5): must be 0 or more'],
    [
      'a deadband that is no number',
      [FIELD, option('deadband', double(Number.NaN))],
      'deadband(NaN): must be 0 or more',
    ],
    [
      'a negative percentage',
      [FIELD, option('deadbandPercent', double(-1))],
      'deadbandPercent(-1): must be 0 or more',
    ],
    [
      'a limit of no edge',
      [FIELD, option('limit', int(0n), duration(S))],
      'limit(0): the number must be 1 or more',
    ],
    [
      'a limit in no time',
      [FIELD, option('limit', int(1n), duration(0n))],
      'limit(0s): the duration must be more than 0',
    ],
    ['every without a time', [FIELD, option('every', duration(0n))], 'every(0s): must be more than 0'],
    ['ttl without a time', [FIELD, option('ttl', duration(0n))], 'ttl(0s): must be more than 0'],
    ['a unit without a length', [FIELD, option('unit', duration(-1n))], 'unit(-1ns): must be more than 0'],
    ['room for no group', [FIELD, option('maxGroups', int(0n))], 'maxGroups(0): must be 1 or more'],
    [
      'late points neither kept nor dropped',
      [FIELD, option('late', string('Drop'))],
      "late('Drop'): must be 'keep' or 'drop'",
    ],
    [
      'silence in no time',
      [FIELD, option('silent', string('S'), duration(0n))],
      'silent(0s): the duration must be more than 0',
    ],
    [
      'a silence of a tag without a text',
      [option('tag', string('t')), option('silent', string(''), duration(S))],
      "silent(''): the tracked tag cannot be empty",
    ],
    [
      'ttl that is over before silence is decided',
      [FIELD, option('ttl', duration(5n * S)), option('silent', string('S'), duration(5n * S))],
      'ttl(5s): must be longer than the duration of silent',
    ],
    ['an output without a name', [FIELD, option('countAs', string(''))], "countAs(''): the name is empty"],
    [
      'two outputs of one name',
      [FIELD, option('as', string('x')), option('sinceAs', string('x'))],
      "sinceAs('x'): the same name as as",
    ],
    [
      'a lambda, which Kapacitor sends as nothing',
      [FIELD, option('initial', bool(undefined))],
      'initial: was given a lambda',
    ],
    ['an option that there is not', [FIELD, option('holt', duration(S))], 'holt: there is no such option'],
    ['an argument too many', [FIELD, option('rising', int(1n))], 'rising: takes 0 arguments, got 1'],
    ['an argument too few', [FIELD, option('limit', int(1n))], 'limit: takes 2 arguments, got 1'],
    [
      'another type of argument',
      [FIELD, option('hold', int(30n))],
      'hold(30): argument 1 must be a DURATION',
    ],
    [
      'a duration where a number belongs',
      [FIELD, option('confirm', duration(90n * S))],
      'confirm(90s): argument 1 must be a INT',
    ],
  ];
  test.each(refused)('%s', (_, options, text) => {
    const problems = problemsOf(...options);
    expect(problems).toHaveLength(1);
    expect(problems[0].slice(0, text.length)).toBe(text);
  });

  test.each([
    'from',
    'notFrom',
    'to',
    'notTo',
    'rising',
    'falling',
    'holdTo',
    'confirmTo',
    'as',
    'previousAs',
    'silent',
  ])('%s with more than one tracked key', (name) => {
    const values: Readonly<Record<string, OptionValue[]>> = {
      rising: [],
      falling: [],
      holdTo: [string('a'), duration(S)],
      confirmTo: [string('a'), int(1n)],
      silent: [string('a'), duration(S)],
    };
    const given = option(name, ...(values[name] ?? [string('a')]));
    expect(problemsOf(FIELD, given)).toEqual([]);
    const text = `${name}: needs exactly one tracked key, here are 2`;
    expect(problemsOf(FIELD, option('tag', string('b')), given)).toEqual([text]);
    expect(problemsOf(FIELD, option('field', string('b')), given)).toEqual([text]);
  });

  test('everything that is wrong at once', () => {
    expect(
      problemsOf(option('hold', duration(-S)), option('as', string('')), option('late', string(''))),
    ).toHaveLength(5);
  });
});

describe('is accepted', () => {
  test.each([
    [
      'the least of everything',
      [
        option('hold', duration(0n)),
        option('holdTo', string(''), duration(0n)),
        option('confirm', int(1n)),
        option('deadband', double(0)),
        option('deadbandPercent', double(-0)),
        option('limit', int(1n), duration(1n)),
        option('every', duration(1n)),
        option('ttl', duration(1n)),
        option('unit', duration(1n)),
        option('maxGroups', int(1n)),
      ],
    ],
    [
      'the most of everything',
      [
        option('hold', duration(2n ** 63n - 1n)),
        option('confirm', int(2n ** 63n - 1n)),
        option('deadband', double(Number.POSITIVE_INFINITY)),
        option('limit', int(2n ** 63n - 1n), duration(2n ** 63n - 1n)),
        option('ttl', duration(2n ** 63n - 1n)),
        option('maxGroups', int(2n ** 63n - 1n)),
      ],
    ],
    ['a field and a tag of one name', [option('tag', string('value'))]],
    ['both directions', [option('rising'), option('falling')]],
    [
      'silence without a text, for ever, and a ttl that is a nanosecond longer',
      [
        option('silent', string(''), duration(2n ** 63n - 2n)),
        option('ttl', duration(2n ** 63n - 1n)),
        option('ignore', string('')),
        option('ignore', string('')),
      ],
    ],
    ['an output named as the field itself', [option('as', string('value'))]],
    [
      'what was wrong, but is given again',
      [
        option('hold', duration(-S)),
        option('hold', duration(S)),
        option('late', string('')),
        option('late', string('keep')),
      ],
    ],
    [
      'a name of an output given again',
      [option('as', string('x')), option('countAs', string('x')), option('as', string('y'))],
    ],
  ])('%s', (_, options) => {
    expect(problemsOf(FIELD, ...options)).toEqual([]);
  });
});

test('of an option given twice the last one counts, of a repeatable one each', () => {
  const node = new TestNode(edgeDetect, [
    FIELD,
    option('maxGroups', int(1n)),
    option('maxGroups', int(2n)),
    option('to', string('a')),
    option('to', string('b')),
  ]);
  const points = ['a', 'b', 'c'].map((v) =>
    pointRequest({ group: v, fields: { value: { type: 'string', v } } }),
  );
  expect(points.map((point) => node.take(point))).toEqual([1, 1, 0]);
  expect(node.counts).toMatchObject({ groups: 2, evicted: 1 });
});

test('batches have the options of streams but for silence: a query that returns nothing does not say who is missing', () => {
  const { silent, ...others } = edgeDetect.options;
  expect(silent).toBeDefined();
  expect(edgeDetectBatch.options).toEqual(others);
});

test('the page of the options has a row for each, with an example of the right types and the default', () => {
  const page = readFileSync(new URL('../../../docs/options.md', import.meta.url), 'utf8');
  const patterns = {
    STRING: "'[^']*'",
    DURATION: '\\d+(?:ns|u|ms|s|m|h|d|w)',
    INT: '\\d+',
    DOUBLE: '\\d+\\.\\d+',
    BOOL: 'TRUE|FALSE',
  };
  for (const [name, { arguments: types }] of Object.entries(edgeDetect.options)) {
    const example = types.map((type) => patterns[type]).join(', ');
    expect(page).toMatch(
      new RegExp(`^\\| \\[\`${name}\`\\]\\(#.*\\) \\| \`\\.${name}\\(${example}\\)\` \\|`, 'm'),
    );
  }
  const rows = page.match(/^\| \[`/gm);
  expect(rows).toHaveLength(Object.keys(edgeDetect.options).length);
  const headings = new Set(
    [...page.matchAll(/^## (.*)$/gm)].map(([, title]) =>
      title
        .toLowerCase()
        .replaceAll(' ', '-')
        .replaceAll(/[^a-z-]/g, ''),
    ),
  );
  for (const [, anchor] of page.matchAll(/\(#([^)]*)\)/g)) expect(headings).toContain(anchor);
});
