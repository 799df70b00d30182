import { Command, Option } from 'commander';
import { LineDoor } from '../../doors/lines/line-door.ts';
import { LineFilter } from '../../doors/lines/line-filter.ts';
import { StateFile } from '../../doors/state-file.ts';
import { visible } from '../../edges/display-text.ts';
import { UsageError } from '../../errors.ts';
import type { NodeLog } from '../../function/contract.ts';
import { OptionsError } from '../../function/options.ts';
import { parseCount } from '../argument-parsers.ts';
import { durationParser, MAX_TIMER_MS, wholeMs } from '../duration.ts';
import type { Io } from '../io.ts';
import { type NodeFlags, nodeOptions, streamFunction } from '../node-options.ts';
import type { CommandFactory } from '../run.ts';
import { logText } from '../text-log.ts';

interface FilterFlags extends NodeFlags {
  readonly others: 'pass' | 'drop';
  readonly state?: string;
  readonly saveEvery: bigint;
  readonly maxGroups: number;
}

/** How much of a line that is none is shown. */
const EXCERPT_LENGTH = 200;

const NS_PER_MINUTE = 60_000_000_000n;

/** `edge-detect filter`: lines in, lines out, for pipes and for Telegraf's `[[processors.execd]]`. */
export const filterCommand: CommandFactory = (io, exit) => {
  const command = new Command('filter').description(
    'read line protocol from standard input, and write the edges to standard output: for pipes and Telegraf',
  );
  for (const option of filterOptions()) command.addOption(option);
  command.addHelpText(
    'after',
    `
Examples:
  # In telegraf.conf: of adsl_connection only the changes go on, of everything else all
  [[processors.execd]]
    command = ["edge-detect", "filter", "--measurement", "adsl_connection", "--group-by", "host",
               "--field", "value", "--option", "hold(30s)", "--state", "/var/lib/telegraf/adsl.state"]

  # In a pipe
  zcat points.lp.gz | edge-detect filter --measurement cpu --group-by host --field usage \\
    --option "deadband(5.0).previousAs('was')" --others drop

An emitted point goes out as the line that it came as, with the added fields behind its own. Whatever is read is
answered at once. A line that is no line protocol is reported on standard error, and the rest goes on.
Exits with 0 at the end of the input, at SIGTERM and SIGINT (a second one ends at once), and where nobody reads the
output any more; with 1 if the input, the output or the function fails; with 2 for wrong options.`,
  );
  return command.action(async (flags: FilterFlags) => {
    await filter(flags, io);
    exit(0);
  });
};

function filterOptions(): Option[] {
  return [
    ...nodeOptions(
      'EDGE_DETECT_FILTER',
      'the measurement whose points the function gets (default: all of them)',
      'edgeDetect',
    ),
    new Option('--others <fate>', 'what becomes of lines of other measurements')
      .choices(['pass', 'drop'])
      .default('pass')
      .env('EDGE_DETECT_FILTER_OTHERS'),
    new Option('--state <file>', 'keep the state there, from one run to the next').env(
      'EDGE_DETECT_FILTER_STATE',
    ),
    new Option('--save-every <duration>', 'how often the state is saved; also at the end')
      .argParser(durationParser(100, MAX_TIMER_MS))
      .default(NS_PER_MINUTE, '1m')
      .env('EDGE_DETECT_FILTER_SAVE_EVERY'),
    new Option('--max-groups <n>', 'groups that are kept unless the options say otherwise')
      .argParser(parseCount)
      .default(1_000_000)
      .env('EDGE_DETECT_FILTER_MAX_GROUPS'),
  ];
}

async function filter(flags: FilterFlags, io: Io): Promise<void> {
  const report = (text: string): void => {
    io.stderr.write(`edge-detect filter: ${text}\n`);
  };
  const log: NodeLog = {
    info() {},
    warn: (fields, message) => report(`warning: ${logText(fields, message)}`),
  };
  const clockMs = (): number => performance.now();
  const lines = await makeFilter(flags, log, clockMs, report);
  const { fn } = lines;
  const state = flags.state === undefined ? undefined : new StateFile(flags.state, fn.name, log);
  const door = new LineDoor(lines.filter, {
    input: io.stdin,
    output: io.stdout,
    clockMs,
    state,
    saveEveryMs: wholeMs(flags.saveEvery),
  });
  let isStopping = false;
  const offSignal = io.onSignal(() => {
    if (isStopping) door.abort();
    else door.stop();
    isStopping = true;
  });
  try {
    await door.run();
  } finally {
    offSignal();
  }
}

/** @throws InputError or UsageError that says what is wrong with the flags */
async function makeFilter(
  flags: FilterFlags,
  log: NodeLog,
  clockMs: () => number,
  report: (text: string) => void,
): Promise<{ filter: LineFilter; fn: { readonly name: string } }> {
  const { fn, options } = await streamFunction(flags);
  try {
    const filter = new LineFilter({
      function: fn,
      options,
      measurement: flags.measurement,
      groupBy: flags.groupBy,
      passesOthers: flags.others === 'pass',
      limits: { maxGroups: flags.maxGroups },
      log,
      clockMs,
      wallMs: Date.now,
      name: 'stdin',
      complain: (problem, line) => report(`${problem}${line === '' ? '' : `: ${excerptOf(line)}`}`),
    });
    return { filter, fn };
  } catch (error) {
    if (error instanceof OptionsError)
      throw new UsageError(`the function refuses its options: ${error.message}`);
    throw error;
  }
}

function excerptOf(line: string): string {
  return visible(line.length > EXCERPT_LENGTH ? `${line.slice(0, EXCERPT_LENGTH)}…` : line);
}
