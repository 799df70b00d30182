import { AggregatorRegistry, type Registry } from 'prom-client';
import { type LiveEdges, type LiveListener, seriesKey } from '../events/live-edges.ts';
import type { Series } from '../states/state-reader.ts';
import { isToWorker, type ToPrimary } from './messages.ts';

/** The primary of this worker: it watches series for all workers, and knows what all of them have done. */
export class Primary implements LiveEdges {
  readonly #listeners = new Map<string, Set<LiveListener>>();
  readonly #answers = new Map<number, (text: string) => void>();
  readonly #onStop: () => void;
  #lastQuestion = 0;

  /**
   * @param registry what the primary is told of when it asks
   * @param onStop called when the primary wants this worker to end, or is gone
   */
  constructor(registry: Registry, onStop: () => void) {
    this.#onStop = onStop;
    // Answers the primary's questions from now on.
    new AggregatorRegistry();
    AggregatorRegistry.setRegistries([registry]);
    process.on('message', (message) => this.#took(message));
    process.on('disconnect', onStop);
  }

  tell(message: ToPrimary): void {
    if (process.connected) process.send?.(message);
  }

  subscribe(series: Series, listener: LiveListener): () => void {
    const key = seriesKey(series);
    const listeners = this.#listeners.get(key) ?? new Set();
    if (listeners.size === 0) this.tell({ type: 'web-subscribe', key, series });
    this.#listeners.set(key, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0) return;
      this.#listeners.delete(key);
      this.tell({ type: 'web-unsubscribe', key });
    };
  }

  /** The metrics of all workers together. */
  metrics(): Promise<string> {
    return new Promise((resolve) => {
      const question = ++this.#lastQuestion;
      this.#answers.set(question, resolve);
      this.tell({ type: 'web-ask-metrics', question });
    });
  }

  #took(message: unknown): void {
    if (!isToWorker(message)) return;
    switch (message.type) {
      case 'web-stop':
        this.#onStop();
        break;
      case 'web-events':
        for (const listener of this.#listeners.get(message.key) ?? []) listener(message.events);
        break;
      case 'web-metrics':
        this.#answers.get(message.question)?.(message.text);
        this.#answers.delete(message.question);
    }
  }
}
