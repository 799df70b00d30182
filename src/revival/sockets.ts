import { shakeHands } from '../kapacitor/host/handshake.ts';

/** How long a socket of our own may take for each answer when it is tried out. */
const KNOCK_MS = 5000;

/** The journal lies beside the first socket, and is as much its agent's own as that. */
export function journalPath(sockets: readonly string[]): string {
  return besideSocket(sockets, '.journal');
}

/** What whoever revives by hand is doing. */
export function handJournalPath(sockets: readonly string[]): string {
  return besideSocket(sockets, '.revive.journal');
}

function besideSocket([first]: readonly string[], extension: string): string {
  return `${first?.replace(/\.sock$/, '')}${extension}`;
}

/**
 * Makes sure that every socket answers.
 * @throws OperationError naming one that does not
 */
export async function knock(sockets: readonly string[]): Promise<void> {
  for (const path of sockets) await shakeHands(path, KNOCK_MS);
}
