import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';

/** Editors write a file in several steps, and a checkout many files: what follows within this is one change. */
const QUIET_MS = 100;

/** What nobody edits. */
const IGNORED = /(?:^|\/)(?:\.|node_modules|__snapshots__)|~$/;

/** Tells of changes in folders: files that are written, made, renamed or removed. */
export class FolderWatch {
  readonly #watchers: FSWatcher[] = [];
  readonly #changed = new Set<string>();
  #quiet: NodeJS.Timeout | undefined;
  #onQuiet: (() => void) | undefined;

  /**
   * @param isRecursive whether folders in them count
   * @throws a system error for a folder that cannot be watched
   */
  constructor(folders: Iterable<string>, isRecursive: boolean) {
    for (const folder of folders) {
      const watcher = watch(folder, { recursive: isRecursive }, (_, name) => {
        if (name !== null && !IGNORED.test(name)) this.#note(join(folder, name));
      });
      // A folder that goes away is a change that its files have told of.
      watcher.on('error', () => watcher.close());
      this.#watchers.push(watcher);
    }
  }

  /** Waits until something has changed, and nothing more does. @returns the files; none when aborted */
  async next(signal: AbortSignal): Promise<readonly string[]> {
    if (this.#quiet !== undefined || this.#changed.size === 0)
      await new Promise<void>((resolve) => {
        this.#onQuiet = resolve;
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    const changed = [...this.#changed];
    this.#changed.clear();
    return signal.aborted ? [] : changed;
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
    clearTimeout(this.#quiet);
    this.#quiet = undefined;
  }

  #note(path: string): void {
    this.#changed.add(path);
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      this.#quiet = undefined;
      this.#onQuiet?.();
      this.#onQuiet = undefined;
    }, QUIET_MS);
  }
}
