import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { UdfFunction } from '../../../src/function/contract.ts';
import { edgeDetect, edgeDetectBatch } from '../../../src/functions/edge-detect/index.ts';
import { BEGIN, END, pointRequest, stringOption } from '../../support/agent/functions.ts';
import { TestNode } from '../../support/agent/node.ts';
import type { Option, Request, Value } from '../../support/protocol/protocol.ts';
import {
  type Arrival,
  batchScenario,
  type Scenario,
  streamScenario,
} from '../../support/scenarios/scenario.ts';

const FIELD = stringOption('field', 'value');
const valued = (group: string, v: string): Request =>
  pointRequest({ group, fields: { value: { type: 'string', v } } });

/** A node that keeps all that a snapshot can hold. */
const ALL_OPTIONS: readonly Option[] = [
  FIELD,
  stringOption('previousAs', 'previous'),
  stringOption('durationAs', 'duration'),
  stringOption('countAs', 'count'),
  { name: 'confirm', values: [{ type: 'int', v: 2n }] },
  {
    name: 'limit',
    values: [
      { type: 'int', v: 1n },
      { type: 'duration', v: 100n },
    ],
  },
  { name: 'every', values: [{ type: 'duration', v: 50n }] },
  { name: 'ttl', values: [{ type: 'duration', v: 1_000_000n }] },
];

function full(): TestNode {
  const node = new TestNode(edgeDetect, ALL_OPTIONS);
  const values: Value[] = [
    { type: 'string', v: 'a' },
    { type: 'int', v: 7n },
    { type: 'int', v: 7n },
    { type: 'float', v: 0.5 },
    { type: 'float', v: 0.5 },
    { type: 'bool', v: true },
  ];
  for (const group of ['host=a', 'host=b', '']) {
    values.forEach((value, i) => {
      node.take(pointRequest({ group, time: BigInt(i), fields: { value } }));
    });
  }
  return node;
}

/** Whether a node forgot everything, and says why. */
function startsEmpty(node: TestNode): boolean {
  const isWarned = node.log.some(
    ({ level, message }) => level === 'warn' && message.includes('starts empty: '),
  );
  return isWarned && node.counts.groups === 0 && node.pieces().length === 0;
}

function restored(snapshot: Uint8Array, options: readonly Option[] = ALL_OPTIONS): TestNode {
  const node = new TestNode(edgeDetect, options);
  node.restore(snapshot);
  return node;
}

/** The snapshot with another checksum that fits what stands in front of it. */
function signed(snapshot: Buffer): Buffer {
  const bytes = Buffer.from(snapshot);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -5)), bytes.length - 4);
  return bytes;
}

test('a node without groups has nothing to keep', () => {
  expect(new TestNode(edgeDetect, [FIELD]).pieces()).toEqual([]);
});

function requestsOf(edge: Scenario['edge'], { group, points }: Arrival): Request[] {
  const requests = points.map((point) => pointRequest({ ...point, group }));
  return edge === 'stream' ? requests : [{ ...BEGIN, begin: { ...BEGIN.begin, group } }, ...requests, END];
}

const KINDS: readonly (readonly [string, UdfFunction, fc.Arbitrary<Scenario>])[] = [
  ['stream', edgeDetect, streamScenario],
  ['batch', edgeDetectBatch, batchScenario],
];

describe.each(KINDS)('a node of any %s', (_, fn, scenarios) => {
  function run({ edge, options, arrivals }: Scenario): TestNode {
    const node = new TestNode(fn, options);
    for (const arrival of arrivals) node.take(...requestsOf(edge, arrival));
    return node;
  }

  test('that is restored has the same snapshot', () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        const snapshot = run(scenario).snapshot();
        const node = new TestNode(fn, scenario.options);
        if (snapshot.length > 0) node.restore(snapshot);
        expect(node.log).toEqual([]);
        expect(node.snapshot().equals(snapshot)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test('takes up what a node with other options of the same keys left behind, and goes on', () => {
    fc.assert(
      fc.property(scenarios, scenarios, (scenario, other) => {
        const isKey = ({ name }: Option) => name === 'field' || name === 'tag';
        const keys = scenario.options.filter(isKey);
        fc.pre(other.options.filter(isKey).length === keys.length);
        const before = run(scenario);
        const options = [...keys, ...other.options.filter((option) => !isKey(option))];
        const node = new TestNode(fn, options);
        if (before.counts.groups === 0) return;
        node.restore(before.snapshot());
        expect(node.log).toEqual([]);
        expect(node.counts.groups).toBe(before.counts.groups);
        for (const arrival of other.arrivals) node.take(...requestsOf(other.edge, arrival));
        const again = new TestNode(fn, options);
        again.restore(node.snapshot());
        expect(again.log).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

test('ten thousand groups are written and read in several steps, and are all there again', () => {
  const node = new TestNode(edgeDetect, [FIELD]);
  const groups = Array.from({ length: 10_000 }, (_, i) => `host=${i}`);
  for (const group of groups) node.take(valued(group, 'up'));
  const pieces = node.pieces();
  expect(pieces.length).toBeGreaterThan(3);
  const next = new TestNode(edgeDetect, [FIELD]);
  expect(next.restore(Buffer.concat(pieces))).toBeGreaterThan(3);
  expect(next.take(...groups.map((group) => valued(group, 'up')))).toBe(0);
  expect(next.take(...groups.map((group) => valued(group, 'down')))).toBe(groups.length);
});

test('blocks of groups that have nothing in common are each what they were', () => {
  const options = [FIELD, stringOption('field', 'second')];
  const values: ((i: number) => Readonly<Record<string, Value>>)[] = [
    (i) => ({ value: { type: 'int', v: -BigInt(i) }, second: { type: 'float', v: i / 7 } }),
    (i) => ({ value: { type: 'string', v: `state ${i % 50}` } }),
    (i) => ({ second: { type: 'string', v: `other ${i % 3}` } }),
    (i) => ({ value: { type: 'bool', v: i % 2 === 0 } }),
    () => ({ value: { type: 'int', v: 0n }, second: { type: 'string', v: '' } }),
  ];
  const requests = values.flatMap((fieldsOf, kind) =>
    Array.from({ length: 2100 }, (_, i) =>
      pointRequest({ group: `kind=${kind},n=${i}`, fields: fieldsOf(i) }),
    ),
  );
  const node = new TestNode(edgeDetect, options);
  node.take(...requests);
  const pieces = node.pieces();
  expect(Buffer.from(pieces.at(-2) ?? []).includes('other 1')).toBe(false);
  const snapshot = Buffer.concat(pieces);
  const next = new TestNode(edgeDetect, options);
  next.restore(snapshot);
  expect(next.log).toEqual([]);
  expect(next.snapshot().equals(snapshot)).toBe(true);
  expect(next.take(...requests)).toBe(0);
});

test('a candidate weighs as much as many values: no step of a snapshot is long', () => {
  const node = new TestNode(edgeDetect, [FIELD, { name: 'confirm', values: [{ type: 'int', v: 2n }] }]);
  const groups = Array.from({ length: 1000 }, (_, i) => `host=${i}`);
  const steady = node.take(...groups.map((group) => valued(group, 'up')));
  expect(node.pieces()).toHaveLength(3);
  node.take(...groups.map((group) => valued(group, 'down')));
  expect(node.pieces().length).toBeGreaterThan(4);
  expect(steady).toBe(groups.length);
});

test('of a snapshot of many more groups than maxGroups the others go step by step', () => {
  const node = new TestNode(edgeDetect, [FIELD]);
  for (let i = 0; i < 4000; i++) node.take(valued(`host=${i}`, 'up'));
  const whole = new TestNode(edgeDetect, [FIELD]).restore(node.snapshot());
  expect(new TestNode(edgeDetect, [FIELD], { maxGroups: 10 }).restore(node.snapshot())).toBeGreaterThan(
    whole + 5,
  );
});

test('of a snapshot of more groups than maxGroups the longest unseen are left out', () => {
  const node = new TestNode(edgeDetect, [FIELD]);
  for (let i = 0; i < 12; i++) node.take(valued(`host=${i}`, 'up'));
  const next = new TestNode(edgeDetect, [FIELD], { maxGroups: 5 });
  next.restore(node.snapshot());
  expect(next.counts).toMatchObject({ groups: 5, evicted: 7 });
  expect(next.take(...[7, 8, 9, 10, 11].map((i) => valued(`host=${i}`, 'up')))).toBe(0);
});

describe('what cannot be restored leaves the node empty, with a warning that says why', () => {
  const snapshot = full().snapshot();

  test('nothing at all', () => {
    const node = restored(Buffer.alloc(0));
    expect(startsEmpty(node)).toBe(true);
    expect(node.log[0].message).toContain('it is empty');
  });

  test('a snapshot that is cut off anywhere', () => {
    for (let length = 1; length < snapshot.length; length++)
      expect(startsEmpty(restored(snapshot.subarray(0, length))), `${length} bytes`).toBe(true);
  });

  test('a snapshot of which any one byte is another', () => {
    for (let at = 0; at < snapshot.length; at++) {
      const damaged = Buffer.from(snapshot);
      damaged[at] ^= 0x41;
      expect(startsEmpty(restored(damaged)), `byte ${at}`).toBe(true);
    }
  });

  test('a snapshot with a candidate whose point could not go out', () => {
    const waiting = new TestNode(edgeDetect, ALL_OPTIONS);
    for (const v of [1n, 2n])
      waiting.take(pointRequest({ group: 'a', fields: { value: { type: 'int', v } } }));
    const damaged = waiting.snapshot();
    const entry = Buffer.concat([Buffer.of(0x0a, 5), Buffer.from('value'), Buffer.of(0x10, 2)]);
    damaged[damaged.indexOf(entry) + 7] = 0x11;
    const node = restored(signed(damaged));
    expect(startsEmpty(node)).toBe(true);
    expect(node.log[0].message).toContain('malformed');
  });

  test('a snapshot that begins well, of which nothing is left behind', () => {
    // {5 groups: {1 count: 1}}: a group without a name.
    const block = Buffer.from('2a020801', 'hex');
    const node = restored(signed(Buffer.concat([snapshot.subarray(0, -5), block, snapshot.subarray(-5)])));
    expect(startsEmpty(node)).toBe(true);
    const [again, fresh] = [node, new TestNode(edgeDetect, ALL_OPTIONS)].map((each) => {
      const values: Value[] = [
        { type: 'string', v: 'a' },
        // What the groups of the snapshot had for a candidate.
        { type: 'bool', v: true },
        { type: 'string', v: 'b' },
        { type: 'string', v: 'b' },
      ];
      values.forEach((value, i) => {
        each.take(pointRequest({ group: 'host=a', time: BigInt(i), fields: { value } }));
      });
      return [each.node.edges, each.snapshot()];
    });
    expect(again).toEqual(fresh);
  });

  test('a snapshot of an unknown version', () => {
    // {1 version: 3}
    const node = restored(signed(Buffer.from('0803' + '7d00000000', 'hex')));
    expect(startsEmpty(node)).toBe(true);
    expect(node.log[0].message).toContain('version 3');
  });

  test.each([
    ['another field', [stringOption('field', 'other')]],
    ['a tag of that name', [stringOption('tag', 'value')]],
    ['one key more', [FIELD, stringOption('field', 'other')]],
  ])('a snapshot for %s', (_, options) => {
    const node = restored(snapshot, options);
    expect(startsEmpty(node)).toBe(true);
    expect(node.log[0].message).toMatch(/other keys \(field value\) than the node's \(/);
  });

  test('bytes of something else', () => {
    expect(startsEmpty(restored(Buffer.from('{"state": "UP", "since": 1600000000}')))).toBe(true);
    expect(startsEmpty(restored(Buffer.alloc(100_000, 0x7d)))).toBe(true);
  });

  test('a snapshot that is wrong inside, as no damage makes it, or it is taken up as far as it makes sense', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), fc.nat(), (changes, cut) => {
        let wrong = Buffer.from(snapshot);
        for (const { at, byte } of changes) wrong[at % (wrong.length - 5)] = byte;
        if (cut % 5 === 0) wrong = Buffer.concat([wrong.subarray(0, cut % wrong.length), wrong.subarray(-5)]);
        const node = restored(signed(wrong));
        if (node.log.length > 0) expect(startsEmpty(node)).toBe(true);
        // Whatever it has now, it is of use.
        node.take(valued('host=new', 'a'));
        expect(node.counts.groups).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });
});

test('the keys may be named in another order', () => {
  const fields = [stringOption('field', 'b'), FIELD, stringOption('tag', 'a')];
  const node = new TestNode(edgeDetect, fields);
  node.take(valued('host=a', 'up'));
  const next = new TestNode(edgeDetect, fields.toReversed());
  next.restore(node.snapshot());
  expect(next.take(valued('host=a', 'up'))).toBe(0);
});
