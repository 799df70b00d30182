import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { type AgentProcess, startAgentProcess } from '../support/agent/agent-process.ts';
import { connect } from '../support/agent/host.ts';
import type { Holdings } from './probe.ts';
import { SoakTask, until } from './task.ts';

const HELP = `Load with groups that come and go, snapshots and reconnects; then what the agent holds, compared with its
first minute.

  npm run soak -- [--minutes N] [--rate POINTS_PER_SECOND]

The exit code is 1 if it grew beyond the bounds, or an edge was lost or too many.`;

const TASKS = 4;
const TURN_MS = 100;
/** What each of these happens every so many turns. */
const SNAPSHOT_TURNS = 50;
const RESTART_TURNS = 130;
const CRASH_TURNS = 210;
const PROBE_TURNS = 170;
/** What is to be the same is looked at after the first minute. */
const SETTLED_MS = 60_000;
/** A pause before looking: connections that end may take a second for it. */
const CALM_MS = 1500;

/** What may be more at the end than after the first minute. Descriptors and timers may not. */
const HEAP_BOUND_MIB = 4;
const RESIDENT_BOUND_MIB = 32;

interface Sample extends Holdings {
  readonly minute: number;
  readonly residentMib: number;
  readonly descriptors: number;
  readonly points: number;
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    rate: { type: 'string', default: '4000' },
    help: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const pointsPerTurn = Math.ceil((Number(values.rate) * TURN_MS) / 1000 / TASKS);
if (values.help || !(minutes > 1) || !(pointsPerTurn >= 1)) console.log(HELP);
else process.exitCode = await soak();

async function soak(): Promise<number> {
  const probe = fileURLToPath(new URL('probe.ts', import.meta.url));
  const agent = await startAgentProcess({
    nodeArgs: ['--expose-gc', '--import', probe],
    hasChannel: true,
    args: ['--log-level', 'info'],
  });
  const path = agent.socketOf('edgeDetect');
  const tasks = await Promise.all(
    Array.from({ length: TASKS }, (_, index) => SoakTask.start(path, `task${index}`)),
  );
  const samples: Sample[] = [];
  const startMs = performance.now();
  const endMs = startMs + minutes * 60_000;
  let nextSampleMs = startMs + SETTLED_MS;
  for (let turn = 1; performance.now() < endMs; turn++) {
    const nowMs = Date.now();
    await Promise.all(tasks.map((task) => task.send(pointsPerTurn, nowMs)));
    await Promise.all(tasks.map((task, index) => disturb(task, turn + index * 11)));
    if (turn % PROBE_TURNS === 0) await probeInfo(path);
    if (performance.now() >= nextSampleMs) {
      samples.push(await sampleOf(agent, tasks, (performance.now() - startMs) / 60_000));
      nextSampleMs += 60_000;
      report(samples[samples.length - 1]);
    }
    await until(startMs + turn * TURN_MS);
  }
  samples.push(await sampleOf(agent, tasks, minutes));
  for (const task of tasks) await task.stop();
  const code = await agent.stop();
  return judge(samples, tasks, code);
}

async function disturb(task: SoakTask, turn: number): Promise<void> {
  if (turn % CRASH_TURNS === 0) await task.crash();
  else if (turn % RESTART_TURNS === 0) await task.restart();
  else if (turn % SNAPSHOT_TURNS === 0) await task.snapshot();
}

/** What Kapacitor does at its start. */
async function probeInfo(path: string): Promise<void> {
  const host = await connect(path);
  await host.info();
  await host.finish();
}

async function sampleOf(agent: AgentProcess, tasks: readonly SoakTask[], minute: number): Promise<Sample> {
  await until(performance.now() + CALM_MS);
  const answer = once(agent.child, 'message');
  agent.child.send('holdings');
  const [holdings]: unknown[] = await answer;
  if (!isHoldings(holdings)) throw new Error('the probe answered with something else');
  return {
    ...holdings,
    minute,
    residentMib: agent.residentMib(),
    descriptors: agent.descriptors(),
    points: tasks.reduce((sum, task) => sum + task.points, 0),
  };
}

function isHoldings(value: unknown): value is Holdings {
  return typeof value === 'object' && value !== null && 'heapMib' in value && 'resources' in value;
}

function report(sample: Sample): void {
  const { minute, heapMib, residentMib, descriptors, points } = sample;
  console.error(
    `${minute.toFixed(0)} min: ${points} points, heap ${heapMib.toFixed(1)} MiB, resident ${residentMib.toFixed(0)} MiB, ${descriptors} descriptors`,
  );
}

function judge(samples: readonly Sample[], tasks: readonly SoakTask[], code: number | null): number {
  const first = samples[0];
  const last = samples[samples.length - 1];
  const faults: string[] = [];
  const table = new Table({ head: ['', 'first minute', 'end', 'allowed'], style: { head: [], border: [] } });
  const row = (name: string, from: number, to: number, mayGrow: number): void => {
    table.push([name, from.toFixed(1), to.toFixed(1), `+${mayGrow}`]);
    if (to > from + mayGrow) faults.push(`${name} grew from ${from.toFixed(1)} to ${to.toFixed(1)}`);
  };
  row('heap after collection, MiB', first.heapMib, last.heapMib, HEAP_BOUND_MIB);
  row('resident memory, MiB', first.residentMib, last.residentMib, RESIDENT_BOUND_MIB);
  row('file descriptors', first.descriptors, last.descriptors, 0);
  for (const kind of new Set([...Object.keys(first.resources), ...Object.keys(last.resources)]))
    row(kind, first.resources[kind] ?? 0, last.resources[kind] ?? 0, 0);
  const total = (of: (task: SoakTask) => number): number => tasks.reduce((sum, task) => sum + of(task), 0);
  const expected = total((task) => task.edgesExpected);
  const got = total((task) => task.edgesGot);
  if (got !== expected) faults.push(`${expected} edges expected and ${got} got`);
  if (code !== 0) faults.push(`the agent ended with ${code}`);
  console.log(table.toString());
  console.log(
    `${minutes} minutes: ${last.points} points, ${expected} edges expected and ${got} got, ` +
      `${total((task) => task.snapshots)} snapshots, ${total((task) => task.reconnects)} reconnects`,
  );
  for (const fault of faults) console.log(fault);
  return faults.length === 0 ? 0 : 1;
}
