import Table from 'cli-table3';
import { Command, Option } from 'commander';
import { visible } from '../../edges/display-text.ts';
import type { SessionReport } from '../../status/report.ts';
import type { Io } from '../io.ts';
import type { CommandFactory } from '../run.ts';
import { askAgent, type StatusClientFlags, statusClientOptions } from './status-client.ts';
import { untilSignal } from './until-signal.ts';

interface StatusFlags extends StatusClientFlags {
  readonly watch?: boolean;
}

const WATCH_MS = 2_000;
const CLEAR = '\u001b[H\u001b[2J';

/** `edge-detect status`: what is connected to the agent, and what it does. */
export const statusCommand: CommandFactory = (io) => {
  const command = new Command('status').description(
    'show what is connected to a running agent, and what it does',
  );
  for (const option of statusClientOptions()) command.addOption(option);
  command.addOption(new Option('--watch', 'show it anew every two seconds'));
  command.addHelpText(
    'after',
    `
Examples:
  edge-detect status
  edge-detect status --watch
  docker compose exec edge-detect edge-detect status --format json`,
  );
  return command.action(async (flags: StatusFlags) => {
    if (flags.watch !== true) {
      await show(flags, io, '');
      return;
    }
    const stopped = untilSignal(io);
    while (!stopped.signal.aborted) {
      await show(flags, io, io.stdout.isTTY === true ? CLEAR : '');
      await stopped.pause(WATCH_MS);
    }
    stopped.off();
  });
};

async function show(flags: StatusFlags, io: Io, before: string): Promise<void> {
  const answer = await askAgent(flags, '/sessions');
  if (flags.format === 'json') {
    io.stdout.write(`${JSON.stringify(answer)}\n`);
    return;
  }
  io.stdout.write(`${before}${sessionTable(sessionsOf(answer))}\n`);
}

function sessionsOf(answer: unknown): readonly SessionReport[] {
  return typeof answer === 'object' &&
    answer !== null &&
    'sessions' in answer &&
    Array.isArray(answer.sessions)
    ? answer.sessions
    : [];
}

function sessionTable(sessions: readonly SessionReport[]): string {
  if (sessions.length === 0) return 'No task is connected.';
  const table = new Table({
    head: [
      'Task',
      'Node',
      'Function',
      'Since',
      'Points',
      'Points/s',
      'Edges',
      'Groups',
      'Snapshot',
      'Warnings',
    ],
    style: { head: [], border: [] },
    colAligns: ['left', 'left', 'left', 'left', 'right', 'right', 'right', 'right', 'right', 'right'],
  });
  for (const each of sessions)
    table.push([
      visible(each.task) + (each.kind === 'replay' ? ' (replay)' : ''),
      visible(each.node),
      each.function,
      each.since.slice(0, 19).replace('T', ' '),
      each.points,
      each.pointsPerSecond,
      each.edges,
      each.groups ?? '–',
      each.snapshotAgeSeconds === null ? 'none yet' : `${each.snapshotAgeSeconds} s ago`,
      each.warnings,
    ]);
  return table.toString();
}
