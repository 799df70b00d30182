import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { SCOPES, type Scope } from '../../web/access/guard.ts';
import { addListed, parseCount, parseHttpUrl } from '../argument-parsers.ts';
import { durationParser, MAX_TIMER_MS } from '../duration.ts';
import { type KapacitorOptions, kapacitorOptions } from '../kapacitor-options.ts';
import { type LogOptions, logOptions } from '../log.ts';
import { type ListenAddress, parseListenAddress } from './listen-address.ts';
import { tokensOption } from './token-command.ts';

/** The options of `edge-detect web`, as commander hands them over. Durations are in nanoseconds. */
export interface WebFlags extends LogOptions, KapacitorOptions {
  readonly influxdb?: URL;
  readonly user?: string;
  readonly demo?: boolean;
  readonly kapacitor?: string;
  readonly agent?: string;
  readonly listen: ListenAddress;
  readonly workers: number;
  readonly tokens: string;
  readonly anonymous?: Scope;
  readonly hostName: readonly string[];
  readonly allowOrigin: readonly string[];
  readonly embedFrom: readonly string[];
  readonly trustProxy?: boolean;
  readonly maxRange: bigint;
  readonly maxGroups: number;
  readonly maxBody: number;
  readonly queryTimeout: bigint;
  readonly rateLimit: number;
  readonly cache: bigint;
}

const DAY_NS = 86_400_000_000_000n;
const SECOND_NS = 1_000_000_000n;
const MAX_RANGE_MS = 200 * 366 * 86_400_000;

/** Adds every option of the command, each with its environment variable. */
export function addWebOptions(command: Command): void {
  const groups: readonly (readonly [string, readonly Option[]])[] = [
    ['Where states come from:', sourceOptions()],
    ['Where and how it listens:', listenOptions()],
    ['Who may:', accessOptions()],
    ['How much:', limitOptions()],
  ];
  for (const [heading, options] of groups) {
    for (const option of options) {
      const variable = option.long?.slice(2).replaceAll('-', '_').toUpperCase();
      command.addOption(option.env(`EDGE_DETECT_WEB_${variable}`).helpGroup(heading));
    }
  }
  for (const option of [...kapacitorOptions(), ...logOptions()]) command.addOption(option);
}

function sourceOptions(): Option[] {
  return [
    new Option('--influxdb <url>', 'InfluxDB, 1.x, 2.x or 3.x').argParser((text) =>
      parseHttpUrl(text, '--influxdb', 'http://influxdb:8086'),
    ),
    new Option('--user <name>', 'who reads from InfluxDB'),
    new Option('--demo', 'simulated routers held in memory instead of InfluxDB'),
    new Option('--kapacitor <url>', "Kapacitor's HTTP API, for its tasks"),
    new Option('--agent <socket>', "the agent's status socket, for live edges and what it knows"),
  ];
}

function listenOptions(): Option[] {
  return [
    new Option('--listen <host:port>', 'the address; one beyond this machine needs tokens, or --anonymous')
      .argParser(parseListenAddress)
      .default({ host: '127.0.0.1', port: 9095 }, '127.0.0.1:9095'),
    new Option('--workers <n>', 'processes that share the work; auto: one per core')
      .argParser((text) => (text === 'auto' ? availableParallelism() : parseCount(text)))
      .default(1),
    new Option('--trust-proxy', 'believe what a proxy in front of it says of the client'),
    new Option('--embed-from <origin>', 'pages that may show this one in a frame, such as http://nas:8888')
      .argParser(addOrigin)
      .default([], 'its own'),
    new Option('--allow-origin <origin>', 'pages of other servers that may use the API (CORS)')
      .argParser(addOrigin)
      .default([], 'none'),
  ];
}

function accessOptions(): Option[] {
  return [
    tokensOption(),
    new Option(
      '--anonymous <scope>',
      'what one may without a token (default: on loopback everything, else nothing)',
    ).choices(SCOPES),
    new Option('--host-name <name>', 'a name by which pages are asked for on loopback, besides localhost')
      .argParser(addListed)
      .default([], 'none'),
  ];
}

function limitOptions(): Option[] {
  return [
    new Option('--max-range <duration>', 'the longest range of intervals and summaries')
      .argParser(durationParser(1_000, MAX_RANGE_MS))
      .default(1_100n * DAY_NS, '1100d'),
    new Option('--max-groups <n>', 'the most groups of one answer').argParser(parseCount).default(10_000),
    new Option('--max-body <bytes>', 'the longest body of a request')
      .argParser(parseCount)
      .default(10_485_760),
    new Option('--query-timeout <duration>', 'how long InfluxDB may take for one answer')
      .argParser(durationParser(10, MAX_TIMER_MS))
      .default(30n * SECOND_NS, '30s'),
    new Option('--rate-limit <n>', 'requests of one address within a minute')
      .argParser(parseCount)
      .default(1_200),
    new Option('--cache <duration>', 'how long an answer is good; 0: not at all')
      .argParser(durationParser(1, MAX_TIMER_MS, true))
      .default(SECOND_NS, '1s'),
  ];
}

function addOrigin(text: string, before: readonly string[]): readonly string[] {
  const origins = text.split(',').filter((each) => each !== '');
  for (const origin of origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new InvalidArgumentError(
        `${origin} is no origin: expected scheme, host and port, as http://nas:8888.`,
      );
  }
  return [...before, ...origins];
}
