import { describe, expect, test } from 'vitest';
import { edgeDetect, edgeDetectBatch } from '../../../src/functions/edge-detect/index.ts';
import type { LogLine } from '../../support/agent/agent.ts';
import { BEGIN, END, pointRequest, stringOption } from '../../support/agent/functions.ts';
import { TestNode } from '../../support/agent/node.ts';
import type { Point, Request } from '../../support/protocol/protocol.ts';

const FIELD = stringOption('field', 'value');
const VALUE = { value: { type: 'int', v: 1n } } as const;

/** So many points are looked at. */
const WATCHED = 20;

function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

const warnings = (node: TestNode): LogLine[] => node.log.filter(({ level }) => level === 'warn');

describe('that no point carries a tracked key', () => {
  const other: Request = pointRequest({ fields: { valeu: { type: 'int', v: 1n } }, tags: { host: 'a' } });

  test('is said once, after twenty points, with what they carry instead', () => {
    const node = new TestNode(edgeDetect, [FIELD, stringOption('tag', 'status')]);
    node.take(...times(WATCHED - 1, () => other));
    expect(warnings(node)).toEqual([]);
    node.take(other, ...times(100, () => other));
    expect(warnings(node)).toEqual([
      {
        level: 'warn',
        fields: { keys: ['field value', 'tag status'], fields: ['valeu'], tags: ['host'] },
        message: 'none of the first 20 points carried a tracked key: is its name right?',
      },
    ]);
    expect(node.counts).toEqual({ groups: 0, ignored: 120 });
  });

  test('is not said where points of several measurements come, of which some are for others', () => {
    const node = new TestNode(edgeDetect, [FIELD]);
    const cpu = pointRequest({ name: 'cpu', fields: { idle: { type: 'int', v: 1n } }, tags: { host: 'a' } });
    node.take(other, ...times(100, () => cpu));
    expect(warnings(node)).toEqual([]);
  });

  test('is not said where a single one does', () => {
    const node = new TestNode(edgeDetect, [FIELD]);
    node.take(pointRequest({ fields: VALUE, tags: { host: 'a' } }), ...times(100, () => other));
    expect(warnings(node)).toEqual([]);
  });
});

describe('that one group holds points of different tags', () => {
  const tagged = (tags: Point['tags'], group = ''): Request => pointRequest({ group, tags, fields: VALUE });

  test('is said once: probably a groupBy is missing', () => {
    const node = new TestNode(edgeDetect, [FIELD]);
    node.take(tagged({ host: 'a' }), ...times(10, (i) => tagged({ host: `b${i}` })));
    expect(warnings(node)).toMatchObject([{ fields: { group: '', tags: ['host=a', 'host=b0'] } }]);
    expect(warnings(node)[0].message).toContain('groupBy');
  });

  test.each([
    ['the groups differ too', [tagged({ host: 'a' }, 'host=a'), tagged({ host: 'b' }, 'host=b')]],
    ['the tags are the same in another order', [tagged({ a: '1', b: '2' }), tagged({ b: '2', a: '1' })]],
    ['they differ only later', [...times(WATCHED, () => tagged({ host: 'a' })), tagged({ host: 'b' })]],
  ])('is not said where %s', (_, points) => {
    const node = new TestNode(edgeDetect, [FIELD]);
    node.take(...points);
    expect(warnings(node)).toEqual([]);
  });

  test('is not said of the tag that is tracked: its changes are what the node is for', () => {
    const node = new TestNode(edgeDetect, [stringOption('tag', 'status')]);
    node.take(tagged({ status: 'UP' }), tagged({ status: 'DOWN' }));
    expect(warnings(node)).toEqual([]);
  });
});

describe('that a tracked tag is one of the dimensions', () => {
  const expected = [
    {
      level: 'warn',
      fields: { tag: 'host', dimensions: ['host'] },
      message: 'the tracked tag is one that the points are grouped by: within a group it can never change',
    },
  ];

  test('is said once of a stream', () => {
    const node = new TestNode(edgeDetect, [stringOption('tag', 'host')]);
    node.take(
      ...times(3, (i) => pointRequest({ group: `host=${i}`, dimensions: ['host'], tags: { host: `${i}` } })),
    );
    expect(warnings(node)).toEqual(expected);
  });

  test('is said once of batches', () => {
    const node = new TestNode(edgeDetectBatch, [stringOption('tag', 'host')]);
    const point = pointRequest({ time: 1n, tags: { host: 'a' } });
    node.take(BEGIN, point, END, BEGIN, point, END);
    expect(warnings(node)).toEqual(expected);
  });

  test('is not said of a field of that name', () => {
    const node = new TestNode(edgeDetect, [stringOption('field', 'host')]);
    node.take(
      pointRequest({ dimensions: ['host'], tags: { host: 'a' }, fields: { host: { type: 'int', v: 1n } } }),
    );
    expect(warnings(node)).toEqual([]);
  });
});

test('a late point that is dropped is named with its group and times, at most once a minute', () => {
  let nowMs = 5_000_000;
  const node = new TestNode(edgeDetect, [FIELD, stringOption('late', 'drop')], { clockMs: () => nowMs });
  const at = (time: bigint): Request => pointRequest({ group: 'host=a', time, fields: VALUE });
  node.take(at(1_600_000_000_000_000_001n), at(-1n), at(0n));
  expect(warnings(node)).toMatchObject([
    {
      fields: {
        group: 'host=a',
        time: '1969-12-31T23:59:59.999999999Z',
        newest: '2020-09-13T12:26:40.000000001Z',
        late: 1,
      },
    },
  ]);
  nowMs += 59_999;
  node.take(at(1n));
  expect(warnings(node)).toHaveLength(1);
  nowMs += 1;
  node.take(at(2n), at(3n));
  expect(warnings(node)).toHaveLength(2);
  expect(warnings(node)[1].fields).toMatchObject({ time: '1970-01-01T00:00:00.000000002Z', late: 4 });
  expect(node.counts).toMatchObject({ late: 5 });
});

test('the windows of batches that overlap are no news', () => {
  const node = new TestNode(edgeDetectBatch, [FIELD]);
  const points = times(5, (i) => pointRequest({ time: BigInt(i), fields: VALUE }));
  node.take(BEGIN, ...points, END, BEGIN, ...points, END);
  expect(node.log).toEqual([]);
});

test('that groups are forgotten for want of room is said once, and counted', () => {
  const node = new TestNode(edgeDetect, [FIELD], { maxGroups: 3 });
  node.take(...times(10, (i) => pointRequest({ group: `host=${i}`, fields: VALUE })));
  expect(warnings(node)).toMatchObject([{ fields: { maxGroups: 3, group: 'host=0' } }]);
  expect(node.counts).toMatchObject({ groups: 3, evicted: 7 });
});
