import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseCount } from '../argument-parsers.ts';
import { durationParser } from '../duration.ts';
import { type KapacitorOptions, kapacitorOptions } from '../kapacitor-options.ts';
import { type LogOptions, logOptions } from '../log.ts';
import { kapacitorGidOption, type ServedOptions, servedOptions } from '../served-functions.ts';
import { type StatusFlags, statusOptions } from './status-flags.ts';

export interface ServeOptions extends ServedOptions, LogOptions, KapacitorOptions, StatusFlags {
  readonly socketMode: number;
  readonly socketGroup?: string;
  readonly kapacitorGid?: string;
  readonly maxFrameBytes: number;
  readonly maxGroups: number;
  readonly workers: number;
  readonly functionWorkers: number;
  readonly watch?: boolean;
  /** Bytes. */
  readonly functionMemory: number;
  /** Nanoseconds; 0: off. */
  readonly watchdog: bigint;
  readonly revive?: string;
  readonly reviveTries: number;
}

const MIB = 1024 * 1024;

/** A process without any function takes half of this. */
const MIN_FUNCTION_MEMORY = 96 * MIB;

/** Places in a frame are kept in 32 bits. */
const MAX_FRAME_BYTES = 2 ** 31 - 1;

/** Gives the command the flags of {@link ServeOptions}. */
export function addServeOptions(command: Command): void {
  const groups = [
    servedOptions(),
    socketOptions(),
    limitOptions(),
    processOptions(),
    reviveOptions(),
    statusOptions(),
    kapacitorOptions(),
    logOptions(),
  ];
  for (const option of groups.flat()) command.addOption(option);
}

/** Who may connect. */
function socketOptions(): Option[] {
  return [
    new Option('--socket-mode <octal>', 'permission bits of the sockets')
      .argParser(parseMode)
      .default(0o660, '0660')
      .env('EDGE_DETECT_SOCKET_MODE'),
    new Option('--socket-group <group>', 'group of the sockets, a name or a number').env(
      'EDGE_DETECT_SOCKET_GROUP',
    ),
    kapacitorGidOption('--kapacitor-gid', "Kapacitor's group: warn at the start where it cannot connect"),
  ];
}

/** What a node may take. */
function limitOptions(): Option[] {
  return [
    new Option('--max-frame-bytes <bytes>', 'refuse longer messages and send no longer snapshots')
      .argParser(parseFrameBytes)
      .default(256 * MIB, '268435456, 256 MiB')
      .env('EDGE_DETECT_MAX_FRAME_BYTES'),
    new Option('--max-groups <n>', 'groups that a node keeps unless its TICKscript says otherwise')
      .argParser(parseCount)
      .default(1_000_000)
      .env('EDGE_DETECT_MAX_GROUPS'),
  ];
}

/** In how many processes, and what each may do. */
function processOptions(): Option[] {
  return [
    new Option('--workers <n>', 'processes that share the connections; auto: one per core')
      .argParser((text) => (text === 'auto' ? availableParallelism() : parseCount(text)))
      .default(1)
      .env('EDGE_DETECT_WORKERS'),
    new Option('--function-workers <n>', 'processes that share the connections of your own functions')
      .argParser(parseCount)
      .default(1)
      .env('EDGE_DETECT_FUNCTION_WORKERS'),
    new Option('--function-memory <size>', 'kill a process of your own functions that takes more than this')
      .argParser(parseMemory)
      .default(256 * MIB, '256MB')
      .env('EDGE_DETECT_FUNCTION_MEMORY'),
    new Option(
      '--watch',
      'load functions of your own anew when a file of their folder changes, for development',
    ).env('EDGE_DETECT_WATCH'),
    new Option('--watchdog <duration>', 'kill a process that stands still for longer than this; 0: never')
      .argParser(durationParser(100, 3_600_000, true))
      .default(5_000_000_000n, '5s')
      .env('EDGE_DETECT_WATCHDOG'),
  ];
}

/** Whether tasks are brought back. */
function reviveOptions(): Option[] {
  return [
    new Option('--revive <url>', "bring back tasks that lost their UDF: the URL of Kapacitor's HTTP API").env(
      'EDGE_DETECT_REVIVE',
    ),
    new Option('--revive-tries <n>', 'give a task up after so many tries in a row')
      .argParser(parseCount)
      .default(10)
      .env('EDGE_DETECT_REVIVE_TRIES'),
  ];
}

function parseMode(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text))
    throw new InvalidArgumentError('It must be three octal digits, or a 0 and three, for instance 0660.');
  return Number.parseInt(text, 8);
}

/** A size with its unit, as `docker --memory` takes it: 256MB. */
function parseMemory(text: string): number {
  const [, number = '', unit = ''] = /^(\d+)\s*([kmg])(?:i?b)?$/i.exec(text) ?? [];
  const bytes = Number(number) * ({ k: 1024, m: MIB, g: 1024 * MIB }[unit.toLowerCase()] ?? 0);
  if (!(bytes >= MIN_FUNCTION_MEMORY))
    throw new InvalidArgumentError('It must be a size of 96MB or more, such as 256MB or 1GB.');
  return bytes;
}

function parseFrameBytes(text: string): number {
  const bytes = parseCount(text);
  if (bytes > MAX_FRAME_BYTES) throw new InvalidArgumentError(`It must be ${MAX_FRAME_BYTES} or less.`);
  return bytes;
}
