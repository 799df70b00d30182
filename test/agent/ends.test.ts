import { describe, expect, test } from 'vitest';
import { withAgent } from '../support/agent/agent.ts';
import { functionOf, initRequest, pointRequest, stringOption } from '../support/agent/functions.ts';
import { Peer } from '../support/agent/peer.ts';

const MIRROR = functionOf('mirror', {
  point: (point, emit) => emit.forward(point),
  counts: () => ({ groups: 3 }),
});
const FUNCTIONS = { functions: [MIRROR] };

test('a connection is logged from Init on, and its end with counts and reason', () =>
  withAgent(async (agent) => {
    const peer = await Peer.reading(agent.socketOf('mirror'));
    peer.send(initRequest('my task'), pointRequest(), pointRequest());
    await peer.answered('point', 2);
    peer.halfClose();
    await peer.closed();
    const ids = { function: 'mirror', task: 'my task', node: 'node1' };
    const begin = await agent.logged(({ message }) => message === 'task connected');
    expect(begin).toMatchObject({ level: 'info', fields: ids });
    const end = await agent.logged(({ message }) => message === 'task disconnected');
    expect(end).toMatchObject({ level: 'info', fields: { ...ids, points: 2, edges: 2, groups: 3 } });
    expect(end.fields).toMatchObject({
      bytes: expect.any(Number),
      seconds: expect.any(Number),
      reason: 'Kapacitor closed the connection',
    });
  }, FUNCTIONS));

test('a probe leaves no line above debug', () =>
  withAgent(async (agent) => {
    const peer = await Peer.reading(agent.socketOf('mirror'));
    peer.send({ kind: 'info' });
    peer.halfClose();
    await peer.closed();
    const line = await agent.logged(({ message }) => message === 'connection without a task ended');
    expect(line.level).toBe('debug');
    expect(agent.log.filter(({ level, message }) => level !== 'debug' && message !== 'listening')).toEqual(
      [],
    );
  }, FUNCTIONS));

test('a connection that breaks in the middle of a point is logged as such, and no other notices', () =>
  withAgent(async (agent) => {
    const other = await Peer.reading(agent.socketOf('mirror'));
    other.send(initRequest('other'));
    const peer = await Peer.reading(agent.socketOf('mirror'));
    peer.send(initRequest());
    await peer.answered('init');
    peer.sendBytes(Buffer.from('7f8a01', 'hex'));
    peer.destroy();
    const line = await agent.logged(({ message }) => message === 'task disconnected');
    expect(line.fields).toMatchObject({ task: 'task', reason: expect.stringContaining('TRUNCATED_FRAME') });
    other.send(pointRequest());
    await other.answered('point');
    other.destroy();
  }, FUNCTIONS));

describe('an end with an error', () => {
  test('leaves Kapacitor the time to read it: writing goes on without a failure', () =>
    withAgent(async (agent) => {
      const peer = await Peer.reading(agent.socketOf('mirror'));
      peer.send(initRequest());
      peer.sendBytes(Buffer.of(0));
      await peer.ended();
      expect(peer.kinds).toEqual(['init', 'error']);
      for (let i = 0; i < 100; i++) peer.send(pointRequest({ name: 'x'.repeat(10_000) }));
      peer.halfClose();
      await peer.closed();
      expect(peer.failure).toBeUndefined();
      // Nothing of it was worked on.
      expect(peer.kinds).toEqual(['init', 'error']);
    }, FUNCTIONS));

  test('closes the connection also if the other side never does, as Kapacitor after a refused Init', () =>
    withAgent(async (agent) => {
      const peer = await Peer.reading(agent.socketOf('edgeDetect'));
      peer.send(initRequest('task', [stringOption('late', 'sometimes')]));
      await peer.ended();
      expect(peer.kinds).toEqual(['init']);
      await agent.logged(({ message }) => message === 'connection without a task ended');
      peer.destroy();
    }));

  test('names every option that is refused, in the log too', () =>
    withAgent(async (agent) => {
      const peer = await Peer.reading(agent.socketOf('edgeDetect'));
      peer.send(initRequest('task', [stringOption('late', 'sometimes')]));
      const [{ success, error }] = await peer.answered('init');
      expect(success).toBe(false);
      const line = await agent.logged(({ level }) => level === 'warn');
      expect(line).toMatchObject({
        message: 'task refused for its options',
        fields: { task: 'task', node: 'node1', problems: error.split('; ') },
      });
      expect(error).toContain("late('sometimes')");
      peer.destroy();
    }));
});

describe('when the agent stops', () => {
  test('what was read is answered, every connection closed, and no new one taken', () =>
    withAgent(async (agent) => {
      const peers = await Promise.all([1, 2, 3].map(() => Peer.reading(agent.socketOf('mirror'))));
      for (const [index, peer] of peers.entries()) peer.send(initRequest(`task ${index}`), pointRequest());
      await Promise.all(peers.map((peer) => peer.answered('point')));
      await agent.stop();
      await Promise.all(peers.map((peer) => peer.ended()));
      for (const peer of peers) peer.destroy();
      const reasons = agent.log.flatMap(({ fields, message }) =>
        message === 'task disconnected' ? [fields.reason] : [],
      );
      expect(reasons).toEqual(new Array(3).fill('the agent stops'));
      await expect(Peer.reading(agent.socketOf('mirror'))).rejects.toThrow('ENOENT');
    }, FUNCTIONS));

  test('at once, connections are broken off', () =>
    withAgent(async (agent) => {
      const peer = await Peer.reading(agent.socketOf('mirror'));
      peer.send(initRequest());
      await peer.answered('init');
      agent.abort();
      await peer.ended();
      const line = await agent.logged(({ message }) => message === 'task disconnected');
      expect(line.fields.reason).toBe('the agent ends at once');
      peer.destroy();
    }, FUNCTIONS));
});
