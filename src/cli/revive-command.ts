import { Command, Option } from 'commander';
import { OperationError, UsageError } from '../errors.ts';
import type { KapacitorApi } from '../kapacitor/api.ts';
import { AgentAwayError, type Finding, HandRevival } from '../revival/hand-revival.ts';
import type { Io } from './io.ts';
import {
  CREDENTIALS_HELP,
  type KapacitorOptions,
  kapacitorApi,
  kapacitorOptions,
} from './kapacitor-options.ts';
import type { CommandFactory } from './run.ts';
import { loadCatalogue, type ServedOptions, servedOptions, servedSockets } from './served-functions.ts';

interface ReviveOptions extends ServedOptions, KapacitorOptions {
  readonly kapacitor?: string;
  readonly dryRun?: boolean;
}

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
    exit(await reviveByHand(api, options, new Set(tasks), io));
  });
};

/** One run of the command. @returns the exit code */
async function reviveByHand(
  api: KapacitorApi,
  options: ReviveOptions,
  wanted: ReadonlySet<string>,
  io: Io,
): Promise<number> {
  const complain = (line: string): void => void io.stderr.write(`edge-detect: ${line}\n`);
  const say = (line: string): void => void io.stdout.write(`${line}\n`);
  const own = (await loadCatalogue(options)).own.map(({ name }) => name);
  const sockets = servedSockets(options, own).map(({ path }) => path);
  const revival = new HandRevival({ api, sockets, onProblem: complain });
  const findings = await findingsOf(revival, wanted);
  if (findings.length === 0) say('no task has lost its UDF');
  let isGood = true;
  for (const finding of findings) {
    const { task } = finding;
    const { reason: why } = finding.diagnosis;
    if (finding.treatment === 'revive' && options.dryRun !== true) {
      const { ms, reason, result } = await revival.revive(finding);
      if (result === 'revived') say(`${task}: brought back in ${ms} ms: ${why}`);
      else if (result === 'left') say(`${task}: left alone: ${reason}`);
      else {
        complain(`${task}: could not be brought back: ${reason}`);
        isGood = false;
      }
    } else say(`${task}: ${untouched(finding)}`);
  }
  if (options.dryRun !== true) revival.close();
  return isGood ? 0 : 1;
}

async function findingsOf(revival: HandRevival, wanted: ReadonlySet<string>): Promise<Finding[]> {
  try {
    return await revival.findings(wanted);
  } catch (error) {
    if (!(error instanceof AgentAwayError)) throw error;
    throw new OperationError(
      `without the agent no task can come back (start it, or name its --socket-dir): ${error.message}`,
    );
  }
}

/** What is said of a task that is not touched. */
function untouched({ diagnosis: { reason }, task, treatment }: Finding): string {
  switch (treatment) {
    case 'revive':
      return `would be brought back: ${reason}`;
    case 'agent':
      return `left to the running agent, which brings tasks back itself: ${reason}`;
    case 'uncertain':
      return `left alone: ${reason}; to be sure: edge-detect revive ${task}`;
    case 'leave':
      return `left alone: ${reason}`;
  }
}
