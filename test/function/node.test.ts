import { describe, expect, test } from 'vitest';
import type { Handler } from '../../src/function/contract.ts';
import { Node, type NodeSink } from '../../src/function/node.ts';
import { edgeDetect, edgeDetectBatch } from '../../src/functions/edge-detect/index.ts';
import type { Point } from '../../src/wire/point.ts';
import { BEGIN, END, functionOf, pointRequest, stringOption } from '../support/agent/functions.ts';
import { bodyOf, namedOptions, TestNode } from '../support/agent/node.ts';
import { readCapture, readExpected } from '../support/protocol/capture.ts';
import type { Value } from '../support/protocol/protocol.ts';

const SETTINGS = {
  options: [],
  limits: { maxGroups: 1000 },
  log: { info: () => undefined, warn: () => undefined },
  clockMs: () => 0,
};
const MADE: Point = {
  time: 1n,
  name: 'made',
  database: '',
  retentionPolicy: '',
  group: '',
  dimensions: [],
  byName: false,
  tags: new Map(),
  fields: new Map(),
};
const DROP: NodeSink = { beginBatch() {}, point() {}, endBatch() {} };

describe('edgeDetect, with neither a socket nor a frame nor an Init', () => {
  test.each(['adsl-stream', 'many-hosts', 'field-types', 'all-options'])('gives the edges of %s', (name) => {
    const { requests } = readCapture(name);
    const bodies = requests.map((request) => (request.kind === 'point' ? bodyOf(request) : undefined));
    const init = requests.find((request) => request.kind === 'init');
    const emitted: Buffer[] = [];
    const keep: NodeSink['point'] = (bytes, start, end) =>
      emitted.push(Buffer.from(bytes.subarray(start, end)));
    const node = new Node(
      edgeDetect,
      { ...SETTINGS, options: namedOptions(init?.options ?? []) },
      { ...DROP, point: keep },
    );
    for (const body of bodies) if (body !== undefined) node.point(body, 0, body.length);
    const sources = readExpected(name).map(({ frame }) => bodies[frame]?.subarray(0, 9));
    expect(emitted.map((body) => body.subarray(0, 9))).toEqual(sources);
  });

  test('adds the fields that are expected', () => {
    const { requests } = readCapture('all-options');
    const init = requests.find((request) => request.kind === 'init');
    const node = new TestNode(edgeDetect, init?.options ?? []);
    node.take(...requests);
    const fields = node.emissions.map((each) =>
      each.kind === 'point' ? new Map(Object.entries(each.point.fields)) : undefined,
    );
    const expected = readExpected('all-options').map(({ frame, add }) => {
      const source = requests[frame];
      const own: Record<string, Value> = source.kind === 'point' ? source.point.fields : {};
      return new Map(Object.entries({ ...own, ...add }));
    });
    expect(fields).toEqual(expected);
  });

  test('emits batches whole, and none that is empty', () => {
    const { requests } = readCapture('batch-overlap');
    const init = requests.find((request) => request.kind === 'init');
    const node = new TestNode(edgeDetectBatch, init?.options ?? []);
    node.take(...requests);
    expect(node.emissions.filter(({ kind }) => kind === 'point')).toHaveLength(
      readExpected('batch-overlap').length,
    );
    const kinds = node.emissions.map(({ kind }) => kind).join(' ');
    expect(kinds).toMatch(/^(begin (point )+end ?)+$/);
  });
});

describe('a node', () => {
  const value = { value: { type: 'string', v: 'a' } } as const;

  test('is told of the clock only if its function wants to know', () => {
    const ticks: number[] = [];
    const without = new Node(functionOf('without', {}), SETTINGS, DROP);
    expect(without.wantsTicks).toBe(false);
    without.tick(1);
    const node = new Node(functionOf('with', { tick: (nowMs) => void ticks.push(nowMs) }), SETTINGS, DROP);
    expect(node.wantsTicks).toBe(true);
    node.tick(1);
    node.tick(2.5);
    expect(ticks).toEqual([1, 2.5]);
  });

  test('emits at a tick into a stream, but not into batches while none is open', () => {
    const handler: Partial<Handler> = { tick: (_, emit) => emit.send(MADE) };
    const stream = new TestNode(functionOf('stream', handler), []);
    stream.node.tick(0);
    expect(stream.emissions).toMatchObject([{ kind: 'point', point: { name: 'made' } }]);
    const batches = new TestNode(functionOf('batches', handler, 'BATCH'), []);
    batches.take(BEGIN);
    batches.node.tick(0);
    batches.take(END);
    expect(batches.emissions.map(({ kind }) => kind)).toEqual(['begin', 'point', 'end']);
    expect(() => batches.node.tick(0)).toThrow('emitted a point while none was open');
  });

  test('takes up a second snapshot instead of the first, and one after points instead of them', () => {
    const source = new TestNode(edgeDetect, [stringOption('field', 'value')]);
    source.take(pointRequest({ group: 'a', fields: value }));
    const snapshot = source.snapshot();
    const node = new TestNode(edgeDetect, [stringOption('field', 'value')]);
    node.take(pointRequest({ group: 'b', fields: value }), pointRequest({ group: 'c', fields: value }));
    node.restore(snapshot);
    expect(node.counts).toMatchObject({ groups: 1 });
    node.restore(Buffer.alloc(0));
    node.restore(snapshot);
    expect(node.counts).toMatchObject({ groups: 1 });
    expect(node.take(pointRequest({ group: 'a', fields: value }))).toBe(0);
  });

  test.each([
    ['a point outside of a batch', () => [pointRequest()]],
    ['a batch inside a batch', () => [BEGIN, BEGIN]],
    ['the end of a batch without its begin', () => [BEGIN, END, END]],
  ])('refuses %s', (what, requests) => {
    const node = new TestNode(functionOf('batches', {}, 'BATCH'), []);
    expect(() => node.take(...requests())).toThrow(`unexpected message: ${what}`);
  });

  test('of a stream refuses batches', () => {
    expect(() => new TestNode(functionOf('stream', {}), []).take(BEGIN)).toThrow(
      'a batch for a function that wants a stream',
    );
  });
});
