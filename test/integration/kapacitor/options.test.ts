import { expect, test } from 'vitest';
import { type Kapacitor, KapacitorError, until } from '../../support/kapacitor/kapacitor.ts';
import { edgeScript, stateLine } from './points.ts';
import { describeWithKapacitor, startStack } from './stack.ts';

const FIELD = `.field('value')`;
/** An argument of each type, one of another type, and what Kapacitor calls that. */
const LITERALS = {
  STRING: { right: `'x'`, wrong: '1', got: 'INT' },
  DOUBLE: { right: '1.5', wrong: '1', got: 'INT' },
  INT: { right: '3', wrong: '3.0', got: 'DOUBLE' },
  BOOL: { right: 'FALSE', wrong: '1', got: 'INT' },
  DURATION: { right: '90s', wrong: `'90s'`, got: 'STRING' },
};
type ArgumentType = keyof typeof LITERALS;

interface OptionCase {
  readonly name: string;
  readonly types: readonly ArgumentType[];
  /** What is written where 'x' as a STRING would not do. */
  readonly accepted?: string;
  /** What else is needed in front. */
  readonly beside?: string;
  /** What is written with a wrong value or in wrong company, and what the task's error says then. */
  readonly refused: readonly (readonly [script: string, error: string])[];
}

const EMPTY_NAME = (name: string) => [`${FIELD}.${name}('')`, `${name}(''): the name is empty`] as const;
const TWO_KEYS = (name: string, call: string) =>
  [`${FIELD}.tag('host2').${call}`, `${name}: needs exactly one tracked key, here are 2`] as const;

const OPTIONS: readonly OptionCase[] = [
  {
    name: 'field',
    types: ['STRING'],
    refused: [
      [`.field('')`, `field(''): the name is empty`],
      [`${FIELD}${FIELD}`, `field('value'): is tracked twice`],
      ['.initial(TRUE)', `field: nothing is tracked: name a field or a tag, for instance .field('value')`],
    ],
  },
  { name: 'tag', types: ['STRING'], refused: [[`.tag('')`, `tag(''): the name is empty`]] },
  { name: 'from', types: ['STRING'], beside: FIELD, refused: [TWO_KEYS('from', `from('x')`)] },
  { name: 'notFrom', types: ['STRING'], beside: FIELD, refused: [TWO_KEYS('notFrom', `notFrom('x')`)] },
  { name: 'to', types: ['STRING'], beside: FIELD, refused: [TWO_KEYS('to', `to('x')`)] },
  { name: 'notTo', types: ['STRING'], beside: FIELD, refused: [TWO_KEYS('notTo', `notTo('x')`)] },
  { name: 'rising', types: [], beside: FIELD, refused: [TWO_KEYS('rising', 'rising()')] },
  { name: 'falling', types: [], beside: FIELD, refused: [TWO_KEYS('falling', 'falling()')] },
  {
    name: 'deadband',
    types: ['DOUBLE'],
    beside: FIELD,
    refused: [[`${FIELD}.deadband(-1.5)`, 'deadband(-1.5): must be 0 or more']],
  },
  {
    name: 'deadbandPercent',
    types: ['DOUBLE'],
    beside: FIELD,
    refused: [[`${FIELD}.deadbandPercent(-0.5)`, 'deadbandPercent(-0.5): must be 0 or more']],
  },
  {
    name: 'hold',
    types: ['DURATION'],
    beside: FIELD,
    refused: [[`${FIELD}.hold(-1s)`, 'hold(-1s): must be 0 or more']],
  },
  {
    name: 'holdTo',
    types: ['STRING', 'DURATION'],
    beside: FIELD,
    refused: [
      [`${FIELD}.holdTo('x', -1s)`, `holdTo(-1s): for 'x' it must be 0 or more`],
      TWO_KEYS('holdTo', `holdTo('x', 1s)`),
    ],
  },
  {
    name: 'confirm',
    types: ['INT'],
    beside: FIELD,
    refused: [[`${FIELD}.confirm(0)`, 'confirm(0): must be 1 or more']],
  },
  {
    name: 'confirmTo',
    types: ['STRING', 'INT'],
    beside: FIELD,
    refused: [
      [`${FIELD}.confirmTo('x', 0)`, `confirmTo(0): for 'x' it must be 1 or more`],
      TWO_KEYS('confirmTo', `confirmTo('x', 2)`),
    ],
  },
  {
    name: 'limit',
    types: ['INT', 'DURATION'],
    beside: FIELD,
    refused: [
      [`${FIELD}.limit(0, 1s)`, 'limit(0): the number must be 1 or more'],
      [`${FIELD}.limit(1, 0s)`, 'limit(0s): the duration must be more than 0'],
    ],
  },
  {
    name: 'initial',
    types: ['BOOL'],
    beside: FIELD,
    // Kapacitor takes a regular expression for a BOOL.
    refused: [
      [
        `${FIELD}.initial(/x/)`,
        'initial: was given a lambda, a regular expression or nothing, which says no value',
      ],
    ],
  },
  {
    name: 'every',
    types: ['DURATION'],
    beside: FIELD,
    refused: [[`${FIELD}.every(0s)`, 'every(0s): must be more than 0']],
  },
  {
    name: 'ttl',
    types: ['DURATION'],
    beside: FIELD,
    refused: [[`${FIELD}.ttl(0s)`, 'ttl(0s): must be more than 0']],
  },
  {
    name: 'maxGroups',
    types: ['INT'],
    beside: FIELD,
    refused: [[`${FIELD}.maxGroups(0)`, 'maxGroups(0): must be 1 or more']],
  },
  {
    name: 'late',
    types: ['STRING'],
    accepted: `late('drop')`,
    beside: FIELD,
    refused: [[`${FIELD}.late('sometimes')`, `late('sometimes'): must be 'keep' or 'drop'`]],
  },
  {
    name: 'as',
    types: ['STRING'],
    beside: FIELD,
    refused: [EMPTY_NAME('as'), TWO_KEYS('as', `as('x')`)],
  },
  {
    name: 'previousAs',
    types: ['STRING'],
    beside: FIELD,
    refused: [
      EMPTY_NAME('previousAs'),
      TWO_KEYS('previousAs', `previousAs('x')`),
      [`${FIELD}.as('x').previousAs('x')`, `previousAs('x'): the same name as as`],
    ],
  },
  { name: 'durationAs', types: ['STRING'], beside: FIELD, refused: [EMPTY_NAME('durationAs')] },
  {
    name: 'unit',
    types: ['DURATION'],
    beside: FIELD,
    refused: [[`${FIELD}.unit(0s)`, 'unit(0s): must be more than 0']],
  },
  { name: 'sinceAs', types: ['STRING'], beside: FIELD, refused: [EMPTY_NAME('sinceAs')] },
  { name: 'countAs', types: ['STRING'], beside: FIELD, refused: [EMPTY_NAME('countAs')] },
];

describeWithKapacitor('an option in a TICKscript', () => {
  test('is accepted, each of them', async () => {
    const { agent, collector, kapacitor } = await startStack();
    for (const { accepted, beside = '', name, types } of OPTIONS) {
      const connected = agent.logged((entry) => entry.msg === 'task connected' && entry.task === name);
      const call = accepted ?? `${name}(${argumentsOf(types)})`;
      await kapacitor.define(name, edgeScript(collector.url, `${beside}.${call}`));
      await connected;
      expect(await kapacitor.task(name)).toMatchObject({ executing: true, error: '' });
    }
    expect(await kapacitor.taskIds()).toHaveLength(26);
  });

  test('is accepted twice where that means something', async () => {
    const { collector, kapacitor } = await startStack();
    const options = `.field('value').from('UP').from('DOWN').notFrom('x').to('UP').to('DOWN').notTo('y').notTo('z')
        .confirmTo('UP', 1).confirmTo('DOWN', 2).holdTo('UP', 0s).holdTo('DOWN', 1s).limit(1000, 1s).countAs('n')`;
    await kapacitor.define('all', edgeScript(collector.url, options));
    await kapacitor.feed([
      stateLine(0, 'UP'),
      stateLine(1, 'DOWN'),
      stateLine(2, 'DOWN'),
      stateLine(3, 'UP'),
    ]);
    expect((await collector.received(2)).map(({ fields }) => [fields.value, fields.n])).toEqual([
      ['DOWN', 1],
      ['UP', 2],
    ]);
  });

  test('with a wrong type or number of arguments is refused when the task is defined', async () => {
    const { collector, kapacitor } = await startStack();
    const refusal = async (call: string, beside = ''): Promise<unknown> => {
      const script = edgeScript(collector.url, `${beside}.${call}`);
      const error = await kapacitor.defineDisabled('refused', script).catch((thrown: unknown) => thrown);
      if (!(error instanceof KapacitorError)) throw new Error(`${call} was not refused`);
      expect(error.status).toBe(400);
      return error.message.replace(/line \d+ char \d+/, 'line L char C');
    };
    for (const { beside, name, types } of OPTIONS) {
      for (const [at, type] of types.entries()) {
        const { got, wrong } = LITERALS[type];
        const args = types.map((other, place) => (place === at ? wrong : LITERALS[other].right));
        expect(await refusal(`${name}(${args.join(', ')})`, beside)).toBe(
          `invalid TICKscript: line L char C: unexpected arg to ${name}, got ${got} expected ${type}`,
        );
      }
      const tooMany = [...types.map((type) => LITERALS[type].right), '1'];
      const counts = [types.slice(1).map((type) => LITERALS[type].right), tooMany];
      for (const args of types.length === 0 ? [tooMany] : counts)
        expect(await refusal(`${name}(${args.join(', ')})`, beside)).toBe(
          `invalid TICKscript: line L char C: unexpected number of args to ${name}, got ${args.length} expected ${types.length}`,
        );
    }
    expect(await refusal(`Field('value')`)).toBe(
      'invalid TICKscript: line L char C: no method or property "Field" on *pipeline.UDFNode',
    );
    expect(await kapacitor.taskIds()).toEqual([]);
  });

  test('with a wrong value fails the task when it is enabled, and the task says why', async () => {
    const { collector, kapacitor } = await startStack();
    const cases = OPTIONS.flatMap(({ name, refused }) =>
      refused.map((one, at) => [`${name}-${at}`, ...one] as const),
    );
    for (const [id, options, error] of cases) {
      await kapacitor.define(id, edgeScript(collector.url, options));
      const failure = await failureOf(kapacitor, id);
      expect(failure).toMatch(/^edgeDetect2: failed to initialize processes /);
      expect(failure.slice(failure.length - error.length)).toBe(error);
    }
    expect(kapacitor.hasPanicked).toBe(false);
  });

  test('is named with all the others that are wrong', async () => {
    const { collector, kapacitor } = await startStack();
    await kapacitor.define('wrong', edgeScript(collector.url, `.confirm(0).deadband(-1.0).late('x')`));
    const failure = await failureOf(kapacitor, 'wrong');
    for (const name of ['field: nothing is tracked', 'confirm(0)', 'deadband(-1)', `late('x')`])
      expect(failure).toContain(name);
  });
});

function failureOf(kapacitor: Kapacitor, id: string): Promise<string> {
  return until(`${id} fails`, async () => (await kapacitor.task(id)).error || undefined);
}

function argumentsOf(types: readonly ArgumentType[]): string {
  return types.map((type) => LITERALS[type].right).join(', ');
}
