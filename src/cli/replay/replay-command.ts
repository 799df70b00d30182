import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { EdgeReader } from '../../edges/edges.ts';
import { messageOf, OperationError, UsageError } from '../../errors.ts';
import type { UdfFunction } from '../../function/contract.ts';
import { connectHost, type Host } from '../../kapacitor/host/host.ts';
import { replay, Survey } from '../../kapacitor/host/playback.ts';
import { openRecording, type Recording } from '../../kapacitor/recordings/recording.ts';
import { MAX_TIME, MIN_TIME } from '../../line-protocol/limits.ts';
import type { WrittenOption } from '../../tickscript/script-options.ts';
import { positionOf, ScriptSyntaxError } from '../../tickscript/tokens.ts';
import { type UdfCall, udfCalls } from '../../tickscript/udf-calls.ts';
import { callSettings } from '../../wording.ts';
import { flagOf } from '../flag-names.ts';
import type { Io } from '../io.ts';
import { parseMoment } from '../moment.ts';
import { checkNodeOptions, type NodeFlags, nodeOptions, writtenOptions } from '../node-options.ts';
import { printable } from '../printable.ts';
import { startProgress } from '../progress.ts';
import { REPEATABLE_READING_FLAGS, splitVariables } from '../reading-options.ts';
import type { CommandFactory } from '../run.ts';
import { type Catalogue, functionOf, loadCatalogue } from '../served-functions.ts';
import { startOwnAgent } from './own-agent.ts';
import { inputOptions, ReplayInput, type ReplayInputFlags } from './replay-input.ts';
import { FORMATS, type ReplayFormat, ReplayOutput } from './replay-output.ts';

interface ReplayOptions extends ReplayInputFlags, NodeFlags {
  readonly socket?: string;
  /** A script that says measurement, grouping, function and options itself. */
  readonly tick?: string;
  readonly format: ReplayFormat;
  /** Nanoseconds since the epoch. */
  readonly since?: bigint;
  readonly until?: bigint;
}

/** A recording is read much faster than this; an agent that takes so long for anything hangs. */
const TIMEOUT_MS = 30_000;

/** `edge-detect replay FILE`: what a task would emit, without Kapacitor. */
export const replayCommand: CommandFactory = (io, exit) => {
  const command = new Command('replay')
    .description('send a recording through the agent as Kapacitor would, and show the edges')
    .argument(
      '<file>',
      "a recording of Kapacitor (.srpl, .brpl), or line protocol, CSV, JSON as 'feed' reads them; also gzipped; '-' for standard input",
    );
  for (const option of replayOptions()) command.addOption(option);
  for (const option of inputOptions()) {
    const variable = option.long?.slice(2).replaceAll('-', '_').toUpperCase();
    command.addOption(option.env(`EDGE_DETECT_REPLAY_${variable}`).helpGroup('How the file is read:'));
  }
  command.addHelpText(
    'after',
    `
Examples:
  edge-detect replay router.srpl --group-by host --field value
  edge-detect replay points.lp --measurement cpu --group-by '*' --field usage --option 'deadband(5.0)'
  edge-detect replay router.srpl --group-by host --field value --option "holdTo('TRAINING', 3m)"
  edge-detect replay history.csv --group-by entity_id --time last_changed --field state
  edge-detect replay queries.brpl --field value --format json | jq .value
  edge-detect replay router.srpl --tick tasks/adsl_alert.tick
  tail -n 5000 points.lp | edge-detect replay - --field value --format lp

An option is written as in a TICKscript, several of them with a dot between: "hold(30s).initial(FALSE)".
Exits with 0 when all was sent, also where there are no edges; with 1 if the agent fails, or records of the file
are no points; with 2 for wrong options or a damaged file.`,
  );
  return command.action(async (file: string) => {
    splitVariables(command, REPEATABLE_READING_FLAGS);
    // Its own --format is that of the output.
    callSettings((setting) => (setting === 'format' ? '--input-format' : flagOf(setting)));
    const options = command.opts<ReplayOptions>();
    exit(
      options.tick === undefined
        ? await replayFile(file, options, io)
        : await replayScript(file, options.tick, options, io),
    );
  });
};

function replayOptions(): Option[] {
  return [
    ...nodeOptions(
      'EDGE_DETECT_REPLAY',
      'send only points of this measurement',
      'edgeDetect, for batches edgeDetectBatch',
    ),
    new Option('--tick <script>', 'take measurement, grouping, function and options from a TICKscript').env(
      'EDGE_DETECT_REPLAY_TICK',
    ),
    new Option('--socket <path>', 'use the agent that runs at this socket').env('EDGE_DETECT_REPLAY_SOCKET'),
    new Option('--format <format>', 'a table with a timeline, lines of JSON, or line protocol')
      .choices(FORMATS)
      .default('table')
      .env('EDGE_DETECT_REPLAY_FORMAT'),
    new Option('--since <time>', 'show edges from then on: a date, or -24h for a day ago (all points count)')
      .argParser(parseMoment)
      .env('EDGE_DETECT_REPLAY_SINCE'),
    new Option('--until <time>', 'show edges up to then')
      .argParser(parseMoment)
      .env('EDGE_DETECT_REPLAY_UNTIL'),
  ];
}

/** @returns the exit code */
async function replayFile(file: string, options: ReplayOptions, io: Io): Promise<number> {
  const given = writtenOptions(options);
  if (options.since !== undefined && options.until !== undefined && options.since > options.until)
    throw new UsageError('--since is later than --until: nothing would be shown');
  if (options.socket !== undefined && options.function !== undefined)
    throw new UsageError('--function goes with an agent of its own: leave it or --socket out');
  const input = new ReplayInput(file, options, io);
  const recording = await openRecording(file, io.stdin, (chunks, name) => input.records(chunks, name));
  try {
    if (recording.kind === 'batch' && options.groupBy.length > 0)
      throw new UsageError(
        `${file}: the batches of a recording are grouped by their query: leave --group-by out`,
      );
    if (options.socket !== undefined) {
      await send(file, recording, options.socket, given, options, io, () => {});
      return codeAfter(input, io);
    }
    const agent = await startOwnAgent(await functionFor(recording, options), io);
    try {
      await send(file, recording, agent.path, given, options, io, () => agent.showWarnings());
    } finally {
      await agent.stop();
    }
    return codeAfter(input, io);
  } finally {
    recording.close();
  }
}

/**
 * Plays a recording to each function that a script calls, with what the script gives it.
 * @returns the exit code
 */
async function replayScript(file: string, script: string, options: ReplayOptions, io: Io): Promise<number> {
  const given = [
    ['--measurement', options.measurement !== undefined],
    ['--group-by', options.groupBy.length > 0],
    ['--field', options.field.length > 0],
    ['--tag', options.tag.length > 0],
    ['--option', options.option.length > 0],
    ['--function', options.function !== undefined],
  ] as const;
  const double = given.find(([, isGiven]) => isGiven)?.[0];
  if (double !== undefined)
    throw new UsageError(`${double}: --tick takes that from the script; leave it out`);
  const calls = scriptCalls(script, await loadCatalogue(options));
  if (calls.length > 1 && file === '-')
    throw new UsageError(
      `${script} calls ${calls.length} functions, and standard input can be read once: name a file`,
    );
  let code = 0;
  for (const call of calls) {
    const { column, line } = call.position;
    if (calls.length > 1) io.stderr.write(`${script}:${line}:${column}: @${call.name}()\n`);
    for (const { position, what } of call.notFollowed)
      io.stderr.write(`edge-detect: warning: ${script}:${position.line}:${position.column}: ${what}\n`);
    const callCode = await replayFile(
      file,
      {
        ...options,
        ...(call.measurement === undefined ? {} : { measurement: call.measurement }),
        groupBy: file.endsWith('.brpl') ? [] : call.groupBy,
        option: call.options,
        function: call.name,
      },
      io,
    );
    code = Math.max(code, callCode);
  }
  return code;
}

/** @throws UsageError where the script cannot be read, or calls no function that there is */
function scriptCalls(script: string, { builtIn, own }: Catalogue): UdfCall[] {
  const names = new Set([...builtIn, ...own].map(({ name }) => name));
  let text: string;
  try {
    text = readFileSync(script, 'utf8');
  } catch (error) {
    throw new UsageError(`--tick ${script}: ${messageOf(error)}`);
  }
  try {
    const calls = udfCalls(text, (name) => names.has(name));
    if (calls.length > 0) return calls;
  } catch (error) {
    if (!(error instanceof ScriptSyntaxError)) throw error;
    const { column, line } = positionOf(text, error.offset);
    throw new UsageError(`--tick ${script}:${line}:${column}: ${error.message}`);
  }
  throw new UsageError(
    `--tick ${script}: it calls none of ${[...names].map((name) => `@${name}()`).join(', ')}`,
  );
}

/** Says what was left out of the file, and gives the exit code. */
function codeAfter(input: ReplayInput, io: Io): number {
  for (const line of input.summary()) io.stderr.write(`edge-detect: ${printable(line)}\n`);
  return input.isIncomplete ? 1 : 0;
}

async function functionFor(recording: Recording, options: ReplayOptions): Promise<UdfFunction> {
  const usual = recording.kind === 'batch' ? 'edgeDetectBatch' : 'edgeDetect';
  return functionOf(options.function ?? usual, await loadCatalogue(options));
}

async function send(
  file: string,
  recording: Recording,
  path: string,
  given: readonly WrittenOption[],
  options: ReplayOptions,
  io: Io,
  onStarted: () => void,
): Promise<void> {
  const { measurement, groupBy, since = MIN_TIME, until = MAX_TIME } = options;
  const output = new ReplayOutput(io, options.format, { sinceNs: since, untilNs: until });
  // The reader is made when the agent has said what it can do, and nothing is emitted before that.
  let reader: EdgeReader | undefined;
  let failure: Error | undefined;
  const host = await connectHost(path, {
    timeoutMs: TIMEOUT_MS,
    sink: {
      emitted: (kind, bytes, start, end) => reader?.emitted(kind, bytes, start, end),
      settled: () => output.drained(),
    },
    onFailure(error) {
      failure = error;
      // Its input may be a pipe in which nothing comes any more.
      recording.close();
    },
  });
  let isInterrupted = false;
  const off = io.onSignal(() => {
    isInterrupted = true;
    host.destroy();
  });
  output.onBroken(() => host.destroy());
  const survey = new Survey();
  const progress = startProgress(io, () => recording.progress());
  try {
    reader = await start(host, recording, given, output);
    onStarted();
    await replay(recording, host, { measurement, groupBy }, survey, () => progress.update());
    await host.finish();
  } catch (error) {
    if (isInterrupted) throw new OperationError('interrupted before the end of the recording');
    // Whoever read the output has seen enough.
    if (!output.isBroken) throw failure ?? error;
  } finally {
    off();
    progress.stop();
    host.destroy();
  }
  await output.finish({ file, survey, keys: reader?.keys ?? [], options: given, measurement, groupBy });
}

/** Info and Init, as Kapacitor does them when a task is defined and enabled. */
async function start(
  host: Host,
  recording: Recording,
  given: readonly WrittenOption[],
  output: ReplayOutput,
): Promise<EdgeReader> {
  const { wants, options: types } = await host.info();
  if (wants !== (recording.kind === 'batch' ? 'BATCH' : 'STREAM'))
    throw new UsageError(
      `the recording holds ${recording.kind === 'batch' ? 'batches' : 'a stream'}, but the function wants ${wants}`,
    );
  checkNodeOptions(given, types);
  const reader = new EdgeReader(given, types, (edge) => output.edge(edge, reader.keys));
  const verdict = await host.init({
    options: [...given, ...reader.addedOptions],
    // A task of its own: no other session may take it for its replay.
    taskId: `edge-detect replay ${process.pid}`,
    nodeId: 'edgeDetect2',
  });
  if (!verdict.success) throw new UsageError(`the function refuses its options: ${verdict.error}`);
  return reader;
}
