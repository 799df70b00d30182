import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Option, OptionValue, Point, Value } from '../../support/protocol/protocol.ts';
import { LiveNode, pointOf, S } from '../../support/scenarios/live-node.ts';
import { Oracle } from '../../support/scenarios/oracle.ts';

/** A night's run asks for more. */
const CONVERSATIONS = Number(process.env.EDGE_DETECT_CONVERSATIONS ?? 500);

const string = (v: string): OptionValue => ({ type: 'string', v });
const seconds = (...choices: readonly number[]): fc.Arbitrary<OptionValue> =>
  fc.constantFrom(...choices).map((n) => ({ type: 'duration', v: BigInt(n) * S }));
const integer = (...choices: readonly bigint[]): fc.Arbitrary<OptionValue> =>
  fc.constantFrom(...choices).map((v) => ({ type: 'int', v }));
const option = (name: string, ...values: readonly fc.Arbitrary<OptionValue>[]): fc.Arbitrary<Option> =>
  fc.tuple(...values).map((given) => ({ name, values: given }));
const word = (...choices: readonly string[]): fc.Arbitrary<OptionValue> =>
  fc.constantFrom(...choices).map(string);

const options = fc
  .tuple(
    fc.constantFrom('field', 'field', 'tag').map((name): Option => ({ name, values: [string('value')] })),
    option('silent', word('SILENT', 'down'), seconds(5, 3, 8)),
    fc.subarray([
      option('ttl', seconds(9, 20, 60)),
      option('late', word('keep', 'drop')),
      option('hold', seconds(2, 4)),
      option('confirm', integer(2n)),
      option('limit', integer(1n, 2n), seconds(10, 4)),
      option('every', seconds(3, 10)),
      option('ignore', word('unavailable', '7')),
      option('notTo', word('SILENT', 'up')),
      option('from', word('up')),
      option('previousAs', word('was', 'value')),
      option('durationAs', word('lasted')),
      option('countAs', word('changes')),
      option('sinceAs', word('since')),
      option('as', word('state')),
    ]),
  )
  .chain(([key, silent, others]) =>
    fc.tuple(...others).map((given): readonly Option[] => [key, silent, ...given]),
  );

const values: readonly (Value | string)[] = [
  'up',
  'down',
  'up',
  'down',
  'SILENT',
  'unavailable',
  { type: 'int', v: 7n },
];

const take = fc.record({
  kind: fc.constant('take'),
  host: fc.constantFrom('a', 'b', 'c', 'd'),
  value: fc.option(fc.constantFrom(...values), { freq: 10, nil: undefined }),
  /** Seconds behind the clock: late ones, and clocks that are ahead by less and by more than a minute. */
  behind: fc.constantFrom(0, 0, 0, 0, 0.25, 1, 2.5, 5, 12, -1, -4, -60, -60.001, -86_400 * 365, 1000, 990),
  tags: fc.constantFrom<Record<string, string>>({}, {}, { b: 'x' }, { '': 'é', long: 'x'.repeat(200) }),
});
const event = fc.oneof(
  { weight: 6, arbitrary: take },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('pass'), seconds: fc.constantFrom(0.5, 1, 2, 5, 5.5, 9, 30) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('stand still'),
      seconds: fc.constantFrom(2, 6, 20),
      waiting: fc.array(take, { maxLength: 6 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('restart'), seconds: fc.constantFrom(0, 1, 4, 10, 100) }),
  },
);

interface Conversation {
  readonly options: readonly Option[];
  /** How far behind the clock all of it is: 0 live, a lot for a recording. */
  readonly ageSeconds: number;
  readonly events: readonly (typeof event extends fc.Arbitrary<infer T> ? T : never)[];
}

const conversation: fc.Arbitrary<Conversation> = fc.record({
  options,
  ageSeconds: fc.constantFrom(0, 0, 0, 100_000),
  events: fc.array(event, { maxLength: 40, size: 'max' }),
});

/** What the node and the oracle say. */
function hold({ options, ageSeconds, events }: Conversation): [readonly Point[], readonly Point[]] {
  const live = new LiveNode(...options);
  const oracle = new Oracle(options, 'stream');
  const points: Point[] = [];
  const isTag = options[0].name === 'tag';
  const send = ({
    host,
    value,
    behind,
    tags,
  }: typeof take extends fc.Arbitrary<infer T> ? T : never): void => {
    const point = pointOf(host, isTag ? undefined : value, live.now - behind - ageSeconds, {
      tags: {
        host,
        ...tags,
        ...(isTag && value !== undefined
          ? { value: typeof value === 'string' ? value : String(value.v) }
          : {}),
      },
    });
    oracle.point(points.push(point) - 1, point, live.clock);
    live.takePoint(point);
  };
  for (const each of events) {
    if ('host' in each) send(each);
    else if ('waiting' in each) {
      live.standStill(each.seconds);
      for (const point of each.waiting) send(point);
      live.tick();
      oracle.tick(live.clock);
    } else if (each.kind === 'pass') live.pass(each.seconds, () => oracle.tick(live.clock));
    else {
      oracle.restart(live.restart(each.seconds));
    }
  }
  const expected = oracle.emissions.map(({ frame, add, made }) => {
    if (made !== undefined) return made;
    const point = points[frame];
    return { ...point, fields: { ...point.fields, ...add } };
  });
  return [live.emitted(), expected];
}

test(
  'in any conversation, with standstills and restarts, the node emits what the oracle does',
  () => {
    fc.assert(
      fc.property(conversation, (each) => {
        const [emitted, expected] = hold(each);
        expect(emitted).toEqual(expected);
      }),
      { numRuns: CONVERSATIONS },
    );
  },
  20_000 + 20 * CONVERSATIONS,
);
