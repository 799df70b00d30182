import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OperationError } from '../../../src/errors.ts';
import { connectHost, type Host, type HostSink } from '../../../src/kapacitor/host/host.ts';
import { MESSAGE } from '../../../src/wire/envelope.ts';
import { withAgent } from '../../support/agent/agent.ts';
import { encodeRequest, frame, GO_STYLE } from '../../support/protocol/protocol.ts';

const NOTHING: HostSink = { emitted() {} };
const POINT = {
  time: 1n,
  name: 'm',
  database: '',
  retentionPolicy: '',
  group: '',
  dimensions: [],
  byName: false,
  tags: new Map<string, string>(),
  fields: new Map([['f', 'x'.repeat(1000)]]),
};

let folder = '';
let server: Server | undefined;
const sockets: Socket[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-detect-host-'));
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
  rmSync(folder, { recursive: true });
});

/** An agent that misbehaves, and a host connected to it. */
async function hostOf(
  misbehave: (socket: Socket) => void,
  { sink = NOTHING, timeoutMs = 10_000 } = {},
): Promise<Host> {
  const path = join(folder, 'agent.sock');
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    misbehave(socket);
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
  return connectHost(path, { sink, timeoutMs });
}

/** Time enough for everything that is going to happen without anybody's doing. */
async function manyTurns(): Promise<void> {
  for (let turn = 0; turn < 2000; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** The bytes of a response; those that are the same in both directions are encoded as requests. */
function errorFrame(text: string): Buffer {
  const message = Buffer.concat([Buffer.from([0x0a, text.length]), Buffer.from(text)]);
  return frame(Buffer.concat([Buffer.from([(MESSAGE.error << 3) | 2, message.length]), message]));
}

describe('with a real agent, a host', () => {
  test('asks, initialises, snapshots and restores, and gets what is emitted', async () => {
    await withAgent(async (agent) => {
      const kinds: number[] = [];
      const sink: HostSink = { emitted: (kind) => kinds.push(kind) };
      const path = agent.socketOf('edgeDetect');
      const host = await connectHost(path, { sink, timeoutMs: 10_000 });
      const { wants, provides, options } = await host.info();
      expect([wants, provides, options.field, options.holdTo, options.rising]).toEqual([
        'STREAM',
        'STREAM',
        ['STRING'],
        ['STRING', 'DURATION'],
        [],
      ]);
      const field = { name: 'field', values: [{ type: 'STRING', value: 'f' } as const] };
      const request = { options: [field], taskId: 't', nodeId: 'n' };
      expect(await host.init(request)).toEqual({ success: true, error: '' });
      host.point(POINT);
      host.point(POINT);
      await host.flush();
      const snapshot = await host.snapshot();
      expect(snapshot.length).toBeGreaterThan(0);
      await host.finish();
      expect(kinds).toEqual([MESSAGE.point]);

      const again = await connectHost(path, { sink, timeoutMs: 10_000 });
      await again.init({ ...request, nodeId: 'other' });
      expect(await again.restore(snapshot)).toEqual({ success: true, error: '' });
      again.point(POINT);
      await again.finish();
      expect(kinds).toEqual([MESSAGE.point]);
    });
  });

  test('gets the reason of a refusal', async () => {
    await withAgent(async (agent) => {
      const host = await connectHost(agent.socketOf('edgeDetect'), { sink: NOTHING, timeoutMs: 10_000 });
      const verdict = await host.init({ options: [], taskId: 't', nodeId: 'n' });
      expect(verdict.success).toBe(false);
      expect(verdict.error).toContain('field');
      host.destroy();
    });
  });
});

describe('a host', () => {
  test('says that there is no socket, or nobody behind it', async () => {
    const path = join(folder, 'none.sock');
    await expect(connectHost(path, { sink: NOTHING, timeoutMs: 1000 })).rejects.toThrow(
      `cannot connect to ${path}: there is no such socket; is the agent running?`,
    );
  });

  test.each<[string, (socket: Socket) => void, string]>([
    ['is silent', () => {}, 'the agent did not answer a request for info within 50 ms'],
    ['closes at once', (socket) => socket.end(), 'the agent closed the connection'],
    [
      'ends the task',
      (socket) => socket.end(errorFrame('FUNCTION_FAILED: x')),
      'the agent ended the task: FUNCTION_FAILED: x',
    ],
    [
      'closes inside a message',
      (socket) => socket.end(Buffer.from([5, 1])),
      'the agent closed the connection inside a message',
    ],
    [
      'talks HTTP',
      (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'.repeat(9)),
      'the agent sent nonsense',
    ],
    [
      'answers what nobody asked',
      (socket) => socket.write(Buffer.from([2, 0x22, 0])),
      'the agent answered a request for snapshot that nobody made',
    ],
  ])('rejects what it waits for if the agent %s', async (_, misbehave, message) => {
    const host = await hostOf(misbehave, { timeoutMs: 50 });
    const asked = host.info();
    await expect(asked).rejects.toThrow(OperationError);
    await expect(asked).rejects.toThrow(message);
    await expect(host.flush()).rejects.toThrow(message);
  });

  test('gives up an agent that answers keepalives but not the question', async () => {
    const alive = frame(encodeRequest({ kind: 'keepalive', time: 1n }));
    const host = await hostOf(
      (socket) => {
        const timer = setInterval(() => socket.write(alive), 5);
        socket.on('close', () => clearInterval(timer));
      },
      { timeoutMs: 50 },
    );
    await expect(host.info()).rejects.toThrow('the agent did not answer a request for info within 50 ms');
  });

  test('gives up an agent that does not close after the half-close, at which kapacitord would hang', async () => {
    const host = await hostOf((socket) => socket.resume(), { timeoutMs: 50 });
    await expect(host.finish()).rejects.toThrow('the agent did not close the connection after Kapacitor had');
  });

  test('keeps no more than a part in memory while the agent does not read', async () => {
    let agent: Socket | undefined;
    const host = await hostOf((socket) => {
      agent = socket;
      socket.pause();
    });
    let flushed = 0;
    const sending = (async () => {
      for (; flushed < 200; flushed++) {
        while (!host.isFull) host.point(POINT);
        await host.flush();
      }
    })();
    await manyTurns();
    expect(flushed).toBeLessThan(50);
    agent?.resume();
    await sending;
    expect(flushed).toBe(200);
    host.destroy();
  });

  test('reads nothing while its sink is busy, and then all of it', async () => {
    const point = encodeRequest(
      {
        kind: 'point',
        point: { ...POINT, tags: {}, fields: { f: { type: 'string', v: 'x'.repeat(1000) } }, unknown: [] },
      },
      GO_STYLE,
    );
    const all = Buffer.concat(Array.from({ length: 5000 }, () => frame(point)));
    let free = (): void => {};
    let count = 0;
    let whenBusy = (): void => {};
    const busy = new Promise<void>((resolve) => {
      whenBusy = resolve;
    });
    const sink: HostSink = {
      emitted: () => {
        count++;
      },
      settled() {
        whenBusy();
        return new Promise((resolve) => {
          free = resolve;
        });
      },
    };
    const host = await hostOf(
      (socket) => {
        socket.write(all);
        socket.on('end', () => socket.end());
        socket.resume();
      },
      { sink, timeoutMs: 100 },
    );
    await busy;
    const first = count;
    await manyTurns();
    expect(count).toBe(first);
    const finished = host.finish();
    const freeing = setInterval(() => free(), 1);
    await finished;
    clearInterval(freeing);
    expect(count).toBe(5000);
  });
});
