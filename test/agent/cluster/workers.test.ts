import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { type AgentProcess, startAgentProcess } from '../../support/agent/agent-process.ts';
import { connect } from '../../support/agent/host.ts';
import { hostPointMessage } from '../../support/protocol/points.ts';
import type { Option } from '../../support/protocol/protocol.ts';

const FIELD: Option = { name: 'field', values: [{ type: 'string', v: 'value' }] };

function point(value: string): Buffer {
  return hostPointMessage('a', { time: 1n, fields: { value: { type: 'string', v: value } } });
}

async function withWorkers(
  use: (agent: AgentProcess, pids: readonly number[]) => Promise<void>,
): Promise<void> {
  const pids: number[] = [];
  const agent = await startAgentProcess({ args: ['--workers', '2'] });
  for (const text of agent.lastLines) {
    const line: unknown = JSON.parse(text);
    if (typeof line === 'object' && line !== null && 'pid' in line) pids.push(Number(line.pid));
  }
  try {
    await use(agent, pids);
  } finally {
    await agent.stop();
  }
}

/** Opens a task and says which worker has it, as the log does. */
async function openTask(agent: AgentProcess, task: string) {
  const logged = agent.logged((line) => line.task === task && 'worker' in line);
  const host = await connect(agent.socketOf('edgeDetect'));
  const { success } = await host.init([FIELD], task, 'edgeDetect2');
  expect(success).toBe(true);
  return { host, line: await logged };
}

describe('serve --workers 2', () => {
  test('spreads connections over both workers, and each keeps its own state', () =>
    withWorkers(async (agent) => {
      const first = await openTask(agent, 'one');
      const second = await openTask(agent, 'two');
      expect(new Set([first.line.worker, second.line.worker]).size).toBe(2);
      for (const { host } of [first, second]) host.send([point('UP'), point('UP'), point('DOWN')]);
      for (const { host } of [first, second]) expect(await host.finish()).toHaveLength(2);
    }));

  test('knows a replay also when its live task is in the other worker', () =>
    withWorkers(async (agent) => {
      const live = await openTask(agent, 'same');
      live.host.send([point('UP')]);
      const { snapshot } = await live.host.snapshot();
      const replay = await openTask(agent, 'same');
      expect(replay.line).toMatchObject({ replay: true });
      expect(replay.line.worker).not.toBe(live.line.worker);
      expect(snapshot.length).toBeGreaterThan(0);
      expect((await replay.host.restore(snapshot)).success).toBe(true);
      expect((await replay.host.snapshot()).snapshot).toHaveLength(0);
      replay.host.send([point('UP')]);
      expect(await replay.host.finish()).toHaveLength(1);
      await live.host.finish();
      const next = await openTask(agent, 'same');
      expect(next.line).not.toHaveProperty('replay');
      await next.host.finish();
    }));

  test('a worker that is killed takes only its own connections with it, and is replaced', () =>
    withWorkers(async (agent, pids) => {
      const tasks = [await openTask(agent, 'one'), await openTask(agent, 'two')];
      const died = agent.logged((line) => String(line.msg).startsWith('a worker died'));
      const replaced = agent.logged((line) => line.msg === 'worker ready');
      process.kill(pids[0], 'SIGKILL');
      const { worker } = await died;
      const [gone, left] = tasks[0].line.worker === worker ? tasks : [tasks[1], tasks[0]];
      left.host.send([point('UP')]);
      expect(await left.host.finish()).toHaveLength(1);
      await gone.host.destroy();
      await replaced;
      // The node that died is free again: it is no replay.
      const again = await openTask(agent, String(gone.line.task));
      expect(again.line).not.toHaveProperty('replay');
      await again.host.finish();
    }));

  test('stops with what was read answered, and exit code 0', async () => {
    const agent = await startAgentProcess({ args: ['--workers', '2'] });
    const { host } = await openTask(agent, 'one');
    host.send([point('UP')]);
    await host.keepalive(1n);
    const stopped = once(agent.child, 'exit');
    expect(await agent.stop()).toBe(0);
    await stopped;
    expect(host.emitted).toHaveLength(1);
    await host.destroy();
  });
});
