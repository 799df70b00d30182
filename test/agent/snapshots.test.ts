import { describe, expect, test } from 'vitest';
import type { Handler, UdfFunction } from '../../src/function/contract.ts';
import { withAgent } from '../support/agent/agent.ts';
import { functionOf, initRequest, pointRequest } from '../support/agent/functions.ts';
import { Peer } from '../support/agent/peer.ts';
import { encodeRequest, frame, type Request } from '../support/protocol/protocol.ts';

const SNAPSHOT: Request = { kind: 'snapshot' };
const KEEPALIVE: Request = { kind: 'keepalive', time: 1n };
/** A point with a time that is a string. */
const MALFORMED = Buffer.from('058a01020a00', 'hex');
const restoreOf = (snapshot: Buffer): Request => ({ kind: 'restore', snapshot });

/** A work in pieces that goes on until it is released, as that of a million groups goes on for long. */
class LongWork {
  isReleased = false;
  isStarted = false;
  isClosed = false;

  *pieces(): Generator<Buffer> {
    this.isStarted = true;
    try {
      yield Buffer.from('first');
      while (!this.isReleased) yield Buffer.alloc(0);
      yield Buffer.from('last');
    } finally {
      this.isClosed = true;
    }
  }
}

function forwarding(name: string, handler: Partial<Handler>): UdfFunction {
  return functionOf(name, { point: (point, emit) => emit.forward(point), ...handler });
}

describe('while a large snapshot is made', () => {
  test('keepalives are answered and points wait, to be worked on in their order afterwards', () => {
    const work = new LongWork();
    return withAgent(
      async (agent) => {
        const peer = await Peer.reading(agent.socketOf('large'));
        const points = [1n, 2n, 3n].map((time) => pointRequest({ time }));
        peer.send(initRequest(), points[0], SNAPSHOT, points[1], { kind: 'keepalive', time: 7n });
        await peer.answered('keepalive');
        peer.send(points[2], { kind: 'keepalive', time: 8n });
        await peer.answered('keepalive', 2);
        expect(peer.kinds).toEqual(['init', 'point', 'keepalive', 'keepalive']);
        work.isReleased = true;
        await peer.answered('point', 3);
        expect(peer.kinds.slice(4)).toEqual(['snapshot', 'point', 'point']);
        expect((await peer.answered('snapshot'))[0].snapshot.toString()).toBe('firstlast');
        expect(
          peer.answers.filter(({ response }) => response.kind === 'point').map(({ message }) => message),
        ).toEqual(points.map((point) => encodeRequest(point)));
        peer.destroy();
      },
      { functions: [forwarding('large', { snapshot: () => work.pieces() })] },
    );
  });

  test('other connections are served', () => {
    const work = new LongWork();
    return withAgent(
      async (agent) => {
        const peer = await Peer.reading(agent.socketOf('large'));
        peer.send(initRequest(), SNAPSHOT);
        const other = await Peer.reading(agent.socketOf('large'));
        other.send(initRequest('other'), pointRequest());
        await other.answered('point');
        expect(work.isStarted && !work.isClosed).toBe(true);
        work.isReleased = true;
        await peer.answered('snapshot');
        peer.destroy();
        other.destroy();
      },
      { functions: [forwarding('large', { snapshot: () => work.pieces() })] },
    );
  });

  test('every other request waits for its turn, and is answered once', () => {
    const work = new LongWork();
    return withAgent(
      async (agent) => {
        const peer = await Peer.reading(agent.socketOf('large'));
        peer.send(
          initRequest(),
          SNAPSHOT,
          restoreOf(Buffer.from('a')),
          { kind: 'info' },
          SNAPSHOT,
          pointRequest(),
        );
        peer.send(KEEPALIVE);
        await peer.answered('keepalive');
        work.isReleased = true;
        await peer.answered('point');
        expect(peer.kinds).toEqual(['init', 'keepalive', 'snapshot', 'restore', 'info', 'snapshot', 'point']);
        peer.destroy();
      },
      { functions: [forwarding('large', { snapshot: () => work.pieces() })] },
    );
  });

  test('a malformed point that waits, and waits again, is told by its own place', () => {
    let started = 0;
    let released = 0;
    function* snapshots(): Generator<Buffer> {
      for (const mine = ++started; released < mine; ) yield Buffer.alloc(0);
    }
    return withAgent(
      async (agent) => {
        const peer = await Peer.reading(agent.socketOf('large'));
        const before = Buffer.concat(
          [initRequest(), SNAPSHOT, SNAPSHOT].map((each) => frame(encodeRequest(each))),
        );
        peer.sendBytes(Buffer.concat([before, MALFORMED]));
        peer.send(KEEPALIVE);
        await peer.answered('keepalive');
        released = 1;
        await peer.answered('snapshot');
        released = 2;
        const [{ error }] = await peer.answered('error');
        expect(error).toContain(`MALFORMED_MESSAGE at byte ${before.length + 1}: `);
        peer.destroy();
      },
      { functions: [forwarding('large', { snapshot: snapshots })] },
    );
  });

  test('a malformed point behind all that waited is told by its own place', () => {
    const work = new LongWork();
    return withAgent(
      async (agent) => {
        const peer = await Peer.reading(agent.socketOf('large'));
        const before = Buffer.concat(
          [initRequest(), SNAPSHOT, pointRequest(), KEEPALIVE].map((each) => frame(encodeRequest(each))),
        );
        peer.sendBytes(before);
        await peer.answered('keepalive');
        work.isReleased = true;
        await peer.answered('point');
        peer.sendBytes(MALFORMED);
        const [{ error }] = await peer.answered('error');
        expect(error).toContain(`MALFORMED_MESSAGE at byte ${before.length + 1}: `);
        peer.destroy();
      },
      { functions: [forwarding('large', { snapshot: () => work.pieces() })] },
    );
  });

  test('and its function fails, the place is that of the request', () => {
    let isReleased = false;
    function* failing(): Generator<Buffer> {
      while (!isReleased) yield Buffer.alloc(0);
      throw new Error('cannot do this');
    }
    return withAgent(
      async (agent) => {
        const peer = await Peer.reading(agent.socketOf('large'));
        const init = frame(encodeRequest(initRequest()));
        peer.sendBytes(init);
        peer.send(SNAPSHOT, pointRequest(), KEEPALIVE);
        await peer.answered('keepalive');
        isReleased = true;
        const [{ error }] = await peer.answered('error');
        expect(error).toContain(`FUNCTION_FAILED at byte ${init.length + 1}: `);
        peer.destroy();
      },
      { functions: [forwarding('large', { snapshot: failing })] },
    );
  });

  test('a half-close is heeded only after it is answered, and the points behind it', () => {
    const work = new LongWork();
    return withAgent(
      async (agent) => {
        const peer = await Peer.reading(agent.socketOf('large'));
        peer.send(initRequest(), SNAPSHOT, pointRequest(), KEEPALIVE);
        peer.halfClose();
        await peer.answered('keepalive');
        work.isReleased = true;
        await peer.closed();
        expect(peer.kinds).toEqual(['init', 'keepalive', 'snapshot', 'point']);
      },
      { functions: [forwarding('large', { snapshot: () => work.pieces() })] },
    );
  });

  test('a stop of the agent waits for it', () => {
    const work = new LongWork();
    return withAgent(
      async (agent) => {
        const peer = await Peer.reading(agent.socketOf('large'));
        peer.send(initRequest(), SNAPSHOT, pointRequest(), KEEPALIVE);
        await peer.answered('keepalive');
        const stopped = agent.stop();
        work.isReleased = true;
        await peer.ended();
        expect(peer.kinds).toEqual(['init', 'keepalive', 'snapshot', 'point']);
        peer.destroy();
        await stopped;
      },
      { functions: [forwarding('large', { snapshot: () => work.pieces() })] },
    );
  });

  test('and the connection breaks, which looks like a half-close, it ends when the work does', () => {
    const work = new LongWork();
    return withAgent(
      async (agent) => {
        const peer = await Peer.reading(agent.socketOf('large'));
        peer.send(initRequest(), SNAPSHOT, KEEPALIVE);
        await peer.answered('keepalive');
        peer.destroy();
        work.isReleased = true;
        await agent.logged(({ message }) => message === 'task disconnected');
      },
      { functions: [forwarding('large', { snapshot: () => work.pieces() })] },
    );
  });

  test('and a frame is no protocol, the work is given up', () => {
    const work = new LongWork();
    return withAgent(
      async (agent) => {
        const peer = await Peer.reading(agent.socketOf('large'));
        peer.send(initRequest(), SNAPSHOT);
        peer.sendBytes(Buffer.of(0));
        await peer.ended();
        expect(peer.kinds).toEqual(['init', 'error']);
        expect(work.isClosed).toBe(true);
        peer.destroy();
      },
      { functions: [forwarding('large', { snapshot: () => work.pieces() })] },
    );
  });
});

describe('a restore', () => {
  test('works on its own bytes, whatever others send meanwhile', () => {
    let isReleased = false;
    let restored: Buffer | undefined;
    const slow = functionOf('slow', {
      *restore(snapshot) {
        while (!isReleased) yield;
        restored = Buffer.from(snapshot);
      },
    });
    return withAgent(
      async (agent) => {
        for (const length of [1000, 100_000, 300_000]) {
          isReleased = false;
          const peer = await Peer.reading(agent.socketOf('slow'));
          const other = await Peer.reading(agent.socketOf('mirror'));
          peer.send(initRequest(), restoreOf(Buffer.alloc(length, 'r')), KEEPALIVE);
          await peer.answered('keepalive');
          peer.send(...new Array(3).fill(pointRequest({ name: 'x'.repeat(120_000) })));
          other.send(initRequest(), ...new Array(3).fill(pointRequest({ name: 'x'.repeat(120_000) })));
          await other.answered('point', 3);
          isReleased = true;
          await peer.answered('restore');
          expect(restored?.equals(Buffer.alloc(length, 'r')), `of ${length} bytes`).toBe(true);
          peer.destroy();
          other.destroy();
        }
      },
      { functions: [slow, forwarding('mirror', {})] },
    );
  });

  test('after points, or a second one, begins with a new node', () => {
    const opened: string[][] = [];
    const counting: UdfFunction = {
      ...functionOf('counting', {}),
      open() {
        const calls: string[] = [];
        opened.push(calls);
        return {
          point: () => calls.push('point'),
          snapshot: () => [],
          restore: (snapshot) => {
            calls.push(`restore ${Buffer.from(snapshot)}`);
            return [];
          },
        };
      },
    };
    return withAgent(
      async (agent) => {
        const started = await Peer.reading(agent.socketOf('counting'));
        started.send(initRequest(), pointRequest(), restoreOf(Buffer.from('a')));
        started.halfClose();
        await started.closed();
        expect(opened.splice(0)).toEqual([['point'], ['restore a']]);
        const peer = await Peer.reading(agent.socketOf('counting'));
        peer.send(initRequest(), restoreOf(Buffer.from('a')), pointRequest(), restoreOf(Buffer.from('b')));
        peer.send(restoreOf(Buffer.from('c')), pointRequest());
        peer.halfClose();
        await peer.closed();
        expect(peer.kinds).toEqual(['init', 'restore', 'restore', 'restore']);
        expect(opened).toEqual([['restore a', 'point'], ['restore b'], ['restore c', 'point']]);
      },
      { functions: [counting] },
    );
  });
});

describe('with a frame limit', () => {
  const MAX_FRAME_BYTES = 1000;
  // What stands around a snapshot of this size: two tags and two lengths of two bytes.
  const LARGEST = MAX_FRAME_BYTES - 6;

  function keeping(size: { bytes: number }): UdfFunction {
    return forwarding('keeping', {
      snapshot: () => [Buffer.alloc(size.bytes, 's')],
      restore(snapshot) {
        if (!Buffer.alloc(size.bytes, 's').equals(snapshot)) throw new Error('another snapshot');
        return [];
      },
    });
  }

  test('the largest snapshot that is sent can be restored', () => {
    const size = { bytes: LARGEST };
    return withAgent(
      async (agent) => {
        const peer = await Peer.reading(agent.socketOf('keeping'));
        peer.send(initRequest(), SNAPSHOT);
        const [{ snapshot }] = await peer.answered('snapshot');
        expect(snapshot).toHaveLength(LARGEST);
        peer.halfClose();
        await peer.closed();
        const next = await Peer.reading(agent.socketOf('keeping'));
        next.send(initRequest(), restoreOf(snapshot));
        expect((await next.answered('restore'))[0].success).toBe(true);
        expect(agent.log.filter(({ level }) => level === 'warn')).toEqual([]);
        next.destroy();
      },
      { functions: [keeping(size)], maxFrameBytes: MAX_FRAME_BYTES },
    );
  });

  test('a larger one is answered empty, which Kapacitor does not store, and warned of', () => {
    const size = { bytes: LARGEST + 1 };
    return withAgent(
      async (agent) => {
        const peer = await Peer.reading(agent.socketOf('keeping'));
        peer.send(initRequest(), SNAPSHOT);
        expect((await peer.answered('snapshot'))[0].snapshot).toHaveLength(0);
        const { fields, message } = await agent.logged(({ level }) => level === 'warn');
        expect(fields).toMatchObject({ task: 'task', node: 'node1' });
        expect(message).toContain('maxFrameBytes');
        // The next one may be smaller again.
        size.bytes = 10;
        peer.send(SNAPSHOT);
        expect((await peer.answered('snapshot', 2))[1].snapshot).toHaveLength(10);
        peer.destroy();
      },
      { functions: [keeping(size)], maxFrameBytes: MAX_FRAME_BYTES },
    );
  });

  test('one that would fill the memory is given up at the limit', () => {
    let pieces = 0;
    let isClosed = false;
    const endless = functionOf('endless', {
      *snapshot() {
        try {
          for (;;) {
            pieces++;
            yield Buffer.alloc(100);
          }
        } finally {
          isClosed = true;
        }
      },
    });
    return withAgent(
      async (agent) => {
        const peer = await Peer.reading(agent.socketOf('endless'));
        peer.send(initRequest(), SNAPSHOT);
        expect((await peer.answered('snapshot'))[0].snapshot).toHaveLength(0);
        expect(pieces).toBe(11);
        expect(isClosed).toBe(true);
        peer.destroy();
      },
      { functions: [endless], maxFrameBytes: MAX_FRAME_BYTES },
    );
  });

  test('a restore larger than it starts the node empty, is warned of, and is not kept in memory', () =>
    withAgent(
      async (agent) => {
        const peer = await Peer.reading(agent.socketOf('keeping'));
        peer.send(initRequest());
        await peer.answered('init');
        const restore = frame(encodeRequest(restoreOf(Buffer.alloc(1_000_000, 's'))));
        peer.sendBytes(restore.subarray(0, 100));
        // Answered before the rest has come.
        expect((await peer.answered('restore'))[0]).toEqual({ kind: 'restore', success: true, error: '' });
        peer.sendBytes(restore.subarray(100));
        peer.send(pointRequest());
        await peer.answered('point');
        const { fields, message } = await agent.logged(({ level }) => level === 'warn');
        expect(fields).toMatchObject({ bytes: restore.length - 3, maxFrameBytes: MAX_FRAME_BYTES });
        expect(message).toContain('maxFrameBytes');
        peer.destroy();
      },
      { functions: [keeping({ bytes: 0 })], maxFrameBytes: MAX_FRAME_BYTES },
    ));
});
