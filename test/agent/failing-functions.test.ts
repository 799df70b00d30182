import { describe, expect, test } from 'vitest';
import type { Handler, UdfFunction } from '../../src/function/contract.ts';
import { OptionsError } from '../../src/function/options.ts';
import type { EdgeType } from '../../src/wire/messages.ts';
import { withAgent } from '../support/agent/agent.ts';
import { BEGIN, END, functionOf, initRequest, pointRequest } from '../support/agent/functions.ts';
import { Peer } from '../support/agent/peer.ts';
import type { Request } from '../support/protocol/protocol.ts';

function fail(): never {
  throw new RangeError('out of order');
}

/** Throws only after some turns of the event loop: each piece takes the time of one. */
function* failLater(): Generator<Buffer> {
  for (let turns = 0; turns < 3; turns++) {
    const until = performance.now() + 3;
    while (performance.now() < until) Math.random();
    yield Buffer.from('piece');
  }
  fail();
}

/** Throws when the first piece is asked for. */
function* failFirst(): Generator<Buffer> {
  yield fail();
}

const RESTORE: Request = { kind: 'restore', snapshot: Buffer.from('x') };
const SNAPSHOT: Request = { kind: 'snapshot' };

interface Failure {
  readonly where: string;
  readonly handler: Partial<Handler>;
  readonly requests: readonly Request[];
  readonly type?: EdgeType;
}

const FAILURES: readonly Failure[] = [
  { where: 'at a point', handler: { point: fail }, requests: [pointRequest()] },
  {
    where: 'at the begin of a batch',
    handler: { beginBatch: fail },
    requests: [BEGIN],
    type: 'BATCH',
  },
  { where: 'at the end of a batch', handler: { endBatch: fail }, requests: [BEGIN, END], type: 'BATCH' },
  { where: 'after the points of a read', handler: { settle: fail }, requests: [] },
  { where: 'asked for a snapshot', handler: { snapshot: fail }, requests: [SNAPSHOT] },
  { where: 'at the first piece of a snapshot', handler: { snapshot: failFirst }, requests: [SNAPSHOT] },
  { where: 'at a later piece of a snapshot', handler: { snapshot: failLater }, requests: [SNAPSHOT] },
  { where: 'given a snapshot', handler: { restore: fail }, requests: [RESTORE] },
  {
    where: 'in the middle of a restore',
    handler: {
      *restore() {
        for (const _ of failLater()) yield;
      },
    },
    requests: [RESTORE],
  },
];

describe('a function that fails', () => {
  test.each(FAILURES)('$where ends its own connection, with the reason', ({ handler, requests, type }) =>
    withAgent(
      async (agent) => {
        const other = await Peer.reading(agent.socketOf('sound'));
        const peer = await Peer.reading(agent.socketOf('failing'));
        peer.send(initRequest(), ...requests);
        const [{ error }] = await peer.answered('error');
        await peer.ended();
        expect(error).toMatch(/^FUNCTION_FAILED at byte \d+: the function failed: out of order$/);
        const line = await agent.logged(({ level }) => level === 'error');
        // The cause is what a developer needs.
        expect(line.fields).toMatchObject({ code: 'FUNCTION_FAILED', err: expect.any(RangeError) });
        other.send(initRequest(), pointRequest());
        await other.answered('point');
        peer.destroy();
        other.destroy();
      },
      {
        functions: [
          functionOf('failing', handler, type),
          functionOf('sound', { point: (point, emit) => emit.forward(point) }),
        ],
      },
    ),
  );

  test('counting what it did is closed and logged all the same', () =>
    withAgent(
      async (agent) => {
        const peer = await Peer.reading(agent.socketOf('failing'));
        peer.send(initRequest(), pointRequest());
        peer.halfClose();
        await peer.closed();
        const line = await agent.logged(({ message }) => message === 'task disconnected');
        expect(line.fields).toMatchObject({ points: 1, reason: 'Kapacitor closed the connection' });
      },
      { functions: [functionOf('failing', { counts: fail })] },
    ));

  test('at its start ends the connection; options that it refuses are an answer to Init', () => {
    const opening = (name: string, error: Error): UdfFunction => ({
      ...functionOf(name, {}),
      open() {
        throw error;
      },
    });
    return withAgent(
      async (agent) => {
        const failing = await Peer.reading(agent.socketOf('failing'));
        failing.send(initRequest());
        const [{ error }] = await failing.answered('error');
        expect(error).toContain('FUNCTION_FAILED');
        const refusing = await Peer.reading(agent.socketOf('refusing'));
        refusing.send(initRequest());
        expect(await refusing.answered('init')).toEqual([
          { kind: 'init', success: false, error: 'a: is wrong; b: too' },
        ]);
        await Promise.all([failing.ended(), refusing.ended()]);
        failing.destroy();
        refusing.destroy();
      },
      {
        functions: [
          opening('failing', new Error('no memory')),
          opening('refusing', new OptionsError(['a: is wrong', 'b: too'])),
        ],
      },
    );
  });
});

test('what was emitted before goes out before the reason, also in the middle of a batch', () =>
  withAgent(
    async (agent) => {
      const point = pointRequest();
      const wrong = pointRequest({ name: 'wrong' });
      const stream = await Peer.reading(agent.socketOf('stream'));
      stream.send(initRequest(), point, point, wrong, point);
      await stream.ended();
      expect(stream.kinds).toEqual(['init', 'point', 'point', 'point', 'error']);
      const batch = await Peer.reading(agent.socketOf('batch'));
      batch.send(initRequest(), BEGIN, point, END, BEGIN, point, wrong, point, END);
      await batch.ended();
      expect(batch.kinds).toEqual(['init', 'begin', 'point', 'end', 'begin', 'point', 'point', 'error']);
      stream.destroy();
      batch.destroy();
    },
    {
      functions: (['STREAM', 'BATCH'] as const).map((type) =>
        functionOf(
          type.toLowerCase(),
          {
            point(point, emit) {
              emit.forward(point);
              if (point.toPoint().name === 'wrong') fail();
            },
          },
          type,
        ),
      ),
    },
  ));
