import { once } from 'node:events';
import { connect } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { codeOf, messageOf, OperationError } from '../errors.ts';
import type { Io } from './io.ts';
import { startOwnAgent } from './replay/own-agent.ts';
import type { CommandFactory } from './run.ts';
import {
  type FunctionsDirOption,
  functionOf,
  functionsDirOption,
  loadCatalogue,
} from './served-functions.ts';

/** `edge-detect stdio NAME`: the same agent as a process that Kapacitor starts itself, for those who want no socket. */
export const stdioCommand: CommandFactory = (io, exit) => {
  const command = new Command('stdio')
    .description('be one function on standard input and output, as Kapacitor starts it: a process UDF')
    .argument('<name>', 'the function')
    .addOption(functionsDirOption())
    .addHelpText(
      'after',
      `
Example, in kapacitor.conf:
  [udf.functions.movingAverage]
    prog = "edge-detect"
    args = ["stdio", "movingAverage", "--functions-dir", "/etc/edge-detect/functions"]
    timeout = "10s"

Kapacitor starts a process for every node of every task, and once more to ask for the options.
Exits with 0 at the end of the input, with 1 if the conversation breaks, with 2 for a function that there is not.`,
    );
  return command.action(async (name: string, options: FunctionsDirOption) => {
    await converse(name, options, io);
    exit(0);
  });
};

async function converse(name: string, options: FunctionsDirOption, io: Io): Promise<void> {
  const fn = functionOf(name, await loadCatalogue(options));
  const agent = await startOwnAgent(fn, io);
  agent.showWarnings();
  // Kapacitor ends the input first, and whoever sends a signal to the group of processes must not be faster.
  const off = io.onSignal(() => undefined);
  const socket = connect({ path: agent.path, allowHalfOpen: true });
  try {
    await once(socket, 'connect');
    await Promise.all([pipeline(io.stdin, socket), pipeline(socket, io.stdout, { end: false })]);
  } catch (error) {
    // Kapacitor has ended, and wants to hear nothing more.
    if (codeOf(error) !== 'EPIPE') throw new OperationError(`the conversation broke: ${messageOf(error)}`);
  } finally {
    off();
    socket.destroy();
    await agent.stop();
  }
}
