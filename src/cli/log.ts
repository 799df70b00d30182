import { Option } from 'commander';
import pino, { type Logger } from 'pino';
import type { Io } from './io.ts';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const LOG_FORMATS = ['json', 'pretty'] as const;

export interface LogOptions {
  readonly logLevel: string;
  /** Undefined: pretty when a person watches. */
  readonly logFormat?: string;
}

/** The options of every command that runs for long. */
export function logOptions(): Option[] {
  return [
    new Option('--log-level <level>', 'how much is logged')
      .choices(LOG_LEVELS)
      .default('info')
      .env('EDGE_DETECT_LOG_LEVEL'),
    new Option(
      '--log-format <format>',
      'JSON lines for machines or text for people (default: pretty on a terminal)',
    )
      .choices(LOG_FORMATS)
      .env('EDGE_DETECT_LOG_FORMAT'),
  ];
}

/** The program's log, on standard error. */
export async function makeLog(io: Io, options: LogOptions): Promise<Logger> {
  const isWatched = io.stderr.isTTY === true;
  const format = options.logFormat ?? (isWatched ? 'pretty' : 'json');
  const stream = format === 'pretty' ? await prettyStream(io, isWatched) : io.stderr;
  return pino(
    {
      level: options.logLevel,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
}

/** Loaded only where a person reads: an agent in a container needs neither the time nor the memory for it. */
async function prettyStream(io: Io, isWatched: boolean): Promise<NodeJS.WritableStream> {
  const { default: pretty } = await import('pino-pretty');
  return pretty({
    destination: io.stderr,
    colorize: isWatched && !process.env.NO_COLOR,
    ignore: 'pid,hostname',
    translateTime: 'SYS:yyyy-mm-dd HH:MM:ss',
  });
}
