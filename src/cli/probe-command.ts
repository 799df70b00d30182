import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { accessProblem, ownProblem, whoMayConnect } from '../agent/access.ts';
import { messageOf, OperationError } from '../errors.ts';
import { shakeHands } from '../kapacitor/host/handshake.ts';
import type { EdgeType, InfoResponse } from '../wire/messages.ts';
import { addListed } from './argument-parsers.ts';
import { durationParser, wholeMs } from './duration.ts';
import type { Io } from './io.ts';
import type { CommandFactory } from './run.ts';
import {
  functionOf,
  gidOf,
  kapacitorGidOption,
  loadCatalogue,
  type ServedOptions,
  servedOptions,
  servedSockets,
} from './served-functions.ts';

interface ProbeOptions extends ServedOptions {
  readonly socket: readonly string[];
  readonly asGid?: string;
  /** Nanoseconds. */
  readonly timeout: bigint;
}

/** A socket to probe; what the function wants if that is known. */
interface Target {
  readonly name: string | undefined;
  readonly path: string;
  readonly wants: EdgeType | undefined;
}

const DEFAULT_COLUMNS = 80;

/** `edge-detect probe`: what kapacitord asks each socket at its start. */
export const probeCommand: CommandFactory = (io, exit) => {
  const command = new Command('probe').description(
    'ask each socket what kapacitord asks at its start: the function, its options, and to close again',
  );
  for (const option of servedOptions()) command.addOption(option);
  command
    .addOption(
      new Option(
        '--socket <path>',
        'probe this socket instead, or all in this folder; repeatable, in the variable separated by commas',
      )
        .argParser(addListed)
        .default([], 'none')
        .env('EDGE_DETECT_SOCKET'),
    )
    .addOption(
      new Option('--timeout <duration>', 'how long each answer may take')
        .argParser(durationParser(1, 3_600_000))
        .default(5_000_000_000n, '5s')
        .env('EDGE_DETECT_PROBE_TIMEOUT'),
    )
    .addOption(
      kapacitorGidOption(
        '--as-gid',
        'also whether this group could connect, which is to be that of Kapacitor',
      ),
    )
    .addHelpText(
      'after',
      `
Examples:
  edge-detect probe
  edge-detect probe --socket-dir /tmp/udf --function edgeDetect
  edge-detect probe --socket /run/edge.sock --timeout 500ms
  edge-detect probe --as-gid "$(id -g kapacitor)"

Exits with 0 if all answer and close as they should, else with 1.`,
    );
  return command.action(async (options: ProbeOptions) => exit(await probe(options, io)));
};

async function probe(options: ProbeOptions, io: Io): Promise<number> {
  const timeoutMs = wholeMs(options.timeout);
  const asGid = gidOf(options.asGid);
  const targets = await targetsOf(options);
  const reports = targets.map((target) => report(target, timeoutMs, asGid, io));
  let code = 0;
  // All are asked at once, and told of in the order in which they were named.
  for (const say of reports) if (!(await say)()) code = 1;
  return code;
}

async function targetsOf(options: ProbeOptions): Promise<Target[]> {
  if (options.socket.length > 0)
    return options.socket.flatMap(socketsAt).map((path) => ({ name: undefined, path, wants: undefined }));
  const catalogue = await loadCatalogue(options);
  const own = catalogue.own.map(({ name }) => name);
  return servedSockets(options, own).map(({ name, path }) => ({
    name,
    path,
    wants: functionOf(name, catalogue).wants,
  }));
}

/** The agent's own, on which it tells of itself and speaks HTTP: no function is there. */
const STATUS_SOCKET = 'status.sock';

/**
 * A socket, or those in a folder.
 * @throws OperationError if there are none in it, or it can't be looked into
 */
function socketsAt(path: string): string[] {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [path];
    const entries = readdirSync(path, { withFileTypes: true });
    const sockets = entries.filter((entry) => entry.isSocket() && entry.name !== STATUS_SOCKET);
    if (sockets.length > 0) return sockets.map(({ name }) => join(path, name)).sort();
  } catch (error) {
    throw new OperationError(`${path}: cannot look there: ${messageOf(error)}`);
  }
  throw new OperationError(`${path}: there is no socket in this folder; is the agent running?`);
}

/** Probes one socket. @returns says what came of it, and returns whether all was well */
async function report(
  target: Target,
  timeoutMs: number,
  asGid: number | undefined,
  io: Io,
): Promise<() => boolean> {
  const title = target.name === undefined ? target.path : `${target.name} at ${target.path}`;
  try {
    const startMs = performance.now();
    const info = await shakeHands(target.path, timeoutMs);
    const tookMs = Math.max(1, Math.round(performance.now() - startMs));
    if (target.wants !== undefined && info.wants !== target.wants)
      throw new OperationError(
        `this socket wants ${info.wants}, the function ${target.wants}: are two sockets swapped?`,
      );
    const problem = asGid === undefined ? undefined : accessProblem(target.path, asGid);
    if (problem !== undefined) throw new OperationError(problem);
    const lines = wrap(optionList(info), (io.stdout.columns || DEFAULT_COLUMNS) - 4);
    const lead = `${title}: wants ${info.wants}, provides ${info.provides}, answered in ${tookMs} ms`;
    const text = `${lead}\n    ${whoMayConnect(target.path)} may connect\n${lines.map((line) => `    ${line}\n`).join('')}`;
    return () => {
      io.stdout.write(text);
      return true;
    };
  } catch (error) {
    const own = ownProblem(target.path);
    const message = own === undefined ? messageOf(error) : `${messageOf(error)}; ${own}`;
    const prefix = message.includes(target.path) ? target.name : title;
    return () => {
      io.stderr.write(`edge-detect: ${prefix === undefined ? '' : `${prefix}: `}${message}\n`);
      return false;
    };
  }
}

function optionList(info: InfoResponse): string[] {
  return Object.entries(info.options).map(([name, types]) => `.${name}(${types.join(', ')})`);
}

/** Words in lines of at most this width, where they fit at all. */
function wrap(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
