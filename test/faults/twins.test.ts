import { once } from 'node:events';
import { lstatSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AgentProcess } from '../support/agent/agent-process.ts';
import { connect } from '../support/agent/host.ts';
import { atEnd } from '../support/at-end.ts';
import { edgeMessage, expectEdges, STATE } from './edges.ts';

const TURNS = 12;

/** Leaves a socket as a process does that is killed. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer().listen(`${path}~`);
  await once(server, 'listening');
  renameSync(`${path}~`, path);
  server.close();
  await once(server, 'close');
}

/** An agent that may end before it serves. */
function launch(folder: string): AgentProcess {
  const agent = new AgentProcess({ folder });
  atEnd(() => agent.kill());
  return agent;
}

/** Resolves with true once an agent serves all its sockets, with false if it ends before. */
function listens(agent: AgentProcess): Promise<boolean> {
  let count = 0;
  const isThere = agent.logged(({ msg }) => msg === 'listening' && ++count === 2);
  return isThere.then(
    () => true,
    () => false,
  );
}

test('of agents that start at the same moment over dead sockets one serves, and the other says so and ends', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-twins-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  let got = 0;
  for (let turn = 0; turn < TURNS; turn++) {
    for (const name of ['edgeDetect', 'edgeDetectBatch']) await leaveSocket(join(folder, `${name}.sock`));
    const twins = [launch(folder), launch(folder)];
    const are = await Promise.all(twins.map(listens));
    expect(are.filter(Boolean), `who serves in turn ${turn}`).toHaveLength(1);
    const [winner, loser] = are[0] ? twins : [...twins].reverse();
    await loser.exited;
    expect(loser.child.exitCode).toBe(1);
    expect(loser.lastLines.join()).toContain('another process serves it');
    const host = await connect(winner.socketOf('edgeDetect'));
    await host.init(STATE, `turn${turn}`);
    host.send([edgeMessage('a', 0), edgeMessage('a', 1)]);
    got += (await host.finish()).length;
    expect(await winner.stop()).toBe(0);
    expect(readdirSync(folder).filter((name) => name.includes('sock'))).toEqual([]);
  }
  expectEdges(`twins start, ${TURNS} times`, 2 * TURNS, got);
});

test('an agent whose sockets another process has taken says so, leaves, and takes nothing with it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-twins-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const agent = launch(folder);
  expect(await listens(agent)).toBe(true);
  const path = agent.socketOf('edgeDetect');
  rmSync(path);
  const other = createServer((socket) => socket.on('error', () => {}).end()).listen(path);
  atEnd(async () => {
    other.close();
    await once(other, 'close');
  });
  await agent.exited;
  expect(agent.child.exitCode).toBe(1);
  expect(agent.lastLines.join()).toContain('another process serves the socket now');
  expect(lstatSync(path).isSocket()).toBe(true);
});
