import { randomUUID } from 'node:crypto';
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';

export const SOCKET_DIR = '/var/run/kapacitor-udf';
/** How many the agent serves, each on a socket. */
const FUNCTIONS = 2;
export const RECORDINGS = '/recordings';

/** A volume's name that nobody else has. */
export function volumeName(): string {
  return `edge-detect-test-${randomUUID()}`;
}

/** A container of the image as the compose file runs it: nothing of its own to write to, and no privileges. */
export class AgentContainer extends GenericContainer {
  constructor(image: string, socketVolume: string) {
    super(image);
    this.hostConfig.ReadonlyRootfs = true;
    this.withDroppedCapabilities('ALL')
      .withSecurityOpt('no-new-privileges:true')
      .withBindMounts([{ source: socketVolume, target: SOCKET_DIR, mode: 'rw' }])
      .withWaitStrategy(Wait.forLogMessage('"msg":"listening"', FUNCTIONS));
  }
}

/** A container that shares the sockets, in which commands can be run as `user` (uid:gid). */
export class Visitor extends GenericContainer {
  constructor(image: string, socketVolume: string, user: string, recordings: string) {
    super(image);
    this.withUser(user)
      .withEntrypoint(['sleep'])
      .withCommand(['infinity'])
      .withBindMounts([
        { source: socketVolume, target: SOCKET_DIR, mode: 'rw' },
        { source: recordings, target: RECORDINGS, mode: 'ro' },
      ])
      .withWaitStrategy(Wait.forSuccessfulCommand('true'));
  }

  /** For a user beside its own group in the one given. */
  withGroup(group: string): this {
    this.hostConfig.GroupAdd = [group];
    return this;
  }
}

/** Ends a container that does not listen to signals. */
export async function discard(container: StartedTestContainer | undefined): Promise<void> {
  await container?.stop({ timeout: 0 });
}
