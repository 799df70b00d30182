import { rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { messageOf, OperationError, UsageError } from '../errors.ts';
import type { KapacitorApi, Task } from '../kapacitor/api.ts';
import { type Diagnosis, diagnose } from '../revival/diagnosis.ts';
import { Journal, type JournalContent, type KnownSession, readJournal } from '../revival/journal.ts';
import { reviveTask } from '../revival/revival.ts';
import { handJournalPath, journalPath, knock } from '../revival/session-keeper.ts';
import { isBlamed } from '../revival/suspects.ts';
import type { Io } from './io.ts';
import {
  CREDENTIALS_HELP,
  type KapacitorOptions,
  kapacitorApi,
  kapacitorOptions,
} from './kapacitor-options.ts';
import type { CommandFactory } from './run.ts';
import { type ServedOptions, servedFunctions, servedOptions } from './served-functions.ts';

interface ReviveOptions extends ServedOptions, KapacitorOptions {
  readonly kapacitor?: string;
  readonly dryRun?: boolean;
}

/** How long a task that was enabled may take to connect, and how often the journal is asked whether it has. */
const CONNECT_MS = 10_000;
const CONNECT_LOOK_MS = 100;

/** `edge-detect revive`: brings tasks back that lost their UDF, once. */
export const reviveCommand: CommandFactory = (io, exit) => {
  const command = new Command('revive')
    .description('bring back tasks that lost their UDF, once; serve --revive does so all the time')
    .argument(
      '[task...]',
      'only these, and also where it is uncertain whether they still connect by themselves',
    )
    .addOption(
      new Option('--kapacitor <url>', "Kapacitor's HTTP API, for instance http://kapacitor:9092").env(
        'EDGE_DETECT_REVIVE',
      ),
    )
    .addOption(new Option('--dry-run', 'only say what would be done').env('EDGE_DETECT_REVIVE_DRY_RUN'));
  for (const option of [...kapacitorOptions(), ...servedOptions()]) command.addOption(option);
  command.addHelpText(
    'after',
    `
Examples:
  edge-detect revive --kapacitor http://kapacitor:9092 --dry-run
  edge-detect revive --kapacitor http://kapacitor:9092
  docker compose exec edge-detect edge-detect revive adsl_edges

It has to run where the agent's sockets are, and as a user who may use them.

${CREDENTIALS_HELP}

Exits with 0 if every task that lost its UDF was brought back, else with 1.`,
  );
  return command.action(async (tasks: readonly string[], options: ReviveOptions) => {
    if (!options.kapacitor)
      throw new UsageError('say where Kapacitor is: --kapacitor http://HOST:9092, or EDGE_DETECT_REVIVE');
    const source = command.getOptionValueSource('kapacitor');
    const api = kapacitorApi(options.kapacitor, '--kapacitor', source, options);
    exit(await new HandRevival(api, options, new Set(tasks), io).run());
  });
};

/** One run of the command. */
class HandRevival {
  readonly #api: KapacitorApi;
  readonly #isDryRun: boolean;
  readonly #wanted: ReadonlySet<string>;
  readonly #io: Io;
  readonly #functions: ReturnType<typeof servedFunctions>;
  readonly #sockets: readonly string[];
  /** What this command does, apart from the agent's journal: either may be killed. */
  readonly #own: Journal;
  readonly #ownPath: string;

  constructor(api: KapacitorApi, options: ReviveOptions, wanted: ReadonlySet<string>, io: Io) {
    this.#api = api;
    this.#isDryRun = options.dryRun === true;
    this.#wanted = wanted;
    this.#io = io;
    this.#functions = servedFunctions(options);
    this.#sockets = this.#functions.map(({ path }) => path);
    this.#ownPath = handJournalPath(this.#functions);
    this.#own = new Journal(this.#ownPath, (message) => io.stderr.write(`edge-detect: ${message}\n`));
  }

  async run(): Promise<number> {
    await this.#knock();
    const tasks = await this.#api.tasks();
    for (const id of this.#wanted)
      if (!tasks.has(id)) throw new OperationError(`Kapacitor at ${this.#api.place} has no task ${id}`);
    const journal = this.#journal();
    const findings = await this.#diagnose(tasks, journal);
    if (findings.size === 0) this.#say('no task has lost its UDF');
    let isGood = true;
    for (const [id, finding] of findings) isGood = (await this.#treat(id, finding, journal)) && isGood;
    this.#own.close();
    if (!this.#isDryRun && readJournal(this.#ownPath).steps.size === 0)
      rmSync(this.#ownPath, { force: true });
    return isGood ? 0 : 1;
  }

  async #knock(): Promise<void> {
    try {
      await knock(this.#functions);
    } catch (error) {
      throw new OperationError(
        `without the agent no task can come back (start it, or name its --socket-dir): ${messageOf(error)}`,
      );
    }
  }

  #journal(): JournalContent {
    return readJournal(journalPath(this.#functions));
  }

  /** What is wrong with whom, of those that may have lost a UDF served here. */
  async #diagnose(
    tasks: ReadonlyMap<string, Task>,
    journal: JournalContent,
  ): Promise<Map<string, Diagnosis>> {
    const sessions = [...journal.sessions.values()];
    const steps = new Map([...journal.steps, ...readJournal(this.#ownPath).steps]);
    const suspects = [...tasks.values()].filter(
      (task) =>
        (this.#wanted.size === 0 || this.#wanted.has(task.id)) &&
        (this.#wanted.has(task.id) ||
          steps.has(task.id) ||
          sessions.some(({ taskId, isLive }) => taskId === task.id && !isLive) ||
          isBlamed(task, sessions, this.#sockets)),
    );
    const executions = suspects.some(({ isExecuting }) => isExecuting) ? await this.#api.executions() : [];
    const findings = new Map<string, Diagnosis>();
    for (const task of suspects) {
      const finding = diagnose({
        task,
        step: steps.get(task.id),
        isBlamed: isBlamed(task, sessions, this.#sockets),
        sessions: sessions.filter(({ taskId }) => taskId === task.id),
        executions: executions.filter((execution) => execution.task === task.id),
        unconnectedMs: () => this.#unconnectedMs(task, journal),
      });
      // Somebody who disabled a task knows.
      if (finding.condition !== 'disabled' || this.#wanted.has(task.id)) findings.set(task.id, finding);
    }
    return findings;
  }

  /** @returns whether the task is as it should be, or nobody's fault here */
  async #treat(id: string, { condition, reason }: Diagnosis, journal: JournalContent): Promise<boolean> {
    const isUncertain = condition === 'connecting';
    if (condition !== 'dead' && condition !== 'half-way' && !(isUncertain && this.#wanted.has(id))) {
      this.#say(`${id}: left alone: ${reason}${isUncertain ? `; to be sure: edge-detect revive ${id}` : ''}`);
      return true;
    }
    // Two who enable a task at the same moment would start it twice.
    if (journal.revives && !isUncertain && journal.tries.get(id)?.hasGivenUp !== true) {
      this.#say(`${id}: left to the running agent, which brings tasks back itself: ${reason}`);
      return true;
    }
    if (this.#isDryRun) {
      this.#say(`${id}: would be brought back: ${reason}`);
      return true;
    }
    return this.#revive(id, condition === 'half-way', reason);
  }

  async #revive(id: string, isHalfWay: boolean, why: string): Promise<boolean> {
    const startedMs = performance.now();
    try {
      const { result, reason } = await reviveTask(id, isHalfWay, {
        api: this.#api,
        steps: this.#own,
        knock: () => knock(this.#functions),
        isConnected: () => this.#hasSessions(id, (sessions) => sessions.every(({ isLive }) => isLive)),
        whenConnected: () => this.#whenConnected(id),
      });
      if (result === 'revived') {
        this.#say(`${id}: brought back in ${Math.round(performance.now() - startedMs)} ms: ${why}`);
        return true;
      }
      if (result === 'left') {
        this.#say(`${id}: left alone: ${reason}`);
        return true;
      }
      this.#complain(`${id}: could not be brought back: ${reason}`);
    } catch (error) {
      this.#complain(`${id}: could not be brought back: ${messageOf(error)}`);
    }
    return false;
  }

  async #whenConnected(id: string): Promise<boolean> {
    const deadlineMs = performance.now() + CONNECT_MS;
    while (performance.now() < deadlineMs) {
      if (this.#hasSessions(id, (sessions) => sessions.some(({ isLive }) => isLive))) return true;
      await pause(CONNECT_LOOK_MS);
    }
    return false;
  }

  #hasSessions(id: string, isFit: (sessions: readonly KnownSession[]) => boolean): boolean {
    const sessions = [...this.#journal().sessions.values()].filter(({ taskId }) => taskId === id);
    return sessions.length > 0 && isFit(sessions);
  }

  #say(line: string): void {
    this.#io.stdout.write(`${line}\n`);
  }

  #complain(line: string): void {
    this.#io.stderr.write(`edge-detect: ${line}\n`);
  }

  /** Since both the agent and the task are there; a Kapacitor that has just started is not told from one that has not. */
  #unconnectedMs(task: Task, journal: JournalContent): number {
    const enabledMs = Date.parse(task.lastEnabled);
    return journal.startedMs === undefined || Number.isNaN(enabledMs)
      ? 0
      : Date.now() - Math.max(journal.startedMs, enabledMs);
  }
}
