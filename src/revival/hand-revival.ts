import { rmSync } from 'node:fs';
import { uptime } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf, OperationError } from '../errors.ts';
import type { KapacitorApi, Task } from '../kapacitor/api.ts';
import { type Diagnosis, isToBringBack } from './diagnosis.ts';
import { Journal, readJournal } from './journal.ts';
import { isLost, type JournalContent, type KnownSession } from './journal-state.ts';
import { Judge, type Known } from './judge.ts';
import { reviveTask } from './revival.ts';
import { handJournalPath, journalPath, knock } from './sockets.ts';

/** How long a task that was enabled may take to connect, and how often the journal is asked whether it has. */
const CONNECT_MS = 10_000;
const CONNECT_LOOK_MS = 100;

export interface HandRevivalOptions {
  readonly api: KapacitorApi;
  /** The agent's sockets; its journal lies beside the first. */
  readonly sockets: readonly string[];
  /** Told once when what is being done can't be written down. */
  readonly onProblem: (message: string) => void;
}

/** What is to be done about a task when somebody asks, and why. */
export interface Finding {
  readonly task: string;
  readonly diagnosis: Diagnosis;
  /**
   * `revive`: it lost its UDF, and nobody else brings it back; `agent`: the running agent does; `uncertain`: it may yet
   * connect by itself, so somebody has to name it; `leave`: it is as it should be, or nobody's fault here.
   */
  readonly treatment: 'revive' | 'agent' | 'uncertain' | 'leave';
}

/** What became of a task. */
export interface HandOutcome {
  readonly result: 'revived' | 'left' | 'failed';
  /** Why it was left, or could not be brought back. */
  readonly reason: string;
  readonly ms: number;
}

/** Without the agent no task can come back; the message says which of its sockets does not answer. */
export class AgentAwayError extends OperationError {}

/** Brings tasks back when somebody asks for it, from another process than the agent's. */
export class HandRevival {
  readonly #options: HandRevivalOptions;
  /** What is being done here, apart from the agent's journal: either process may be killed. */
  readonly #own: Journal;
  readonly #ownPath: string;

  constructor(options: HandRevivalOptions) {
    this.#options = options;
    this.#ownPath = handJournalPath(options.sockets);
    this.#own = new Journal(this.#ownPath, options.onProblem);
  }

  /**
   * Looks at all tasks, or at those named: of these it also says what is to be done where nothing is wrong, and they
   * are brought back where it is uncertain whether they need it.
   * @throws AgentAwayError, ApiError where Kapacitor does not answer, OperationError where it does not know a task
   */
  async findings(wanted: ReadonlySet<string>): Promise<Finding[]> {
    const { api, sockets } = this.#options;
    try {
      await knock(sockets);
    } catch (error) {
      throw new AgentAwayError(messageOf(error));
    }
    const tasks = await api.tasks();
    for (const id of wanted)
      if (!tasks.has(id)) throw new OperationError(`Kapacitor at ${api.place} has no task ${id}`);
    const journal = readJournal(journalPath(sockets));
    const known: Known = {
      sessions: journal.sessions,
      cameMs: journal.cameMs,
      steps: new Map([...journal.steps, ...readJournal(this.#ownPath).steps]),
    };
    const judge = new Judge(known, sockets);
    const ids = wanted.size > 0 ? wanted : judge.suspects(tasks.values());
    const suspects = [...tasks.values()].filter(({ id }) => ids.has(id));
    const executions = suspects.some(({ isExecuting }) => isExecuting) ? await api.executions() : [];
    const kapacitorSinceMs = suspects.some((task) => judge.needsStart(task))
      ? await api.runningSinceMs()
      : undefined;
    const unconnectedMs = (task: Task): number => unconnectedFor(task, journal);
    const findings: Finding[] = [];
    for (const task of suspects) {
      const diagnosis = judge.diagnose(task, { executions, kapacitorSinceMs, unconnectedMs });
      // Somebody who disabled a task knows.
      if (diagnosis.condition === 'disabled' && !wanted.has(task.id)) continue;
      findings.push({
        task: task.id,
        diagnosis,
        treatment: treatmentOf(task.id, diagnosis, wanted.has(task.id), journal),
      });
    }
    return findings;
  }

  /** Brings one task back; it is tried whatever was found, as long as it can be done without harm. */
  async revive({ diagnosis, task }: Finding): Promise<HandOutcome> {
    const { api, sockets } = this.#options;
    const startedMs = performance.now();
    const ended = (result: HandOutcome['result'], reason: string): HandOutcome => ({
      result,
      reason,
      ms: Math.round(performance.now() - startedMs),
    });
    try {
      const { result, reason } = await reviveTask(task, diagnosis.condition === 'half-way', {
        api,
        steps: this.#own,
        knock: () => knock(sockets),
        isConnected: () => this.#hasSessions(task, (sessions) => !sessions.some(isLost)),
        whenConnected: () => this.#whenConnected(task),
      });
      return ended(result === 'elsewhere' ? 'failed' : result, reason);
    } catch (error) {
      return ended('failed', messageOf(error));
    }
  }

  /** Leaves nothing behind but what another one must go on with. */
  close(): void {
    this.#own.close();
    if (readJournal(this.#ownPath).steps.size === 0) rmSync(this.#ownPath, { force: true });
  }

  async #whenConnected(task: string): Promise<boolean> {
    const deadlineMs = performance.now() + CONNECT_MS;
    while (performance.now() < deadlineMs) {
      if (this.#hasSessions(task, (sessions) => sessions.some((session) => !isLost(session)))) return true;
      await pause(CONNECT_LOOK_MS);
    }
    return false;
  }

  #hasSessions(task: string, isFit: (sessions: readonly KnownSession[]) => boolean): boolean {
    const { sessions } = readJournal(journalPath(this.#options.sockets));
    const own = [...sessions.values()].filter(({ taskId }) => taskId === task);
    return own.length > 0 && isFit(own);
  }
}

function treatmentOf(
  task: string,
  { condition }: Diagnosis,
  isWanted: boolean,
  journal: JournalContent,
): Finding['treatment'] {
  if (condition === 'connecting') return isWanted ? 'revive' : 'uncertain';
  if (!isToBringBack(condition)) return 'leave';
  // Two who enable a task at the same moment would start it twice.
  return journal.revives && journal.tries.get(task)?.hasGivenUp !== true ? 'agent' : 'revive';
}

/** Since both the agent and the task are there; a Kapacitor that has just started is not told from one that has not. */
function unconnectedFor(task: Task, journal: JournalContent): number {
  const enabledMs = Date.parse(task.lastEnabled);
  return journal.startedMs === undefined || Number.isNaN(enabledMs)
    ? 0
    : Math.min(agentAgeMs(journal.startedMs, journal.startedUptimeMs), Date.now() - enabledMs);
}

/** For how long the agent has served, whatever became of the clock on the wall since; unless the machine was started anew. */
function agentAgeMs(startedMs: number, startedUptimeMs: number | undefined): number {
  const ageMs = uptime() * 1000 - (startedUptimeMs ?? Number.POSITIVE_INFINITY);
  return ageMs >= 0 ? ageMs : Date.now() - startedMs;
}
