import type { NodeIds, SessionWatch } from '../agent/live-sessions.ts';
import type { KapacitorApi } from '../kapacitor/api.ts';
import { Journal } from './journal.ts';
import { Reviver, type ReviverLog } from './reviver.ts';
import { handJournalPath, journalPath, knock } from './sockets.ts';

/** How often the journal is looked after: as often as the sockets. */
const LOOK_MS = 5000;

export interface SessionKeeperOptions {
  /** Where the sockets lie. */
  readonly sockets: readonly string[];
  readonly log: ReviverLog;
  /** Where tasks that lost their session are brought back; undefined: nowhere. */
  readonly kapacitor: KapacitorApi | undefined;
  /** 1 or more. */
  readonly maxTries: number;
  /** Told what came of a try to bring a task back. */
  readonly onTried?: (isRevived: boolean) => void;
}

/** Keeps the journal of the agent's live sessions, and has the tasks brought back that lost theirs. */
export class SessionKeeper implements SessionWatch {
  readonly #journal: Journal;
  readonly #reviver: Reviver | undefined;
  #looks: NodeJS.Timeout | undefined;

  constructor({ sockets, kapacitor, log, maxTries, onTried }: SessionKeeperOptions) {
    this.#journal = new Journal(journalPath(sockets), (message) => log.warn({}, message));
    if (kapacitor === undefined) return;
    this.#reviver = new Reviver({
      api: kapacitor,
      journal: this.#journal,
      handJournalPath: handJournalPath(sockets),
      log,
      sockets,
      knock: () => knock(sockets),
      maxTries,
      onTried,
    });
  }

  /** To be called once the sockets are served: only then the journal is nobody else's. */
  start(): void {
    this.#journal.start(Date.now(), this.#reviver !== undefined);
    this.#looks = setInterval(() => this.#journal.look(), LOOK_MS).unref();
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
    clearInterval(this.#looks);
    this.#journal.close();
  }
}
