import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AgentProcess, startAgentProcess } from '../support/agent/agent-process.ts';
import { Canary } from '../support/agent/canary.ts';
import { connect } from '../support/agent/host.ts';
import {
  cutFrames,
  decodeResponse,
  encodeRequest,
  frame,
  type Response,
} from '../support/protocol/protocol.ts';
import { edgeMessage, expectEdges, framed, initMessage, pointMessage, STATE } from './edges.ts';

const MIB = 1024 * 1024;
const MAX_FRAME_BYTES = 16 * MIB;
/** What an agent may take more than before, whatever one of its peers does here. */
const MEMORY_BOUND_MIB = 3 * (MAX_FRAME_BYTES / MIB) + 64;

let agent: AgentProcess;

beforeAll(async () => {
  agent = await startAgentProcess({ args: ['--max-frame-bytes', String(MAX_FRAME_BYTES)] });
  // The watchdog's thread opens descriptors of its own once the sockets are there; they are not what a peer leaves.
  for (let before = -1; agent.descriptors() !== before; await pause(200)) before = agent.descriptors();
});
afterAll(async () => {
  expect(await agent.stop()).toBe(0);
});

/** Does something to the agent while a well-behaved connection gets its edges. */
async function besideCanary(what: string, use: () => Promise<void>): Promise<void> {
  const canary = await Canary.beside(agent.socketOf('edgeDetect'), use);
  expectEdges(`${what}, on another connection`, canary.edgesExpected, canary.edges);
}

async function open(functionName = 'edgeDetect'): Promise<{ socket: Socket; received: Buffer[] }> {
  const socket = createConnection({ path: agent.socketOf(functionName), allowHalfOpen: true });
  const received: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  // The agent may be gone by the time of a write; what was received tells.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return { socket, received };
}

function answersIn(received: readonly Buffer[]): Response[] {
  return cutFrames(Buffer.concat(received)).messages.map(decodeResponse);
}

function kindsIn(received: readonly Buffer[]): string[] {
  return answersIn(received).map(({ kind }) => kind);
}

/** How many points there are, by their tags: decoding a hundred thousand would hold up the connection beside. */
function pointsIn(received: readonly Buffer[]): number {
  const { messages } = cutFrames(Buffer.concat(received));
  return messages.filter((message) => message[0] === 0x8a && message[1] === 0x01).length;
}

const disconnected = (task: string) =>
  agent.logged((line) => line.msg === 'task disconnected' && line.task === task);

/** Resolves once the agent has as few descriptors as before. */
async function descriptorsBack(before: number): Promise<void> {
  for (let tries = 0; agent.descriptors() > before && tries < 100; tries++) await pause(50);
  expect(agent.descriptors()).toBeLessThanOrEqual(before);
}

test('a peer that is killed within a frame is let go, and what it had sent before counts', async () => {
  const before = agent.descriptors();
  await besideCanary('a peer is killed within a frame', async () => {
    const edges = 1000;
    const messages = [initMessage('killed'), ...Array.from({ length: edges }, (_, n) => edgeMessage('a', n))];
    const half = frame(edgeMessage('a', edges)).subarray(0, 20);
    const peer = spawn(
      process.execPath,
      [
        '--eval',
        `const socket = require('node:net').connect(process.argv[1]);
         process.stdin.pipe(socket, { end: false });
         socket.resume();`,
        agent.socketOf('edgeDetect'),
      ],
      { stdio: ['pipe', 'inherit', 'inherit'] },
    );
    const connected = agent.logged((line) => line.msg === 'task connected' && line.task === 'killed');
    const gone = disconnected('killed');
    peer.stdin.write(Buffer.concat([framed(messages), half]));
    await connected;
    // It has no way to tell how much it has read; the agent's last word does.
    await pause(300);
    peer.kill('SIGKILL');
    await once(peer, 'exit');
    expectEdges('a peer is killed within a frame', edges, Number((await gone).edges));
  });
  await descriptorsBack(before);
});

test('a peer that stops reading is no longer read from, and gets everything when it reads again', async () => {
  const residentBefore = agent.residentMib();
  const rounds = 200;
  const perRound = 400;
  await besideCanary('a peer stops reading', async () => {
    const { socket, received } = await open();
    socket.pause();
    socket.write(frame(initMessage('deaf')));
    let written = 0;
    const writing = (async () => {
      for (let round = 0; round < rounds; round++) {
        const points = Array.from({ length: perRound }, (_, n) => edgeMessage('a', round * perRound + n));
        await new Promise<void>((resolve) => socket.write(framed(points), () => resolve()));
        written++;
      }
    })();
    // The agent stops at about a mebibyte, far from the nine that there are.
    for (let seen = -1; seen !== written; ) {
      seen = written;
      await pause(500);
    }
    expect(written).toBeLessThan(rounds / 4);
    expect(agent.residentMib() - residentBefore).toBeLessThan(MEMORY_BOUND_MIB);
    const gone = disconnected('deaf');
    socket.resume();
    await writing;
    socket.end();
    await once(socket, 'close');
    await gone;
    expectEdges('a peer stops reading', rounds * perRound, pointsIn(received));
  });
});

test('a peer that half-closes within a batch gets the edges so far, no end, and the close', async () => {
  await besideCanary('a peer half-closes within a batch', async () => {
    const { socket, received } = await open('edgeDetectBatch');
    const batch = { name: 'adsl_connection', group: 'host=a', tags: { host: 'a' }, byName: false };
    const points = ['UP', 'UP', 'DOWN', 'DOWN', 'UP'].map((state, n) => pointMessage('a', state, BigInt(n)));
    socket.end(
      framed([
        initMessage('halfway'),
        encodeRequest({ kind: 'begin', begin: { ...batch, size: 10n } }),
        ...points,
      ]),
    );
    await once(socket, 'close');
    expect(kindsIn(received)).toEqual(['init', 'begin', 'point', 'point', 'point']);
    expectEdges('a peer half-closes within a batch', 3, pointsIn(received));
  });
});

const GIBIBYTE = Buffer.from('8080808004', 'hex');

test('a frame of a gibibyte is refused when it is announced', async () => {
  const residentBefore = agent.residentMib();
  await besideCanary('a frame of a gibibyte is announced', async () => {
    const { socket, received } = await open();
    const edges = [edgeMessage('a', 0), edgeMessage('a', 1)];
    socket.write(Buffer.concat([framed([initMessage('huge'), ...edges]), GIBIBYTE]));
    // The first byte of the message tells that it is no state to restore, and settles it.
    socket.write(Buffer.of(0x8a));
    await once(socket, 'end');
    socket.end();
    expect(kindsIn(received).at(-1)).toBe('error');
    expectEdges('a frame of a gibibyte is announced', 2, pointsIn(received));
  });
  expect(agent.residentMib() - residentBefore).toBeLessThan(MEMORY_BOUND_MIB);
});

test('a state of a gibibyte is passed over without being kept, and the node goes on', async () => {
  const residentBefore = agent.residentMib();
  await besideCanary('a state of a gibibyte is sent', async () => {
    const { socket, received } = await open();
    socket.write(Buffer.concat([framed([initMessage('vast')]), GIBIBYTE, Buffer.of(0x2a)]));
    const zeros = Buffer.alloc(MIB);
    for (let left = 1024 * MIB - 1; left > 0; left -= zeros.length) {
      const piece = zeros.subarray(0, Math.min(left, zeros.length));
      await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
    }
    expect(agent.residentMib() - residentBefore).toBeLessThan(MEMORY_BOUND_MIB);
    socket.end(framed([edgeMessage('a', 0), edgeMessage('a', 1), edgeMessage('a', 2)]));
    await once(socket, 'close');
    expect(kindsIn(received)).toEqual(['init', 'restore', 'point', 'point', 'point']);
    expectEdges('a state of a gibibyte is sent', 3, pointsIn(received));
  });
});

test('announcing large frames costs the agent only what is really sent', async () => {
  const residentBefore = agent.residentMib();
  const peers = 100;
  await besideCanary(`${peers} peers announce the largest frame and send little`, async () => {
    const opened = await Promise.all(Array.from({ length: peers }, () => open()));
    const length = Buffer.from('80808008', 'hex');
    expect(cutFrames(Buffer.concat([length, Buffer.alloc(MAX_FRAME_BYTES)])).messages[0]).toHaveLength(
      MAX_FRAME_BYTES,
    );
    for (const { socket } of opened) socket.write(Buffer.concat([length, Buffer.alloc(1000, 0x8a)]));
    await pause(500);
    expect(agent.residentMib() - residentBefore).toBeLessThan(MEMORY_BOUND_MIB);
    await Promise.all(
      opened.map(({ socket }) => {
        const closed = once(socket, 'close');
        socket.destroy();
        return closed;
      }),
    );
  });
});

test('a thousand connections that come and leave without a word take nothing with them', async () => {
  const before = agent.descriptors();
  const peers = 1000;
  await besideCanary(`${peers} connections come and leave`, async () => {
    const hosts = await Promise.all(
      Array.from({ length: peers }, () => connect(agent.socketOf('edgeDetect'))),
    );
    const inits = await Promise.all(hosts.map((host, index) => host.init(STATE, `crowd${index}`)));
    expect(inits.every(({ success }) => success)).toBe(true);
    await Promise.all(
      hosts.map((host, index) => {
        host.send([edgeMessage(`router${index}`, 0), edgeMessage(`router${index}`, 1)]);
        return host.keepalive(1n);
      }),
    );
    const got = hosts.reduce((sum, host) => sum + host.emitted.length, 0);
    expectEdges(`${peers} connections come and leave`, 2 * peers, got);
    await Promise.all(hosts.map((host) => host.destroy()));
  });
  await descriptorsBack(before);
});
