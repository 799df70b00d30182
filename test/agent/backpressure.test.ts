import { describe, expect, test } from 'vitest';
import { MAX_WAITING_BYTES } from '../../src/agent/connection.ts';
import { withAgent } from '../support/agent/agent.ts';
import { functionOf, initRequest, pointRequest } from '../support/agent/functions.ts';
import { Peer, rest } from '../support/agent/peer.ts';
import { encodeRequest, frame, type Request } from '../support/protocol/protocol.ts';

/** What lies in the buffers of the system and of the two streams, generously. */
const BUFFERED_BYTES = 1024 * 1024;
/** More than an agent may take while nobody reads its answers. */
const FLOOD_BYTES = 2 * (MAX_WAITING_BYTES + BUFFERED_BYTES);
const FLOOD_POINTS = Math.ceil(FLOOD_BYTES / 1000);

const MIRROR = functionOf('mirror', { point: (point, emit) => emit.forward(point) });

/** Points of a kilobyte, numbered by their times. */
function points(count: number): Request[] {
  const name = 'x'.repeat(1000);
  return Array.from({ length: count }, (_, index) => pointRequest({ time: BigInt(index + 1), name }));
}

function encode(requests: readonly Request[]): Buffer {
  return Buffer.concat(requests.map((request) => frame(encodeRequest(request))));
}

/** Sends bytes in chunks, as a writer does that waits for nothing. */
function flood(peer: Peer, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; at += 50_000) peer.sendBytes(bytes.subarray(at, at + 50_000));
}

/** The points that came back, by their times. */
function times(peer: Peer): bigint[] {
  return peer.answers.flatMap(({ response }) => (response.kind === 'point' ? [response.point.time] : []));
}

async function withPeer(use: (peer: Peer) => Promise<void>): Promise<void> {
  await withAgent(
    async (agent) => {
      const peer = await Peer.silent(agent.socketOf('mirror'));
      peer.send(initRequest());
      await use(peer);
      peer.destroy();
    },
    { functions: [MIRROR] },
  );
}

describe('while the peer does not read', () => {
  test('the agent soon reads no more points, and loses none', () =>
    withPeer(async (peer) => {
      const sent = points(FLOOD_POINTS);
      flood(peer, encode(sent));
      await rest(() => peer.unsentBytes);
      expect(peer.unsentBytes).toBeGreaterThan(FLOOD_BYTES - MAX_WAITING_BYTES - BUFFERED_BYTES);
      peer.read();
      await peer.answered('point', sent.length);
      const received = Buffer.concat(peer.answers.slice(1).map(({ message }) => frame(message)));
      expect(received.equals(encode(sent))).toBe(true);
    }));

  test('it soon reads no more keepalives either', () =>
    withPeer(async (peer) => {
      // As large as a keepalive may be: with a field that nobody knows.
      const padding = Buffer.concat([Buffer.from('c23e', 'hex'), frame(Buffer.alloc(10_000))]);
      const keepalive = frame(Buffer.concat([Buffer.of(0x1a), frame(padding)]));
      const count = Math.ceil(FLOOD_BYTES / keepalive.length);
      flood(peer, Buffer.concat(new Array<Buffer>(count).fill(keepalive)));
      await rest(() => peer.unsentBytes);
      expect(peer.unsentBytes).toBeGreaterThan(FLOOD_BYTES - MAX_WAITING_BYTES - BUFFERED_BYTES);
      peer.read();
      await peer.answered('keepalive', count);
    }));

  test('keepalives are echoed ahead of the points that wait', () =>
    withPeer(async (peer) => {
      const sent = points(800);
      flood(peer, encode(sent.slice(0, 700)));
      await rest(() => peer.unsentBytes);
      peer.send({ kind: 'keepalive', time: 42n });
      flood(peer, encode(sent.slice(700)));
      await rest(() => peer.unsentBytes);
      expect(peer.unsentBytes).toBe(0);
      peer.read();
      await peer.answered('point', sent.length);
      // Less than half of them were in the system's hands already.
      expect(peer.kinds.indexOf('keepalive')).toBeLessThan(sent.length / 2);
      expect(times(peer)).toEqual(sent.map((_, index) => BigInt(index + 1)));
    }));

  test('a half-close loses nothing of what is still to go out', () =>
    withPeer(async (peer) => {
      const sent = points(700);
      flood(peer, encode(sent));
      peer.send({ kind: 'snapshot' });
      peer.halfClose();
      await rest(() => peer.unsentBytes);
      peer.read();
      await peer.closed();
      expect(times(peer)).toHaveLength(sent.length);
      expect(peer.kinds.at(-1)).toBe('snapshot');
    }));

  test('an error is said after all that was emitted before', () =>
    withPeer(async (peer) => {
      const sent = points(700);
      flood(peer, Buffer.concat([encode(sent), Buffer.of(0)]));
      await rest(() => peer.unsentBytes);
      peer.read();
      await peer.ended();
      expect(times(peer)).toHaveLength(sent.length);
      expect(peer.kinds.at(-1)).toBe('error');
    }));

  test('a stop of the agent waits until it does', () =>
    withAgent(
      async (agent) => {
        const peer = await Peer.silent(agent.socketOf('mirror'));
        const sent = points(700);
        flood(peer, encode([initRequest(), ...sent]));
        await rest(() => peer.unsentBytes);
        const stopped = agent.stop();
        await rest(() => peer.unsentBytes);
        peer.read();
        await peer.ended();
        expect(times(peer)).toHaveLength(sent.length);
        peer.destroy();
        await stopped;
      },
      { functions: [MIRROR] },
    ));

  test('and goes away, the connection ends and says so in the log', () =>
    withAgent(
      async (agent) => {
        const peer = await Peer.silent(agent.socketOf('mirror'));
        flood(peer, encode([initRequest(), ...points(FLOOD_POINTS)]));
        await rest(() => peer.unsentBytes);
        peer.destroy();
        const line = await agent.logged(({ message }) => message === 'task disconnected');
        expect(line.fields.reason).toMatch(/^the connection broke: .*(EPIPE|ECONNRESET)/);
      },
      { functions: [MIRROR] },
    ));
});

describe('a snapshot that nobody reads yet', () => {
  const SNAPSHOT_BYTES = 3 * MAX_WAITING_BYTES;
  let seen = 0;
  const large = functionOf('large', {
    point(point, emit) {
      seen++;
      emit.forward(point);
    },
    *snapshot() {
      for (let i = 0; i < 3; i++) yield Buffer.alloc(SNAPSHOT_BYTES / 3, 's');
    },
  });

  test('does not keep the points behind it from being read', () =>
    withAgent(
      async (agent) => {
        seen = 0;
        const peer = await Peer.silent(agent.socketOf('large'));
        peer.send(initRequest(), { kind: 'snapshot' });
        await rest(() => peer.unsentBytes);
        flood(peer, encode(points(500)));
        peer.send({ kind: 'keepalive', time: 1n });
        await rest(() => seen);
        expect(seen).toBe(500);
        flood(peer, encode(points(FLOOD_POINTS)));
        await rest(() => seen);
        expect(peer.unsentBytes).toBeGreaterThan(0);
        peer.read();
        await peer.answered('point', 500 + FLOOD_POINTS);
        const [{ snapshot }] = await peer.answered('snapshot');
        expect(snapshot.equals(Buffer.alloc(SNAPSHOT_BYTES, 's'))).toBe(true);
        // The keepalive overtakes the points, but no frame is cut in two for it.
        expect(peer.kinds.slice(0, 4)).toEqual(['init', 'snapshot', 'keepalive', 'point']);
        peer.destroy();
      },
      { functions: [large] },
    ));

  test('is the only one in memory: those asked for meanwhile are answered with nothing', () =>
    withAgent(
      async (agent) => {
        const peer = await Peer.silent(agent.socketOf('large'));
        const before = process.memoryUsage().arrayBuffers;
        const asked = 50;
        peer.send(initRequest(), ...new Array<Request>(asked).fill({ kind: 'snapshot' }));
        await rest(() => peer.unsentBytes);
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5 * SNAPSHOT_BYTES);
        peer.read();
        const answers = await peer.answered('snapshot', asked);
        const lengths = answers.map(({ snapshot }) => snapshot.length);
        expect(lengths).toEqual([SNAPSHOT_BYTES, ...new Array(asked - 1).fill(0)]);
        // Once it is read, the next one is whole again.
        peer.send({ kind: 'snapshot' });
        const next = (await peer.answered('snapshot', asked + 1))[asked];
        expect(next.snapshot).toHaveLength(SNAPSHOT_BYTES);
        peer.destroy();
      },
      { functions: [large] },
    ));
});

test('while a snapshot is made, points are soon read no more, and none is lost', () => {
  let isReleased = false;
  const slow = functionOf('slow', {
    point: (point, emit) => emit.forward(point),
    *snapshot() {
      while (!isReleased) yield Buffer.alloc(0);
    },
  });
  return withAgent(
    async (agent) => {
      const peer = await Peer.reading(agent.socketOf('slow'));
      peer.send(initRequest(), { kind: 'snapshot' });
      const sent = points(FLOOD_POINTS);
      flood(peer, encode(sent));
      await rest(() => peer.unsentBytes);
      expect(peer.unsentBytes).toBeGreaterThan(FLOOD_BYTES - MAX_WAITING_BYTES - BUFFERED_BYTES);
      isReleased = true;
      await peer.answered('point', sent.length);
      expect(times(peer)).toEqual(sent.map((_, index) => BigInt(index + 1)));
      peer.destroy();
    },
    { functions: [slow] },
  );
});
