import { Option } from 'commander';
import { InputError } from '../../errors.ts';
import { FirstTimes } from '../../feed/first-times.ts';
import { ReadingNotes } from '../../feed/readers/notes.ts';
import { PointsReader } from '../../feed/readers/points-reader.ts';
import { FORMATS, type Format } from '../../feed/readers/settings.ts';
import type { ReaderReading } from '../../feed/reading.ts';
import { Rejections } from '../../feed/rejections.ts';
import { readBytes } from '../../feed/sources/file.ts';
import type { StreamRecord } from '../../kapacitor/recordings/stream-recording.ts';
import type { Io } from '../io.ts';
import { printable } from '../printable.ts';
import { mappingOptions, type ReadingFlags, readingSettings, textOptions } from '../reading-options.ts';

/** How the file of a replay is to be read, as commander hands it over. */
export interface ReplayInputFlags extends ReadingFlags {
  readonly inputFormat?: Format;
  readonly measurement?: string;
  readonly groupBy: readonly string[];
  readonly tag: readonly string[];
}

/** The options that say how the file is to be read. */
export function inputOptions(): Option[] {
  return [
    new Option(
      '--input-format <format>',
      'what the file holds, if it is no recording (default: by what it shows, and its name)',
    ).choices(FORMATS),
    ...textOptions(),
    ...mappingOptions(),
  ];
}

/** The file of a replay where it is no recording of Kapacitor: whatever `feed` reads. */
export class ReplayInput {
  readonly #flags: ReplayInputFlags;
  readonly #file: string;
  readonly #warn: (message: string) => void;
  readonly #notes: ReadingNotes;
  #rejected = 0;

  constructor(file: string, flags: ReplayInputFlags, io: Io) {
    this.#file = file;
    this.#flags = flags;
    this.#warn = (message) => io.stderr.write(`edge-detect: warning: ${printable(message)}\n`);
    this.#notes = new ReadingNotes((note) => this.#warn(String(note)));
  }

  /** Whether something of the file was left out that nobody has said to leave out. */
  get isIncomplete(): boolean {
    return this.#rejected + this.#notes.losses > 0;
  }

  /** What there is to say when all was read, a line each. */
  summary(): string[] {
    const lines = this.#notes.summary();
    if (this.#rejected > 0)
      lines.push(
        `${this.#rejected} ${this.#rejected === 1 ? 'record was' : 'records were'} left out as no point`,
      );
    return lines;
  }

  /**
   * The points of a text, some at a time.
   * @throws InputError at what is no line protocol, where that is read; other records that are no points are left out
   */
  async *records(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<readonly StreamRecord[]> {
    const { groupBy, inputFormat, measurement, precision, tag } = this.#flags;
    const settings = {
      ...readingSettings(this.#flags),
      usualMeasurement: measurement ?? stemOf(this.#file),
      likelyTagNames: new Set([...groupBy, ...tag]),
    };
    const origin = { name, format: inputFormat, file: this.#file === '-' ? undefined : this.#file };
    const reader = new PointsReader(settings, origin, this.#notes);
    const first = new FirstTimes<ReaderReading>(
      () => reader.format === 'lp' && precision === undefined,
      (doubt) => {
        if (precision === undefined) this.#warn(String(doubt));
      },
    );
    const rejections = new Rejections({ file: undefined, isMarked: false, report: this.#warn });
    for await (const readings of readBytes(chunks, reader, first)) {
      yield readings.flatMap((reading): StreamRecord[] => {
        if (reading.kind === 'point') {
          const { database = '', retentionPolicy = '' } = reading.place ?? {};
          return [{ database, retentionPolicy, point: { ...reading.point, time: reading.timeNs } }];
        }
        if (reading.kind === 'empty') return [];
        if (reader.format === 'lp') throw new InputError('BAD_LINE', reading.reason);
        this.#rejected++;
        rejections.add(reading.record, reading.reason, reading.head);
        return [];
      });
    }
    rejections.close();
  }
}

/** What a file is called without its folder and endings: the measurement of points that have none. */
function stemOf(file: string): string {
  const name = file.split('/').at(-1) ?? '';
  return file === '-' ? 'stdin' : name.replace(/(?<=.)\..*$/, '');
}
