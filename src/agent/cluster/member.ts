import type { Worker } from 'node:cluster';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { NodeTotals } from '../../status/report.ts';
import type { LiveSession, NodeIds } from '../live-sessions.ts';
import type { StallJudge } from '../watchdog/stall-judge.ts';
import type { LookAt, Seen, ToWorker } from './worker-messages.ts';

/** A session of a worker, as the table of live sessions sees it. */
export interface RemoteSession extends LiveSession {
  readonly ids: NodeIds;
}

/** A worker that stands still must not keep whoever asks. */
const LOOK_TIMEOUT_MS = 2_000;

/** One worker process and what is known of it. */
export class Member {
  readonly worker: Worker;
  readonly startedMs = performance.now();
  connections = 0;
  beats = 0;
  /** What it loads at the moment, while it starts. */
  loading: string | undefined;
  /** Why it is being killed, if it is. */
  verdict: string | undefined;
  /** Whether another one has taken its place: it gets no more connections, and is not started again. */
  isReplaced = false;
  /** Whether a debugger may hold it. */
  isDebugged = false;
  judge: StallJudge | undefined;
  readonly sessions = new Map<number, RemoteSession>();
  /** What it had counted when it last said so. */
  totals: readonly NodeTotals[] = [];
  readonly #looks = new Map<number, (seen: Seen | undefined) => void>();
  readonly #answers = new Map<number, (silentMs: number) => void>();
  #lastQuestion = 0;

  constructor(worker: Worker) {
    this.worker = worker;
    // Node listens for each socket that connections come from, of which there may be many.
    worker.process.setMaxListeners(0);
  }

  send(message: ToWorker, socket?: Socket): void {
    if (this.worker.isConnected()) this.worker.send(message, socket);
    else socket?.destroy();
  }

  silentMs(session: number): Promise<number> {
    return new Promise((resolve) => {
      const question = ++this.#lastQuestion;
      this.#answers.set(question, resolve);
      this.send({ type: 'ask-silence', question, session });
    });
  }

  answer(question: number, silentMs: number): void {
    this.#answers.get(question)?.(silentMs);
    this.#answers.delete(question);
  }

  /** What is there to be seen; undefined where it does not answer in time. */
  look(at: LookAt): Promise<Seen | undefined> {
    return new Promise((resolve) => {
      const question = ++this.#lastQuestion;
      const timer = setTimeout(() => this.seen(question, undefined), LOOK_TIMEOUT_MS);
      this.#looks.set(question, (seen) => {
        clearTimeout(timer);
        resolve(seen);
      });
      this.send({ type: 'look', question, at });
    });
  }

  seen(question: number, seen: Seen | undefined): void {
    this.#looks.get(question)?.(seen);
    this.#looks.delete(question);
  }

  /** Ends the process, whatever it does. */
  kill(verdict: string): void {
    this.verdict = verdict;
    this.worker.process.kill('SIGKILL');
  }

  /** The process is gone: whoever asked gets the answer that nobody is there. */
  gone(): void {
    for (const resolve of this.#answers.values()) resolve(Number.MAX_VALUE);
    for (const question of [...this.#looks.keys()]) this.seen(question, undefined);
  }

  /** Its resident memory; undefined where the system does not say. */
  residentBytes(): number | undefined {
    try {
      const status = readFileSync(`/proc/${this.worker.process.pid}/status`, 'utf8');
      const kib = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
      return kib === undefined ? undefined : Number(kib) * 1024;
    } catch {
      return undefined;
    }
  }
}
