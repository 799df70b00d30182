import { expect, test } from 'vitest';
import { startTestAgent, type TestAgent } from '../support/agent/agent.ts';
import { initRequest, pointRequest, stringOption } from '../support/agent/functions.ts';
import { Peer, rest } from '../support/agent/peer.ts';
import type { Request } from '../support/protocol/protocol.ts';

/** An agent whose clock the test sets. */
async function withClock(
  use: (
    agent: TestAgent,
    clock: { nowMs: number },
    open: (socket?: string) => Promise<Peer>,
  ) => Promise<void>,
): Promise<void> {
  const clock = { nowMs: 1_000_000 };
  const agent = await startTestAgent({ clockMs: () => clock.nowMs });
  const peers: Peer[] = [];
  try {
    await use(agent, clock, async (socket = 'edgeDetect') => {
      const peer = await Peer.reading(agent.socketOf(socket));
      peers.push(peer);
      return peer;
    });
  } finally {
    for (const peer of peers) peer.destroy();
    await agent.stop();
  }
}

const INIT = initRequest('task', [stringOption('field', 'value')]);
const valued = (v: string): Request => pointRequest({ fields: { value: { type: 'string', v } } });

async function snapshotOf(peer: Peer): Promise<Buffer> {
  const before = peer.kinds.filter((kind) => kind === 'snapshot').length;
  peer.send({ kind: 'snapshot' });
  const answers = await peer.answered('snapshot', before + 1);
  return answers[before].snapshot;
}

/** Starts a task as Kapacitor does when it has a snapshot. */
async function start(peer: Peer, snapshot: Buffer): Promise<void> {
  peer.send(INIT, { kind: 'restore', snapshot });
  expect(await peer.answered('restore')).toEqual([{ kind: 'restore', success: true, error: '' }]);
}

/** Sends a point, and says whether it was emitted. */
async function isEmitted(peer: Peer, point: Request): Promise<boolean> {
  const before = peer.kinds.length;
  peer.send(point, { kind: 'keepalive', time: 1n });
  const keepalives = peer.kinds.filter((kind) => kind === 'keepalive').length;
  await peer.answered('keepalive', keepalives + 1);
  return peer.kinds.slice(before).includes('point');
}

async function liveSnapshot(live: Peer): Promise<Buffer> {
  live.send(INIT, valued('up'));
  await live.answered('point');
  const snapshot = await snapshotOf(live);
  expect(snapshot.length).toBeGreaterThan(0);
  return snapshot;
}

test('beside the live task a session with the same ids starts empty, and its snapshot is nothing', () =>
  withClock(async (agent, _, open) => {
    const live = await open();
    const snapshot = await liveSnapshot(live);
    const replay = await open();
    await start(replay, snapshot);
    expect(await isEmitted(replay, valued('up'))).toBe(true);
    expect(await snapshotOf(replay)).toHaveLength(0);
    expect(await isEmitted(replay, valued('up'))).toBe(false);
    const line = await agent.logged(({ message }) => message === 'replay connected');
    expect(line.fields).toMatchObject({ task: 'task', node: 'node1', replay: true });
    // The live one notices nothing.
    expect(await isEmitted(live, valued('up'))).toBe(false);
    expect(await snapshotOf(live)).toEqual(snapshot);
  }));

test('a replay stays one when the live task is gone, so that its state never becomes the task’s', () =>
  withClock(async (agent, _, open) => {
    const live = await open();
    await liveSnapshot(live);
    const replay = await open();
    await start(replay, Buffer.alloc(0));
    live.halfClose();
    await live.closed();
    replay.send(valued('replayed'));
    await replay.answered('point');
    expect(await snapshotOf(replay)).toHaveLength(0);
    // And it stands in nobody's way.
    const next = await open();
    await liveSnapshot(next);
    expect(agent.log.filter(({ message }) => message === 'task connected')).toHaveLength(2);
  }));

test.each([
  ['half-closed', (peer: Peer) => peer.halfClose()],
  ['broken off', (peer: Peer) => peer.destroy()],
])('once the live connection is %s, the next session is the live one and takes up the state', (_, end) =>
  withClock(async (agent, _clock, open) => {
    const live = await open();
    const snapshot = await liveSnapshot(live);
    end(live);
    await agent.logged(({ message }) => message === 'task disconnected');
    const next = await open();
    await start(next, snapshot);
    expect(await isEmitted(next, valued('up'))).toBe(false);
    expect(await snapshotOf(next)).toEqual(snapshot);
  }),
);

test('a half-closed session whose last answers nobody has read yet is live no more', () =>
  withClock(async (agent, _, open) => {
    const last = await Peer.silent(agent.socketOf('edgeDetect'));
    const edges = Array.from({ length: 700 }, (_, i) =>
      pointRequest({ name: 'x'.repeat(1000), fields: { value: { type: 'int', v: BigInt(i) } } }),
    );
    last.send(INIT, ...edges);
    await agent.logged(({ message }) => message === 'task connected');
    last.halfClose();
    await rest(() => last.unsentBytes);
    await liveSnapshot(await open());
    expect(agent.log.map(({ message }) => message)).not.toContain('task disconnected');
    expect(agent.log.map(({ message }) => message)).not.toContain('replay connected');
    last.destroy();
  }));

test('a session that was silent for more than 30 seconds no longer counts as live', () =>
  withClock(async (_, clock, open) => {
    const live = await open();
    const snapshot = await liveSnapshot(live);
    clock.nowMs += 30_000;
    const replay = await open();
    await start(replay, snapshot);
    expect(await snapshotOf(replay)).toHaveLength(0);
    // Anything that is heard counts, keepalives too.
    live.send({ kind: 'keepalive', time: 1n });
    await live.answered('keepalive');
    clock.nowMs += 30_000;
    const another = await open();
    await start(another, snapshot);
    expect(await snapshotOf(another)).toHaveLength(0);
    clock.nowMs += 1;
    const next = await open();
    await start(next, snapshot);
    expect(await isEmitted(next, valued('up'))).toBe(false);
    expect(await snapshotOf(next)).toEqual(snapshot);
    // When the silent one ends after all, it takes nothing away from its successor.
    live.halfClose();
    await live.closed();
    const afterwards = await open();
    await start(afterwards, snapshot);
    expect(await snapshotOf(afterwards)).toHaveLength(0);
  }));

test.each([
  ['another task', 'edgeDetect', { ...INIT, taskId: 'other' }],
  ['another node of the task', 'edgeDetect', { ...INIT, nodeId: 'node2' }],
  ['another function', 'edgeDetectBatch', INIT],
])('%s is no replay', (_, socket, init) =>
  withClock(async (agent, _clock, open) => {
    await liveSnapshot(await open());
    const other = await open(socket);
    other.send(init);
    await other.answered('init');
    expect(agent.log.map(({ message }) => message)).not.toContain('replay connected');
  }),
);

test('a probe, or a task that was refused, is not the live one', () =>
  withClock(async (agent, _, open) => {
    const probe = await open();
    probe.send({ kind: 'info' });
    await probe.answered('info');
    const refused = await open();
    refused.send(initRequest('task'));
    expect((await refused.answered('init'))[0].success).toBe(false);
    await liveSnapshot(await open());
    expect(agent.log.map(({ message }) => message)).not.toContain('replay connected');
  }));
