import { countText, someOf } from '../../edges/display-text.ts';
import { jsonLine, lineProtocolLine } from '../../edges/edge-lines.ts';
import { EdgeTable } from '../../edges/edge-table.ts';
import type { Edge, TrackedKey } from '../../edges/edges.ts';
import { codeOf, messageOf, OperationError } from '../../errors.ts';
import type { Survey } from '../../kapacitor/host/playback.ts';
import type { WrittenOption } from '../../tickscript/script-options.ts';
import type { Io } from '../io.ts';
import { type Paint, painter } from '../paint.ts';

export const FORMATS = ['table', 'json', 'lp'] as const;
export type ReplayFormat = (typeof FORMATS)[number];

/** What there is to say at the end. */
export interface ReplaySummary {
  readonly file: string;
  readonly survey: Survey;
  readonly keys: readonly TrackedKey[];
  readonly options: readonly WrittenOption[];
  readonly measurement: string | undefined;
  /** Tags that were asked to be grouped by. */
  readonly groupBy: readonly string[];
}

/** Which edges are shown, by their time, in nanoseconds since the epoch. */
export interface ShownTimes {
  readonly sinceNs: bigint;
  readonly untilNs: bigint;
}

const DEFAULT_COLUMNS = 80;
/** Options that keep edges from being emitted. */
const FILTERS = new Set(['from', 'notFrom', 'to', 'notTo', 'rising', 'falling', 'limit']);

/** Shows edges: lines as they come, or a table when all are there. */
export class ReplayOutput {
  readonly #io: Io;
  readonly #paint: Paint;
  readonly #format: ReplayFormat;
  readonly #shown: ShownTimes;
  readonly #table = new EdgeTable();
  #edges = 0;
  /** Edges before or after the times that are shown. */
  #outside = 0;
  #needsDrain = false;
  #error: Error | undefined;
  #onBroken: () => void = () => {};

  constructor(io: Io, format: ReplayFormat, shown: ShownTimes) {
    this.#io = io;
    this.#paint = painter(io.stdout);
    this.#format = format;
    this.#shown = shown;
    io.stdout.on('error', this.#onError);
  }

  /** Whether nobody reads the output any more. */
  get isBroken(): boolean {
    return this.#error !== undefined;
  }

  onBroken(listener: () => void): void {
    this.#onBroken = listener;
  }

  edge(edge: Edge, keys: readonly TrackedKey[]): void {
    const { sinceNs, untilNs } = this.#shown;
    const { time } = edge.point;
    if (time < sinceNs || time > untilNs) {
      this.#outside++;
      if (time < sinceNs) this.#table.addBefore(edge);
      return;
    }
    this.#edges++;
    if (this.#format === 'table') this.#table.add(edge);
    else this.#write(`${this.#format === 'json' ? jsonLine(edge, keys) : lineProtocolLine(edge)}\n`);
  }

  /** Resolves when the output has room again; undefined if it has. */
  drained(): Promise<void> | undefined {
    if (!this.#needsDrain || this.isBroken) return undefined;
    const { stdout } = this.#io;
    return new Promise((resolve) => {
      const done = (): void => {
        this.#needsDrain = false;
        for (const event of ['drain', 'error', 'close']) stdout.off(event, done);
        resolve();
      };
      for (const event of ['drain', 'error', 'close']) stdout.on(event, done);
    });
  }

  /**
   * Writes what is left: the table, or why there is nothing.
   * @throws OperationError if the output could not be written; a reader that went away is no error
   */
  async finish(summary: ReplaySummary): Promise<void> {
    if (!this.isBroken) {
      const { stdout, stderr } = this.#io;
      for (const note of notesOn(summary)) stderr.write(`edge-detect: ${note}\n`);
      const reason = this.#edges === 0 ? `${this.#emptyReason(summary)}\n` : '';
      const isTable = this.#format === 'table';
      if (!isTable && reason !== '') stderr.write(`edge-detect: ${reason}`);
      // Called back when everything before has been written as well, or has failed to be.
      await new Promise<void>((resolve) => {
        stdout.write(isTable ? this.#tableText(summary) + reason : '', () => resolve());
      });
    }
    this.#io.stdout.off('error', this.#onError);
    if (this.#error !== undefined && codeOf(this.#error) !== 'EPIPE')
      throw new OperationError(`cannot write the output: ${messageOf(this.#error)}`);
  }

  #tableText({ survey, keys, options }: ReplaySummary): string {
    const lines = this.#table.lines({
      keys,
      // A terminal that doesn't know its width says 0.
      width: this.#io.stdout.columns || DEFAULT_COLUMNS,
      mayBeWider: this.#io.stdout.isTTY !== true,
      paint: this.#paint,
      fromNs: later(survey.firstTime ?? 0n, this.#shown.sinceNs),
      toNs: earlier(survey.lastTime ?? 0n, this.#shown.untilNs),
    });
    if (lines.length === 0) return '';
    if (options.some(({ name }) => FILTERS.has(name)))
      lines.push(this.#paint('States between edges that the options keep back are not seen here.', 'dim'));
    const outside = this.#outside === 0 ? '' : `, and ${countText(this.#outside, 'edge')} at other times`;
    lines.push('');
    if (this.#edges > 0) lines.push(`${countText(this.#edges, 'edge')} from ${extentOf(survey)}${outside}`);
    return `${lines.join('\n')}\n`;
  }

  #emptyReason(summary: ReplaySummary): string {
    if (this.#outside === 0) return emptyReason(summary);
    return `no edges within --since and --until: all ${this.#outside} are at other times`;
  }

  #write(text: string): void {
    if (!this.isBroken && !this.#io.stdout.write(text)) this.#needsDrain = true;
  }

  readonly #onError = (error: Error): void => {
    this.#error ??= error;
    this.#onBroken();
  };
}

function extentOf(survey: Survey): string {
  return `${countText(survey.sent, 'point')} in ${countText(survey.groups.size, 'group')}`;
}

/** What the person may not know about the points, and should. */
function notesOn({ groupBy, survey, measurement }: ReplaySummary): string[] {
  const notes: string[] = [];
  if (survey.withoutTime > 0)
    notes.push(
      `${countText(survey.withoutTime, 'point')} without a timestamp: each was given the time it was read at`,
    );
  if (measurement === undefined && survey.measurements.size > 1)
    notes.push(`points of ${someOf(survey.measurements)} were sent together: --measurement picks one`);
  // A name that is not there groups nothing, and states of different things become one.
  const missing = groupBy.filter((name) => name !== '*' && !survey.tags.has(name));
  if (survey.sent > 0 && missing.length > 0)
    notes.push(
      `no point has the tag ${someOf(missing)} to group by; ` +
        (survey.tags.size === 0 ? 'there are no tags at all' : `there are the tags ${someOf(survey.tags)}`),
    );
  return notes;
}

function emptyReason({ file, survey, keys, measurement }: ReplaySummary): string {
  if (survey.points === 0) return `no edges: ${file === '-' ? 'standard input' : file} holds no points`;
  if (survey.sent === 0)
    return (
      `no edges: of ${countText(survey.points, 'point')} none is of measurement '${measurement}'; ` +
      `there are ${someOf(survey.measurements)}`
    );
  const carried = keys.some(({ type, name }) => (type === 'field' ? survey.fields : survey.tags).has(name));
  if (keys.length > 0 && !carried) {
    const wanted = keys.map(({ type, name }) => `${type} '${name}'`).join(' or ');
    return (
      `no edges: of ${countText(survey.sent, 'point')} none carried ${wanted}; ` +
      `there are the fields ${someOf(survey.fields)}` +
      (survey.tags.size > 0 ? ` and the tags ${someOf(survey.tags)}` : '')
    );
  }
  return `no edges: the options let none of the changes in ${extentOf(survey)} through, or there were none`;
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function earlier(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
