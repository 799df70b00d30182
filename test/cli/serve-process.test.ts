import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AgentProcess, startAgentProcess } from '../support/agent/agent-process.ts';
import { initRequest, pointRequest } from '../support/agent/functions.ts';
import { Peer } from '../support/agent/peer.ts';

// The executable, in a process of its own: what signals and crashes do.

const MIRROR = ['--function', 'mirror'];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** So many points that some wait in the agent as long as nobody reads them, and their Init. */
const MANY = 600;
const TOO_MUCH = [initRequest(), ...new Array(MANY).fill(pointRequest({ name: 'x'.repeat(1000) }))];

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  test('answers what was read, then closes, removes the sockets and exits with 0', async () => {
    const agent = await startAgentProcess({ folder, args: MIRROR });
    const connected = agent.logged(({ msg }) => msg === 'task connected');
    const peer = await Peer.silent(agent.socketOf('mirror'));
    peer.send(...TOO_MUCH);
    await connected;
    // The points came with the Init, or before what is asked now.
    const other = await Peer.reading(agent.socketOf('mirror'));
    other.send({ kind: 'info' });
    await other.answered('info');
    const stopping = agent.logged(({ msg }) => msg === 'stopping');
    agent.child.kill(signal);
    expect(await stopping).toMatchObject({ signal });
    await other.ended();
    await expect(Peer.reading(agent.socketOf('mirror'))).rejects.toThrow('ENOENT');
    peer.read();
    await peer.ended();
    const points = peer.kinds.filter((kind) => kind === 'point');
    expect(points.length).toBeGreaterThan(0);
    peer.destroy();
    other.destroy();
    await agent.exited;
    expect(agent.child.exitCode).toBe(0);
    expect(socketsIn(folder)).toEqual([]);
  });
});

test('a second signal ends it at once, though somebody has not read his answers yet', async () => {
  const agent = await startAgentProcess({ folder, args: MIRROR });
  const connected = agent.logged(({ msg }) => msg === 'task connected');
  const peer = await Peer.silent(agent.socketOf('mirror'));
  peer.send(...TOO_MUCH);
  await connected;
  const stopping = agent.logged(({ msg }) => msg === 'stopping');
  agent.child.kill('SIGTERM');
  await stopping;
  agent.child.kill('SIGTERM');
  await agent.exited;
  expect(agent.child.exitCode).toBe(1);
  expect(socketsIn(folder)).toEqual([]);
  peer.destroy();
});

test('what a killed agent left is replaced by the next one; a running one is left alone', async () => {
  const killed = await startAgentProcess({ folder, args: MIRROR });
  await killed.kill();
  expect(lstatSync(killed.socketOf('mirror')).isSocket()).toBe(true);
  const agent = await startAgentProcess({ folder, args: MIRROR });
  const rival = new AgentProcess({ folder, args: MIRROR });
  await rival.exited;
  expect(rival.child.exitCode).toBe(1);
  expect(rival.lastLines).toEqual([
    expect.stringMatching(
      /^edge-detect: cannot listen on .*mirror\.sock: another process serves it; stop that one/,
    ),
  ]);
  const peer = await Peer.reading(agent.socketOf('mirror'));
  peer.send(initRequest(), pointRequest());
  await peer.answered('point');
  peer.destroy();
  expect(await agent.stop()).toBe(0);
  expect(existsSync(agent.socketOf('mirror'))).toBe(false);
});

/** The journal stays: it says which tasks had a session. */
function socketsIn(path: string): string[] {
  return readdirSync(path).filter((name) => name.endsWith('.sock'));
}

test('an agent goes on without a reader of its log', async () => {
  const agent = await startAgentProcess({ folder, args: MIRROR });
  agent.child.stderr?.destroy();
  // The first connection is the first thing to be logged, the second one finds what that has left.
  for (const task of ['first', 'second']) {
    const peer = await Peer.reading(agent.socketOf('mirror'));
    peer.send(initRequest(task), pointRequest());
    await peer.answered('point');
    peer.destroy();
  }
  expect(await agent.stop()).toBe(0);
});

test('a command ends quietly if nobody reads what it says', async () => {
  const child = spawn(process.execPath, [
    fileURLToPath(new URL('../../dist/main.js', import.meta.url)),
    '--help',
  ]);
  child.stdout.destroy();
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect([code, said]).toEqual([0, '']);
});
