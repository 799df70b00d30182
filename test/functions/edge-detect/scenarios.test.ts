import { expect, test } from 'vitest';
import { withAgent } from '../../support/agent/agent.ts';
import { GO_STYLE, type Option, type OptionValue, type Value } from '../../support/protocol/protocol.ts';
import { expectAgreement, oracleOf } from '../../support/scenarios/agreement.ts';
import type { Scenario } from '../../support/scenarios/scenario.ts';

// What random scenarios seldom come to. Those that once failed belong here as well.

const SECOND = 1_000_000_000n;

const text = (v: string) => ({ type: 'string' as const, v });
const int = (v: bigint) => ({ type: 'int' as const, v });
const float = (v: number) => ({ type: 'float' as const, v });
const double = (v: number) => ({ type: 'double' as const, v });
const seconds = (count: bigint) => ({ type: 'duration' as const, v: count * SECOND });
const option = (name: string, ...values: readonly OptionValue[]): Option => ({ name, values });

const FIELD_V = option('field', text('v'));
const FIELD_W = option('field', text('w'));

/** A stream of one group: at each second these fields. */
function stream(
  options: readonly Option[],
  points: readonly (readonly [second: bigint, fields: Readonly<Record<string, Value>>])[],
): Scenario {
  return {
    edge: 'stream',
    options,
    arrivals: points.map(([second, fields]) => ({
      group: 'host=a',
      points: [{ time: second * SECOND, tags: {}, fields }],
    })),
    style: GO_STYLE,
    restarts: points.map((_, index) => index),
  };
}

const states = (...points: readonly (readonly [second: bigint, state: string])[]) =>
  points.map(([second, state]) => [second, { v: text(state) }] as const);

const LIMIT = option('limit', int(1n), seconds(3n));

const CASES: Record<string, { scenario: Scenario; frames: readonly number[] }> = {
  'an edge that leads back to what was emitted last is not caught up': {
    scenario: stream(
      [FIELD_V, LIMIT],
      states([0n, 'a'], [1n, 'b'], [2n, 'c'], [3n, 'b'], [4n, 'b'], [5n, 'b']),
    ),
    frames: [0, 1],
  },
  'a settled debt lets `every` repeat the state': {
    scenario: stream(
      [FIELD_V, LIMIT, option('every', seconds(10n))],
      states([0n, 'a'], [1n, 'b'], [2n, 'c'], [3n, 'b'], [4n, 'b'], [11n, 'b']),
    ),
    frames: [0, 1, 5],
  },
  'while there is no room, `every` does not repeat a state whose edge is owed': {
    scenario: stream(
      [FIELD_V, option('limit', int(1n), seconds(5n)), option('every', seconds(2n))],
      states([0n, 'a'], [1n, 'b'], [2n, 'c'], [3n, 'b'], [4n, 'b'], [6n, 'b']),
    ),
    frames: [0, 1, 5],
  },
  'an edge that a filter drops ends the debt of the one before': {
    scenario: stream(
      [FIELD_V, LIMIT, option('notTo', text('d'))],
      states([0n, 'a'], [1n, 'b'], [2n, 'c'], [3n, 'd'], [5n, 'd'], [6n, 'd']),
    ),
    frames: [0, 1],
  },
  'a key learned while an edge is owed is no difference to what was emitted last': {
    scenario: stream(
      [FIELD_V, FIELD_W, LIMIT],
      [...states([0n, 'a'], [1n, 'b'], [2n, 'c'], [3n, 'b']), [3n, { w: int(1n) }], ...states([9n, 'b'])],
    ),
    frames: [0, 1],
  },
  'a change of a key that was learned after the last emission is caught up': {
    scenario: stream(
      [FIELD_V, FIELD_W, LIMIT],
      [...states([0n, 'a'], [1n, 'b']), [2n, { w: int(1n) }], [3n, { w: int(2n) }], [4n, { w: int(2n) }]],
    ),
    frames: [0, 1, 4],
  },
  'a key learned while a candidate waits is no difference to the candidate, and is accepted with it': {
    scenario: stream(
      [FIELD_V, FIELD_W, option('hold', seconds(2n))],
      [
        ...states([0n, 'a'], [1n, 'b']),
        [2n, { w: int(1n) }],
        ...states([3n, 'b']),
        [4n, { w: int(2n) }],
        [6n, { w: int(2n) }],
      ],
    ),
    frames: [0, 1, 4],
  },
  'an owed state within the deadband of what was emitted last is not caught up': {
    scenario: stream(
      [FIELD_V, LIMIT, option('deadband', double(1))],
      [
        [0n, { v: float(4) }],
        [1n, { v: float(-1) }],
        [2n, { v: float(4) }],
        [3n, { v: float(0) }],
        [5n, { v: float(0) }],
      ],
    ),
    frames: [0, 1],
  },
  'what is settled within the deadband was not emitted: small steps do not add up': {
    scenario: stream(
      [FIELD_V, LIMIT, option('deadband', double(1))],
      [
        [1n, { v: float(10) }],
        [2n, { v: float(20) }],
        [3n, { v: float(30) }],
        [4n, { v: float(20.5) }],
        [5n, { v: float(20.5) }],
        [3n, { v: float(30) }],
        [4n, { v: float(21.25) }],
        [5n, { v: float(21.25) }],
      ],
    ),
    frames: [0, 1, 7],
  },
  'a deadband in percent is that of the accepted value': {
    scenario: stream(
      [FIELD_V, option('deadbandPercent', double(50))],
      [
        [0n, { v: int(4n) }],
        [1n, { v: float(2) }],
        [2n, { v: float(1.75) }],
      ],
    ),
    frames: [0, 2],
  },
  "with a deadband, the state accepted is that of the candidate's first point": {
    scenario: stream(
      [FIELD_V, option('hold', seconds(2n)), option('deadband', double(1))],
      [
        [0n, { v: int(0n) }],
        [1n, { v: int(10n) }],
        [2n, { v: float(10.5) }],
        [3n, { v: float(11) }],
        [4n, { v: float(11.5) }],
        [6n, { v: float(11.5) }],
      ],
    ),
    frames: [0, 1, 4],
  },
  'integers that a double cannot tell apart go up': {
    scenario: stream(
      [FIELD_V, option('rising'), option('deadband', double(0.5))],
      [
        [0n, { v: float(2 ** 53) }],
        [1n, { v: int(2n ** 53n + 1n) }],
        [2n, { v: int(2n ** 63n - 1n) }],
        [3n, { v: float(2 ** 63) }],
      ],
    ),
    frames: [1, 2, 3],
  },
};

test.each(Object.entries(CASES))('%s', async (_, { scenario, frames }) => {
  expect(oracleOf(scenario).emissions.map(({ frame }) => frame)).toEqual(frames);
  await withAgent((agent) => expectAgreement(agent, scenario));
});
