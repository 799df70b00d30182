import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import { type AgentProcess, startAgentProcess } from '../support/agent/agent-process.ts';
import { connect, type Host } from '../support/agent/host.ts';
import { atEnd } from '../support/at-end.ts';
import { hostPointMessage } from '../support/protocol/points.ts';
import type { Option } from '../support/protocol/protocol.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const OPTIONS: readonly Option[] = [
  { name: 'field', values: [{ type: 'string', v: 'value' }] },
  { name: 'sinceAs', values: [{ type: 'string', v: 'since' }] },
  { name: 'countAs', values: [{ type: 'string', v: 'count' }] },
];

let agent: AgentProcess;
let host: Host;

const state = (name: string, value: string, second: number): Buffer =>
  hostPointMessage(name, {
    time: BigInt(second) * 1_000_000_000n,
    fields: { value: { type: 'string', v: value } },
  });

beforeEach(async () => {
  agent = await startAgentProcess();
  atEnd(() => agent.stop());
  host = await connect(agent.socketOf('edgeDetect'));
  await host.init(OPTIONS, 'adsl', 'edgeDetect2');
  host.send([state('r1', 'SHOWTIME', 0), state('r2', 'SHOWTIME', 1), state('r1', 'TRAINING', 90)]);
  await host.keepalive(1n);
});

function start(command: string, ...args: string[]) {
  // What the tests' own output is to look like is nothing to it.
  const { FORCE_COLOR: _, NO_COLOR: __, ...env } = process.env;
  return spawn(process.execPath, [PROGRAM, command, ...args, '--socket-dir', agent.folder], { env });
}

async function run(command: string, ...args: string[]): Promise<{ code: unknown; out: string; err: string }> {
  const child = start(command, ...args);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code, out, err };
}

describe('a running agent is asked by', () => {
  test('status: a table of what is connected, or JSON', async () => {
    const { code, out, err } = await run('status');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/│ adsl │ edgeDetect2 │ edgeDetect │ .* │ +3 │ +[\d.]+ │ +3 │ +2 │ none yet │ +0 │/);
    const { sessions } = JSON.parse((await run('status', '--format', 'json')).out);
    expect(sessions).toMatchObject([{ task: 'adsl', points: 3, edges: 3, groups: 2 }]);
    await host.finish();
  });

  test('states: each group with its state, in a pipe without colours', async () => {
    const { code, out, err } = await run('states', 'adsl');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/host=r1 │ █ TRAINING │ 1970-01-01 00:01:30 │ 1 {5}│/);
    expect(out).toMatch(/host=r2 │ ━ SHOWTIME │ 1970-01-01 00:00:01 │ 0 {5}│/);
    const one = await run('states', 'adsl', '--match', '*r2', '--format', 'json');
    expect(
      one.out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ group: 'host=r2', value: 'SHOWTIME' }]);
    await host.finish();
  });

  test('states of a task that is not connected: which there are, exit code 1', async () => {
    const { code, err } = await run('states', 'other');
    expect({ code, err }).toEqual({
      code: 1,
      err: 'edge-detect: no task other is connected; there are adsl\n',
    });
    await host.finish();
  });

  test('edges --follow: each as it is made, until ctrl-C', async () => {
    const child = start('edges', '--follow', 'adsl', '--format', 'json');
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    // Whoever follows is not there at once: edges are made until one is told.
    let told: IteratorResult<string> | undefined;
    const first = lines.next().then((line) => {
      told = line;
    });
    for (let second = 100; told === undefined; second++) {
      host.send([state('r1', String(second), second)]);
      await host.keepalive(BigInt(second));
    }
    await first;
    expect(JSON.parse(String(told?.value))).toMatchObject({ task: 'adsl', group: 'host=r1' });
    const exited = once(child, 'exit');
    child.kill('SIGINT');
    expect(await exited).toEqual([0, null]);
    await host.finish();
  });

  test('and where none runs: what to do, exit code 1', async () => {
    await host.finish();
    await agent.stop();
    const { code, err } = await run('status');
    expect(code).toBe(1);
    expect(err).toMatch(/^edge-detect: .*status\.sock.*\n$/);
  });
});
