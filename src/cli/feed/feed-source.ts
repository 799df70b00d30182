import { UsageError } from '../../errors.ts';
import { Clock } from '../../feed/clock.ts';
import type { FeedOptions } from '../../feed/feed.ts';
import { Pacer } from '../../feed/pace.ts';
import { formatOfName, formatOfText, readerFactory } from '../../feed/readers/factory.ts';
import { namingSetting, type ReadSettings } from '../../feed/readers/settings.ts';
import type { PointReading } from '../../feed/reading.ts';
import { openInput, readInput, readRecording } from '../../feed/sources/file.ts';
import { Poller } from '../../feed/sources/poller.ts';
import { type SimulationOptions, simulateAdsl } from '../../feed/sources/simulation.ts';
import type { Io } from '../io.ts';
import type { ExecSettings, FileSettings, SimulationSettings, SourceSettings } from './feed-settings.ts';

/** A source of points as the settings describe it. */
export interface Source extends Pick<FeedOptions, 'source' | 'isLive' | 'readsLines' | 'pacer'> {
  /** How far a file has been read; undefined where there is no end to come nearer to. */
  readonly progress: (() => { readonly readBytes: number; readonly totalBytes: number }) | undefined;
  /** What the summary says of it beyond the points. */
  readonly summary: () => string;
  /** Whether it was tried and nothing came of it. */
  readonly isFruitless: () => boolean;
}

/**
 * Opens the source that the settings describe.
 * @throws UsageError if they make no sense for it, or the file is not there
 */
export async function openSource(
  settings: SourceSettings,
  io: Io,
  report: (message: string) => void,
): Promise<Source> {
  const clock = new Clock();
  const nowNs = (): bigint => clock.nowNs();
  switch (settings.kind) {
    case 'file':
      return openFileSource(settings, io, nowNs, report);
    case 'exec':
      return openExecSource(settings, nowNs, report);
    case 'simulation':
      return openSimulation(settings, nowNs);
  }
}

async function openFileSource(
  settings: FileSettings,
  io: Io,
  nowNs: () => bigint,
  report: (message: string) => void,
): Promise<Source> {
  const { file, isShifted, read, speed } = settings;
  const stated = settings.format ?? formatOfName(file);
  const name = file === '-' ? 'stdin' : file;
  if (stated === 'srpl') refuseNaming(read, 'a recording says itself what is what', false);
  else if (stated !== undefined) checkFormat(stated, read, false);
  const input = await openInput(file, io.stdin);
  const { sizeBytes } = input;
  let format = stated;
  return {
    source: (signal) => {
      // A pipe may be quiet for ever, and what waits for it would not hear that it is to end.
      signal.addEventListener('abort', () => input.bytes.close());
      if (format === 'srpl') return readRecording(input, read.fixedTags);
      return readInput(input, (head) => {
        const textFormat = stated === undefined || stated === 'srpl' ? formatOfText(head) : stated;
        checkFormat(textFormat, read, false);
        format = textFormat;
        return readerFactory(read, textFormat, name, false, report)();
      });
    },
    isLive: false,
    readsLines: () => format === 'lp',
    pacer: new Pacer({ speed, isShifted, catchesUp: false }, nowNs),
    progress:
      sizeBytes === undefined ? undefined : () => ({ readBytes: input.bytes.count, totalBytes: sizeBytes }),
    summary: () => '',
    isFruitless: () => false,
  };
}

function openExecSource(
  settings: ExecSettings,
  nowNs: () => bigint,
  report: (message: string) => void,
): Source {
  const { failureText, format, read } = settings;
  checkFormat(typeof format === 'string' ? format : 'text', read, failureText !== undefined);
  const poller = new Poller({
    command: {
      words: settings.words,
      timeoutMs: settings.timeLimitMs,
      env: withoutOwn(process.env),
      encoding: settings.encoding,
      acceptedCodes: settings.acceptedCodes,
    },
    everyMs: settings.everyMs,
    maxRuns: settings.polls,
    makeReader: readerFactory(read, format, 'output', true, report),
    failureText,
    nowNs,
    report,
  });
  return {
    source: (signal) => poller.readings(signal),
    isLive: true,
    readsLines: () => format === 'lp',
    pacer: new Pacer({ speed: Number.POSITIVE_INFINITY, isShifted: false, catchesUp: false }, nowNs),
    progress: undefined,
    summary: () => `; runs: ${poller.runs}, failed: ${poller.failures}`,
    isFruitless: () => failureText === undefined && poller.runs > 0 && poller.failures === poller.runs,
  };
}

/**
 * Refuses settings that make no sense for a format.
 * @param takesMeasurement whether a measurement is of use in any case
 */
function checkFormat(
  format: 'lp' | 'csv' | 'ndjson' | 'text',
  settings: ReadSettings,
  takesMeasurement: boolean,
): void {
  if (format === 'lp') refuseNaming(settings, 'line protocol says itself what is what', takesMeasurement);
  else if (format !== 'ndjson' && settings.measurement === undefined)
    throw new UsageError(`say --measurement NAME: ${format === 'csv' ? 'CSV' : 'text'} has no measurement`);
}

function refuseNaming(settings: ReadSettings, why: string, takesMeasurement: boolean): void {
  const given = namingSetting(takesMeasurement ? { ...settings, measurement: undefined } : settings);
  if (given === undefined) return;
  const flag = given === 'tag' ? '--tag without a value' : `--${given}`;
  throw new UsageError(`${flag} is of no use here: ${why}`);
}

function openSimulation(settings: SimulationSettings, nowNs: () => bigint): Source {
  const { devices, everyNs, seed, speed, start } = settings;
  const presentNs = nowNs();
  const startNs = 'atNs' in start ? start.atNs : presentNs - start.agoNs;
  const isUnpaced = speed === Number.POSITIVE_INFINITY;
  const polls = settings.polls ?? (isUnpaced ? pollsUntil(presentNs, startNs, everyNs) : undefined);
  return {
    source: () => polled({ devices, everyNs, polls, seed, startNs }),
    isLive: false,
    readsLines: () => true,
    pacer: new Pacer({ speed, isShifted: false, catchesUp: true }, nowNs),
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

/** What is polled has no business with the database's password, which may stand in a URL as well. */
function withoutOwn(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^EDGE_DETECT_(?:FEED|KAPACITOR)_/.test(name)),
  );
}
