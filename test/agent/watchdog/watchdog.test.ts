import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pointRequest } from '../../support/agent/functions.ts';
import { connect, type Host } from '../../support/agent/host.ts';
import { encodeRequest, type Value } from '../../support/protocol/protocol.ts';

const PROGRAM = fileURLToPath(new URL('../../support/agent/stalling-agent.ts', import.meta.url));
const LIMIT_MS = 500;
const FOR_EVER: Value = { type: 'int', v: 3_600_000n };
const AS_FIRST = ['unshare', '--fork', '--kill-child', '--pid', '--mount-proc'];
/** Whether this machine lets us make a process the first one of a container's, so to speak. */
const CAN_BE_FIRST = spawnSync('unshare', [...AS_FIRST.slice(1), 'true']).status === 0;

let folder: string;
let child: ChildProcess | undefined;
let host: Host | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-watchdog-'));
});
afterEach(async () => {
  await host?.destroy();
  host = undefined;
  if (child !== undefined && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  child?.stdout?.destroy();
  child?.stderr?.destroy();
  child = undefined;
  rmSync(folder, { recursive: true });
});

interface Stalling {
  readonly process: ChildProcess;
  readonly path: string;
  /** What its log says, line by line. */
  readonly log: AsyncIterator<string>;
}

/** Starts the agent that stalls, as a process of its own, and a task on it. */
async function startStalling({
  prefix = [],
  workers = 1,
}: {
  prefix?: readonly string[];
  workers?: number;
} = {}) {
  const path = join(folder, 'stall.sock');
  const [command = '', ...args] = [...prefix, process.execPath, PROGRAM, path, `${LIMIT_MS}`, `${workers}`];
  const started = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  child = started;
  const log = createInterface({ input: started.stdout })[Symbol.asyncIterator]();
  await logged(log, 'listening');
  host = await connect(path);
  await host.init([]);
  return { process: started, path, log } satisfies Stalling;
}

/** Reads the log up to a line that holds a text, and returns that. */
async function logged(log: AsyncIterator<string>, text: string): Promise<string> {
  for (;;) {
    const { done, value } = await log.next();
    if (done === true) throw new Error(`the log ends without '${text}'`);
    if (value.includes(text)) return value;
  }
}

function stall(fields: Record<string, Value>): void {
  host?.send([encodeRequest(pointRequest({ time: 1n, fields }))]);
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += chunk;
  return text;
}

describe('the watchdog', () => {
  test('kills a process whose function never returns, and says why first', async () => {
    const { process: started } = await startStalling();
    const said = textOf(started.stderr);
    stall({ ms: FOR_EVER });
    const [, signal] = await once(started, 'exit');
    expect(signal).toBe('SIGKILL');
    const line: unknown = JSON.parse(await said);
    expect(line).toMatchObject({
      level: 'fatal',
      watchdogMs: LIMIT_MS,
      msg: expect.stringContaining('stands still'),
    });
  });

  test.runIf(CAN_BE_FIRST)(
    'ends the first process of a container too, which no signal from inside kills',
    async () => {
      const { process: started } = await startStalling({ prefix: AS_FIRST });
      stall({ ms: FOR_EVER });
      await once(started, 'exit');
    },
  );

  test('kills a process although nobody reads its standard error', async () => {
    const { process: started } = await startStalling();
    stall({ log: { type: 'bool', v: true }, ms: FOR_EVER });
    const [, signal] = await once(started, 'exit');
    expect(signal).toBe('SIGKILL');
  });

  test('lets work of half the limit pass, again and again', async () => {
    await startStalling();
    for (let i = 0; i < 4; i++) {
      stall({ ms: { type: 'int', v: BigInt(LIMIT_MS / 2) } });
      await host?.keepalive(BigInt(i));
    }
    await expect(host?.finish()).resolves.toHaveLength(4);
  });

  test('spares a process that was suspended for longer than the limit', async () => {
    const { process: started } = await startStalling();
    for (let i = 0; i < 2; i++) {
      started.kill('SIGSTOP');
      await pause(2 * LIMIT_MS);
      started.kill('SIGCONT');
      await host?.keepalive(1n);
    }
    // Long enough for a verdict on what was before.
    await pause(2 * LIMIT_MS);
    await host?.keepalive(2n);
    expect(started.exitCode ?? started.signalCode).toBeNull();
  });

  test('has the primary kill and replace a worker that stands still, and leave the others alone', async () => {
    const { path, log } = await startStalling({ workers: 2 });
    // The next connection goes to the other worker.
    const neighbour = await connect(path);
    await neighbour.init([], 'neighbour');
    stall({ ms: FOR_EVER });
    await logged(log, 'of a worker stands still');
    await logged(log, 'worker ready');
    await neighbour.keepalive(1n);
    await neighbour.destroy();
    const newcomer = await connect(path);
    await expect(newcomer.info()).resolves.toMatchObject({ kind: 'info' });
    await newcomer.destroy();
  });
});
