import type { Command } from 'commander';
import { messageOf, UsageError } from '../../errors.ts';
import type { TextPattern } from '../../feed/readers/factory.ts';
import type { Format, ReadSettings } from '../../feed/readers/settings.ts';
import { parseTimeNs } from '../../feed/readers/times.ts';
import { splitWords } from '../../feed/sources/words.ts';
import type { WriterOptions } from '../../feed/writer.ts';
import { parseLine } from '../../line-protocol/parser.ts';
import { formatLine } from '../../line-protocol/writer.ts';
import { DURATION_NOTATION, parseDuration, wholeMs } from '../duration.ts';
import { readingSettings } from '../reading-options.ts';
import { type FeedFlags, readFeedFlags } from './feed-options.ts';
import { type TargetSettings, targetOf } from './target-settings.ts';

/** Everything that `edge-detect feed` was told, checked as far as it can be without looking at the data. */
export interface FeedSettings {
  readonly source: SourceSettings;
  readonly target: TargetSettings;
  readonly writer: Omit<WriterOptions, 'random'>;
  readonly flushTimeoutMs: number;
  /** Where refused points are kept; undefined: they are reported. */
  readonly rejectedFile: string | undefined;
  /** Whether it was said how what is read is encoded. */
  readonly isEncodingSaid: boolean;
}

export type SourceSettings = FileSettings | ExecSettings | SimulationSettings;

export interface FileSettings {
  readonly kind: 'file';
  /** A path, or `-` for standard input. */
  readonly file: string;
  readonly format: Format | undefined;
  readonly read: ReadSettings;
  /** Infinity: without waiting. */
  readonly speed: number;
  readonly isShifted: boolean;
  /** How long before the present the first time is then to be. */
  readonly shiftAgoNs: bigint;
}

export interface ExecSettings {
  readonly kind: 'exec';
  readonly words: readonly [string, ...string[]];
  readonly everyMs: number;
  readonly timeLimitMs: number;
  /** Undefined: UTF-8. */
  readonly encoding: string | undefined;
  readonly acceptedCodes: ReadonlySet<number>;
  readonly polls: number | undefined;
  readonly format: Format | TextPattern;
  readonly read: ReadSettings;
  /** The point that stands for a failed run: line protocol without a time. */
  readonly failureText: string | undefined;
}

export interface SimulationSettings {
  readonly kind: 'simulation';
  readonly devices: number;
  readonly seed: string;
  readonly everyNs: bigint;
  /** Undefined: until stopped, or the present where nothing waits. */
  readonly polls: number | undefined;
  /** Undefined: now; negative: so long ago. */
  readonly start: { readonly atNs: bigint } | { readonly agoNs: bigint };
  readonly speed: number;
}

/** What programs print at each run. */
const EXEC_FORMATS: ReadonlySet<Format> = new Set<Format>(['lp', 'json', 'ndjson']);
/** No run takes longer unless --time-limit allows it. */
const DEFAULT_TIME_LIMIT_MS = 30_000;
/** How long the server may be away while a file waits; a device is polled for as long as it takes. */
const FILE_GIVE_UP_MS = 300_000;

/**
 * Reads what the command was told, once.
 * @throws UsageError if it does not go together
 */
export function readFeedSettings(command: Command): FeedSettings {
  const flags = readFeedFlags(command);
  return {
    target: targetOf(flags, giveUpAfterMs(flags)),
    source: sourceOf(flags),
    writer: {
      batchLines: Math.min(flags.batch, flags.buffer),
      bufferLines: flags.buffer,
      giveUpAfterMs: giveUpAfterMs(flags),
    },
    flushTimeoutMs: wholeMs(flags.flushTimeout),
    rejectedFile: flags.rejected,
    isEncodingSaid: flags.encoding !== undefined,
  };
}

function giveUpAfterMs(flags: FeedFlags): number | undefined {
  if (flags.giveUpAfter !== undefined) return wholeMs(flags.giveUpAfter);
  return flags.exec === undefined ? FILE_GIVE_UP_MS : undefined;
}

function sourceOf(flags: FeedFlags): SourceSettings {
  if (flags.file !== undefined) return fileOf(flags, flags.file);
  if (flags.exec !== undefined) return execOf(flags, flags.exec);
  return {
    kind: 'simulation',
    devices: flags.devices,
    seed: flags.seed,
    everyNs: flags.every,
    polls: flags.polls,
    start: flags.start === undefined ? { agoNs: 0n } : startOf(flags.start),
    speed: flags.pace ?? 1,
  };
}

function fileOf(flags: FeedFlags, file: string): FileSettings {
  return {
    kind: 'file',
    file,
    format: flags.format,
    read: readSettingsOf(flags),
    speed: flags.pace ?? Number.POSITIVE_INFINITY,
    isShifted: (flags.shiftToNow ?? -1n) >= 0n,
    shiftAgoNs: flags.shiftToNow ?? 0n,
  };
}

function execOf(flags: FeedFlags, command: string): ExecSettings {
  const { format, pattern } = flags;
  if (format !== undefined && !EXEC_FORMATS.has(format))
    throw new UsageError(`--exec reads lp, json, or text by --pattern, not ${format}`);
  if (pattern !== undefined && format !== undefined)
    throw new UsageError('--pattern takes text apart: leave --format out');
  const everyMs = wholeMs(flags.every);
  return {
    kind: 'exec',
    words: flags.shell === true ? ['/bin/sh', '-c', command] : splitWords(command),
    everyMs,
    timeLimitMs:
      flags.timeLimit === undefined ? Math.min(everyMs, DEFAULT_TIME_LIMIT_MS) : wholeMs(flags.timeLimit),
    encoding: flags.encoding,
    acceptedCodes: new Set(flags.acceptExit),
    polls: flags.polls,
    format:
      pattern === undefined ? (format ?? 'lp') : { source: pattern, isPerLine: flags.match === 'lines' },
    // What a device is asked for is of the moment at which it answers, unless it says otherwise.
    read: { ...readSettingsOf(flags), isHistory: false },
    failureText: flags.onFailure === undefined ? undefined : failureText(flags, flags.onFailure),
  };
}

function startOf(text: string): SimulationSettings['start'] {
  if (!text.startsWith('-')) return { atNs: parseTimeNs(text, undefined) };
  const agoNs = parseDuration(text.slice(1));
  if (agoNs === undefined)
    throw new UsageError(`--start ${text}: after - it must be a duration ${DURATION_NOTATION}`);
  return { agoNs };
}

function readSettingsOf(flags: FeedFlags): ReadSettings {
  return {
    ...readingSettings(flags),
    measurement: flags.measurement,
    tagNames: new Set(flags.tag.filter((tag) => !tag.includes('='))),
    fixedTags: fixedTagsOf(flags),
    takesUnsigned: flags.kapacitor === undefined,
  };
}

/**
 * The point that stands for a failed run.
 * @param fields as in line protocol: `state="DOWN",code=1i`
 * @returns line protocol without a time
 */
function failureText(flags: FeedFlags, fields: string): string {
  const { measurement } = flags;
  if (measurement === undefined) throw new UsageError('--on-failure needs --measurement NAME for its point');
  try {
    const point = parseLine(`x ${fields}`, { file: '', line: 1 });
    if (point.time !== undefined) throw new UsageError('it has a time');
    return formatLine({ ...point, measurement, tags: fixedTagsOf(flags) });
  } catch (error) {
    // Without the place, which is counted in a line that nobody wrote.
    const reason = messageOf(error).replace(/^:\d+:\d+: /, '');
    throw new UsageError(`--on-failure '${fields}': ${reason}`);
  }
}

function fixedTagsOf(flags: FeedFlags): Map<string, string> {
  const tags = new Map<string, string>();
  for (const tag of flags.tag) {
    const at = tag.indexOf('=');
    if (at === 0) throw new UsageError(`--tag ${tag} has no name`);
    if (at > 0) tags.set(tag.slice(0, at), tag.slice(at + 1));
  }
  return tags;
}
