import { type BatchHead, decodeBegin } from '../kapacitor/host/host-messages.ts';
import type { OptionTypes, WrittenOption } from '../tickscript/script-options.ts';
import { MESSAGE } from '../wire/envelope.ts';
import type { OptionValue } from '../wire/messages.ts';
import type { FieldValue, Point } from '../wire/point.ts';
import { PointReader } from '../wire/point-view.ts';

/** A field or tag that the options track. */
export interface TrackedKey {
  readonly type: 'field' | 'tag';
  readonly name: string;
}

/** A point that the agent emitted, and what is known of the change that led to it. */
export interface Edge {
  /** As it was emitted; in a batch with the batch's name and group. */
  readonly point: Point;
  /** The tracked keys' values in the point, undefined where it lacks one. */
  readonly values: readonly (FieldValue | undefined)[];
  /** The first point of a group, a change, or the repetition of a state that goes on. */
  readonly kind: 'first' | 'change' | 'repeat';
  /** The tracked keys' values before the change, where they are known. */
  readonly previous: readonly (FieldValue | undefined)[] | undefined;
  /** How long the state before the change lasted, in seconds, where it is known. */
  readonly lastedSeconds: number | undefined;
  /** When the state began, in nanoseconds since the epoch. */
  readonly sinceNs: bigint;
}

/** What the agent adds to each point; those that the options don't ask for are added for the display alone. */
const OUTPUTS = ['previousAs', 'durationAs', 'sinceAs', 'countAs'] as const;
type Output = (typeof OUTPUTS)[number];

const NS_PER_SECOND = 1e9;

/** The tracked keys among options, each once. */
export function trackedKeys(options: readonly WrittenOption[]): TrackedKey[] {
  return options.flatMap(({ name, values: [value] }) =>
    (name === 'field' || name === 'tag') && value?.type === 'STRING' && value.value !== undefined
      ? [{ type: name, name: value.value }]
      : [],
  );
}

/** Reads edges from what an agent emits. */
export class EdgeReader {
  /** Options that make the agent tell what the display needs; to be given after those of the user. */
  readonly addedOptions: readonly WrittenOption[];
  readonly #keys: readonly TrackedKey[];
  readonly #onEdge: (edge: Edge) => void;
  readonly #fieldOf: ReadonlyMap<Output, string>;
  readonly #addedFields: ReadonlySet<string>;
  readonly #unitSeconds: number;
  readonly #view = new PointReader();
  /** Where the agent can't tell the values before, those last emitted of each group. */
  readonly #lastValues: Map<string, Edge['values']> | undefined;
  /** Where states are repeated, the count of each group's last edge, to tell repetitions. */
  readonly #lastCounts: Map<string, FieldValue | undefined> | undefined;
  #batch: BatchHead | undefined;

  /**
   * @param options those of the user
   * @param types what the agent declares
   */
  constructor(options: readonly WrittenOption[], types: OptionTypes, onEdge: (edge: Edge) => void) {
    this.#keys = trackedKeys(options);
    this.#onEdge = onEdge;
    const fieldOf = new Map<Output, string>();
    const added: WrittenOption[] = [];
    for (const output of OUTPUTS) {
      // The agent refuses previousAs where it would be several values.
      if (!Object.hasOwn(types, output) || this.#keys.length === 0) continue;
      if (output === 'previousAs' && this.#keys.length > 1) continue;
      const given = lastArgument(options, output);
      const field = given?.type === 'STRING' && given.value !== undefined ? given.value : `replay ${output}`;
      fieldOf.set(output, field);
      if (given === undefined)
        added.push({
          name: output,
          values: [{ type: 'STRING', value: field }],
          text: `${output}('${field}')`,
        });
    }
    const unit = lastArgument(options, 'unit');
    this.#unitSeconds = unit?.type === 'DURATION' ? Number(unit.value ?? 0n) / NS_PER_SECOND : 1;
    this.#fieldOf = fieldOf;
    this.addedOptions = added;
    this.#addedFields = new Set(added.map(({ name }) => `replay ${name}`));
    if (this.#keys.length > 0 && !fieldOf.has('previousAs')) this.#lastValues = new Map();
    if (options.some(({ name }) => name === 'every')) this.#lastCounts = new Map();
  }

  get keys(): readonly TrackedKey[] {
    return this.#keys;
  }

  /** As HostSink has it. */
  emitted(kind: number, bytes: Uint8Array, start: number, end: number): void {
    if (kind === MESSAGE.begin) this.#batch = decodeBegin(bytes.subarray(start, end));
    else if (kind === MESSAGE.point) {
      this.#view.read(bytes, start, end);
      this.#onEdge(this.#edgeOf(this.#view.toPoint()));
    }
  }

  #edgeOf(emitted: Point): Edge {
    const point: Point = {
      ...emitted,
      name: this.#batch?.name ?? emitted.name,
      group: this.#batch?.group ?? emitted.group,
      fields: new Map([...emitted.fields].filter(([name]) => !this.#addedFields.has(name))),
    };
    const values = this.#keys.map(({ type, name }) =>
      (type === 'field' ? point.fields : point.tags).get(name),
    );
    const count = this.#output(emitted, 'countAs');
    const isRepeat = this.#lastCounts !== undefined && this.#lastCounts.get(point.group) === count;
    this.#lastCounts?.set(point.group, count);
    const duration = this.#output(emitted, 'durationAs');
    const since = this.#output(emitted, 'sinceAs');
    const previous = this.#output(emitted, 'previousAs');
    const lastValues = this.#lastValues?.get(point.group);
    this.#lastValues?.set(point.group, values);
    return {
      point,
      values,
      kind: isRepeat ? 'repeat' : count === 0n ? 'first' : 'change',
      previous: previous === undefined ? lastValues : [previous],
      lastedSeconds: typeof duration === 'number' ? duration * this.#unitSeconds : undefined,
      sinceNs: typeof since === 'bigint' ? since : point.time,
    };
  }

  #output(point: Point, output: Output): FieldValue | undefined {
    const field = this.#fieldOf.get(output);
    return field === undefined ? undefined : point.fields.get(field);
  }
}

/** The first argument of the last use of an option, which is the one that counts. */
function lastArgument(options: readonly WrittenOption[], name: string): OptionValue | undefined {
  return options.findLast((option) => option.name === name)?.values[0];
}
