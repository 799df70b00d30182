import { createInterface } from 'node:readline';
import { Command, Option } from 'commander';
import { visible } from '../../edges/display-text.ts';
import { OperationError, UsageError } from '../../errors.ts';
import type { CommandFactory } from '../run.ts';
import { openAgent, type StatusClientFlags, statusClientOptions } from './status-client.ts';
import { untilSignal } from './until-signal.ts';

interface EdgesFlags extends StatusClientFlags {
  readonly follow?: boolean;
}

/** `edge-detect edges --follow`: edges at the moment of their making. */
export const edgesCommand: CommandFactory = (io) => {
  const command = new Command('edges')
    .description('show the edges of a running agent at the moment of their making')
    .argument('[task]', 'only those of this task');
  for (const option of statusClientOptions()) command.addOption(option);
  command.addOption(
    new Option('--follow', 'go on until Ctrl+C; there is no other way: the agent keeps no edges'),
  );
  command.addHelpText(
    'after',
    `
Examples:
  edge-detect edges --follow
  edge-detect edges --follow adsl_edges --format json | jq .fields`,
  );
  return command.action(async (task: string | undefined, flags: EdgesFlags) => {
    if (flags.follow !== true)
      throw new UsageError(
        'the agent keeps no edges: --follow shows those that come; the table of changes is in InfluxDB',
      );
    const stopped = untilSignal(io);
    const path = `/edges${task === undefined ? '' : `?${new URLSearchParams({ task })}`}`;
    const response = await openAgent(flags, path, stopped.signal);
    try {
      for await (const line of createInterface({ input: response }))
        io.stdout.write(flags.format === 'json' ? `${line}\n` : `${shown(line)}\n`);
    } catch (error) {
      if (!stopped.signal.aborted) throw error;
    } finally {
      stopped.off();
    }
    if (!stopped.signal.aborted) throw new OperationError('the agent has ended');
  });
};

/** `2018-01-03T11:32:21.07Z adsl_edges host=router1 value=TRAINING was=SHOWTIME` */
function shown(line: string): string {
  const edge = new Map<string, unknown>(Object.entries(JSON.parse(line)));
  if (edge.has('lost')) return `(${edge.get('lost')} edges were lost: this was read too slowly)`;
  const fields = Object.entries(Object(edge.get('fields'))).map(
    ([name, value]) => `${name}=${String(value)}`,
  );
  return visible([edge.get('time'), edge.get('task'), edge.get('group'), ...fields].map(String).join(' '));
}
