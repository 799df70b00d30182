import { InputError } from '../../errors.ts';
import { setting, wording } from '../../wording.ts';
import { type Reader, type ReaderReading, type ReadPoint, type RefusedReading, refused } from '../reading.ts';
import { Readers } from './factory.ts';
import { ReadingNotes } from './notes.ts';
import { formatOfText, recognise, refuseBinary } from './recognition.ts';
import { type Format, namingSetting, type ReadSettings } from './settings.ts';
import { type ByteDecoder, decoderFor } from './text-decoder.ts';

/** Where bytes come from. */
export interface BytesOrigin {
  /** What the messages begin with. */
  readonly name: string;
  /** The name of the file that they are in, which may tell their format. */
  readonly file?: string | undefined;
  /** What they hold; undefined: to be found out. */
  readonly format?: Format | undefined;
}

/** Bytes of a text that doesn't show what it is by then are not waited for. */
const MAX_HEAD_BYTES = 65_536;
/** The longest byte order mark. */
const MARK_BYTES = 4;

/**
 * Reads the points of a text, given as bytes in pieces cut anywhere, whatever it holds. It knows no files: `feed`,
 * `replay`, script tests and the web give it what they have.
 */
export class PointsReader {
  readonly notes: ReadingNotes;
  readonly #settings: ReadSettings;
  readonly #origin: BytesOrigin;
  #head: Buffer | undefined = Buffer.alloc(0);
  #decoder: ByteDecoder | undefined;
  /** Text until it is known what it is. */
  #text = '';
  #format: Format | undefined;
  #readers: Readers | undefined;
  #reader: Reader | undefined;

  constructor(settings: ReadSettings, origin: BytesOrigin, notes = new ReadingNotes()) {
    this.notes = notes;
    this.#settings = settings;
    this.#origin = origin;
  }

  /** What the text holds, once that is known. */
  get format(): Format | undefined {
    return this.#format;
  }

  /** @throws InputError if this can't be read at all, or not as the settings want it */
  push(bytes: Uint8Array): readonly ReaderReading[] {
    return this.#take(this.#decode(bytes, false), false);
  }

  /** Gives what is held back, as no more may come for a while. */
  settle(): readonly ReaderReading[] {
    return this.#believed(this.#reader?.settle?.() ?? []);
  }

  /** To be called once, at the end. @throws InputError as `push` does */
  end(): readonly ReaderReading[] {
    const text = this.#decode(Buffer.alloc(0), true) + (this.#decoder?.end() ?? '');
    const readings = this.#take(text, true);
    const rest = this.#believed(this.#reader?.end() ?? []);
    for (const name of this.#readers?.unseenNames ?? [])
      this.notes.once(`unseen ${name}`, `no record has had a ${name}`);
    const { selected } = this.#settings;
    if ((this.#readers?.unseenNames ?? []).some((name) => selected.has(name))) this.notes.lost();
    return [...readings, ...rest];
  }

  #decode(bytes: Uint8Array, isFinal: boolean): string {
    if (this.#decoder !== undefined) return this.#decoder.push(bytes);
    const head = Buffer.concat([this.#head ?? Buffer.alloc(0), bytes]);
    this.#head = head;
    if (head.length < MARK_BYTES && !isFinal) return '';
    this.#head = undefined;
    const { encoding } = this.#settings;
    refuseBinary(head.subarray(0, MAX_HEAD_BYTES), this.#origin.name, encoding !== undefined);
    this.#decoder = decoderFor(head, encoding);
    return this.#decoder.push(head);
  }

  #take(text: string, isFinal: boolean): readonly ReaderReading[] {
    if (this.#reader !== undefined) return this.#believed(this.#reader.push(text));
    this.#text += text;
    if (this.#text.trim() === '' || !this.#isTold(isFinal)) return [];
    const head = this.#text;
    this.#text = '';
    this.#reader = this.#begin(isFinal ? head : wholeLines(head) || head);
    return this.#believed(this.#reader.push(head));
  }

  /** Whether there is no use in waiting for more of the text to know what it is. */
  #isTold(isFinal: boolean): boolean {
    if (isFinal || this.#origin.format !== undefined || this.#text.length > MAX_HEAD_BYTES) return true;
    // A line that is not whole does not show what it is.
    const whole = this.#text.slice(
      0,
      Math.max(this.#text.lastIndexOf('\n'), this.#text.lastIndexOf('\r')) + 1,
    );
    return formatOfText(whole, false) !== undefined;
  }

  #begin(head: string): Reader {
    const { file, format, name } = this.#origin;
    this.#format = format ?? this.#recognised(head, name, file);
    checkSettings(this.#settings, this.#format);
    this.#readers = new Readers(this.#settings, this.#format, name, this.notes);
    return this.#readers.make();
  }

  #recognised(head: string, name: string, file: string | undefined): Format {
    const { format, note } = recognise(head, name, file);
    if (note !== undefined) this.notes.once('format', note);
    return format;
  }

  /** One wrong byte makes Kapacitor 1.8 fail the whole task, so what may hold one goes no further. */
  #believed(readings: readonly ReaderReading[]): readonly ReaderReading[] {
    if (this.#decoder?.isDamaged !== true) return readings;
    return readings.map((reading) => {
      if (reading.kind !== 'point' || !reading.text.includes('\uFFFD')) return reading;
      const { encoding = 'UTF-8' } = this.#settings;
      const reason = String(
        wording`it has bytes that are no ${encoding}; ${setting('encoding')} latin1 (or another) says how they are meant`,
      );
      return refused(reading.origin?.record ?? reading.text, reason, reading.origin?.head);
    });
  }
}

/** The text without a last line that may go on. */
function wholeLines(text: string): string {
  return text.slice(0, Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1);
}

/**
 * Refuses settings that are of no use for a format.
 * @throws InputError that names the setting
 */
export function checkSettings(settings: ReadSettings, format: Format): void {
  if (format !== 'lp' && format !== 'srpl') return;
  const given = namingSetting(settings);
  if (given === undefined) return;
  const what = given === 'tag' ? wording`${setting('tag')} without a value` : wording`${setting(given)}`;
  throw new InputError(
    'BAD_SETTING',
    wording`${what} is of no use here: ${format === 'lp' ? 'line protocol' : 'a recording'} says itself what is what`,
  );
}

/** What a whole text gave. */
export interface TextPoints {
  readonly format: Format | undefined;
  readonly points: readonly ReadPoint[];
  readonly refused: readonly RefusedReading[];
  /** How many records had no value in any field. */
  readonly empty: number;
  /** What a person should know of how it was read. */
  readonly notes: readonly string[];
}

/**
 * Reads the points of a whole text.
 * @throws InputError as {@link PointsReader.push} does
 */
export function readPoints(bytes: Uint8Array, settings: ReadSettings, origin: BytesOrigin): TextPoints {
  const said: string[] = [];
  const reader = new PointsReader(settings, origin, new ReadingNotes((note) => said.push(String(note))));
  const readings = [...reader.push(bytes), ...reader.end()];
  return {
    format: reader.format,
    points: readings.filter((reading) => reading.kind === 'point'),
    refused: readings.filter((reading) => reading.kind === 'refused'),
    empty: readings.filter((reading) => reading.kind === 'empty').length,
    notes: [...said, ...reader.notes.summary()],
  };
}
