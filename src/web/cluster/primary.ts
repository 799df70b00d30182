import cluster, { type Worker } from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import { OperationError } from '../../errors.ts';
import type { LiveEdges } from '../events/live-edges.ts';
import { isToPrimary, type ToPrimary, type ToWorker } from './messages.ts';

/** A worker that dies sooner than this after its start is started again only after a pause, which grows. */
const SETTLED_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 10_000;
/** What workers may take to end. */
const STOP_MS = 8_000;

export interface WebClusterOptions {
  readonly workers: number;
  /** What is run as a worker, and its arguments. */
  readonly program: { readonly path: string; readonly args: readonly string[] };
  readonly live: LiveEdges;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
}

/** The workers of a server. They share its address; this process watches series for them, and replaces one that dies. */
export class WebCluster {
  readonly #options: WebClusterOptions;
  readonly #metrics = new AggregatorRegistry();
  /** By worker: what ends its subscriptions. */
  readonly #subscriptions = new Map<Worker, Map<string, () => void>>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  #pauseMs = FIRST_PAUSE_MS;
  #isStopping = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: WebClusterOptions) {
    this.#options = options;
    const { args, path } = options.program;
    cluster.setupPrimary({ exec: path, args: [...args], serialization: 'advanced' });
  }

  /**
   * Resolves with the address once every worker listens.
   * @throws OperationError if one can't
   */
  async start(): Promise<string> {
    const urls = await Promise.all(Array.from({ length: this.#options.workers }, () => this.#fork()));
    return urls[0] ?? '';
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const restart of this.#restarts) clearTimeout(restart);
    if (this.#subscriptions.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const worker of this.#subscriptions.keys()) send(worker, { type: 'web-stop' });
    const killer = setTimeout(() => {
      for (const worker of this.#subscriptions.keys()) worker.process.kill('SIGKILL');
    }, STOP_MS);
    await empty;
    clearTimeout(killer);
  }

  #fork(): Promise<string> {
    const worker = cluster.fork();
    const startedMs = performance.now();
    this.#subscriptions.set(worker, new Map());
    return new Promise((resolve, reject) => {
      worker.on('message', (message: unknown) => {
        if (!isToPrimary(message)) return;
        if (message.type === 'web-ready') resolve(message.url);
        else if (message.type === 'web-failed') reject(new OperationError(message.message));
        else this.#took(worker, message);
      });
      worker.once('exit', (code, signal) => {
        reject(new OperationError(`a worker ended at its start (${signal ?? code})`));
        this.#gone(worker, performance.now() - startedMs, signal ?? code);
      });
    });
  }

  #gone(worker: Worker, livedMs: number, how: string | number): void {
    for (const unsubscribe of this.#subscriptions.get(worker)?.values() ?? []) unsubscribe();
    this.#subscriptions.delete(worker);
    if (this.#isStopping) {
      if (this.#subscriptions.size === 0) this.#onEmpty?.();
      return;
    }
    this.#pauseMs = livedMs < SETTLED_MS ? Math.min(2 * this.#pauseMs, MAX_PAUSE_MS) : FIRST_PAUSE_MS;
    const pauseMs = livedMs < SETTLED_MS ? this.#pauseMs : 0;
    this.#options.log.warn({ worker: worker.id, how, pauseMs }, 'a worker has died, and is replaced');
    const restart = setTimeout(() => {
      this.#restarts.delete(restart);
      this.#fork().catch(() => {});
    }, pauseMs);
    this.#restarts.add(restart);
  }

  #took(worker: Worker, message: ToPrimary): void {
    const subscriptions = this.#subscriptions.get(worker);
    switch (message.type) {
      case 'web-subscribe': {
        const { key, series } = message;
        subscriptions?.get(key)?.();
        const unsubscribe = this.#options.live.subscribe(series, (events) =>
          send(worker, { type: 'web-events', key, events }),
        );
        subscriptions?.set(key, unsubscribe);
        break;
      }
      case 'web-unsubscribe':
        subscriptions?.get(message.key)?.();
        subscriptions?.delete(message.key);
        break;
      case 'web-ask-metrics':
        void this.#answerMetrics(worker, message.question);
    }
  }

  async #answerMetrics(worker: Worker, question: number): Promise<void> {
    let text = '';
    try {
      text = await this.#metrics.clusterMetrics();
    } catch (error) {
      // A worker that dies meanwhile does not answer; the next scrape has them all again.
      this.#options.log.warn({ err: error }, 'not every worker has told its metrics');
    }
    send(worker, { type: 'web-metrics', question, text });
  }
}

function send(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message);
}
