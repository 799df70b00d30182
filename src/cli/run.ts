import { Command, CommanderError } from 'commander';
import { InputError, messageOf, UsageError } from '../errors.ts';
import { callSettings } from '../wording.ts';
import { flagOf } from './flag-names.ts';
import type { Io } from './io.ts';
import { printable } from './printable.ts';
import { programVersion } from './program-version.ts';
import { settleSwitches } from './switches.ts';
import { sayUnreadVariables } from './unread-variables.ts';

/** Makes one command. What its action resolves to, through `exit`, is the exit code; 0 unless it says otherwise. */
export type CommandFactory = (io: Io, exit: (code: number) => void) => Command;

/** Only the command that is asked for is loaded: an agent needs no client of InfluxDB, nor the memory for one. */
const COMMANDS: ReadonlyMap<string, () => Promise<CommandFactory>> = new Map([
  ['serve', async () => (await import('./serve/serve-command.ts')).serveCommand],
  ['worker', async () => (await import('./serve/worker.ts')).workerCommand],
  ['function-worker', async () => (await import('./serve/function-worker.ts')).functionWorkerCommand],
  ['probe', async () => (await import('./probe-command.ts')).probeCommand],
  ['conf', async () => (await import('./conf-command.ts')).confCommand],
  ['new', async () => (await import('./new-command.ts')).newCommand],
  ['stdio', async () => (await import('./stdio-command.ts')).stdioCommand],
  ['replay', async () => (await import('./replay/replay-command.ts')).replayCommand],
  ['filter', async () => (await import('./filter/filter-command.ts')).filterCommand],
  ['kafka', async () => (await import('./kafka/kafka-command.ts')).kafkaCommand],
  ['feed', async () => (await import('./feed/feed-command.ts')).feedCommand],
  ['web', async () => (await import('./web/web-command.ts')).webCommand],
  ['test', async () => (await import('./test-command.ts')).testCommand],
  ['check', async () => (await import('./check-command.ts')).checkCommand],
  ['status', async () => (await import('./status/status-command.ts')).statusCommand],
  ['states', async () => (await import('./status/states-command.ts')).statesCommand],
  ['edges', async () => (await import('./status/edges-command.ts')).edgesCommand],
  ['revive', async () => (await import('./revive-command.ts')).reviveCommand],
]);

/** The page of docs/ on each command, which its `--help` names. */
const PAGES: Readonly<Record<string, string>> = {
  serve: 'operation',
  probe: 'operation',
  conf: 'install/by-hand',
  new: 'functions',
  stdio: 'functions',
  replay: 'replay',
  filter: 'telegraf',
  kafka: 'kafka',
  feed: 'feed',
  web: 'web',
  test: 'testing',
  check: 'testing',
  status: 'monitoring',
  states: 'monitoring',
  edges: 'monitoring',
  revive: 'operation',
};

/** What only the agent itself starts. */
const HIDDEN_COMMANDS = new Set(['worker', 'function-worker']);

/** What runs again and again beside an agent, which has said what is to be said of its variables. */
const SILENT_COMMANDS = new Set(['probe', 'worker', 'function-worker']);

/** Commander's words in one line: a suggestion comes in one of its own. */
function usageError(text: string): string {
  return text
    .trim()
    .replace(/^error: /, '')
    .replaceAll('\n', ' ');
}

async function loadOthers(name: string, io: Io): Promise<Command[]> {
  const others = [...COMMANDS].filter(([other]) => other !== name);
  return Promise.all(others.map(async ([, load]) => (await load())(io, () => {})));
}

/** Every command that is for people, for instance for what is written about them. */
export async function allCommands(io: Io): Promise<Command[]> {
  const commands = await loadOthers('', io);
  return commands.filter((command) => !HIDDEN_COMMANDS.has(command.name()));
}

function inheritSettings(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inheritSettings(child, command);
}

/**
 * Runs the program as `main.ts` and the tests do.
 * @param argv the arguments after the program's name
 * @returns the exit code: 0 done, 1 it could not be done, 2 it was asked for in a wrong way
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  callSettings(flagOf);
  let code = 0;
  const program = new Command('edge-detect')
    .description('UDF agent for Kapacitor: @edgeDetect() emits only the changes of state')
    .version(programVersion())
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(`edge-detect: ${usageError(text)} (--help shows what there is)\n`),
    })
    .exitOverride()
    .hook('preAction', async (_, command) => {
      settleSwitches(command);
      if (SILENT_COMMANDS.has(command.name())) return;
      await sayUnreadVariables(command, [...COMMANDS.keys()], () => loadOthers(command.name(), io), io);
    });
  const isKnown = COMMANDS.has(argv[0] ?? '');
  for (const [name, load] of COMMANDS) {
    if (isKnown && name !== argv[0]) continue;
    const make = await load();
    const command = make(io, (exitCode) => {
      code = exitCode;
    });
    inheritSettings(command, program);
    const page = PAGES[name];
    if (page !== undefined)
      command.addHelpText('after', `\nDocumentation: docs/${page}.md, all flags: docs/commands.md`);
    program.addCommand(command, { hidden: HIDDEN_COMMANDS.has(name) });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    io.stderr.write(`edge-detect: ${printable(messageOf(error))}\n`);
    return error instanceof UsageError || error instanceof InputError ? 2 : 1;
  }
}
