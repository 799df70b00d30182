import type { UdfFunction } from '../../function/contract.ts';
import { Node } from '../../function/node.ts';
import { OptionsError } from '../../function/options.ts';
import type { NamedOption, OptionValue } from '../../wire/messages.ts';
import { PointReader } from '../../wire/point-view.ts';
import { PointWriter } from '../../wire/point-writer.ts';
import type { CellValue } from '../sources/state-source.ts';
import type { Change, ChangeFinder } from './group-states.ts';
import { DetectionRefused, type OpenDetection } from './state-reader.ts';

/** Fields that the detector adds to tell what it found; no measurement has one of these names. */
const VALUE_FIELD = '\u0000value';
const SINCE_FIELD = '\u0000since';

/** Options that say which edges go out, not what the states are; an interval would be missing, or be there twice. */
const UNFIT = new Set(
  ['field', 'tag', 'from', 'notFrom', 'to', 'notTo', 'rising', 'falling', 'limit', 'initial', 'every'].concat(
    ['as', 'previousAs', 'durationAs', 'unit', 'sinceAs', 'countAs', 'maxGroups'],
  ),
);

const MAX_GROUPS = 1_000_000;
const SILENT = { info() {}, warn() {} };

/**
 * Lets points of a series go through the detector as a task would.
 * @param fn `@edgeDetect()`
 * @param parse reads options as a TICKscript writes them; throws an Error that says what is wrong
 */
export function detectionBy(fn: UdfFunction, parse: (text: string) => readonly NamedOption[]): OpenDetection {
  return (field, texts) => {
    const options = [...parsed(texts, parse)];
    for (const { name } of options)
      if (UNFIT.has(name))
        throw new DetectionRefused(
          `${name} chooses among edges; what decides on states is hold, confirm, deadband and the like`,
        );
    options.push(
      { name: 'field', values: [text(field)] },
      { name: 'as', values: [text(VALUE_FIELD)] },
      { name: 'sinceAs', values: [text(SINCE_FIELD)] },
    );
    const detection = new Detection(fn, options, field);
    return (group) => detection.finderOf(group);
  };
}

function text(value: string): OptionValue {
  return { type: 'STRING', value };
}

function parsed(texts: readonly string[], parse: (text: string) => readonly NamedOption[]): NamedOption[] {
  try {
    return texts.flatMap((each) => [...parse(each)]);
  } catch (error) {
    throw new DetectionRefused(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** One detector for all groups of a request. */
class Detection {
  readonly #node: Node;
  readonly #writer = new PointWriter();
  readonly #reader = new PointReader();
  readonly #field: string;
  #changes: Change[] = [];

  constructor(fn: UdfFunction, options: readonly NamedOption[], field: string) {
    this.#field = field;
    const settings = {
      options,
      limits: { maxGroups: MAX_GROUPS },
      log: SILENT,
      clockMs: () => performance.now(),
    };
    const none = (): void => {};
    try {
      this.#node = new Node(fn, settings, {
        beginBatch: none,
        endBatch: none,
        point: (bytes, start, end) => this.#emitted(bytes, start, end),
      });
    } catch (error) {
      if (error instanceof OptionsError) throw new DetectionRefused(error.message, { cause: error });
      throw error;
    }
  }

  finderOf(group: string): ChangeFinder {
    let lastNs: bigint | undefined;
    return {
      point: (timeNs, value) => {
        this.#changes = [];
        this.#write(group, timeNs, value);
        const { body } = this.#writer;
        this.#node.point(body, 0, body.length);
        // A state begins with its first point, which may lie before one that is known already if points came late.
        return this.#changes.map((change) => {
          const atNs = lastNs !== undefined && change.atNs < lastNs ? lastNs : change.atNs;
          lastNs = atNs;
          return { atNs, value: change.value };
        });
      },
    };
  }

  #write(group: string, time: bigint, value: CellValue): void {
    this.#writer.clear();
    this.#writer.point({
      time,
      name: 'states',
      database: '',
      retentionPolicy: '',
      group,
      dimensions: [],
      byName: false,
      tags: new Map(),
      fields: new Map([[this.#field, value]]),
    });
  }

  #emitted(bytes: Uint8Array, start: number, end: number): void {
    this.#reader.read(bytes, start, end);
    const { fields, time } = this.#reader.toPoint();
    const value = fields.get(VALUE_FIELD);
    const since = fields.get(SINCE_FIELD);
    if (value !== undefined) this.#changes.push({ atNs: typeof since === 'bigint' ? since : time, value });
  }
}
