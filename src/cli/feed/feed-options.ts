import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../../errors.ts';
import { FORMATS, type Format } from '../../feed/readers/settings.ts';
import { addArgument, parseCount, parseHttpUrl } from '../argument-parsers.ts';
import { durationParser, MAX_TIMER_MS } from '../duration.ts';
import {
  mappingOptions,
  REPEATABLE_READING_FLAGS,
  type ReadingFlags,
  splitVariables,
  textOptions,
} from '../reading-options.ts';

/** The options of `edge-detect feed`, as commander hands them over. Durations are in nanoseconds. */
export interface FeedFlags extends ReadingFlags {
  readonly file?: string;
  readonly format?: Format;
  readonly exec?: string;
  readonly every: bigint;
  readonly polls?: number;
  readonly shell?: boolean;
  readonly timeLimit?: bigint;
  readonly pattern?: string;
  readonly match: 'once' | 'lines';
  readonly onFailure?: string;
  readonly acceptExit: readonly number[];
  readonly simulate?: 'adsl';
  readonly devices: number;
  readonly seed: string;
  readonly start?: string;
  readonly measurement?: string;
  readonly tag: readonly string[];
  readonly pace?: number;
  /** How long ago the first time is to be; negative: times stay as they are. */
  readonly shiftToNow?: bigint;
  readonly influxdb?: URL;
  readonly org?: string;
  readonly bucket?: string;
  readonly token?: string;
  readonly kapacitor?: URL;
  readonly database?: string;
  readonly retentionPolicy?: string;
  readonly user?: string;
  readonly password?: string;
  readonly createDatabase?: boolean;
  readonly waitSubscription?: boolean;
  readonly influxdbCa?: string;
  readonly influxdbInsecure?: boolean;
  readonly kapacitorCa?: string;
  readonly kapacitorInsecure?: boolean;
  readonly batch: number;
  readonly buffer: number;
  readonly compression: 'gzip' | 'none';
  readonly timeout: bigint;
  readonly giveUpAfter?: bigint;
  readonly flushTimeout: bigint;
  readonly rejected?: string;
}

const SECOND_NS = 1_000_000_000n;
const parseDuration = durationParser(1, MAX_TIMER_MS);

/** Adds every option of the command, each with its environment variable. */
export function addFeedOptions(command: Command): void {
  const groups: readonly (readonly [string, readonly Option[]])[] = [
    ['Where points come from (one of --file, --exec, --simulate):', sourceOptions()],
    ['What becomes of names and values:', [...namingOptions(), ...mappingOptions()]],
    ['When points go:', timeOptions()],
    ['Where points go (standard output unless --influxdb or --kapacitor is given):', targetOptions()],
    ['How they go:', deliveryOptions()],
  ];
  for (const [heading, options] of groups) {
    for (const option of options) {
      const variable = option.long?.slice(2).replaceAll('-', '_').toUpperCase();
      command.addOption(option.env(`EDGE_DETECT_FEED_${variable}`).helpGroup(heading));
    }
  }
}

function sourceOptions(): Option[] {
  return [
    new Option('--file <file>', 'a file, gzipped or not, or - for standard input'),
    new Option('--format <format>', 'what it holds (default: by what it shows, and its name)').choices(
      FORMATS,
    ),
    ...textOptions(),
    new Option('--exec <command>', 'run a command again and again and read what it prints'),
    new Option('--every <duration>', 'how often: the grid of --exec, the polls of --simulate')
      .argParser(parseDuration)
      .default(90n * SECOND_NS, '90s'),
    new Option(
      '--polls <n>',
      'stop after so many polls (default: never; --simulate --pace max: at the present)',
    ).argParser(parseCount),
    new Option('--shell', 'hand the command to /bin/sh (default: it is run as it is)'),
    new Option(
      '--time-limit <duration>',
      'how long a run may take (default: --every, at most 30s)',
    ).argParser(parseDuration),
    new Option('--pattern <regexp>', 'take text apart: named groups become fields, or tags with --tag'),
    new Option('--match <how>', 'one match in all, or one match (and point) a line')
      .choices(['once', 'lines'])
      .default('once'),
    new Option('--on-failure <fields>', `fields of a point that stands for a failed run: 'state="DOWN"'`),
    new Option('--accept-exit <codes>', 'exit codes of the command that are no failure, such as 0,3')
      .argParser(parseExitCodes)
      .default([0], '0'),
    new Option('--simulate <what>', 'routers with states and line quality').choices(['adsl']),
    new Option('--devices <n>', 'how many are simulated').argParser(parseCount).default(1),
    new Option('--seed <text>', 'the same seed gives the same points').default('1'),
    new Option('--start <time>', 'the first time simulated: a date, or -24h for a day ago (default: now)'),
  ];
}

function namingOptions(): Option[] {
  return [
    new Option('--measurement <name>', 'the measurement of points from CSV, JSON, --pattern'),
    new Option(
      '--tag <name[=value]>',
      'a column, key or group that becomes a tag; with a value: a tag of every point (repeatable)',
    )
      .argParser(addArgument)
      .default([], 'none'),
  ];
}

function timeOptions(): Option[] {
  return [
    new Option(
      '--pace <factor>',
      '1x as they were taken, 60x sixty times faster, max (default: max; --simulate: 1x)',
    ).argParser(parsePace),
    new Option(
      '--shift-to-now [ago]',
      'move all times so that the first is now, or so long ago: 30m (default: as they are)',
    )
      .preset('yes')
      .argParser(parseShift),
  ];
}

function targetOptions(): Option[] {
  return [
    new Option('--influxdb <url>', 'InfluxDB, 1.x, 2.x or 3.x').argParser((text) =>
      parseHttpUrl(text, '--influxdb', 'http://nas:8086'),
    ),
    new Option('--database <name>', '1.x, 3.x: the database'),
    new Option('--retention-policy <name>', "1.x: the retention policy (default: the database's own)"),
    new Option('--user <name>', '1.x: who writes'),
    new Option('--password <password>', '1.x: the password; better by its variable, or …_PASSWORD_FILE'),
    new Option('--create-database', '1.x: create the database if it is not there'),
    new Option(
      '--wait-subscription',
      '1.x: write nothing before Kapacitor is subscribed to the database, which takes a minute for a new one',
    ),
    new Option('--org <name>', '2.x: the organisation'),
    new Option('--bucket <name>', '2.x, 3.x: the bucket'),
    new Option('--token <token>', '2.x, 3.x: the token; better by its variable, or …_TOKEN_FILE'),
    new Option('--influxdb-ca <file>', 'trust certificates signed by those in this file (PEM) as well'),
    new Option('--influxdb-insecure', 'trust any certificate'),
    new Option(
      '--kapacitor <url>',
      'Kapacitor itself, with --database (and --retention-policy, by default autogen)',
    ).argParser((text) => parseHttpUrl(text, '--kapacitor', 'http://nas:9092')),
    new Option('--kapacitor-ca <file>', 'trust certificates signed by those in this file (PEM) as well'),
    new Option('--kapacitor-insecure', 'trust any certificate'),
  ];
}

function deliveryOptions(): Option[] {
  return [
    new Option('--batch <points>', 'points in one request').argParser(parseCount).default(5_000),
    new Option(
      '--buffer <points>',
      'points kept while the server is away; more from --exec push out the oldest',
    )
      .argParser(parseCount)
      .default(100_000),
    new Option('--compression <how>', 'of requests').choices(['gzip', 'none']).default('gzip'),
    new Option('--timeout <duration>', 'how long one request may take')
      .argParser(parseDuration)
      .default(10n * SECOND_NS, '10s'),
    new Option(
      '--give-up-after <duration>',
      'how long the server may be away (default: 5m; --exec: for ever)',
    ).argParser(parseDuration),
    new Option('--flush-timeout <duration>', 'how long writing the rest may take after SIGTERM')
      .argParser(parseDuration)
      .default(8n * SECOND_NS, '8s'),
    new Option('--rejected <file>', 'append refused points with the reason (default: standard error)'),
  ];
}

/** What an option is of use with; the others are of use with all. */
const BELONGS_TO: ReadonlyMap<string, readonly string[]> = new Map([
  ['format', ['file', 'exec']],
  ['delimiter', ['file']],
  ['every', ['exec', 'simulate']],
  ['polls', ['exec', 'simulate']],
  ['shell', ['exec']],
  ['timeLimit', ['exec']],
  ['pattern', ['exec']],
  ['match', ['exec']],
  ['onFailure', ['exec']],
  ['acceptExit', ['exec']],
  ['encoding', ['file', 'exec']],
  ['skipLines', ['file']],
  ['decimal', ['file', 'exec']],
  ['null', ['file', 'exec']],
  ['select', ['file', 'exec']],
  ['timeFormat', ['file', 'exec']],
  ['timeZone', ['file', 'exec']],
  ['devices', ['simulate']],
  ['seed', ['simulate']],
  ['start', ['simulate']],
  ['measurement', ['file', 'exec']],
  ['tag', ['file', 'exec']],
  ['time', ['file', 'exec']],
  ['precision', ['file', 'exec']],
  ['type', ['file', 'exec']],
  ['rename', ['file', 'exec']],
  ['pace', ['file', 'simulate']],
  ['shiftToNow', ['file']],
  ['org', ['influxdb']],
  ['bucket', ['influxdb']],
  ['token', ['influxdb']],
  ['createDatabase', ['influxdb']],
  ['waitSubscription', ['influxdb']],
  ['influxdbCa', ['influxdb']],
  ['influxdbInsecure', ['influxdb']],
  ['kapacitorCa', ['kapacitor']],
  ['kapacitorInsecure', ['kapacitor']],
  ['database', ['influxdb', 'kapacitor']],
  ['retentionPolicy', ['influxdb', 'kapacitor']],
  ['user', ['influxdb', 'kapacitor']],
  ['password', ['influxdb', 'kapacitor']],
  ['compression', ['influxdb', 'kapacitor']],
]);

/**
 * Reads the options as they were given, by flag or environment.
 * @throws UsageError if they don't go together
 */
export function readFeedFlags(command: Command): FeedFlags {
  splitVariables(command, ['tag', ...REPEATABLE_READING_FLAGS]);
  const flags = command.opts<FeedFlags>();
  const sources = (['file', 'exec', 'simulate'] as const).filter((name) => flags[name] !== undefined);
  if (sources.length !== 1)
    throw new UsageError(
      'say where points come from: one of --file, --exec and --simulate (edge-detect feed --help)',
    );
  const targets = (['influxdb', 'kapacitor'] as const).filter((name) => flags[name] !== undefined);
  if (targets.length > 1) throw new UsageError('--influxdb and --kapacitor are two targets: say one of them');
  const present: readonly string[] = [...sources, ...targets];
  for (const option of command.options) {
    const owners = BELONGS_TO.get(option.attributeName());
    // A variable may be set for several commands; a flag was meant for this one.
    if (owners === undefined || command.getOptionValueSource(option.attributeName()) !== 'cli') continue;
    if (!owners.some((owner) => present.includes(owner)))
      throw new UsageError(
        `${option.long} goes with ${owners.map((owner) => `--${owner}`).join(' or ')} only`,
      );
  }
  return flags;
}

/** A switch by itself, which may say how long before the present. */
function parseShift(text: string): bigint {
  if (/^(?:1|true|yes|on)$/i.test(text)) return 0n;
  return /^(?:0|false|no|off|)$/i.test(text) ? -1n : parseDuration(text);
}

function parseExitCodes(text: string): readonly number[] {
  const codes = text.split(',').map((code) => code.trim());
  if (!codes.every((code) => /^\d{1,3}$/.test(code) && Number(code) <= 255))
    throw new InvalidArgumentError('It must be exit codes from 0 to 255 with commas between, such as 0,3.');
  return codes.map(Number);
}

/** @returns how many times faster; infinity for no wait at all */
function parsePace(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY;
  const factor = Number(/^(\d+(?:\.\d+)?)x$/.exec(text)?.[1]);
  if (!(factor > 0)) throw new InvalidArgumentError('It must be a factor such as 1x or 60x, or max.');
  return factor;
}
