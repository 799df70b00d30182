import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readJournal } from '../../../src/revival/journal.ts';
import { AgentProcess } from '../../support/agent/agent-process.ts';
import { atEnd } from '../../support/at-end.ts';
import { type Kapacitor, until } from '../../support/kapacitor/kapacitor.ts';
import { RecordedServer } from '../../support/recorded-server.ts';
import { restartWithoutSnapshots } from './kept-snapshots.ts';
import { brief, edgeScript, line, stateLine } from './points.ts';
import {
  describeWithKapacitor,
  prepareKapacitor,
  type Stack,
  socketFolder,
  startAgent,
  startCollector,
  startStack,
} from './stack.ts';

/** How soon after the agent's start its tasks must be back. */
const BACK_MS = 5000;
/** Each with a field of its own, so that it can be seen when both states are in Kapacitor's snapshots. */
const TASKS = new Map([
  ['edges', `.field('value')`],
  ['more', `.field('other')`],
]);

function states(seconds: number, value: string, other: string): string {
  return line(seconds, `value="${value}",other="${other}"`);
}

describeWithKapacitor('an agent that revives', () => {
  test('brings back every task that it had when it was killed under load, state and all, and no other', async () => {
    const { agent, collector, kapacitor } = await startStack({ snapshotInterval: '1s' });
    for (const [task, options] of TASKS) await kapacitor.define(task, edgeScript(collector.url, options));
    await kapacitor.defineDisabled('off', edgeScript(collector.url));
    await kapacitor.feed([states(0, 'UP', 'ON'), states(1, 'KEPT', 'ALSO')]);
    await kapacitor.keeps('KEPT');
    await kapacitor.keeps('ALSO');
    await restartWithoutSnapshots(kapacitor);
    let seconds = 2;
    const load = new AbortController();
    const loading = (async (): Promise<void> => {
      while (!load.signal.aborted) await kapacitor.feed([states(seconds++, 'KEPT', 'ALSO')]);
    })();
    await until('the load runs', () => (seconds > 50 ? true : undefined));

    await agent.kill();
    const lostFrom = seconds;
    const started = performance.now();
    await startReviving(agent.folder, kapacitor.url);
    await until('all tasks are back', async () => {
      const tasks = await Promise.all([...TASKS.keys()].map((task) => kapacitor.task(task)));
      return (
        tasks.every((task) => task.status === 'enabled' && task.executing && task.error === '') || undefined
      );
    });
    expect(performance.now() - started).toBeLessThan(BACK_MS);
    const lost = seconds - lostFrom;
    load.abort();
    await loading;
    expect((await kapacitor.task('off')).status).toBe('disabled');

    // Nothing of the load is news to a node that has its state back: only the last point is.
    await kapacitor.feed([states(seconds, 'END', 'END')]);
    await until(
      'both tasks tell the end',
      () => collector.points.filter((point) => brief(point).includes('END')).length === 2 || undefined,
    );
    expect(collector.points.map(brief).sort((a, b) => order(a) - order(b))).toEqual([
      ...new Array(2).fill('router1 0s other=ON value=UP'),
      ...new Array(2).fill('router1 1s other=ALSO value=KEPT'),
      ...new Array(2).fill(`router1 ${seconds}s other=END value=END`),
    ]);
    console.log(`points fed between the kill and the tasks' return, lost to them: about ${lost}`);
  });

  test('brings back a task on a quiet stream, whose death Kapacitor itself has not noticed', async () => {
    const { agent, collector, kapacitor } = await startRevivingStack();
    await kapacitor.define('edges', edgeScript(collector.url));
    await kapacitor.feed([stateLine(0, 'UP')]);
    await collector.received(1);
    await executionsOf(agent);
    await agent.kill();
    expect(await kapacitor.task('edges')).toMatchObject({ executing: true, error: '' });
    await revived(await startReviving(agent.folder, kapacitor.url));
    await kapacitor.feed([stateLine(1, 'DOWN')]);
    expect((await collector.received(2)).map(brief)).toEqual([
      'router1 0s value=UP',
      'router1 1s value=DOWN',
    ]);
  });

  test('brings back the task of a worker that died', async () => {
    const { agent, collector, kapacitor } = await startRevivingStack(['--workers', '2']);
    await kapacitor.define('edges', edgeScript(collector.url));
    await executionsOf(agent);
    // Which of them has the task is the kernel's choice.
    for (const pid of agent.workers) process.kill(pid, 'SIGKILL');
    await revived(agent);
    await kapacitor.feed([stateLine(0, 'UP')]);
    await collector.received(1);
  });

  test('enables again what it had disabled when it was killed between the two', async () => {
    const { agent, collector, kapacitor } = await startRevivingStack();
    await kapacitor.define('edges', edgeScript(collector.url));
    await executionsOf(agent);
    await agent.kill();
    const gate = await startGate(kapacitor);
    const killed = await startReviving(agent.folder, gate.url);
    await gate.asked;
    await killed.kill();
    expect(await kapacitor.task('edges')).toMatchObject({ status: 'disabled', executing: false });
    await revived(await startReviving(agent.folder, kapacitor.url));
    await kapacitor.feed([stateLine(0, 'UP')]);
    await collector.received(1);
  });

  test('brings back at once a task on a quiet stream whose agent is killed as soon as it connects, again and again', async () => {
    const { agent, collector, kapacitor } = await startRevivingStack();
    const connected = agent.logged(({ msg }) => msg === 'task connected');
    await kapacitor.define('edges', edgeScript(collector.url));
    await connected;
    await agent.kill();
    // So it is killed before anybody can have asked Kapacitor which run it was, that of its own enabling too.
    for (let i = 0; i < 2; i++) {
      const next = new AgentProcess({ folder: agent.folder, args: ['--revive', kapacitor.url] });
      atEnd(() => next.kill());
      await next.logged(({ msg }) => msg === 'task connected');
      await next.kill();
    }
    const last = await startReviving(agent.folder, kapacitor.url);
    await revived(last);
    await kapacitor.feed([stateLine(0, 'UP')]);
    await collector.received(1);
    expect(kapacitor.hasPanicked).toBe(false);
  });

  test('waits no longer than a pause where the clock was set back by an hour since its last try', async () => {
    const { agent, collector, kapacitor } = await startRevivingStack();
    await kapacitor.define('edges', edgeScript(collector.url));
    await executionsOf(agent);
    await agent.kill();
    const at = new Date(Date.now() + 3_600_000).toISOString();
    appendFileSync(
      join(agent.folder, 'edgeDetect.journal'),
      `${JSON.stringify({ kind: 'tries', task: 'edges', count: 2, at, hasGivenUp: false })}\n`,
    );
    await revived(await startReviving(agent.folder, kapacitor.url));
  });

  test('lets tasks connect by themselves whose Kapacitor was started anew meanwhile', async () => {
    const stack = await startRevivingStack();
    const { agent, collector, kapacitor } = stack;
    await defineRefused(stack);
    await kapacitor.define('edges', edgeScript(collector.url));
    const before = await executionsOf(agent);
    await agent.kill();
    await kapacitor.stop();
    const next = await startReviving(agent.folder, kapacitor.url);
    await kapacitor.up();
    await connectedByItself(next, before, kapacitor);
  });

  test('lets a task connect by itself that a person enabled while the agent was away', async () => {
    const stack = await startRevivingStack();
    const { agent, collector, kapacitor } = stack;
    await defineRefused(stack);
    await kapacitor.define('edges', edgeScript(collector.url));
    const before = await executionsOf(agent);
    await agent.kill();
    await kapacitor.disable('edges');
    await kapacitor.enable('edges');
    await connectedByItself(await startReviving(agent.folder, kapacitor.url), before, kapacitor);
  });
});

function startReviving(folder: string, url: string, args: readonly string[] = []): Promise<AgentProcess> {
  return startAgent(folder, ['--revive', url, ...args]);
}

/** As {@link startStack}, but the agent revives from the first. */
async function startRevivingStack(args: readonly string[] = []): Promise<Stack> {
  const folder = socketFolder();
  const collector = await startCollector();
  const kapacitor = await prepareKapacitor(folder);
  const agent = await startReviving(folder, kapacitor.url, args);
  await kapacitor.up();
  return { agent, collector, kapacitor };
}

/** In front of a Kapacitor: passes on every request but one that enables a task, which never has an answer. */
async function startGate(
  kapacitor: Kapacitor,
): Promise<{ readonly url: string; readonly asked: Promise<void> }> {
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  const server = await RecordedServer.start(async ({ body, method, url }) => {
    if (method === 'PATCH' && JSON.parse(body).status === 'enabled') {
      onAsked();
      return undefined;
    }
    const answer = await fetch(new URL(`${url.pathname}${url.search}`, kapacitor.url), {
      method,
      ...(body === '' ? {} : { body }),
    });
    return { status: answer.status, body: await answer.text() };
  });
  atEnd(() => server[Symbol.asyncDispose]());
  return { url: server.url.href, asked };
}

/** Waits until an agent has brought a task back. */
function revived(agent: AgentProcess): Promise<unknown> {
  return said(agent, '"a task that lost its UDF was brought back"');
}

/** Waits until an agent has said something, now or before. */
function said({ lastLines }: AgentProcess, text: string): Promise<unknown> {
  return until(`the agent says ${text}`, () => lastLines.find((logged) => logged.includes(text)));
}

/**
 * Waits until the agent knows of which executions the task's live session may be.
 * @param before what an agent killed before left in the same journal
 */
function executionsOf({ folder }: AgentProcess, before = ''): Promise<string> {
  return until('the journal knows the execution', () => {
    const sessions = [...readJournal(join(folder, 'edgeDetect.journal')).sessions.values()];
    const executions = sessions
      .filter(({ isLive, taskId }) => isLive && taskId === 'edges')
      .flatMap((session) => session.executions)
      .join();
    return ['', before].includes(executions) ? undefined : executions;
  });
}

/** A task of which an agent complains as soon as it has looked at all tasks: nothing else tells that it has. */
async function defineRefused({ collector, kapacitor }: Stack): Promise<void> {
  await kapacitor.define('refused', edgeScript(collector.url, `.field('value').hold(-1s)`));
}

/** Waits until the task has connected to a new agent that has looked at all tasks, and has brought back none. */
async function connectedByItself(agent: AgentProcess, before: string, kapacitor: Kapacitor): Promise<void> {
  await said(agent, 'only a person can change that');
  await executionsOf(agent, before);
  expect(agent.lastLines.filter((text) => text.includes('brought back'))).toEqual([]);
  // By the test and by what the test's person did, not once more.
  expect(startsOf('edges', kapacitor)).toBe(2);
}

/** How often a task was started. */
function startsOf(task: string, { log }: Kapacitor): number {
  return log.split('\n').filter((text) => text.includes('started task') && text.endsWith(`task=${task}`))
    .length;
}

/** The seconds in what {@link brief} says. */
function order(text: string): number {
  return Number(/(\d+)s/.exec(text)?.[1]);
}
