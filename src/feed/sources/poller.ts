import { messageOf } from '../../errors.ts';
import { setting, wording } from '../../wording.ts';
import { plainText } from '../readers/terminal-text.ts';
import type { Reader, Reading } from '../reading.ts';
import { type CommandOptions, runCommand } from './command.ts';
import { onGrid } from './grid.ts';

export interface PollOptions {
  readonly command: CommandOptions;
  readonly everyMs: number;
  /** How many runs there are to be; undefined: until stopped. */
  readonly maxRuns: number | undefined;
  readonly makeReader: () => Reader;
  /** The point that stands for a run that failed: line protocol without a time. */
  readonly failureText: string | undefined;
  readonly nowNs: () => bigint;
  readonly report: (message: string) => void;
}

/** Runs a program again and again and reads points from what it prints. */
export class Poller {
  readonly #options: PollOptions;
  #runs = 0;
  #failures = 0;
  #hasWarned = false;
  #hasSaidDamaged = false;

  constructor(options: PollOptions) {
    this.#options = options;
  }

  get runs(): number {
    return this.#runs;
  }

  /** Runs that failed, took too long, or printed nothing that gave a point. */
  get failures(): number {
    return this.#failures;
  }

  /** The points of one run after another; each run is of the moment it began. */
  async *readings(signal: AbortSignal): AsyncGenerator<readonly Reading[]> {
    const { everyMs, maxRuns = Number.POSITIVE_INFINITY, report } = this.#options;
    for await (const skipped of onGrid(everyMs, signal)) {
      if (skipped > 0) report(`a run took so long that ${skipped} after it were left out`);
      const readings = await this.#run(signal);
      // What was stopped says nothing of the device.
      if (signal.aborted) return;
      yield readings;
      if (this.#runs >= maxRuns) return;
    }
  }

  async #run(signal: AbortSignal): Promise<readonly Reading[]> {
    const { command, failureText, makeReader, nowNs, report } = this.#options;
    const timeNs = nowNs();
    try {
      const { text, isDamaged } = await runCommand(command, signal);
      if (isDamaged) this.#sayDamaged();
      const reader = makeReader();
      const readings = [...reader.push(text), ...reader.end()];
      const refusal = readings.find((reading) => reading.kind === 'refused');
      // A device that has nothing to say has answered all the same.
      if (!readings.some((reading) => reading.kind !== 'refused'))
        throw new Error(refusal?.reason ?? emptyReason(text));
      this.#runs++;
      this.#warnOfSameSeries(readings);
      return readings.map((reading) =>
        reading.kind === 'point' ? { ...reading, timeNs: reading.timeNs ?? timeNs } : reading,
      );
    } catch (error) {
      if (signal.aborted) return [];
      this.#runs++;
      this.#failures++;
      report(`run ${this.#runs} failed: ${messageOf(error)}`);
      return failureText === undefined ? [] : [{ kind: 'point', text: failureText, timeNs }];
    }
  }

  /** A device that writes a name with an umlaut in it is up all the same. */
  #sayDamaged(): void {
    if (this.#hasSaidDamaged) return;
    this.#hasSaidDamaged = true;
    const { command, report } = this.#options;
    report(
      `what it printed holds bytes that are no ${command.encoding ?? 'UTF-8'}: each was replaced by \uFFFD; ` +
        String(wording`${setting('encoding')} says what it is encoded in if not in that, such as latin1`),
    );
  }

  /** InfluxDB would keep the last of them without a word. */
  #warnOfSameSeries(readings: readonly Reading[]): void {
    if (this.#hasWarned) return;
    const points = readings.filter((reading) => reading.kind === 'point' && reading.timeNs === undefined);
    const series = new Set(points.map(seriesOf));
    if (series.size === points.length) return;
    this.#hasWarned = true;
    this.#options.report(
      'one run gave several points of the same measurement and tags, of which InfluxDB keeps the last only; ' +
        String(wording`${setting('tag')} NAME tells them apart`),
    );
  }
}

function seriesOf(point: Reading): string {
  return point.kind === 'point' ? (/^(?:[^ \\]|\\.)*/s.exec(point.text)?.[0] ?? '') : '';
}

function emptyReason(text: string): string {
  const start = plainText(text)
    .trim()
    .replaceAll(/\s*\n\s*/g, ' / ')
    .slice(0, 60);
  return start === '' ? 'it printed nothing' : `nothing in what it printed is a point; it begins '${start}'`;
}
