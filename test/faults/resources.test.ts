import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { AgentProcess, startAgentProcess } from '../support/agent/agent-process.ts';
import { Canary } from '../support/agent/canary.ts';
import { connect } from '../support/agent/host.ts';
import { edgeMessage, expectEdges, STATE } from './edges.ts';

/** Sends a hundred edges over a new connection. */
async function expectService(agent: AgentProcess, when: string): Promise<void> {
  const host = await connect(agent.socketOf('edgeDetect'));
  await host.init(STATE, `service ${when}`);
  const edges = 100;
  host.send(Array.from({ length: edges }, (_, n) => edgeMessage('a', n)));
  expectEdges(`a new connection ${when}`, edges, (await host.finish()).length);
}

async function besideCanary(agent: AgentProcess, what: string, use: () => Promise<void>): Promise<void> {
  const canary = await Canary.beside(agent.socketOf('edgeDetect'), use);
  expectEdges(`${what}, on a connection that was there`, canary.edgesExpected, canary.edges);
}

function folderOfOurs(): string {
  return mkdtempSync(join(tmpdir(), 'edge-faults-'));
}

/** How an agent ends that cannot start. */
async function failureOf(agent: AgentProcess): Promise<string> {
  await agent.exited;
  expect(agent.child.exitCode).toBe(1);
  return agent.lastLines.join('\n');
}

const DESCRIPTORS = 64;

test('without file descriptors the open connections go on, and new ones are served once there are some', async () => {
  const agent = await startAgentProcess({
    wrapper: ['sh', '-c', `ulimit -n ${DESCRIPTORS}; exec "$@"`, 'sh'],
  });
  const sockets: Socket[] = [];
  try {
    await besideCanary(agent, 'all file descriptors used up', async () => {
      const refused = agent.logged(({ msg }) => String(msg).startsWith('connections are refused'));
      for (let n = 0; n < 2 * DESCRIPTORS; n++) {
        const socket = createConnection(agent.socketOf('edgeDetect'));
        socket.on('error', () => undefined);
        sockets.push(socket);
        await once(socket, 'connect');
      }
      for (let tries = 0; agent.descriptors() < DESCRIPTORS - 2 && tries < 100; tries++) await pause(20);
      expect(agent.descriptors()).toBeGreaterThanOrEqual(DESCRIPTORS - 2);
      expect(await refused).toMatchObject({
        level: 'error',
        limit: DESCRIPTORS,
        refused: expect.any(Number),
      });
      expect(agent.lastLines.join()).toContain('ulimit -n');
      for (const socket of sockets) socket.destroy();
      await expectService(agent, 'after file descriptors came free');
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    expect(await agent.stop()).toBe(0);
  }
});

test('a worker without file descriptors says so as well, and the others serve', async () => {
  const agent = await startAgentProcess({
    args: ['--workers', '2'],
    wrapper: ['sh', '-c', `ulimit -n ${DESCRIPTORS}; exec "$@"`, 'sh'],
  });
  const sockets: Socket[] = [];
  const descriptors = (): number =>
    Math.max(...[agent.pid, ...agent.workers].map((pid) => readdirSync(`/proc/${pid}/fd`).length));
  try {
    const before = descriptors();
    const refused = agent.logged(({ msg }) => String(msg).startsWith('connections are refused'));
    for (let n = 0; n < 3 * DESCRIPTORS; n++) {
      const socket = createConnection(agent.socketOf('edgeDetect'));
      socket.on('error', () => undefined);
      sockets.push(socket);
      await once(socket, 'connect');
    }
    await refused;
    for (const socket of sockets) socket.destroy();
    const areFree = (): boolean => descriptors() <= before;
    for (let tries = 0; !areFree() && tries < 100; tries++) await pause(50);
    await expectService(agent, 'after the descriptors of workers came free');
  } finally {
    for (const socket of sockets) socket.destroy();
    expect(await agent.stop()).toBe(0);
  }
});

test('an agent whose folder is removed goes on with its connections, and makes its sockets anew', async () => {
  const parent = folderOfOurs();
  const folder = join(parent, 'sockets');
  try {
    const agent = await startAgentProcess({ folder });
    await besideCanary(agent, 'the folder is removed', async () => {
      let sockets = 0;
      const anew = agent.logged((line) => line.msg === 'listening' && ++sockets === 2);
      rmSync(folder, { recursive: true });
      await anew;
      await expectService(agent, 'after the folder was removed');
    });
    rmSync(folder, { recursive: true });
    expect(await agent.stop()).toBe(0);
    const next = await startAgentProcess({ folder });
    await expectService(next, 'of an agent that starts without its folder');
    expect(await next.stop()).toBe(0);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
});

/** A file system with so many inodes, or undefined where this process may not mount one. */
function smallFileSystem(inodes: number): string | undefined {
  const folder = folderOfOurs();
  const args = ['-t', 'tmpfs', '-o', `size=64k,nr_inodes=${inodes}`, 'tmpfs', folder];
  if (spawnSync('mount', args).status === 0) return folder;
  rmSync(folder, { recursive: true });
  return undefined;
}

const CAN_MOUNT = (() => {
  const folder = smallFileSystem(4);
  if (folder === undefined) return false;
  execFileSync('umount', [folder]);
  rmSync(folder, { recursive: true });
  return true;
})();

test.skipIf(!CAN_MOUNT)(
  'a full disk: an agent says so and ends, one that runs goes on (skipped where mount is not allowed)',
  async () => {
    // The root, and what fills it up.
    const folder = smallFileSystem(6) ?? '';
    const fill = (): void => {
      for (let n = 0; ; n++) {
        try {
          writeFileSync(join(folder, `full${n}`), 'x'.repeat(4096));
        } catch {
          return;
        }
      }
    };
    const empty = (): void => {
      for (let n = 0; existsSync(join(folder, `full${n}`)); n++) rmSync(join(folder, `full${n}`));
    };
    try {
      fill();
      const failed = new AgentProcess({ folder });
      const said = await failureOf(failed);
      expect(said).toContain(folder);
      expect(said).toContain('ENOSPC');
      empty();

      const agent = await startAgentProcess({ folder });
      await besideCanary(agent, 'the disk is full', async () => {
        fill();
        await expectService(agent, 'while the disk is full');
      });
      expect(await agent.stop()).toBe(0);
      empty();
      const next = await startAgentProcess({ folder });
      await expectService(next, 'after the disk was full');
      expect(await next.stop()).toBe(0);
    } finally {
      execFileSync('umount', ['--lazy', folder]);
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

test('a folder that cannot be written to is named, with what to do', async () => {
  const parent = folderOfOurs();
  try {
    // A file in the way stops root as well.
    writeFileSync(join(parent, 'file'), '');
    const agent = new AgentProcess({ folder: join(parent, 'file') });
    const said = await failureOf(agent);
    expect(said).toContain(join(parent, 'file'));
    expect(said).toContain('--socket-dir');
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
});
