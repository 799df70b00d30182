import { spawn } from 'node:child_process';
import { OperationError } from '../../errors.ts';
import { Utf8Decoder } from '../utf8-decoder.ts';

export interface CommandOptions {
  /** The program and its arguments; for a shell, the shell and what it is given. */
  readonly words: readonly [string, ...string[]];
  readonly timeoutMs: number;
  readonly env: NodeJS.ProcessEnv;
}

/** More output than this and the run has failed: a program gone wild must not fill the memory. */
const MAX_OUTPUT_BYTES = 16 * 1_048_576;
/** How long after SIGTERM a program gets SIGKILL. */
const GRACE_MS = 1_000;
/** How much of standard error a report shows. */
const MAX_COMPLAINT_LENGTH = 300;

/**
 * Runs a program to its end and returns what it printed.
 * @throws OperationError if it can't be started, fails, takes too long, prints too much, or `signal` is aborted; it
 *   and all that it started have been told to end then
 */
export async function runCommand(options: CommandOptions, signal: AbortSignal): Promise<string> {
  const [program, ...args] = options.words;
  signal.throwIfAborted();
  // A process group of its own, so that what the program starts (a shell its commands, ssh its proxy) ends with it.
  const child = spawn(program, args, { detached: true, env: options.env, stdio: ['ignore', 'pipe', 'pipe'] });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const output: Buffer[] = [];
  let outputBytes = 0;
  let complaint = '';
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
    complaint = (complaint + chunk.toString('utf8')).slice(-MAX_COMPLAINT_LENGTH);
  }
  function onError(error: Error): void {
    const reason = 'code' in error && error.code === 'ENOENT' ? 'there is no such program' : error.message;
    reject(new OperationError(`${program} can't be started: ${reason}`));
  }
  function onClose(code: number | null, killedBy: NodeJS.Signals | null): void {
    const said = complaint.trim() === '' ? '' : `: ${complaint.trim().replaceAll(/\s*\n\s*/g, ' / ')}`;
    if (stopReason !== undefined) reject(new OperationError(`${program}: ${stopReason}${said}`));
    else if (code === 0) resolve();
    else reject(new OperationError(`${program} ended with ${killedBy ?? `exit code ${code}`}${said}`));
  }

  const timer = setTimeout(onTimeout, options.timeoutMs);
  signal.addEventListener('abort', onAbort);
  child.stdout.on('data', onOutput);
  child.stderr.on('data', onComplaint);
  child.on('error', onError);
  child.on('close', onClose);
  try {
    await promise;
    return decode(output);
  } finally {
    clearTimeout(timer);
    clearTimeout(graceTimer);
    signal.removeEventListener('abort', onAbort);
  }
}

function decode(output: readonly Buffer[]): string {
  const decoder = new Utf8Decoder();
  const text = decoder.push(Buffer.concat(output)) + decoder.end();
  if (decoder.isDamaged) throw new OperationError('what it printed is no UTF-8');
  return text;
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}
