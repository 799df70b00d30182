import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { GenericContainer, getContainerRuntimeClient } from 'testcontainers';
import { findImage } from '../influxdb/influxdb-host.ts';
import { versionOf } from '../program-version.ts';

/** A Kapacitor that can be started here. */
export interface KapacitorCandidate {
  readonly how: 'program' | 'container';
  /** The program's path or the image's name. */
  readonly what: string;
}

/** A kapacitord that runs. */
export interface RunningKapacitord {
  /** Fulfilled with its exit code when it ends, whoever ended it; null when a signal did. */
  readonly exited: Promise<number | null>;
  signal(name: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/**
 * The `kapacitord` that `KAPACITORD` names or that is on the PATH; or else, where a Docker engine answers, the image
 * that `KAPACITOR_IMAGE` names, or 1.8. @returns a text that says why there is none
 */
export async function findKapacitor(): Promise<KapacitorCandidate | string> {
  const { KAPACITORD, KAPACITOR_IMAGE } = process.env;
  if (KAPACITOR_IMAGE === undefined || KAPACITORD !== undefined) {
    const program = KAPACITORD ?? 'kapacitord';
    if (versionOf(program) !== undefined) return { how: 'program', what: program };
    if (KAPACITORD !== undefined) return `KAPACITORD=${KAPACITORD} does not run`;
  }
  const image = await findImage(KAPACITOR_IMAGE ?? 'kapacitor:1.8');
  if (typeof image !== 'string') return { how: 'container', what: image.what };
  return KAPACITOR_IMAGE === undefined ? `no kapacitord is on the PATH, and ${image}` : image;
}

/**
 * Starts one on a configuration.
 * @param folder everything that it reads and writes; a container has it at the same path
 */
export function startKapacitord(
  { how, what }: KapacitorCandidate,
  folder: string,
  conf: string,
): Promise<RunningKapacitord> {
  return how === 'program' ? startProgram(what, folder, conf) : startContainer(what, folder, conf);
}

async function startProgram(program: string, folder: string, conf: string): Promise<RunningKapacitord> {
  const child = spawn(program, ['-config', conf], {
    cwd: folder,
    // Not the settings of the machine's own Kapacitor.
    env: { PATH: process.env.PATH, HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.on('data', (chunk: Buffer) => keepOutput(conf, chunk));
  const exited = once(child, 'close').then(() => child.exitCode);
  return {
    exited,
    async signal(name) {
      child.kill(name);
      await exited;
    },
  };
}

async function startContainer(image: string, folder: string, conf: string): Promise<RunningKapacitord> {
  const { uid, gid } = userInfo();
  const container = await new GenericContainer(image)
    // The host's network: InfluxDB, a test's own servers and Kapacitor's port are where they would be for a program.
    .withNetworkMode('host')
    .withUser(`${uid}:${gid}`)
    .withBindMounts([{ source: folder, target: folder }])
    .withEntrypoint(['kapacitord'])
    .withCommand(['-config', conf])
    .withLogConsumer((output) => output.on('data', (chunk: Buffer | string) => keepOutput(conf, chunk)))
    .start();
  const runtime = await getContainerRuntimeClient();
  const handle = runtime.container.getById(container.getId());
  const exited = handle.wait().then(async ({ StatusCode }: { readonly StatusCode: number }) => {
    await handle.remove();
    return StatusCode > 128 ? null : StatusCode;
  });
  return {
    exited,
    async signal(name) {
      // One that has fallen already, for instance by a race of its own, needs no signal any more.
      await handle.kill({ signal: name }).catch((error: unknown) => {
        if (!isGone(error)) throw error;
      });
      await exited;
    },
  };
}

/** Whether the engine says that the container does not run, or is not there any more. */
function isGone(error: unknown): boolean {
  return (
    error instanceof Error && 'statusCode' in error && (error.statusCode === 409 || error.statusCode === 404)
  );
}

/** Its log is a file already; this is what Go prints when it falls, kept beside the configuration. */
function keepOutput(conf: string, chunk: Buffer | string): void {
  appendFileSync(join(dirname(conf), 'stderr'), chunk);
}
