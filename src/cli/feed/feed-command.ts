import { Command } from 'commander';
import { Feed } from '../../feed/feed.ts';
import { Rejections } from '../../feed/rejections.ts';
import type { Io } from '../io.ts';
import { printable } from '../printable.ts';
import type { CommandFactory } from '../run.ts';
import { addFeedOptions } from './feed-options.ts';
import { FeedProgress } from './feed-progress.ts';
import { type FeedSettings, readFeedSettings } from './feed-settings.ts';
import { openSource, type Source } from './feed-source.ts';
import { isPlaced, makeTarget } from './feed-target.ts';

const EXAMPLES = `
Examples:
  # A router, asked every 90 seconds, into InfluxDB 1.x; a run that fails is a state as well
  edge-detect feed --exec 'ssh router1 show adsl status' --every 90s \\
    --pattern 'line status: +(?<value>\\w+)' --measurement adsl_connection --tag host=router1 \\
    --on-failure 'value="UNREACHABLE"' --influxdb http://nas:8086 --database telegraf

  # The same without InfluxDB: what would be written
  edge-detect feed --exec 'ssh router1 show adsl status' --polls 1 \\
    --pattern 'line status: +(?<value>\\w+)' --measurement adsl_connection --tag host=router1

  # A CSV file into InfluxDB 2.x
  EDGE_DETECT_FEED_TOKEN=… edge-detect feed --file history.csv.gz --measurement adsl_connection \\
    --tag host --time when --type value=string --influxdb http://nas:8086 --org home --bucket telegraf

  # A day of twenty simulated routers, and then on as time goes, straight to Kapacitor
  edge-detect feed --simulate adsl --devices 20 --start -24h --kapacitor http://nas:9092 --database telegraf

  # Line protocol at sixty times the pace that it was taken at, as if it began now
  zcat old.lp.gz | edge-detect feed --file - --pace 60x --shift-to-now --influxdb http://nas:8086 --database telegraf

Every option can be given by its variable (in a list with commas where it is repeatable); a flag counts first.
A password or token belongs there: anyone on the machine may read the arguments of a program.
At the end it says how many points were read, written, rejected and lost, and exits with 0 only if none was
rejected or lost. SIGTERM and SIGINT: what was read is still written, for at most --flush-timeout; a second one
ends at once.`;

/** `edge-detect feed`: points from files, polled devices and simulated routers to InfluxDB or Kapacitor. */
export const feedCommand: CommandFactory = (io, exit) => {
  const command = new Command('feed').description(
    'feed points from a file, a polled device or simulated routers to InfluxDB or Kapacitor',
  );
  addFeedOptions(command);
  command.addHelpText('after', EXAMPLES);
  return command.action(async () => {
    const settings = readFeedSettings(command);
    hideCredentials(command);
    exit(await feed(settings, io));
  });
};

async function feed(settings: FeedSettings, io: Io): Promise<number> {
  let bar: FeedProgress | undefined;
  const report = (message: string): void => {
    bar?.clear();
    io.stderr.write(`edge-detect feed: ${printable(message)}\n`);
  };
  const target = makeTarget(settings.target, io, report);
  const source = await openSource(settings.source, io, report, settings.target);
  const rejections = new Rejections({
    file: settings.rejectedFile,
    isMarked: settings.isEncodingSaid,
    report,
  });
  const work = new Feed({
    ...source,
    target,
    isPlaced: isPlaced(settings.target),
    rejections,
    report,
    writer: { ...settings.writer, random: Math.random },
    flushTimeoutMs: settings.flushTimeoutMs,
  });
  let isStopping = false;
  const offSignal = io.onSignal((signal) => {
    report(isStopping ? `${signal}: ending at once` : `${signal}: writing what was read`);
    if (isStopping) work.abort();
    else work.stop();
    isStopping = true;
  });
  if (source.progress !== undefined && io.stderr.isTTY === true)
    bar = new FeedProgress(io, source.progress, () => work.written);
  try {
    await work.run();
  } finally {
    offSignal();
    bar?.stop();
    bar = undefined;
    target.close();
    rejections.close();
    for (const line of notesOn(work, source)) report(line);
    const { lost, read, rejected, written } = work;
    report(`points: ${read} read, ${written} written, ${rejected} rejected, ${lost} lost${source.summary()}`);
  }
  const isIncomplete = work.rejected + work.lost + source.notes.losses > 0;
  const isNothing = work.read === 0 && work.empty > 0 && source.isHistory;
  return isIncomplete || isNothing || source.isFruitless() ? 1 : 0;
}

/** What a person should know of what was read. */
function notesOn({ empty, untimed }: Feed, { isHistory, notes }: Source): string[] {
  const lines = notes.summary();
  if (empty > 0) lines.push(`${empty} ${empty === 1 ? 'record' : 'records'} without any value passed over`);
  if (isHistory && untimed > 0)
    lines.push(
      untimed === 1
        ? '1 point had no time: it was given that at which it was read'
        : `${untimed} points had no time: each was given that at which it was read`,
    );
  return lines;
}

/** Writing the title overwrites the arguments that `ps` shows. */
function hideCredentials(command: Command): void {
  const isShown = ['token', 'password', 'influxdb', 'kapacitor'].some(
    (name) => command.getOptionValueSource(name) === 'cli',
  );
  if (isShown) process.title = 'edge-detect feed';
}
