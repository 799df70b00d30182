import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { KafkaDoor, type KafkaDoorOptions } from '../../doors/kafka/kafka-door.ts';
import { messageOf, UsageError } from '../../errors.ts';
import { addListed, parseCount } from '../argument-parsers.ts';
import { durationParser, MAX_TIMER_MS, wholeMs } from '../duration.ts';
import type { Io } from '../io.ts';
import { type LogOptions, logOptions, makeLog } from '../log.ts';
import { type NodeFlags, nodeOptions, streamFunction } from '../node-options.ts';
import type { CommandFactory } from '../run.ts';
import { readSecret } from '../secrets.ts';

interface KafkaFlags extends NodeFlags, LogOptions {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly output: string;
  readonly group: string;
  readonly instance?: string;
  readonly deadLetter?: string;
  readonly saveEvery: bigint;
  readonly sessionTimeout: bigint;
  readonly maxGroups: number;
}

const NS_PER_SECOND = 1_000_000_000n;
const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;

/** `edge-detect kafka`: a member of a consumer group, one node for each partition. */
export const kafkaCommand: CommandFactory = (io, exit) => {
  const command = new Command('kafka').description(
    'read line protocol from a topic of Kafka, and write the edges to another: on as many machines as there are partitions',
  );
  for (const option of kafkaOptions()) command.addOption(option);
  command.addHelpText(
    'after',
    `
Example:
  edge-detect kafka --brokers kafka1:9092,kafka2:9092 --topic telegraf --output adsl_edges --group edge-detect \\
    --measurement adsl_connection --group-by host --field value --option "hold(30s).previousAs('was')"

Telegraf's Kafka output needs a routing_tag, so that the points of one device are in one partition. The state of each
partition's node is in the compacted topic GROUP-FUNCTION-state. TLS and SASL by variables: EDGE_DETECT_KAFKA_TLS=1,
EDGE_DETECT_KAFKA_CA (a file), EDGE_DETECT_KAFKA_MECHANISM (${MECHANISMS.join(', ')}), EDGE_DETECT_KAFKA_USER,
EDGE_DETECT_KAFKA_PASSWORD or EDGE_DETECT_KAFKA_PASSWORD_FILE.
SIGTERM and SIGINT: saves the states, leaves the group, and exits with 0.`,
  );
  return command.action(async (flags: KafkaFlags) => {
    await work(flags, io);
    exit(0);
  });
};

function kafkaOptions(): Option[] {
  return [
    new Option('--brokers <host:port>', 'brokers to begin with; separated by commas, or repeated')
      .argParser((text: string, before: readonly string[] | undefined) => addListed(text, before ?? []))
      .makeOptionMandatory()
      .env('EDGE_DETECT_KAFKA_BROKERS'),
    new Option('--topic <name>', 'the topic that Telegraf writes to')
      .makeOptionMandatory()
      .env('EDGE_DETECT_KAFKA_TOPIC'),
    new Option('--output <topic>', 'the topic that the edges go to')
      .makeOptionMandatory()
      .env('EDGE_DETECT_KAFKA_OUTPUT'),
    new Option('--group <name>', 'the consumer group').makeOptionMandatory().env('EDGE_DETECT_KAFKA_GROUP'),
    new Option('--instance <name>', 'a name of its own: a restart of this member moves nothing').env(
      'EDGE_DETECT_KAFKA_INSTANCE',
    ),
    new Option('--dead-letter <topic>', 'where lines go that are no line protocol').env(
      'EDGE_DETECT_KAFKA_DEAD_LETTER',
    ),
    ...nodeOptions(
      'EDGE_DETECT_KAFKA',
      'the measurement whose points the function gets (default: all of them)',
      'edgeDetect',
    ),
    new Option('--save-every <duration>', 'how often states are saved; also when a partition is given away')
      .argParser(durationParser(100, MAX_TIMER_MS))
      .default(10n * NS_PER_SECOND, '10s')
      .env('EDGE_DETECT_KAFKA_SAVE_EVERY'),
    new Option('--session-timeout <duration>', 'after so long without a sign a member counts as gone')
      .argParser(durationParser(6000, 1_800_000))
      .default(10n * NS_PER_SECOND, '10s')
      .env('EDGE_DETECT_KAFKA_SESSION_TIMEOUT'),
    new Option('--max-groups <n>', 'groups that a partition keeps unless the options say otherwise')
      .argParser(parseCount)
      .default(1_000_000)
      .env('EDGE_DETECT_KAFKA_MAX_GROUPS'),
    ...logOptions(),
  ];
}

async function work(flags: KafkaFlags, io: Io): Promise<void> {
  const { fn, options } = await streamFunction(flags);
  const log = await makeLog(io, flags);
  const door = new KafkaDoor({
    cluster: { brokers: flags.brokers, ...securitySettings() },
    topic: flags.topic,
    output: flags.output,
    group: flags.group,
    instance: flags.instance,
    deadLetter: flags.deadLetter,
    sessionTimeoutMs: wholeMs(flags.sessionTimeout),
    saveEveryMs: wholeMs(flags.saveEvery),
    node: {
      function: fn,
      options,
      measurement: flags.measurement,
      groupBy: flags.groupBy,
      limits: { maxGroups: flags.maxGroups },
      log,
      clockMs: () => performance.now(),
    },
    log,
  });
  let isStopping = false;
  const offSignal = io.onSignal((signal) => {
    if (isStopping) process.exit(1);
    isStopping = true;
    log.info({ signal }, 'stopping');
    door.stop();
  });
  try {
    await door.run();
  } finally {
    offSignal();
  }
}

/** @throws UsageError if a variable makes no sense */
function securitySettings(): Pick<KafkaDoorOptions['cluster'], 'tls' | 'sasl'> {
  const { EDGE_DETECT_KAFKA_CA: ca, EDGE_DETECT_KAFKA_MECHANISM: mechanism = 'PLAIN' } = process.env;
  const hasTls = /^(?:1|true|yes|on)$/i.test(process.env.EDGE_DETECT_KAFKA_TLS ?? '') || ca !== undefined;
  const username = process.env.EDGE_DETECT_KAFKA_USER;
  const known = MECHANISMS.find((each) => each === mechanism.toUpperCase());
  if (known === undefined)
    throw new UsageError(`EDGE_DETECT_KAFKA_MECHANISM is '${mechanism}': there are ${MECHANISMS.join(', ')}`);
  return {
    tls: hasTls ? { ...(ca === undefined ? {} : { ca: certificateIn(ca) }) } : undefined,
    sasl:
      username === undefined
        ? undefined
        : { mechanism: known, username, password: readSecret('EDGE_DETECT_KAFKA_PASSWORD') },
  };
}

function certificateIn(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`EDGE_DETECT_KAFKA_CA: cannot read ${file}: ${messageOf(error)}`);
  }
}
