import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';

/** Which kapacitord is started: the program at a path, or the one in a container of an image. */
export interface Kapacitord {
  readonly kapacitord: string;
  /** Where given, a container is started instead of the program. */
  readonly image?: string;
}

/** A command that runs kapacitord in the foreground until it is sent SIGTERM. */
export interface KapacitordCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Ends what outlives the command when that is killed. */
  readonly sweep: () => void;
}

/** @param conf its configuration, in the folder that it has for itself */
export function kapacitordCommand({ image, kapacitord }: Kapacitord, conf: string): KapacitordCommand {
  const { HOME, PATH } = process.env;
  const folder = dirname(conf);
  if (image === undefined)
    // Not the settings of the machine's own Kapacitor.
    return {
      file: kapacitord,
      args: ['-config', conf],
      env: { PATH, HOME: folder },
      sweep: () => undefined,
    };
  const name = `edge-detect-kapacitord-${process.pid}-${randomUUID()}`;
  return {
    file: 'docker',
    args: ['run', '--rm', '--name', name, ...inContainer(folder), image, '-config', conf],
    env: { ...process.env, PATH, HOME },
    sweep: () => void execFile('docker', ['rm', '--force', name], () => undefined),
  };
}

/** The folder lies where it lies outside, and loopback is this machine's: sockets, ports and paths stay the same. */
function inContainer(folder: string): string[] {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  const user = uid === undefined || gid === undefined ? [] : ['--user', `${uid}:${gid}`];
  const place = ['--network', 'host', '--env', `HOME=${folder}`, '--volume', `${folder}:${folder}`];
  return [...place, ...user, '--entrypoint', 'kapacitord'];
}
