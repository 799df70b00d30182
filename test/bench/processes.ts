import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** Linux counts processor time in these. */
const TICKS_PER_SECOND = 100;

/** What runs, to be ended with the benchmark. */
const children = new Set<ChildProcess>();

/** Makes the sockets of every start their own. */
let started = 0;

/** A process that serves a socket, ours or a peer of another's. */
export interface Subject {
  readonly name: string;
  /** Of `edgeDetect` unless said otherwise. */
  socketOf(functionName?: string): string;
  /** Undefined for a peer whose process is not known. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/** Our agent as a process of its own. @param nodeArgs for instance --cpu-prof */
export async function startEdgeDetect(
  folder: string,
  name: string,
  args: readonly string[] = [],
  nodeArgs: readonly string[] = [],
): Promise<Subject> {
  const dir = join(folder, `${name}-${started++}`);
  const child = watch(
    spawn(
      process.execPath,
      [...nodeArgs, MAIN, 'serve', '--socket-dir', dir, '--log-level', 'error', ...args],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    ),
  );
  const socketOf = (functionName = 'edgeDetect'): string => join(dir, `${functionName}.sock`);
  await answering(socketOf('edgeDetectBatch'));
  return { name, pid: child.pid, socketOf, stop: () => stop(child) };
}

/** Notes a process that must not outlive the benchmark. */
export function watch<T extends ChildProcess>(child: T): T {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** Ends what still runs, without waiting for it. */
export function endAll(): void {
  for (const child of children) child.kill('SIGTERM');
}

/** One of the comparison agents beside this file. */
export async function startScript(folder: string, name: string, file: string): Promise<Subject> {
  const path = join(folder, `${name}-${started++}.sock`);
  const child = watch(
    spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), path], {
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  );
  await answering(path);
  return { name, pid: child.pid, socketOf: () => path, stop: () => stop(child) };
}

/** A socket that somebody else serves: NAME=SOCKET. */
export function peer(text: string): Subject {
  const at = text.indexOf('=');
  const path = text.slice(at + 1);
  return { name: text.slice(0, at), pid: ownerOf(path), socketOf: () => path, stop: async () => undefined };
}

/** Processor time of a process and its children in seconds; undefined where the system does not say. */
export function cpuSeconds(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  let ticks = 0;
  for (const each of family(pid)) {
    const fields = readFileSync(`/proc/${each}/stat`, 'utf8').split(') ')[1].split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_SECOND;
}

/** Peak (VmHWM) or present (VmRSS) memory of a process in MB of 10^6 bytes. */
export function memoryMb(pid: number | undefined, what: 'VmHWM' | 'VmRSS'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(new RegExp(`${what}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / 1e6;
}

function family(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return [pid, ...(children === '' ? [] : children.split(' ').map(Number))];
  } catch {
    return [pid];
  }
}

/** Who listens at a path, as far as /proc tells: the inode of the socket among a process's descriptors. */
function ownerOf(path: string): number | undefined {
  try {
    const line = readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .find((each) => each.endsWith(` ${path}`) && each.split(/\s+/)[3] === '00010000');
    const inode = line?.split(/\s+/)[6];
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      if (holds(pid, `socket:[${inode}]`)) return Number(pid);
    }
  } catch {
    // Not Linux, or not allowed: the peer's processor time is left out.
  }
  return undefined;
}

function holds(pid: string, target: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`, { withFileTypes: true }).some(
      (entry) => readlink(`/proc/${pid}/fd/${entry.name}`) === target,
    );
  } catch {
    return false;
  }
}

function readlink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

async function answering(path: string): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = connect(path);
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (isThere) return;
    await pause(10);
  }
  throw new Error(`nobody answers at ${path}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
