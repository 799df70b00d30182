import { UsageError } from '../../errors.ts';
import { Clock } from '../../feed/clock.ts';
import type { FeedOptions } from '../../feed/feed.ts';
import { Pacer } from '../../feed/pace.ts';
import { parseTimeNs } from '../../feed/readers/times.ts';
import type { PointReading } from '../../feed/reading.ts';
import { openInput, readInput, readRecording } from '../../feed/sources/file.ts';
import { Poller } from '../../feed/sources/poller.ts';
import { type SimulationOptions, simulateAdsl } from '../../feed/sources/simulation.ts';
import { splitWords } from '../../feed/sources/words.ts';
import { DURATION_NOTATION, parseDuration, wholeMs } from '../duration.ts';
import type { Io } from '../io.ts';
import type { FeedFlags } from './feed-options.ts';
import {
  failureText,
  fixedTagsOf,
  formatOfName,
  formatOfText,
  readerFactory,
  refuseFlags,
} from './feed-readers.ts';

/** A source of points as the flags describe it. */
export interface Source extends Pick<FeedOptions, 'source' | 'isLive' | 'readsLines' | 'pacer'> {
  /** How far a file has been read; undefined where there is no end to come nearer to. */
  readonly progress: (() => { readonly readBytes: number; readonly totalBytes: number }) | undefined;
  /** What the summary says of it beyond the points. */
  readonly summary: () => string;
  /** Whether it was tried and nothing came of it. */
  readonly isFruitless: () => boolean;
}

/** No run takes longer unless --time-limit allows it. */
const DEFAULT_TIME_LIMIT_MS = 30_000;

/**
 * Opens the source that the flags name.
 * @throws UsageError if they make no sense for it, or the file is not there
 */
export async function openSource(
  flags: FeedFlags,
  io: Io,
  report: (message: string) => void,
): Promise<Source> {
  const clock = new Clock();
  const nowNs = (): bigint => clock.nowNs();
  if (flags.file !== undefined) return openFileSource(flags, flags.file, io, nowNs);
  if (flags.exec !== undefined) return openExecSource(flags, flags.exec, nowNs, report);
  return openSimulation(flags, nowNs);
}

async function openFileSource(flags: FeedFlags, file: string, io: Io, nowNs: () => bigint): Promise<Source> {
  const stated = flags.format ?? formatOfName(file);
  const name = file === '-' ? 'stdin' : file;
  if (stated === 'srpl') refuseFlags(flags, 'a recording says itself what is what', false);
  else if (stated !== undefined) readerFactory(flags, stated, name, false);
  const input = await openInput(file, io.stdin);
  const { sizeBytes } = input;
  let format = stated;
  return {
    source: (signal) => {
      // A pipe may be quiet for ever, and what waits for it would not hear that it is to end.
      signal.addEventListener('abort', () => input.bytes.close());
      if (format === 'srpl') return readRecording(input, fixedTagsOf(flags));
      return readInput(input, (head) => {
        const textFormat = stated === undefined || stated === 'srpl' ? formatOfText(head) : stated;
        format = textFormat;
        return readerFactory(flags, textFormat, name, false)();
      });
    },
    isLive: false,
    readsLines: () => format === 'lp',
    pacer: makePacer(flags, Number.POSITIVE_INFINITY, false, nowNs),
    progress:
      sizeBytes === undefined ? undefined : () => ({ readBytes: input.bytes.count, totalBytes: sizeBytes }),
    summary: () => '',
    isFruitless: () => false,
  };
}

function openExecSource(
  flags: FeedFlags,
  command: string,
  nowNs: () => bigint,
  report: (message: string) => void,
): Source {
  if (flags.format === 'csv' || flags.format === 'srpl')
    throw new UsageError(`--exec reads lp, ndjson, or text by --pattern, not ${flags.format}`);
  if (flags.pattern !== undefined && flags.format !== undefined)
    throw new UsageError('--pattern takes text apart: leave --format out');
  const format = flags.pattern === undefined ? (flags.format ?? 'lp') : 'text';
  const everyMs = wholeMs(flags.every);
  const poller = new Poller({
    command: {
      words: flags.shell === true ? ['/bin/sh', '-c', command] : splitWords(command),
      timeoutMs:
        flags.timeLimit === undefined ? Math.min(everyMs, DEFAULT_TIME_LIMIT_MS) : wholeMs(flags.timeLimit),
      env: withoutOwn(process.env),
    },
    everyMs,
    maxRuns: flags.polls,
    makeReader: readerFactory(flags, format, 'output', true),
    failureText: flags.onFailure === undefined ? undefined : failureText(flags, flags.onFailure),
    nowNs,
    report,
  });
  return {
    source: (signal) => poller.readings(signal),
    isLive: true,
    readsLines: () => format === 'lp',
    pacer: makePacer(flags, Number.POSITIVE_INFINITY, false, nowNs),
    progress: undefined,
    summary: () => `; runs: ${poller.runs}, failed: ${poller.failures}`,
    isFruitless: () => flags.onFailure === undefined && poller.runs > 0 && poller.failures === poller.runs,
  };
}

function openSimulation(flags: FeedFlags, nowNs: () => bigint): Source {
  const { devices, every: everyNs, seed } = flags;
  const presentNs = nowNs();
  const startNs = flags.start === undefined ? presentNs : parseStart(flags.start, presentNs);
  const isUnpaced = flags.pace === Number.POSITIVE_INFINITY;
  const polls = flags.polls ?? (isUnpaced ? pollsUntil(presentNs, startNs, everyNs) : undefined);
  return {
    source: () => polled({ devices, everyNs, polls, seed, startNs }),
    isLive: false,
    readsLines: () => true,
    pacer: makePacer(flags, 1, true, nowNs),
    progress: undefined,
    summary: () => '',
    isFruitless: () => false,
  };
}

/** Without a pace, only the present is an end to come to. */
function pollsUntil(nowNs: bigint, startNs: bigint, everyNs: bigint): number {
  if (startNs >= nowNs)
    throw new UsageError('--pace max has no end here: say --polls, or a --start in the past');
  return Number((nowNs - startNs) / everyNs) + 1;
}

async function* polled(options: SimulationOptions): AsyncGenerator<readonly PointReading[]> {
  yield* simulateAdsl(options);
}

function makePacer(flags: FeedFlags, usualSpeed: number, catchesUp: boolean, nowNs: () => bigint): Pacer {
  const speed = flags.pace ?? usualSpeed;
  return new Pacer({ speed, isShifted: flags.shiftToNow === true, catchesUp }, nowNs);
}

function parseStart(text: string, nowNs: bigint): bigint {
  if (!text.startsWith('-')) return parseTimeNs(text, undefined);
  const agoNs = parseDuration(text.slice(1));
  if (agoNs === undefined)
    throw new UsageError(`--start ${text}: after - it must be a duration ${DURATION_NOTATION}`);
  return nowNs - agoNs;
}

/** What is polled has no business with the database's password, which may stand in a URL as well. */
function withoutOwn(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('EDGE_DETECT_FEED_')));
}
