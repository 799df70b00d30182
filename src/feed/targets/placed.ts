import type { Place } from '../reading.ts';
import { SERVER_LINGER_MS } from './influxdb.ts';
import { SetupError, type Target } from './target.ts';

/** Writes each point to where it says that it belongs: a target for each database and retention policy. */
export class PlacedTarget implements Target {
  readonly name: string;
  readonly lingerMs = SERVER_LINGER_MS;
  readonly #make: (place: Place) => Target;
  readonly #targets = new Map<string, Target>();

  /** @param make makes the target that writes to a place */
  constructor(name: string, make: (place: Place) => Target) {
    this.name = name;
    this.#make = make;
  }

  async write(lines: readonly string[], signal: AbortSignal, place?: Place): Promise<void> {
    if (place === undefined) throw new SetupError(`${this.name}: nothing says where the points belong`);
    const key = JSON.stringify([place.database, place.retentionPolicy]);
    const target = this.#targets.get(key) ?? this.#make(place);
    this.#targets.set(key, target);
    await target.write(lines, signal);
  }

  close(): void {
    for (const target of this.#targets.values()) target.close();
  }
}
