import type { NodeIds, SessionWatch } from '../agent/live-sessions.ts';
import type { ServedFunction } from '../agent/server.ts';
import type { KapacitorApi } from '../kapacitor/api.ts';
import { shakeHands } from '../kapacitor/host/handshake.ts';
import { Journal } from './journal.ts';
import { Reviver, type ReviverLog } from './reviver.ts';

/** How long a socket of our own may take for each answer when it is tried out. */
const KNOCK_MS = 5000;

export interface SessionKeeperOptions {
  readonly functions: readonly ServedFunction[];
  readonly log: ReviverLog;
  /** Where tasks that lost their session are brought back; undefined: nowhere. */
  readonly kapacitor: KapacitorApi | undefined;
  /** 1 or more. */
  readonly maxTries: number;
}

/** Keeps the journal of the agent's live sessions, and has the tasks brought back that lost theirs. */
export class SessionKeeper implements SessionWatch {
  readonly #journal: Journal;
  readonly #reviver: Reviver | undefined;

  constructor({ functions, kapacitor, log, maxTries }: SessionKeeperOptions) {
    this.#journal = new Journal(journalPath(functions), (message) => log.warn({}, message));
    if (kapacitor === undefined) return;
    this.#reviver = new Reviver({
      api: kapacitor,
      journal: this.#journal,
      handJournalPath: handJournalPath(functions),
      log,
      sockets: functions.map(({ path }) => path),
      knock: () => knock(functions),
      maxTries,
    });
  }

  /** To be called once the sockets are served: only then the journal is nobody else's. */
  start(): void {
    this.#journal.start(Date.now(), this.#reviver !== undefined);
    this.#reviver?.start();
  }

  got(ids: NodeIds): void {
    this.#journal.got(ids);
    this.#reviver?.got(ids);
  }

  lost(ids: NodeIds): void {
    this.#journal.lost(ids);
    this.#reviver?.lost(ids);
  }

  /** To be called before the agent ends its sessions: whoever is being brought back still needs the sockets. */
  async stop(): Promise<void> {
    await this.#reviver?.stop();
  }

  /** Nothing is written down any more. */
  close(): void {
    this.#journal.close();
  }
}

/** The journal lies beside the first socket, and is as much its agent's own as that. */
export function journalPath(functions: readonly ServedFunction[]): string {
  return besideSocket(functions, '.journal');
}

/** What `edge-detect revive` is doing. */
export function handJournalPath(functions: readonly ServedFunction[]): string {
  return besideSocket(functions, '.revive.journal');
}

function besideSocket([first]: readonly ServedFunction[], extension: string): string {
  return `${first?.path.replace(/\.sock$/, '')}${extension}`;
}

/**
 * Makes sure that every socket answers.
 * @throws OperationError naming one that does not
 */
export async function knock(functions: readonly ServedFunction[]): Promise<void> {
  for (const { path } of functions) await shakeHands(path, KNOCK_MS);
}
