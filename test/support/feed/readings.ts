import { ReadingNotes } from '../../../src/feed/readers/notes.ts';
import { type BytesOrigin, PointsReader } from '../../../src/feed/readers/points-reader.ts';
import { type ReadSettings, USUAL_SETTINGS } from '../../../src/feed/readers/settings.ts';
import type { Reading } from '../../../src/feed/reading.ts';

/** The settings of a test: a measurement, and what it says otherwise. */
export function settings(some: Partial<ReadSettings> = {}): ReadSettings {
  return { ...USUAL_SETTINGS, usualMeasurement: 'm', ...some };
}

/** What a text gave, as a test compares it. */
export interface Read {
  /** Points as lines; what was refused as `record <- reason`; `empty`. In the order of the text. */
  readonly all: readonly string[];
  /** What was said while it was read, and at the end. */
  readonly notes: readonly string[];
  readonly losses: number;
  readonly format: string | undefined;
}

/** Reads a text, in one piece or in those that are given. */
export function readText(
  text: string | Buffer | readonly (string | Buffer)[],
  some: Partial<ReadSettings> = {},
  origin: Partial<BytesOrigin> = {},
): Read {
  const said: string[] = [];
  const notes = new ReadingNotes((note) => said.push(String(note)));
  const reader = new PointsReader(settings(some), { name: 'f', ...origin }, notes);
  const pieces = typeof text === 'string' || Buffer.isBuffer(text) ? [text] : text;
  const readings = pieces.flatMap((piece) => reader.push(Buffer.from(piece)));
  const all = [...readings, ...reader.end()].map(shown);
  return { all, notes: [...said, ...notes.summary()], losses: notes.losses, format: reader.format };
}

/** A point as one text, or what was refused and why. */
export function shown(reading: Reading): string {
  if (reading.kind === 'empty') return 'empty';
  if (reading.kind === 'refused') return `${reading.record} <- ${reading.reason}`;
  return `${reading.text}${reading.timeNs === undefined ? '' : ` ${reading.timeNs}`}`;
}

/** Every way to cut a text that matters: at each byte once, and into single bytes. */
export function* cuts(text: string | Buffer): Generator<Buffer[]> {
  const bytes = Buffer.from(text);
  for (let at = 0; at <= bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
  yield [...bytes].map((byte) => Buffer.from([byte]));
}
