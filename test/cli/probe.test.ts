import { chmodSync, lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { withAgent } from '../support/agent/agent.ts';
import { CapturedIo } from '../support/captured-io.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

async function probe(args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new CapturedIo();
  const code = await run(['probe', ...args], io);
  return { code, out: io.out, err: io.err };
}

/** Probes a socket behind which somebody misbehaves. */
async function probeOf(
  misbehave: (socket: Socket) => void,
): Promise<{ code: number; out: string; err: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'edge-detect-probe-'));
  const path = join(folder, 'x.sock');
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    misbehave(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    return await probe(['--socket', path, '--timeout', '500ms']);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  }
}

describe('edge-detect probe', () => {
  test('prints what each function wants, provides and takes, and exits with 0', async () => {
    await withAgent(async (agent) => {
      const { code, out, err } = await probe(['--socket-dir', agent.folder]);
      expect([code, err]).toEqual([0, '']);
      expect(out).toMatch(
        /^edgeDetect at .*\/edgeDetect\.sock: wants STREAM, provides STREAM, answered in \d+ ms$/m,
      );
      expect(out).toMatch(/^edgeDetectBatch at .*: wants BATCH, provides BATCH/m);
      expect(out).toContain('.holdTo(STRING, DURATION)');
      for (const line of out.split('\n').filter((each) => each.startsWith(' ')))
        expect(line.length).toBeLessThanOrEqual(80);
    });
  });

  test('probes just the functions and sockets that are named', async () => {
    await withAgent(async (agent) => {
      const path = agent.socketOf('edgeDetectBatch');
      expect((await probe(['--socket', path])).out).toContain(`${path}: wants BATCH`);
      const named = await probe(['--function', `mirror=${agent.socketOf('mirror')}`]);
      expect(named.out.split('\n')).toHaveLength(3);
    });
  });

  test('probes every socket of a folder that is named in place of a socket', async () => {
    await withAgent(async (agent) => {
      const { code, out, err } = await probe(['--socket', agent.folder]);
      expect([code, err]).toEqual([0, '']);
      for (const name of ['edgeDetect', 'edgeDetectBatch', 'mirror'])
        expect(out).toContain(`${agent.socketOf(name)}: wants`);
    });
    const empty = temporaryFolder();
    expect(await probe(['--socket', empty])).toEqual({
      code: 1,
      out: '',
      err: `edge-detect: ${empty}: there is no socket in this folder; is the agent running?\n`,
    });
  });

  test('says who may connect, and whether a group could', async () => {
    await withAgent(async (agent) => {
      const path = agent.socketOf('mirror');
      chmodSync(agent.folder, 0o755);
      chmodSync(path, 0o660);
      const { gid } = lstatSync(path);
      expect((await probe(['--socket', path])).out).toMatch(/^ {4}.*(?:root|user|group) .*may connect$/m);
      chmodSync(path, 0o666);
      expect((await probe(['--socket', path, '--as-gid', '54321'])).out).toContain(
        '    everybody may connect\n',
      );
      chmodSync(path, 0o660);
      const refused = await probe(['--socket', path, '--as-gid', '54321']);
      expect(refused.code).toBe(1);
      expect(refused.err).toContain(`group 54321 can't connect to ${path}: ${path} belongs to user`);
      expect(refused.err).toContain(
        `chown :54321 ${agent.folder} && chmod 2750 ${agent.folder} mends it (in a container: on the host`,
      );
      expect((await probe(['--socket', path, '--as-gid', String(gid)])).code).toBe(0);
      vi.stubEnv('KAPACITOR_GID', '54321');
      expect((await probe(['--socket', path])).code).toBe(1);
      vi.stubEnv('KAPACITOR_GID', '');
      expect((await probe(['--socket', path])).code).toBe(0);
      vi.unstubAllEnvs();
    });
  });

  test('reports every socket, and exits with 1 if one of them fails', async () => {
    await withAgent(async (agent) => {
      const missing = join(agent.folder, 'none.sock');
      const { code, out, err } = await probe([
        '--function',
        'edgeDetect',
        '--function',
        `mirror=${missing}`,
        '--socket-dir',
        agent.folder,
      ]);
      expect(code).toBe(1);
      expect(out).toContain('edgeDetect at');
      expect(err).toBe(
        `edge-detect: mirror: cannot connect to ${missing}: there is no such socket; is the agent running?\n`,
      );
    });
  });

  test('notices that two sockets are swapped', async () => {
    await withAgent(async (agent) => {
      const { code, err } = await probe(['--function', `edgeDetect=${agent.socketOf('edgeDetectBatch')}`]);
      expect(code).toBe(1);
      expect(err).toContain('this socket wants BATCH, the function STREAM: are two sockets swapped?');
    });
  });

  test.each<[string, (socket: Socket) => void, string]>([
    ['is silent', (socket) => socket.resume(), 'the agent did not answer a request for info within 500 ms'],
    [
      'does not close after the half-close',
      (socket) => socket.once('data', () => socket.write(Buffer.from([2, 0x0a, 0]))),
      'the agent did not close the connection after Kapacitor had within 500 ms',
    ],
    ['closes without an answer', (socket) => socket.end(), 'the agent closed the connection'],
  ])('exits with 1 and says so if the agent %s', async (_, misbehave, message) => {
    const { code, out, err } = await probeOf(misbehave);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(message);
  });

  test.each(['5', '0s', '999us', '1h1ns', 'soon'])('refuses the time limit %s', async (limit) => {
    const { code, err } = await probe(['--timeout', limit]);
    expect(code).toBe(2);
    expect(err).toContain('It must be a duration from 1ms to 1h, such as 90s, 1m30s or 200ms');
  });
});
