import type { Series } from '../states/state-reader.ts';

/** Something that happened, ready to be sent. */
export interface LiveEvent {
  /** `edge`; `trouble` when the source goes away, `fine` when it is back. */
  readonly event: 'edge' | 'trouble' | 'fine';
  /** What a client that comes back has seen: the time of the edge in nanoseconds. Empty for the others. */
  readonly id: string;
  /** JSON. */
  readonly data: string;
}

export type LiveListener = (events: readonly LiveEvent[]) => void;

/** Where live edges come from: this process, or with several workers their primary. */
export interface LiveEdges {
  /** @returns ends it */
  subscribe(series: Series, listener: LiveListener): () => void;
}

/** The same for the same series, whoever asks. */
export function seriesKey({ options, selection }: Series): string {
  const { database, fields, group, measurement, policy, where } = selection;
  return JSON.stringify([database, policy ?? null, measurement, fields, group, [...where], options]);
}
