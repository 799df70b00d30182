import { basename, dirname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { messageOf } from '../errors.ts';
import { PointsReader } from '../feed/readers/points-reader.ts';
import { type ReadSettings, USUAL_SETTINGS } from '../feed/readers/settings.ts';
import { openRecording } from '../kapacitor/recordings/recording.ts';
import type { StreamRecord } from '../kapacitor/recordings/stream-recording.ts';
import { CaseFileError } from './case-error.ts';
import type { FileSpec } from './case-schema.ts';
import type { TimedPoint } from './points.ts';
import type { Path, PreparedCase } from './prepared-case.ts';

/**
 * The points of a file, in its order: a stream recording of Kapacitor, or whatever `feed` reads.
 * @throws CaseFileError
 */
export async function filePoints(
  { document }: PreparedCase,
  spec: FileSpec,
  path: Path,
): Promise<TimedPoint[]> {
  const file = resolve(dirname(document.file), spec.file);
  const wrong = (what: string): CaseFileError => document.error(path, what);
  try {
    const recording = await openRecording(file, Readable.from([]), (chunks) =>
      textRecords(chunks, spec, (what) => wrong(`${spec.file}: ${what}`)),
    );
    if (recording.kind === 'batch') {
      recording.close();
      throw wrong(`${spec.file} holds batches: name it under batches, for a batch task`);
    }
    const points: TimedPoint[] = [];
    for await (const records of recording.records())
      for (const { point } of records) {
        if (point.time === undefined) throw wrong(`${spec.file}: a point has no time`);
        points.push({ ...point, time: point.time });
      }
    return points;
  } catch (error) {
    throw error instanceof CaseFileError ? error : wrong(messageOf(error));
  }
}

async function* textRecords(
  chunks: AsyncIterable<Uint8Array>,
  spec: FileSpec,
  wrong: (what: string) => CaseFileError,
): AsyncGenerator<readonly StreamRecord[]> {
  const reader = new PointsReader(settingsOf(spec), { name: spec.file, file: spec.file });
  const taken = (readings: ReturnType<PointsReader['push']>): StreamRecord[] =>
    readings.flatMap((reading) => {
      if (reading.kind === 'empty') return [];
      // A test that goes on without a part of its data tests something else.
      if (reading.kind === 'refused') throw wrong(`${reading.reason}: ${reading.record}`);
      return [{ database: '', retentionPolicy: '', point: { ...reading.point, time: reading.timeNs } }];
    });
  for await (const chunk of chunks) yield taken(reader.push(chunk));
  yield taken(reader.end());
}

function settingsOf({
  file,
  measurement,
  precision,
  tags,
  time,
  timeFormat,
  timeZone,
  types,
}: FileSpec): ReadSettings {
  return {
    ...USUAL_SETTINGS,
    measurement,
    usualMeasurement: basename(file).replace(/(?<=.)\..*$/, ''),
    tagNames: new Set(tags ?? []),
    types: new Map(Object.entries(types ?? {})),
    timeName: time,
    timeFormat,
    timeZone,
    precision,
  };
}
