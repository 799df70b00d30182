import { describe, expect, test } from 'vitest';
import { checkHostile, checkRestarts, runFunction } from '../../src/sdk/testing.ts';
import { AddedFields, defineFunction, Keys, KIND, option, toFloat } from '../../src/sdk/udf.ts';

const movingAverage = defineFunction({
  name: 'movingAverage',
  wants: 'STREAM',
  provides: 'STREAM',
  options: {
    field: option.string({ summary: 'the field to average' }),
    size: option.int({ default: 10, min: 1, summary: 'points in the window' }),
    as: option.string({ default: 'avg', summary: 'the field that the average goes to' }),
  },
  begin: () => ({ window: [] as number[], sum: 0 }),
  point(point, group, { options, emit }) {
    const value = point.field(options.field);
    if (typeof value !== 'number') return;
    group.sum += value;
    if (group.window.push(value) > options.size) group.sum -= group.window.shift() ?? 0;
    emit.forward(point, { [options.as]: group.sum / group.window.length });
  },
});

const LINES = ['m,host=a value=1 1', 'm,host=b value=10 2', 'm,host=a value=3 3', 'm,host=a value=5 4'];
const BY_HOST = { lines: LINES, groupBy: ['host'] };

describe('a function of a few lines', () => {
  test('keeps a state for each group and adds a field', async () => {
    const options = { field: 'value', size: 2 };
    const { points, counts, lines } = await runFunction(movingAverage, { ...BY_HOST, options });
    expect(points.map(({ fields }) => fields.avg)).toEqual([1, 10, 2, 4]);
    expect(lines[2]).toBe('m,host=a value=3,avg=2 3');
    expect(counts).toEqual({ groups: 2 });
  });

  test('goes on from its snapshot, wherever it is stopped', async () => {
    const run = { ...BY_HOST, options: { field: 'value', size: 2 } };
    await checkRestarts(movingAverage, run);
    const { snapshot } = await runFunction(movingAverage, run);
    const { points } = await runFunction(movingAverage, {
      ...run,
      snapshot,
      lines: ['m,host=a value=7'],
    });
    expect(points[0].fields.avg).toBe(6);
  });

  test('takes whatever points there are', () =>
    checkHostile(movingAverage, { ...BY_HOST, options: { field: 'value' } }));

  test('shows what its groups are in', async () => {
    const { states } = await runFunction(movingAverage, { ...BY_HOST, options: { field: 'value' } });
    expect(states).toEqual([
      { group: 'host=a', values: { window: '[ 1, 3, 5 ]', sum: 9 } },
      { group: 'host=b', values: { window: '[ 10 ]', sum: 10 } },
    ]);
  });
});

describe('options', () => {
  const all = defineFunction({
    name: 'all',
    wants: 'STREAM',
    provides: 'STREAM',
    options: {
      text: option.string({ summary: 't', oneOf: ['a', 'b'] }),
      maybe: option.string({ summary: 't', optional: true }),
      many: option.int({ summary: 'n', repeatable: true, max: 9 }),
      ratio: option.double({ summary: 'r', default: 0.5, above: 0, max: 1 }),
      on: option.bool({ summary: 'b', default: true }),
      wait: option.duration({ summary: 'd', default: '30s', min: '1s' }),
      quiet: option.flag({ summary: 'f' }),
      limit: option.arguments(
        {
          count: option.int({ min: 1, summary: 'n' }),
          within: option.duration({ above: '0s', summary: 'd' }),
        },
        { optional: true, summary: 'l' },
      ),
    },
    check(options, refuse) {
      if (options.quiet && options.on) refuse('quiet', 'makes no sense together with on');
    },
    point(point, _, { options, emit }) {
      const { text, maybe, many, ratio, on, wait, quiet, limit } = options;
      const kept: 'a' | 'b' = text;
      emit.send({
        fields: {
          kept,
          maybe: maybe ?? 'none',
          many: many.reduce((sum, each) => sum + each, 0),
          ratio,
          on,
          wait,
          quiet,
          limit: limit === undefined ? 'none' : `${limit.count} in ${limit.within}`,
        },
        time: point.time,
      });
    },
  });
  const fieldsWith = async (options: object) => {
    const { points } = await runFunction(all, { options: { text: 'a', ...options }, lines: 'm x=1 5' });
    return points[0].fields;
  };

  test('come with the types and defaults that were declared', async () => {
    const plain = { kept: 'a', maybe: 'none', many: 0, ratio: 0.5, on: true, wait: 30_000_000_000n };
    expect(await fieldsWith({})).toEqual({ ...plain, quiet: false, limit: 'none' });
    const given = { maybe: 'x', many: [1, 2], ratio: 1, on: false, wait: '2m', quiet: true };
    expect(await fieldsWith({ ...given, limit: [3, '10s'] })).toEqual({
      kept: 'a',
      maybe: 'x',
      many: 3,
      ratio: 1,
      on: false,
      wait: 120_000_000_000n,
      quiet: true,
      limit: '3 in 10000000000',
    });
  });

  test('that are missing and that are out of range are named in one answer', async () => {
    const options = { many: [1, 10], ratio: 0, wait: '500ms', limit: [0, '0s'] };
    await expect(runFunction(all, { options })).rejects.toThrow(
      'text: must be given: t; many(10): must be 9 or less; ratio(0): must be more than 0, and 1 or less; ' +
        'wait(500ms): must be 1s or more; limit(0): the number must be 1 or more; limit(0s): the duration must be more than 0',
    );
  });

  test('that do not agree are refused by the function itself', async () => {
    await expect(fieldsWith({ quiet: true })).rejects.toThrow('quiet: makes no sense together with on');
  });

  test('of other types or names are refused as Kapacitor would', async () => {
    await expect(fieldsWith({ ratio: 'much', more: 1 })).rejects.toThrow(
      /ratio\('much'\): argument 1 must be a DOUBLE; more: there is no such option/,
    );
  });

  test.each([
    ['a name that is no identifier', { name: 'no-name' }, "'no-name' is no name of a function"],
    ['batches of a stream', { provides: 'BATCH' }, 'no batches can be made of a stream'],
    [
      'an option called as one of the bounds',
      { options: { ttl: option.flag({ summary: '' }) } },
      "'ttl' is the agent's own",
    ],
  ])('%s is no definition', (_, part, message) => {
    const sound = {
      name: 'f',
      wants: 'STREAM',
      provides: 'STREAM',
      options: {},
      begin: () => ({}),
      point() {},
    };
    expect(() => Reflect.apply(defineFunction, undefined, [{ ...sound, ...part }])).toThrow(message);
  });
});

describe('a state', () => {
  const kinds = defineFunction({
    name: 'kinds',
    wants: 'STREAM',
    provides: 'STREAM',
    options: {},
    begin: () => ({ seen: new Map<string, bigint>(), last: new Float64Array(2), since: new Date(0) }),
    point(point, group, { emit }) {
      const kind = point.tag('kind') ?? '';
      const count = (group.seen.get(kind) ?? 0n) + 1n;
      group.seen.set(kind, count);
      group.last.copyWithin(1, 0);
      group.last[0] = Number(count);
      emit.forward(point, { count, before: group.last[1], year: group.since.getUTCFullYear() });
    },
  });

  test('is of anything that structured clone takes', async () => {
    const lines = ['m,kind=a x=1', 'm,kind=b x=1', 'm,kind=a x=1', 'm,kind=a x=1'];
    const { points } = await runFunction(kinds, { lines });
    expect(points.at(-1)?.fields).toEqual({ x: 1, count: 3n, before: 2, year: 1970 });
    await checkRestarts(kinds, { lines });
    await checkHostile(kinds, { lines });
  });

  test('that cannot be cloned is told of at the snapshot', async () => {
    const holding = defineFunction({
      name: 'holding',
      wants: 'STREAM',
      provides: 'STREAM',
      options: {},
      begin: () => ({ call: () => 1 }),
      point: () => undefined,
    });
    await expect(runFunction(holding, { lines: 'm x=1' })).rejects.toThrow('could not be cloned');
  });

  const total = (version: number, more: { migrate?: (state: unknown) => { sum: number } | undefined } = {}) =>
    defineFunction({
      name: 'total',
      wants: 'STREAM',
      provides: 'STREAM',
      options: {},
      version,
      begin: () => ({ sum: 0 }),
      ...more,
      point(point, group, { emit }) {
        group.sum += Number(point.field('x'));
        emit.forward(point, { sum: group.sum });
      },
    });
  const sumAfter = async (fn: ReturnType<typeof total>, snapshot: Uint8Array) => {
    const { points, log } = await runFunction(fn, { snapshot, lines: 'm x=1' });
    return [points[0].fields.sum, log.map(({ message }) => message).join()];
  };

  test('of another version is brought up to date by migrate(), or left with a warning', async () => {
    const { snapshot } = await runFunction(total(1), { lines: ['m x=1', 'm x=2'] });
    expect(await sumAfter(total(1), snapshot)).toEqual([4, '']);
    expect(await sumAfter(total(2), snapshot)).toEqual([1, expect.stringContaining('version 1')]);
    const migrated = total(2, { migrate: () => ({ sum: 100 }) });
    expect(await sumAfter(migrated, snapshot)).toEqual([101, '']);
    expect(await sumAfter(total(2, { migrate: () => undefined }), snapshot)).toEqual([1, '']);
    expect(await sumAfter(kinds, snapshot)).toEqual([undefined, expect.stringContaining('@total')]);
  });

  test('is forgotten after ttl by the times of the points, and for want of room', async () => {
    const lines = ['m,h=a x=1 0', 'm,h=a x=1 5000000000', 'm,h=a x=1 10000000001'];
    const run = { lines, groupBy: ['h'] };
    const sums = async (options: { ttl?: string }) =>
      (await runFunction(total(1), { ...run, options })).points.map(({ fields }) => fields.sum);
    expect(await sums({})).toEqual([1, 2, 3]);
    expect(await sums({ ttl: '5s' })).toEqual([1, 2, 1]);
    expect(await sums({ ttl: '6s' })).toEqual([1, 2, 3]);
    const many = Array.from({ length: 50 }, (_, i) => `m,h=h${i} x=1`);
    const { counts, log } = await runFunction(total(1), { ...run, lines: many, options: { maxGroups: 10 } });
    expect(counts).toEqual({ groups: 10, evicted: 40 });
    expect(log).toHaveLength(1);
  });

  test('must be an object', async () => {
    const begin: () => object = () => JSON.parse('3');
    const three = defineFunction({
      name: 'three',
      wants: 'STREAM',
      provides: 'STREAM',
      options: {},
      begin,
      point: () => undefined,
    });
    await expect(runFunction(three, { lines: 'm x=1' })).rejects.toThrow(
      'begin() of @three must return an object',
    );
  });
});

describe('batches', () => {
  const range = (provides: 'STREAM' | 'BATCH') =>
    defineFunction({
      name: 'range',
      wants: 'BATCH',
      provides,
      options: { field: option.string({ summary: 'the field' }) },
      begin: () => ({ batches: 0 }),
      maxBatchPoints: 4,
      batch({ name, points, tags, time }, group, { options, emit }) {
        group.batches++;
        const values = points.map((point) => Number(point.field(options.field)));
        const [first] = points;
        if (first === undefined) return;
        if (provides === 'BATCH') emit.forward(first, { max: Math.max(...values) });
        else
          emit.send({
            fields: { max: Math.max(...values), host: tags.get('host'), name, time, n: group.batches },
          });
      },
    });
  const batches = [['m,host=a v=1 1', 'm,host=a v=3 2', 'm,host=b v=7 2'], ['m,host=a v=2 3']];
  const run = { batches, groupBy: ['host'], options: { field: 'v' } };

  test('come whole, as arrays, and make points of a stream', async () => {
    const { points } = await runFunction(range('STREAM'), run);
    const base = { name: 'm', tags: { host: 'a' } };
    expect(points).toEqual([
      { ...base, time: 2n, fields: { max: 3, host: 'a', name: 'm', time: 2n, n: 1 } },
      { ...base, tags: { host: 'b' }, time: 2n, fields: { max: 7, host: 'b', name: 'm', time: 2n, n: 1 } },
      { ...base, time: 3n, fields: { max: 2, host: 'a', name: 'm', time: 3n, n: 2 } },
    ]);
    await checkRestarts(range('STREAM'), run);
    await checkHostile(range('STREAM'), run);
  });

  test('or of batches', async () => {
    const result = await runFunction(range('BATCH'), run);
    expect(result.batches.map(({ group, points }) => [group, points.map(({ fields }) => fields)])).toEqual([
      ['host=a', [{ v: 1, max: 3 }]],
      ['host=b', [{ v: 7, max: 7 }]],
      ['host=a', [{ v: 2, max: 2 }]],
    ]);
  });

  test('that are longer than the function takes are left out with one warning', async () => {
    const long = Array.from({ length: 5 }, (_, i) => `m v=${i}`);
    const { points, log } = await runFunction(range('STREAM'), { ...run, batches: [long, ['m v=1'], long] });
    expect(points.map(({ fields }) => fields.n)).toEqual([1]);
    expect(log).toMatchObject([{ level: 'warn', fields: { maxBatchPoints: 4 } }]);
  });
});

describe('a function that goes wrong', () => {
  test('cannot be async, nor emit later', async () => {
    let later: () => void = () => undefined;
    const slow = (isAsync: boolean) =>
      defineFunction({
        name: 'slow',
        wants: 'STREAM',
        provides: 'STREAM',
        options: {},
        point(point, _, { emit }) {
          later = () => emit.forward(point);
          return isAsync ? Promise.resolve() : undefined;
        },
      });
    await expect(runFunction(slow(true), { lines: 'm x=1' })).rejects.toThrow('the function is async');
    await runFunction(slow(false), { lines: 'm x=1' });
    expect(later).toThrow('emit was used after the call');
  });

  test.each<[string, object, string]>([
    ['an integer beyond 64 bits', { n: 2n ** 63n }, "the field 'n' does not fit into 64 bits"],
    ['null', { n: null }, "the field 'n' is null"],
    ['an object', { n: {} }, "the field 'n' is object"],
  ])('is told so where it adds %s', async (_, added, message) => {
    const adding = defineFunction({
      name: 'adding',
      wants: 'STREAM',
      provides: 'STREAM',
      options: {},
      point: (point, __, { emit }) => Reflect.apply(emit.forward, emit, [point, added]),
    });
    await expect(runFunction(adding, { lines: 'm x=1' })).rejects.toThrow(message);
  });

  test('is found by checkRestarts where it keeps state beside the agent', async () => {
    let count = 0;
    const sly = defineFunction({
      name: 'sly',
      wants: 'STREAM',
      provides: 'STREAM',
      options: {},
      point: (point, _, { emit }) => emit.forward(point, { count: ++count }),
    });
    await expect(checkRestarts(sly, { lines: ['m x=1', 'm x=1'] })).rejects.toThrow(
      /@sly gives another answer when it is restarted after 0 of 2 points: at the 1\. of them/,
    );
  });

  test('is found by checkHostile where it takes a value for granted', async () => {
    const trusting = defineFunction({
      name: 'trusting',
      wants: 'STREAM',
      provides: 'STREAM',
      options: {},
      point: (point, _, { emit }) =>
        emit.forward(point, { up: String(point.field('value')?.toString().length) }),
    });
    await checkHostile(trusting, {});
    const throwing = defineFunction({
      name: 'throwing',
      wants: 'STREAM',
      provides: 'STREAM',
      options: {},
      point: (point, _, { emit }) => emit.forward(point, { n: BigInt(Number(point.field('value') ?? 0)) }),
    });
    await expect(checkHostile(throwing, {})).rejects.toThrow(
      /@throwing fails at \{.*cannot be converted to a BigInt/,
    );
  });
});

test('the clock is told with every group, and what is emitted then needs a time and a name', async () => {
  const quiet = (made: { name?: string }) =>
    defineFunction({
      name: 'quiet',
      wants: 'STREAM',
      provides: 'STREAM',
      options: {},
      begin: () => ({ last: 0n }),
      point(point, group) {
        group.last = point.time;
      },
      tick(time, groups, { emit }) {
        for (const [group, { last }] of groups)
          if (time - last > 5_000_000_000n) emit.send({ ...made, time, fields: { group, last } });
      },
    });
  const run = { lines: ['m,h=a x=1 1000000000', 'm,h=b x=1 4000000000'], groupBy: ['h'] };
  const ticksAt = [5_000_000_000n, 7_000_000_000n];
  const { points } = await runFunction(quiet({ name: 'quiet' }), { ...run, ticksAt });
  expect(points).toEqual([
    { name: 'quiet', time: ticksAt[1], tags: {}, fields: { group: 'h=a', last: 1_000_000_000n } },
  ]);
  await expect(runFunction(quiet({}), { ...run, ticksAt })).rejects.toThrow('needs a time and a name');
});

test('the fast layer finds its keys in place', async () => {
  const doubled = defineFunction({
    name: 'doubled',
    wants: 'STREAM',
    provides: 'STREAM',
    options: { field: option.string({ summary: 'the field to double' }) },
    open({ field }) {
      const keys = new Keys([{ type: 'field', name: field }]);
      const added = new AddedFields(['doubled']);
      return {
        keys,
        point(point, emit) {
          if (keys.kind[0] !== KIND.float) return;
          added.clear();
          added.setFloat(0, 2 * toFloat(keys.lo[0], keys.hi[0]));
          emit.forward(point, added);
        },
        snapshot: () => [],
        restore: () => [],
      };
    },
  });
  const { points } = await runFunction(doubled, {
    options: { field: 'x' },
    lines: ['m x=1.5', 'm y=1', 'm x=1i'],
  });
  expect(points).toMatchObject([{ fields: { x: 1.5, doubled: 3 } }]);
});
