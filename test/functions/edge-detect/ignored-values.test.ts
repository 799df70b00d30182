import { expect, test } from 'vitest';
import { edgeDetect, edgeDetectBatch } from '../../../src/functions/edge-detect/index.ts';
import { BEGIN, END, pointRequest, stringOption } from '../../support/agent/functions.ts';
import { TestNode } from '../../support/agent/node.ts';
import type { Option, Value } from '../../support/protocol/protocol.ts';

const FIELD = stringOption('field', 'value');
const ignore = (...texts: string[]): Option[] => texts.map((text) => stringOption('ignore', text));
const string = (v: string): Value => ({ type: 'string', v });
const int = (v: bigint): Value => ({ type: 'int', v });
const float = (v: number): Value => ({ type: 'float', v });

/** What comes through of these values. */
function throughOf(options: readonly Option[], values: readonly Value[]): unknown[] {
  const node = new TestNode(edgeDetect, [FIELD, ...options]);
  values.forEach((value, i) => {
    node.take(pointRequest({ time: BigInt(i), fields: { value } }));
  });
  return node.emissions.map((each) => (each.kind === 'point' ? each.point.fields.value.v : each.kind));
}

test('what stands in the place of a state hides no edge and makes none', () => {
  const values = ['off', 'unavailable', 'on', 'unavailable', 'on', '', 'off'].map(string);
  expect(throughOf(ignore('unavailable', ''), values)).toEqual(['off', 'on', 'off']);
});

test('of every kind it is the text that counts', () => {
  const values = [
    int(1n),
    int(-1n),
    float(-1),
    string('-1'),
    float(Number.NaN),
    float(1e21),
    float(-0),
    { type: 'bool', v: false },
    { type: 'bool', v: true },
    string('NAN'),
    int(2n ** 63n - 1n),
    int(10n),
  ] as const;
  const ignored = ignore('-1', 'NaN', '1e+21', 'false', '0', '9223372036854775807');
  expect(throughOf(ignored, values)).toEqual([1n, true, 'NAN', 10n]);
  expect(throughOf(ignore('1.0', '01', '+1', ' 1'), [int(1n), float(1)])).toEqual([1n]);
});

test('it counts for every tracked key by itself, tags too', () => {
  const node = new TestNode(edgeDetect, [FIELD, stringOption('tag', 'mode'), ...ignore('unknown')]);
  const states = [
    ['a', 'x'],
    ['unknown', 'x'],
    ['unknown', 'y'],
    ['a', 'unknown'],
    ['b', 'unknown'],
    ['unknown', 'unknown'],
  ];
  const counts = states.map(([v, mode]) =>
    node.take(pointRequest({ tags: { mode }, fields: { value: string(v) } })),
  );
  expect(counts).toEqual([1, 0, 1, 0, 1, 0]);
  expect(node.counts.ignored).toBe(1);
});

test('it comes before everything else: such a point starts no group, breaks no candidate and moves no time', () => {
  const options: Option[] = [
    { name: 'confirm', values: [{ type: 'int', v: 2n }] },
    stringOption('late', 'drop'),
    { name: 'ttl', values: [{ type: 'duration', v: 100n }] },
    ...ignore('unknown'),
  ];
  const node = new TestNode(edgeDetect, [FIELD, ...options]);
  const take = (time: bigint, v: string): number =>
    node.take(pointRequest({ time, fields: { value: string(v) } }));
  expect([take(0n, 'unknown'), node.counts.groups]).toEqual([0, 0]);
  expect([take(1n, 'a'), take(10n, 'b'), take(50n, 'unknown'), take(20n, 'b')]).toEqual([1, 0, 0, 1]);
  expect([take(115n, 'unknown'), take(121n, 'b'), node.counts.groups]).toEqual([0, 1, 1]);
});

test('in batches it is the same', () => {
  const node = new TestNode(edgeDetectBatch, [FIELD, ...ignore('unknown')]);
  const points = ['a', 'unknown', 'a', 'b', 'unknown'].map((v, i) =>
    pointRequest({ time: BigInt(i), fields: { value: string(v) } }),
  );
  expect(node.take(BEGIN, ...points, END)).toBe(2);
});
