import { isUtf8 } from 'node:buffer';
import { spawn } from 'node:child_process';
import iconv from 'iconv-lite';
import { OperationError } from '../../errors.ts';
import { plainText } from '../readers/terminal-text.ts';

export interface CommandOptions {
  /** The program and its arguments; for a shell, the shell and what it is given. */
  readonly words: readonly [string, ...string[]];
  readonly timeoutMs: number;
  readonly env: NodeJS.ProcessEnv;
  /** How its output is encoded, by a name that iconv-lite knows; undefined: UTF-8. */
  readonly encoding?: string | undefined;
  /** The exit codes that are no failure; undefined: 0 alone. */
  readonly acceptedCodes?: ReadonlySet<number> | undefined;
}

/** What a program printed. */
export interface CommandOutput {
  readonly text: string;
  /** Whether there were bytes in it that its encoding does not have; each became U+FFFD. */
  readonly isDamaged: boolean;
}

const SUCCESS: ReadonlySet<number> = new Set([0]);

/** More output than this and the run has failed: a program gone wild must not fill the memory. */
const MAX_OUTPUT_BYTES = 16 * 1_048_576;
/** How long after SIGTERM a program gets SIGKILL. */
const GRACE_MS = 1_000;
/** How much of standard error, or else of the end of standard output, a report shows. */
const MAX_COMPLAINT_LENGTH = 300;
/** Bytes that hold as many characters in any encoding. */
const MAX_COMPLAINT_BYTES = 4 * MAX_COMPLAINT_LENGTH;

/**
 * Runs a program to its end and returns what it printed.
 * @throws OperationError if it can't be started, fails, takes too long, prints too much, or `signal` is aborted; it
 *   and all that it started have been told to end then
 */
export async function runCommand(options: CommandOptions, signal: AbortSignal): Promise<CommandOutput> {
  const [program, ...args] = options.words;
  const acceptedCodes = options.acceptedCodes ?? SUCCESS;
  signal.throwIfAborted();
  // A process group of its own, so that what the program starts (a shell its commands, ssh its proxy) ends with it.
  const child = spawn(program, args, { detached: true, env: options.env, stdio: ['ignore', 'pipe', 'pipe'] });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const output: Buffer[] = [];
  let outputBytes = 0;
  let complaint = Buffer.alloc(0);
  let stopReason: string | undefined;
  let graceTimer: NodeJS.Timeout | undefined;

  function stop(reason: string): void {
    if (stopReason !== undefined) return;
    stopReason = reason;
    killGroup(child.pid, 'SIGTERM');
    graceTimer = setTimeout(onGraceOver, GRACE_MS);
  }
  function onGraceOver(): void {
    killGroup(child.pid, 'SIGKILL');
    // A process that left the group may still hold the pipes.
    child.stdout.destroy();
    child.stderr.destroy();
  }
  function onTimeout(): void {
    stop(`it took longer than ${options.timeoutMs / 1000} s`);
  }
  function onAbort(): void {
    stop('it was stopped');
  }
  function onOutput(chunk: Buffer): void {
    outputBytes += chunk.length;
    if (outputBytes > MAX_OUTPUT_BYTES) stop(`it printed more than ${MAX_OUTPUT_BYTES} bytes`);
    else output.push(chunk);
  }
  function onComplaint(chunk: Buffer): void {
    complaint = Buffer.concat([complaint, chunk]).subarray(-MAX_COMPLAINT_BYTES);
  }
  function onError(error: Error): void {
    const reason = 'code' in error && error.code === 'ENOENT' ? 'there is no such program' : error.message;
    reject(new OperationError(`${program} can't be started: ${reason}`));
  }
  function onClose(code: number | null, killedBy: NodeJS.Signals | null): void {
    if (stopReason !== undefined) reject(new OperationError(`${program}: ${stopReason}${said()}`));
    else if (code !== null && acceptedCodes.has(code)) resolve();
    else reject(new OperationError(`${program} ended with ${killedBy ?? `exit code ${code}`}${said()}`));
  }
  /** Devices asked over ssh or telnet complain where they say everything else. */
  function said(): string {
    const words =
      excerptOf(complaint, options.encoding) || excerptOf(Buffer.concat(output), options.encoding);
    return words && `: ${words}`;
  }

  const timer = setTimeout(onTimeout, options.timeoutMs);
  signal.addEventListener('abort', onAbort);
  child.stdout.on('data', onOutput);
  child.stderr.on('data', onComplaint);
  child.on('error', onError);
  child.on('close', onClose);
  try {
    await promise;
    return decode(Buffer.concat(output), options.encoding);
  } finally {
    clearTimeout(timer);
    clearTimeout(graceTimer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** The end of an output in one line. */
function excerptOf(bytes: Buffer, encoding: string | undefined): string {
  const { text } = decode(bytes.subarray(-MAX_COMPLAINT_BYTES), encoding);
  return plainText(text)
    .trim()
    .replaceAll(/\s*\n\s*/g, ' / ')
    .slice(-MAX_COMPLAINT_LENGTH)
    .toWellFormed();
}

function decode(bytes: Buffer, encoding = 'utf8'): CommandOutput {
  const text = iconv.decode(bytes, encoding);
  return { text, isDamaged: /^utf-?8$/i.test(encoding) ? !isUtf8(bytes) : text.includes('\uFFFD') };
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}
