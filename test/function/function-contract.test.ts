import { describe, expect, test } from 'vitest';
import type { Handler, UdfFunction } from '../../src/function/contract.ts';
import { AddedFields } from '../../src/wire/added-fields.ts';
import { Keys } from '../../src/wire/keys.ts';
import { KIND } from '../../src/wire/point.ts';
import { withAgent } from '../support/agent/agent.ts';
import { BEGIN, END, initRequest, pointRequest } from '../support/agent/functions.ts';
import { Peer } from '../support/agent/peer.ts';
import { encodeRequest, frame, type Request, type Value } from '../support/protocol/protocol.ts';

// Functions as somebody else would write them, of nothing but the public contract.

/** Only the points with a higher value than any before in their group, with the record before: the easy way. */
const records: UdfFunction = {
  name: 'records',
  wants: 'STREAM',
  provides: 'STREAM',
  options: { field: { arguments: ['STRING'], summary: 'the field to watch' } },
  open({ options }): Handler {
    const field = options.string('field') ?? 'value';
    const highest = new Map<string, number>();
    const added = new AddedFields(['before']);
    return {
      point(point, emit) {
        const value = point.field(field);
        const before = highest.get(point.group);
        if (typeof value !== 'number' || value <= (before ?? -Infinity)) return;
        highest.set(point.group, value);
        added.clear();
        if (before !== undefined) added.setFloat(0, before);
        emit.forward(point, added);
      },
      snapshot: () => [Buffer.from(JSON.stringify([...highest]))],
      restore(snapshot) {
        for (const [group, value] of JSON.parse(Buffer.from(snapshot).toString())) highest.set(group, value);
        return [];
      },
      counts: () => ({ groups: highest.size }),
    };
  },
};

/** Every point at which a counter went back, found without an object per point: the fast way. */
const resets: UdfFunction = {
  name: 'resets',
  wants: 'STREAM',
  provides: 'STREAM',
  options: {},
  open(): Handler {
    const keys = new Keys([{ type: 'field', name: 'count' }]);
    const added = new AddedFields(['resets']);
    let last = 0;
    let resets = 0;
    return {
      keys,
      point(point, emit) {
        if (keys.kind[0] !== KIND.int) return;
        const count = keys.lo[0];
        if (count < last) {
          added.clear();
          added.setInt(0, ++resets, 0);
          emit.forward(point, added);
        }
        last = count;
      },
      snapshot: () => [],
      restore: () => [],
    };
  },
};

/** Of each batch one point with how many it had, and how long it took. */
const summary = (name: string, provides: 'STREAM' | 'BATCH'): UdfFunction => ({
  name,
  wants: 'BATCH',
  provides,
  options: {},
  open(): Handler {
    let group = '';
    let times: bigint[] = [];
    let host: string | undefined;
    return {
      beginBatch(batch) {
        group = batch.group;
        times = [];
      },
      point(point) {
        times.push(point.time);
        host = point.tag('host');
      },
      endBatch(emit) {
        const [first] = times;
        const last = times.at(-1);
        if (first === undefined || last === undefined) return;
        emit.send({
          time: last,
          name: 'summary',
          database: '',
          retentionPolicy: '',
          group,
          dimensions: ['host'],
          byName: false,
          tags: new Map([['host', host ?? '']]),
          fields: new Map<string, bigint>([
            ['points', BigInt(times.length)],
            ['ns', last - first],
          ]),
        });
      },
      snapshot: () => [],
      restore: () => [],
    };
  },
});

const FUNCTIONS = {
  functions: [records, resets, summary('summary', 'STREAM'), summary('summaryBatch', 'BATCH')],
};

const float = (v: number): Value => ({ type: 'float', v });
const int = (v: bigint): Value => ({ type: 'int', v });
const valued = (group: string, v: number): Request => pointRequest({ group, fields: { value: float(v) } });

/** The points that a connection got so far. */
function fieldsOf(peer: Peer) {
  return peer.answers.flatMap(({ response }) => (response.kind === 'point' ? [response.point.fields] : []));
}

describe('a function of a few lines', () => {
  test('reads fields by their names, keeps a state per group, and adds a field', () =>
    withAgent(async (agent) => {
      const peer = await Peer.reading(agent.socketOf('records'));
      peer.send(initRequest(), ...[1, 3, 2].map((v) => valued('a', v)), valued('b', 2), valued('a', 4));
      peer.send(pointRequest({ group: 'a' }), pointRequest({ group: 'a', fields: { value: int(9n) } }));
      peer.halfClose();
      await peer.closed();
      expect(fieldsOf(peer)).toEqual([
        { value: float(1) },
        { value: float(3), before: float(1) },
        { value: float(2) },
        { value: float(4), before: float(3) },
      ]);
      const line = await agent.logged(({ message }) => message === 'task disconnected');
      expect(line.fields).toMatchObject({ points: 7, edges: 4, groups: 2 });
    }, FUNCTIONS));

  test('goes on after a restart from its snapshot', () =>
    withAgent(async (agent) => {
      const peer = await Peer.reading(agent.socketOf('records'));
      peer.send(initRequest(), valued('a', 3), { kind: 'snapshot' });
      const [{ snapshot }] = await peer.answered('snapshot');
      peer.halfClose();
      await peer.closed();
      const next = await Peer.reading(agent.socketOf('records'));
      next.send(initRequest(), { kind: 'restore', snapshot }, valued('a', 2), valued('a', 5));
      await next.answered('point');
      expect(fieldsOf(next)).toEqual([{ value: float(5), before: float(3) }]);
      next.destroy();
    }, FUNCTIONS));

  test('has its options checked for it', () =>
    withAgent(async (agent) => {
      const peer = await Peer.reading(agent.socketOf('records'));
      peer.send(initRequest('task', [{ name: 'field', values: [{ type: 'int', v: 1n }] }]));
      expect((await peer.answered('init'))[0]).toMatchObject({
        success: false,
        error: expect.stringMatching(/^field\(1\): .*STRING/),
      });
      peer.destroy();
    }, FUNCTIONS));
});

test('a function that touches no object finds its keys in place', () =>
  withAgent(async (agent) => {
    const peer = await Peer.reading(agent.socketOf('resets'));
    const counts = [5n, 6n, 2n, 3n, 1n].map((v) =>
      pointRequest({ fields: { count: int(v) }, tags: { host: 'a' } }),
    );
    peer.send(initRequest(), ...counts, pointRequest({ fields: { other: int(0n) } }));
    peer.halfClose();
    await peer.closed();
    expect(fieldsOf(peer)).toEqual([
      { count: int(2n), resets: int(1n) },
      { count: int(1n), resets: int(2n) },
    ]);
  }, FUNCTIONS));

describe('a function of batches that makes points anew', () => {
  const batch: Request[] = [
    BEGIN,
    ...[10n, 20n, 35n].map((time) => pointRequest({ time, tags: { host: 'a' } })),
    END,
  ];
  const made = pointRequest({
    time: 35n,
    name: 'summary',
    database: '',
    retentionPolicy: '',
    group: 'host=a',
    dimensions: ['host'],
    tags: { host: 'a' },
    fields: { points: int(3n), ns: int(25n) },
  });

  test.each([
    ['sends them as a stream, if that is what it provides', 'summary', [made, made]],
    [
      'sends them in their batches, which are left out where they are empty',
      'summaryBatch',
      [BEGIN, made, END, BEGIN, made, END],
    ],
  ])('%s', (_, name, expected) =>
    withAgent(async (agent) => {
      const peer = await Peer.reading(agent.socketOf(name));
      peer.send(initRequest(), ...batch, BEGIN, END, ...batch, { kind: 'info' });
      const [info] = await peer.answered('info');
      expect(info).toMatchObject({ wants: 'BATCH', provides: name === 'summary' ? 'STREAM' : 'BATCH' });
      expect(peer.answers.slice(1, -1).map(({ response }) => response)).toEqual(expected);
      peer.destroy();
    }, FUNCTIONS),
  );
});

test('a point that fields are added to may become longer or shorter, by whatever length', () =>
  withAgent(async (agent) => {
    const peer = await Peer.reading(agent.socketOf('records'));
    const lengths = Array.from({ length: 160 }, (_, i) => i);
    const group = (i: number) => 'x'.repeat(i);
    // The field `before` that is there gives way to a shorter one, or to none but itself at a group's first point.
    const before: Value = { type: 'string', v: 'a text that is longer than a number' };
    const points = lengths.flatMap((i) =>
      [1, 2].map((v) => pointRequest({ group: group(i), fields: { value: float(v), before } })),
    );
    peer.send(initRequest(), ...points);
    await peer.answered('point', points.length);
    expect(fieldsOf(peer)).toEqual(
      lengths.flatMap(() => [
        { value: float(1), before },
        { value: float(2), before: float(1) },
      ]),
    );
    peer.destroy();
  }, FUNCTIONS));

test('what is forwarded unchanged is the very bytes that came', () =>
  withAgent(async (agent) => {
    const style = {
      order: 'descending',
      entries: 'value-first',
      defaults: 'everywhere',
      unknown: true,
    } as const;
    const peer = await Peer.reading(agent.socketOf('mirror'));
    const message = encodeRequest(pointRequest({ fields: { a: int(1n), b: float(0) } }), style);
    peer.send(initRequest());
    peer.sendBytes(frame(message));
    await peer.answered('point');
    expect(peer.answers[1].message).toEqual(message);
    peer.destroy();
  }));
