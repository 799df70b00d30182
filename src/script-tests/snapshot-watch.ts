import type { Handler, UdfFunction } from '../function/contract.ts';

/** Counts when Kapacitor asks functions for their state: when it asks again, what it got before is stored. */
export class SnapshotWatch {
  #count = 0;
  readonly #waiting = new Set<() => void>();

  /** The same function, watched. */
  watched(fn: UdfFunction): UdfFunction {
    return { ...fn, open: (context) => this.#watchedHandler(fn.open(context)) };
  }

  #watchedHandler(handler: Handler): Handler {
    const asked = (): void => {
      this.#count++;
      for (const look of this.#waiting) look();
    };
    return new Proxy(handler, {
      get(target, name) {
        if (name === 'snapshot') asked();
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** Waits until everything that was handled up to now is stored. */
  stored(signal: AbortSignal): Promise<void> {
    // The next one has it all; the one after it says that it was kept. One may be on its way already.
    const enough = this.#count + 3;
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.#count < enough && !signal.aborted) return;
        this.#waiting.delete(look);
        signal.removeEventListener('abort', look);
        if (signal.aborted) reject(signal.reason);
        else resolve();
      };
      this.#waiting.add(look);
      signal.addEventListener('abort', look);
      look();
    });
  }
}
