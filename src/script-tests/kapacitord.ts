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

/** What a container of ours is known by. */
const LABEL = 'edge-detect-kapacitord';

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
  const label = `${LABEL}=${process.pid}-${randomUUID()}`;
  return {
    file: 'docker',
    args: ['run', '--rm', '-l', label, ...inContainer(folder), image, '-config', conf],
    env: { ...process.env, PATH, HOME },
    sweep: () => removeContainer(label),
  };
}

/** The folder lies where it lies outside, and loopback is this machine's: sockets, ports and paths stay the same. */
function inContainer(folder: string): string[] {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  const user = uid === undefined || gid === undefined ? [] : ['-u', `${uid}:${gid}`];
  const place = ['--network', 'host', '--env', `HOME=${folder}`, '--volume', `${folder}:${folder}`];
  return [...place, ...user, '--entrypoint', 'kapacitord'];
}

function removeContainer(label: string): void {
  execFile('docker', ['ps', '--all', '--quiet', '--filter', `label=${label}`], (_, ids) => {
    const id = ids.trim();
    if (id !== '') execFile('docker', ['rm', '--force', id], () => undefined);
  });
}
