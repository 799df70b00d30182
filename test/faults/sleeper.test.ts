import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startAgentProcess } from '../support/agent/agent-process.ts';
import { connect, Host } from '../support/agent/host.ts';
import { atEnd } from '../support/at-end.ts';
import { edgeMessage, expectEdges, STATE } from './edges.ts';

/** Half of the `timeout` of a Kapacitor that is in a hurry. */
const INTERVAL_MS = 500;
const TIMEOUT_MS = 2 * INTERVAL_MS;

/** A peer that sends keepalives as Kapacitor does, and counts what comes after it has given up. */
class PatientHost {
  readonly socket: Socket;
  readonly host: Host;
  readonly #timer: NodeJS.Timeout;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.host = new Host(socket);
    this.#timer = setInterval(() => this.#ask(), INTERVAL_MS);
  }

  static async connect(path: string, taskId: string): Promise<PatientHost> {
    const socket = createConnection(path);
    await once(socket, 'connect');
    const peer = new PatientHost(socket);
    await peer.host.init(STATE, taskId);
    return peer;
  }

  #ask(): void {
    // Whoever breaks the connection off answers no more.
    this.host.keepalive(BigInt(Date.now()) * 1_000_000n).catch(() => clearInterval(this.#timer));
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

test.each([
  ['the only process', [], 0],
  ['one of several workers', ['--workers', '2', '--watchdog', '0'], 1],
] as const)('%s that was stopped for longer than the timeout says nothing more', async (_, args, which) => {
  const agent = await startAgentProcess({ args: [...args] });
  atEnd(() => agent.stop());
  const peer = await PatientHost.connect(agent.socketOf('edgeDetect'), 'sleeper');
  atEnd(() => peer.end());
  const { host } = peer;
  host.send([edgeMessage('a', 0), edgeMessage('a', 1)]);
  await pause(3.5 * INTERVAL_MS);
  expectEdges('before the agent is stopped', 2, host.emitted.length);
  const broken = agent.logged(({ msg }) => String(msg).startsWith('the connection is broken off'));
  const sleepers = which === 0 ? [agent.pid] : agent.workers;
  for (const pid of sleepers) process.kill(pid, 'SIGSTOP');
  host.send(Array.from({ length: 100 }, (_, n) => edgeMessage('a', n)));
  await pause(1.5 * TIMEOUT_MS);
  for (const pid of sleepers) process.kill(pid, 'SIGCONT');
  const line = await broken;
  expect(line).toMatchObject({ level: 'warn', task: 'sleeper', timeoutMs: expect.any(Number) });
  await host.closed;
  expectEdges('after the agent was stopped', 2, host.emitted.length);
});

test('one that was stopped for less goes on, and every edge comes', async () => {
  const agent = await startAgentProcess();
  atEnd(() => agent.stop());
  const peer = await PatientHost.connect(agent.socketOf('edgeDetect'), 'napper');
  atEnd(() => peer.end());
  const { host } = peer;
  await pause(2.5 * INTERVAL_MS);
  process.kill(agent.pid, 'SIGSTOP');
  host.send(Array.from({ length: 100 }, (_, n) => edgeMessage('a', n)));
  await pause(0.5 * TIMEOUT_MS);
  process.kill(agent.pid, 'SIGCONT');
  peer.end();
  expectEdges('the agent is stopped for a moment', 100, (await host.finish()).length);
});

test('a session whose peer has not read for so long is broken off, and holds up no other', async () => {
  const agent = await startAgentProcess();
  atEnd(() => agent.stop());
  const peer = await PatientHost.connect(agent.socketOf('edgeDetect'), 'held-up');
  atEnd(() => peer.end());
  await pause(3.5 * INTERVAL_MS);
  const { socket } = peer;
  const broken = agent.logged(({ msg }) => String(msg).startsWith('the connection is broken off'));
  socket.pause();
  peer.host.send(Array.from({ length: 20_000 }, (_, n) => edgeMessage('a', n)));
  expect(await broken).toMatchObject({ task: 'held-up' });
  socket.resume();
  // Not `once(socket, 'close')`: what was not read is lost with the connection, which may end with an error.
  await peer.host.closed;
  const other = await connect(agent.socketOf('edgeDetect'));
  await other.init(STATE, 'other');
  other.send([edgeMessage('a', 0), edgeMessage('a', 1)]);
  expectEdges('another connection', 2, (await other.finish()).length);
});
