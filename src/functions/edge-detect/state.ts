import type { Groups, Layout } from './groups.ts';
import type { Settings } from './options.ts';
import type { Silence } from './silence.ts';
import type { Texts } from './texts.ts';

/** What a node keeps from point to point, and a snapshot holds. */
export interface State {
  readonly settings: Settings;
  readonly layout: Layout;
  readonly groups: Groups;
  readonly texts: Texts;
  readonly candidates: Map<number, Candidate>;
  readonly made: Map<number, bigint[]>;
  /** Where the node has the option `silent`. */
  readonly silence: Silence | undefined;
  /** The newest time of the node. */
  newestNs: bigint | undefined;
  /** The newest time of any group that `ttl` has freed. */
  freedNs: bigint | undefined;
}

/** A state that is not accepted yet. */
export interface Candidate {
  /** Its first point, a copy. */
  readonly bytes: Buffer;
  /** A value per key. */
  readonly values: Int32Array;
  readonly sinceNs: bigint;
  /** How many points have come. */
  points: number;
}
