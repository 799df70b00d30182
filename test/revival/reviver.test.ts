import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { KapacitorApi } from '../../src/kapacitor/api.ts';
import { Journal, readJournal } from '../../src/revival/journal.ts';
import type { SessionIds } from '../../src/revival/journal-state.ts';
import { Reviver, type ReviverOptions } from '../../src/revival/reviver.ts';
import type { ReviverTiming } from '../../src/revival/timing.ts';
import { atEnd } from '../support/at-end.ts';
import { FakeKapacitor } from '../support/kapacitor/fake-kapacitor.ts';

const BROKEN =
  'edgeDetect2: stopping UDF server: write error: write unix @->/run/edgeDetect.sock: broken pipe';

/** Everything so short that nothing has to be waited for. */
const TIMING: ReviverTiming = {
  lookMs: 20,
  firstLooksMs: 20,
  settledMs: 0,
  graceMs: 10,
  firstPauseMs: 40,
  longestPauseMs: 160,
  heldMs: 3_600_000,
  stableMs: 3_600_000,
  slowPauseMs: 40,
  longestSlowPauseMs: 160,
  connectMs: 300,
  coldStartMs: 0,
  stopMs: 2000,
};

interface Line {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

let folder: string;
let kapacitor: FakeKapacitor;
let lines: Line[];
let waiting: Set<() => void>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'edge-reviver-'));
  atEnd(() => rmSync(folder, { recursive: true }));
  kapacitor = await FakeKapacitor.start();
  atEnd(() => kapacitor[Symbol.asyncDispose]());
  lines = [];
  waiting = new Set();
});

function ids(taskId: string): SessionIds {
  return { functionName: 'edgeDetect', taskId, nodeId: 'edgeDetect2' };
}

/** The agent's side: its journal, its reviver, and sessions that come whenever the stand-in starts a task. */
class FakeAgent {
  readonly journal: Journal;
  readonly reviver: Reviver;
  isConnecting = true;

  constructor(options: Partial<ReviverOptions> = {}) {
    this.journal = new Journal(join(folder, 'edgeDetect.journal'), () => {});
    this.reviver = new Reviver({
      api: new KapacitorApi({
        url: kapacitor.url,
        authorization: undefined,
        ca: undefined,
        isInsecure: false,
        timeoutMs: 5000,
      }),
      journal: this.journal,
      handJournalPath: join(folder, 'edgeDetect.revive.journal'),
      log: { info: log('info'), warn: log('warn'), error: log('error') },
      sockets: ['/var/run/edgeDetect.sock'],
      knock: async () => {},
      maxTries: 10,
      ...options,
      timing: { ...TIMING, ...options.timing },
    });
    kapacitor.behaviour = {
      ...kapacitor.behaviour,
      started: (id) => {
        if (this.isConnecting) this.connect(id);
      },
    };
  }

  connect(task: string): void {
    this.journal.got(ids(task));
    this.reviver.got(ids(task));
  }

  disconnect(task: string): void {
    this.journal.lost(ids(task));
    this.reviver.lost(ids(task));
  }

  start(): this {
    this.journal.start(Date.now(), true);
    this.reviver.start();
    return this;
  }

  /** Ends as by a kill: nothing more is said or done. */
  async end(): Promise<void> {
    await this.reviver.stop();
    this.journal.close();
  }
}

function log(level: string): (fields: Readonly<Record<string, unknown>>, message: string) => void {
  return (fields, message) => {
    lines.push({ level, fields, message });
    for (const look of waiting) look();
  };
}

function startAgent(options: Partial<ReviverOptions> = {}): FakeAgent {
  const agent = new FakeAgent(options).start();
  atEnd(() => agent.end());
  return agent;
}

/** Waits until something is so, looking at whatever the agent logs or asks. */
async function until(isSo: () => boolean): Promise<void> {
  const behaviour = kapacitor.behaviour;
  await new Promise<void>((resolve) => {
    const look = (): void => {
      if (!isSo()) return;
      waiting.delete(look);
      resolve();
    };
    waiting.add(look);
    kapacitor.behaviour = {
      ...behaviour,
      answer: (request) => {
        look();
        return behaviour.answer?.(request);
      },
    };
    look();
  });
  kapacitor.behaviour = behaviour;
}

async function logged(message: string, task?: string): Promise<Line> {
  const find = (): Line | undefined =>
    lines.find((line) => line.message.includes(message) && (task === undefined || line.fields.task === task));
  await until(() => find() !== undefined);
  const line = find();
  if (line === undefined) throw new Error('the line is gone');
  return line;
}

/** Lets the reviver look at all tasks a few times more. */
async function looks(count: number): Promise<void> {
  const isLook = (): number => kapacitor.requests.filter(({ url }) => url.searchParams.has('offset')).length;
  const before = isLook();
  await until(() => isLook() >= before + count);
}

/** A journal as an agent left it that was killed: these tasks had sessions. */
function leaveJournal(tasks: readonly string[]): void {
  const journal = new Journal(join(folder, 'edgeDetect.journal'), () => {});
  for (const task of tasks) {
    journal.got(ids(task));
    const execution = kapacitor.tasks.get(task)?.execution;
    const session = [...journal.state.sessions.values()].find(({ taskId }) => taskId === task);
    if (session !== undefined && execution !== undefined) journal.setExecutions(session, [execution]);
  }
  journal.close();
}

describe('the reviver', () => {
  test('brings back a task that lost its session while Kapacitor has not noticed', async () => {
    kapacitor.define('dead');
    kapacitor.define('other');
    leaveJournal(['dead']);
    startAgent();
    const line = await logged('was brought back');
    expect(line.fields).toMatchObject({ task: 'dead', try: 1 });
    expect(kapacitor.patches).toEqual(['dead disabled', 'dead enabled']);
    await looks(3);
    expect(kapacitor.patches).toHaveLength(2);
  });

  test('brings back a task that no journal knows, once Kapacitor names our socket', async () => {
    kapacitor.define('dead', { executing: false, error: BROKEN });
    startAgent();
    await logged('was brought back', 'dead');
  });

  test('leaves tasks alone that Kapacitor has started anew: they connect by themselves', async () => {
    kapacitor.define('dialing');
    leaveJournal(['dialing']);
    kapacitor.restart();
    const agent = startAgent();
    await looks(5);
    agent.connect('dialing');
    await looks(3);
    expect(kapacitor.patches).toEqual([]);
  });

  test('leaves a task alone that a person disabled while the agent was away', async () => {
    kapacitor.define('resting');
    leaveJournal(['resting']);
    kapacitor.setStatus('resting', 'disabled');
    startAgent();
    await looks(3);
    expect(kapacitor.patches).toEqual([]);
    expect(readJournal(join(folder, 'edgeDetect.journal')).sessions.size).toBe(0);
  });

  test('leaves a task alone that a person changes between the two steps', async () => {
    kapacitor.define('dead');
    leaveJournal(['dead']);
    kapacitor.behaviour = {
      stopped: (_, task) => {
        // What a second `disabled` does.
        setTimeout(() => {
          task.modified = 'later';
          task.error = BROKEN;
        }, 30);
      },
    };
    startAgent();
    const line = await logged('left alone', 'dead');
    expect(line.fields.reason).toContain('somebody changed it');
    await looks(3);
    expect(kapacitor.patches).toEqual(['dead disabled']);
  });

  test('waits until Kapacitor has said why the task ended, and mends the status that this brings back', async () => {
    kapacitor.define('dead');
    leaveJournal(['dead']);
    let stops = 0;
    kapacitor.behaviour = {
      stopped(_, task) {
        // Kapacitor reads the task, and writes all of it back with the error, over what was changed meanwhile.
        if (++stops === 1) setTimeout(() => Object.assign(task, { status: 'enabled', error: BROKEN }), 150);
        else task.error = BROKEN;
      },
    };
    startAgent();
    await logged('was brought back', 'dead');
    expect(kapacitor.patches).toEqual(['dead disabled', 'dead disabled', 'dead enabled']);
    expect(kapacitor.tasks.get('dead')).toMatchObject({ status: 'enabled', executing: true });
  });

  test('goes on where an agent was killed between the two steps', async () => {
    kapacitor.define('dead');
    leaveJournal(['dead']);
    let knocks = 0;
    const first = new FakeAgent({
      // It is killed when the task is disabled: what would come next never does.
      knock: () => (++knocks === 1 ? Promise.resolve() : new Promise(() => {})),
      timing: { ...TIMING, stopMs: 1 },
    }).start();
    await until(() => knocks === 2);
    await first.end();
    expect(kapacitor.tasks.get('dead')?.status).toBe('disabled');
    startAgent();
    await logged('was brought back', 'dead');
    expect(kapacitor.patches).toEqual(['dead disabled', 'dead enabled']);
  });

  test('enables no task that a person disabled after an agent was killed between the two steps', async () => {
    kapacitor.define('dead', { status: 'disabled', executing: false, modified: 'by a person' });
    const journal = new Journal(join(folder, 'edgeDetect.journal'), () => {});
    journal.beginStep('dead', 'by the agent');
    journal.close();
    startAgent();
    await looks(3);
    expect(kapacitor.patches).toEqual([]);
    expect(readJournal(join(folder, 'edgeDetect.journal')).steps.size).toBe(0);
  });

  test('takes over from an edge-detect revive that was killed, though not from one at work', async () => {
    kapacitor.define('dead', { status: 'disabled', executing: false, modified: 'by hand' });
    const path = join(folder, 'edgeDetect.revive.journal');
    writeFileSync(path, '{"kind":"step","task":"dead","modified":"by hand"}\n');
    startAgent();
    await looks(3);
    expect(kapacitor.patches).toEqual([]);
    utimesSync(path, new Date(), new Date(Date.now() - 61_000));
    await logged('was brought back', 'dead');
  });

  test('enables nothing while a socket does not answer, and tries again', async () => {
    kapacitor.define('dead');
    leaveJournal(['dead']);
    let knocks = 0;
    startAgent({
      knock: async () => {
        if (++knocks < 4) throw new Error('nobody listens');
      },
    });
    await logged('was brought back', 'dead');
    const failures = lines.filter(({ level }) => level === 'warn');
    expect(failures.map(({ fields }) => fields.error)).toEqual([
      'nobody listens',
      'nobody listens',
      'nobody listens',
    ]);
    expect(kapacitor.patches).toEqual(['dead disabled', 'dead enabled']);
  });

  test('pauses longer after each try that did not last, and gives up loudly, once', async () => {
    kapacitor.define('dead');
    leaveJournal(['dead']);
    const times: number[] = [];
    kapacitor.behaviour = {
      stopped: (_, task) => {
        times.push(performance.now());
        task.error = BROKEN;
      },
    };
    const agent = new FakeAgent({ maxTries: 4 });
    // Whatever it gets, it loses again.
    const { behaviour } = kapacitor;
    kapacitor.behaviour = {
      ...behaviour,
      started(id) {
        behaviour.started?.(id);
        agent.disconnect(id);
        Object.assign(kapacitor.tasks.get(id) ?? {}, { executing: false, error: BROKEN });
      },
    };
    agent.start();
    atEnd(() => agent.end());
    const line = await logged('is given up', 'dead');
    expect(line).toMatchObject({ level: 'error', fields: { tries: 4 } });
    await looks(3);
    expect(kapacitor.patches).toHaveLength(8);
    expect(lines.filter(({ message }) => message.includes('is given up'))).toHaveLength(1);
    const pauses = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    for (const [i, pauseMs] of pauses.entries())
      expect(pauseMs).toBeGreaterThanOrEqual(Math.min(TIMING.firstPauseMs * 2 ** i, TIMING.longestPauseMs));
  });

  test('counts the tries on after a restart, so that an agent that crashes again and again causes no storm', async () => {
    kapacitor.define('poison');
    leaveJournal(['poison']);
    const longPauses = { timing: { ...TIMING, firstPauseMs: 3_600_000, longestPauseMs: 3_600_000 } };
    const first = startAgent(longPauses);
    await logged('was brought back', 'poison');
    // So that the next one knows which execution lost it.
    await until(() => (first.journal.state.sessions.values().next().value?.executions.length ?? 0) > 0);
    await first.end();
    startAgent(longPauses);
    await looks(5);
    expect(kapacitor.patches).toEqual(['poison disabled', 'poison enabled']);
  });

  test('waits no longer than a pause where the journal is from the future: the clock was set back', async () => {
    kapacitor.define('dead');
    leaveJournal(['dead']);
    const journal = new Journal(join(folder, 'edgeDetect.journal'), () => {});
    journal.setTries('dead', { count: 3, atMs: Date.now() + 3_600_000, hasGivenUp: false });
    journal.close();
    startAgent();
    const line = await logged('was brought back', 'dead');
    expect(line.fields.try).toBe(4);
  });

  test('tries slowly again what was given up, once the agent is stable, and holds on to nothing else', async () => {
    kapacitor.define('dead');
    leaveJournal(['dead']);
    const journal = new Journal(join(folder, 'edgeDetect.journal'), () => {});
    journal.setTries('dead', { count: 10, atMs: Date.now(), hasGivenUp: true });
    journal.close();
    const restless = startAgent({ timing: { ...TIMING, stableMs: 3_600_000 } });
    await looks(5);
    expect(kapacitor.patches).toEqual([]);
    await restless.end();
    const agent = new FakeAgent({ timing: { ...TIMING, stableMs: 100, heldMs: 200 } });
    agent.isConnecting = false;
    agent.start();
    atEnd(() => agent.end());
    await until(() => kapacitor.patches.length === 2);
    agent.connect('dead');
    const line = await logged('was brought back', 'dead');
    expect(line.fields.try).toBe(11);
    await until(() => agent.journal.state.tries.size === 0);
  });

  test('brings a task back at once whose agent was killed before it could ask which execution it had', async () => {
    kapacitor.startedMs = Date.now() - 60_000;
    kapacitor.define('quiet');
    const journal = new Journal(join(folder, 'edgeDetect.journal'), () => {});
    journal.got(ids('quiet'));
    journal.close();
    startAgent();
    await logged('was brought back', 'quiet');
  });

  test('leaves a task alone that Kapacitor has started since, though nobody knows which execution it had', async () => {
    kapacitor.define('dialing');
    const journal = new Journal(join(folder, 'edgeDetect.journal'), () => {});
    journal.got(ids('dialing'));
    journal.close();
    kapacitor.startedMs = Date.now() + 10;
    startAgent();
    await looks(5);
    expect(kapacitor.patches).toEqual([]);
  });

  test('knows of which execution a session is, that of a task which it has enabled, before anything else', async () => {
    kapacitor.define('dead');
    leaveJournal(['dead']);
    const agent = new FakeAgent();
    agent.isConnecting = false;
    agent.start();
    atEnd(() => agent.end());
    await until(() => kapacitor.patches.length === 2);
    await until(() => kapacitor.requests.at(-1)?.url.pathname.endsWith('/debug/vars') === true);
    await until(() => kapacitor.requests.at(-1)?.url.pathname.endsWith('/tasks') === true);
    agent.connect('dead');
    expect([...agent.journal.state.sessions.values()].map(({ executions }) => executions)).toEqual([
      [kapacitor.tasks.get('dead')?.execution],
    ]);
  });

  test('forgets the tries of a task that has held', async () => {
    kapacitor.define('dead');
    leaveJournal(['dead']);
    const agent = startAgent({ timing: { ...TIMING, heldMs: 1 } });
    await logged('was brought back', 'dead');
    await looks(3);
    expect(agent.journal.state.tries.size).toBe(0);
  });

  test('brings back fifty tasks, no more than eight at the same time', async () => {
    const tasks = Array.from({ length: 50 }, (_, i) => `dead-${i}`);
    for (const task of tasks) kapacitor.define(task);
    leaveJournal(tasks);
    let most = 0;
    kapacitor.behaviour = {
      stopped: (_, stopped) => {
        stopped.error = BROKEN;
        const disabled = [...kapacitor.tasks.values()].filter(({ status }) => status === 'disabled');
        most = Math.max(most, disabled.length);
      },
    };
    startAgent();
    await until(() => lines.filter(({ message }) => message.includes('was brought back')).length === 50);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(8);
  });

  test('waits for a Kapacitor that is not there, says so once, and says when it is back', async () => {
    kapacitor.define('dead');
    leaveJournal(['dead']);
    let refusals = 0;
    kapacitor.behaviour = {
      answer: () => (++refusals < 3 ? { status: 503, body: '{"error":"starting"}' } : undefined),
    };
    startAgent();
    await logged('was brought back', 'dead');
    const messages = lines.map(({ message }) => message);
    expect(messages.filter((message) => message.includes('cannot be asked'))).toHaveLength(1);
    expect(messages.filter((message) => message.includes('answers again'))).toHaveLength(1);
  });

  test('takes a Kapacitor that does not answer at first for no reason to warn, unless it lasts', async () => {
    kapacitor.behaviour = { answer: () => 'hang' };
    const api = new KapacitorApi({
      url: kapacitor.url,
      authorization: undefined,
      ca: undefined,
      isInsecure: false,
      timeoutMs: 20,
    });
    startAgent({ api, timing: { ...TIMING, coldStartMs: 100 } });
    await until(() => lines.some(({ message }) => message.includes('cannot be asked')));
    expect(lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      'info: Kapacitor does not answer yet',
      'warn: Kapacitor cannot be asked: tasks that lost their UDF wait until it answers',
    ]);
  });

  test('says of a task whose options were refused that a person is needed, once, and leaves it alone', async () => {
    kapacitor.define('wrong', {
      executing: false,
      error: 'edgeDetect2: failed to initialize processes hold: -30s is negative',
    });
    leaveJournal(['wrong']);
    startAgent();
    await logged('only a person can change that', 'wrong');
    await looks(3);
    expect(lines).toHaveLength(1);
    expect(kapacitor.patches).toEqual([]);
  });

  test('brings back a task that loses its session while the agent lives', async () => {
    kapacitor.define('task');
    const agent = startAgent();
    agent.connect('task');
    await until(() => (agent.journal.state.sessions.values().next().value?.executions.length ?? 0) > 0);
    agent.disconnect('task');
    await logged('was brought back', 'task');
  });

  test('lets go of a task that executes after all, but with another agent', async () => {
    kapacitor.define('moved', { executing: false, error: BROKEN });
    const agent = startAgent();
    agent.isConnecting = false;
    await logged('could not be brought back', 'moved');
    await looks(3);
    expect(kapacitor.patches).toEqual(['moved disabled', 'moved enabled']);
  });

  test('forgets tasks that were deleted', async () => {
    kapacitor.define('gone');
    leaveJournal(['gone']);
    kapacitor.tasks.delete('gone');
    const agent = startAgent();
    await until(() => agent.journal.state.sessions.size === 0);
  });

  test('ends what it has begun before the agent stops', async () => {
    kapacitor.define('dead');
    leaveJournal(['dead']);
    const agent = startAgent();
    await until(() => kapacitor.patches.length === 1);
    await agent.end();
    expect(kapacitor.tasks.get('dead')).toMatchObject({ status: 'enabled', executing: true });
    const left = readJournal(join(folder, 'edgeDetect.journal'));
    expect(left.steps.size).toBe(0);
    expect([...left.sessions.values()].map(({ executions }) => executions)).toEqual([
      [kapacitor.tasks.get('dead')?.execution],
    ]);
  });
});
