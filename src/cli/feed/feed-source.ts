import { UsageError } from '../../errors.ts';
import { Clock } from '../../feed/clock.ts';
import type { FeedOptions } from '../../feed/feed.ts';
import { FirstTimes, refuseDoubt } from '../../feed/first-times.ts';
import { Pacer } from '../../feed/pace.ts';
import { Readers } from '../../feed/readers/factory.ts';
import { ReadingNotes } from '../../feed/readers/notes.ts';
import { checkSettings, PointsReader } from '../../feed/readers/points-reader.ts';
import { formatOfName } from '../../feed/readers/recognition.ts';
import type { PointReading, ReaderReading, Reading } from '../../feed/reading.ts';
import { openInput, readInput } from '../../feed/sources/file.ts';
import { Poller } from '../../feed/sources/poller.ts';
import { type SimulationOptions, simulateAdsl } from '../../feed/sources/simulation.ts';
import type { Io } from '../io.ts';
import type { ExecSettings, FileSettings, SimulationSettings, SourceSettings } from './feed-settings.ts';
import { isPlaced } from './feed-target.ts';
import { NO_DATABASE, NO_PLACE, type TargetSettings } from './target-settings.ts';

/** A source of points as the settings describe it. */
export interface Source extends Pick<FeedOptions, 'source' | 'isLive' | 'pacer'> {
  /** How far a file has been read; undefined where there is no end to come nearer to. */
  readonly progress: (() => { readonly readBytes: number; readonly totalBytes: number }) | undefined;
  /** Whether points should have a time of their own. */
  readonly isHistory: boolean;
  /** What was left out of it, and what else a person should know at the end. */
  readonly notes: ReadingNotes;
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
  target: TargetSettings,
): Promise<Source> {
  const clock = new Clock();
  const nowNs = (): bigint => clock.nowNs();
  switch (settings.kind) {
    case 'file':
      return openFileSource(settings, io, nowNs, report, target);
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
  target: TargetSettings,
): Promise<Source> {
  const { file, format, isShifted, read, shiftAgoNs, speed } = settings;
  const named = format ?? formatOfName(file);
  if (named !== undefined && format !== undefined) checkSettings(read, named);
  const input = await openInput(file, io.stdin);
  const { name, sizeBytes } = input;
  const notes = new ReadingNotes((note) => report(String(note)));
  const reader = new PointsReader(read, { name, format, file: file === '-' ? undefined : file }, notes);
  const isNanoseconds = (): boolean => reader.format === 'lp' && read.precision === undefined;
  const first = new FirstTimes<ReaderReading>(
    isNanoseconds,
    read.precision === undefined ? refuseDoubt : () => {},
  );
  return {
    source: (signal) => {
      // A pipe may be quiet for ever, and what waits for it would not hear that it is to end.
      signal.addEventListener('abort', () => input.bytes.close());
      return placed(readInput(input, reader, first), target, notes, () => reader.format === 'lp');
    },
    isLive: false,
    isHistory: true,
    notes,
    pacer: new Pacer({ speed, isShifted, shiftAgoNs, catchesUp: false }, nowNs),
    progress:
      sizeBytes === undefined ? undefined : () => ({ readBytes: input.bytes.count, totalBytes: sizeBytes }),
    summary: () => '',
    isFruitless: () => false,
  };
}

/**
 * Points of a file that may say itself where they belong.
 * @throws InputError at one that doesn't, if nobody has said where to write
 */
async function* placed(
  points: AsyncIterable<readonly ReaderReading[]>,
  target: TargetSettings,
  notes: ReadingNotes,
  isExport: () => boolean,
): AsyncGenerator<readonly ReaderReading[]> {
  const database = target.kind === 'stdout' ? undefined : target.database;
  for await (const readings of points) {
    for (const reading of readings) {
      if (reading.kind !== 'point') continue;
      const { place } = reading;
      if (place === undefined && isPlaced(target))
        throw new UsageError(
          `${target.kind === 'influxdb' ? NO_PLACE : NO_DATABASE}; the file does not say where its points belong`,
        );
      if (place !== undefined && database !== undefined && place.database !== database && isExport())
        notes.once(
          'place',
          `points of the database ${place.database} are written to ${database}, as --database says`,
        );
    }
    yield readings;
  }
}

function openExecSource(
  settings: ExecSettings,
  nowNs: () => bigint,
  report: (message: string) => void,
): Source {
  const { failureText, format, read } = settings;
  // A failed run's point needs a measurement in any case.
  if (typeof format === 'string')
    checkSettings(failureText === undefined ? read : { ...read, measurement: undefined }, format);
  else if (read.measurement === undefined)
    throw new UsageError('say --measurement NAME: text has no measurement');
  const notes = new ReadingNotes((note) => report(String(note)));
  const readers = new Readers(read, format, 'output', notes);
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
    makeReader: () => readers.make(),
    failureText,
    nowNs,
    report,
  });
  return {
    source: (signal) => plausible(poller.readings(signal), format === 'lp', read.precision !== undefined),
    isLive: true,
    isHistory: false,
    notes,
    pacer: new Pacer({ speed: Number.POSITIVE_INFINITY, isShifted: false, catchesUp: false }, nowNs),
    progress: undefined,
    summary: () => `; runs: ${poller.runs}, failed: ${poller.failures}`,
    isFruitless: () => failureText === undefined && poller.runs > 0 && poller.failures === poller.runs,
  };
}

/** What programs print has times that can be meant, or was not read in the right unit. */
async function* plausible(
  runs: AsyncIterable<readonly Reading[]>,
  isLineProtocol: boolean,
  isBelieved: boolean,
): AsyncGenerator<readonly Reading[]> {
  const first = new FirstTimes<Reading>(() => isLineProtocol, isBelieved ? () => {} : refuseDoubt);
  for await (const readings of runs) {
    yield first.take(readings);
    yield first.end();
  }
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
    isHistory: false,
    notes: new ReadingNotes(),
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
