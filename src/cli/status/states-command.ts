import Table from 'cli-table3';
import { Command, Option } from 'commander';
import { visible } from '../../edges/display-text.ts';
import { OTHER_STYLE, stateStyles } from '../../edges/state-styles.ts';
import { OperationError } from '../../errors.ts';
import type { SessionReport, StateReport, StatesReport } from '../../status/report.ts';
import type { Io } from '../io.ts';
import { type Paint, painter } from '../paint.ts';
import type { CommandFactory } from '../run.ts';
import { askAgent, type StatusClientFlags, statusClientOptions } from './status-client.ts';

interface StatesFlags extends StatusClientFlags {
  readonly node?: string;
  readonly match?: string;
}

const PAGE = 1_000;

/** `edge-detect states TASK`: what every group of a task is in at this moment. */
export const statesCommand: CommandFactory = (io) => {
  const command = new Command('states')
    .description('show the present state of every group of a task, as the running agent holds it')
    .argument('<task>', "the task's id");
  for (const option of statusClientOptions()) command.addOption(option);
  command
    .addOption(new Option('--node <name>', 'the node, where the task has several (edgeDetect2)'))
    .addOption(new Option('--match <glob>', "only groups such as 'host=router*'"));
  command.addHelpText(
    'after',
    `
Examples:
  edge-detect states adsl_edges
  edge-detect states adsl_edges --match 'host=router1*' --format json`,
  );
  return command.action(async (task: string, flags: StatesFlags) => {
    await show(task, flags, io);
  });
};

async function show(task: string, flags: StatesFlags, io: Io): Promise<void> {
  const node = flags.node ?? (await onlyNode(task, flags));
  const states: StateReport[] = [];
  let after: string | null = null;
  do {
    const params: URLSearchParams = new URLSearchParams({ limit: String(PAGE) });
    if (flags.match !== undefined) params.set('match', flags.match);
    if (after !== null) params.set('after', after);
    const path = `/sessions/${encodeURIComponent(task)}/${encodeURIComponent(node)}/states?${params}`;
    const page: StatesReport = pageOf(await askAgent(flags, path));
    for (const state of page.states) {
      if (flags.format === 'json') io.stdout.write(`${JSON.stringify(state)}\n`);
      else states.push(state);
    }
    after = page.next;
  } while (after !== null);
  if (flags.format === 'table') io.stdout.write(`${tableOf(states, painter(io.stdout))}\n`);
}

/** Each state in the sign and colour that it has in a timeline. */
function tableOf(states: readonly StateReport[], paint: Paint): string {
  if (states.length === 0) return 'No group has a state.';
  const table = new Table({
    head: ['Group', 'State', 'Since (UTC)', 'Edges', ''],
    style: { head: [], border: [] },
  });
  const counts = new Map<string, number>();
  for (const { value } of states) counts.set(shown(value), (counts.get(shown(value)) ?? 0) + 1);
  const styles = stateStyles(counts);
  for (const state of states) {
    const [group = '', ...rest] = rowOf(state);
    const { color, glyph } = styles.get(shown(state.value)) ?? OTHER_STYLE;
    table.push([group, paint(`${glyph} ${shown(state.value)}`, color), ...rest]);
  }
  return table.toString();
}

/** @throws OperationError where there is none, or more than one */
async function onlyNode(task: string, flags: StatesFlags): Promise<string> {
  const answer = await askAgent(flags, '/sessions');
  const all: readonly SessionReport[] =
    typeof answer === 'object' && answer !== null && 'sessions' in answer && Array.isArray(answer.sessions)
      ? answer.sessions
      : [];
  const nodes = [...new Set(all.filter((each) => each.task === task).map((each) => each.node))];
  const [node] = nodes;
  if (node === undefined) {
    const tasks = [...new Set(all.map((each) => each.task))];
    throw new OperationError(
      `no task ${task} is connected; there ${tasks.length === 0 ? 'is none' : `are ${tasks.join(', ')}`}`,
    );
  }
  if (nodes.length > 1)
    throw new OperationError(`${task} has several nodes: name one of ${nodes.join(', ')} with --node`);
  return node;
}

function pageOf(answer: unknown): StatesReport {
  if (typeof answer !== 'object' || answer === null || !('states' in answer) || !Array.isArray(answer.states))
    return { states: [], next: null };
  return {
    states: answer.states,
    next: 'next' in answer && typeof answer.next === 'string' ? answer.next : null,
  };
}

/** A row without its state. */
function rowOf({ candidate, count, group, owed, silent, since }: StateReport): string[] {
  const notes = [
    ...(silent ? ['silent'] : []),
    ...(owed ? ['an edge is owed'] : []),
    ...(candidate === null
      ? []
      : [`${shown(Object.values(candidate.values)[0])} since ${candidate.points} points`]),
  ];
  return [
    visible(group === '' ? '(all)' : group),
    since === null ? '–' : since.replace('T', ' ').replace('Z', ''),
    count === null ? '–' : String(count),
    notes.join(', '),
  ];
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return '–';
  return visible(typeof value === 'object' ? JSON.stringify(value) : String(value));
}
