import { groupId, sortedNames } from '../../wire/group-id.ts';
import type { FieldValue } from '../../wire/point.ts';
import type { BatchArchive } from '../recordings/batch-archive.ts';
import type { Recording, StreamRecording } from '../recordings/recording.ts';
import type { Host } from './host.ts';

/** Which points a task would see, and how its `from()` node groups them. */
export interface Selection {
  /** Undefined: every measurement. */
  readonly measurement: string | undefined;
  /** Names of tags; `*` among them stands for all tags that a point has. Batches are grouped by their query. */
  readonly groupBy: readonly string[];
}

/** Of names and groups no more than so many are counted. */
const MAX_NOTED = 100_000;

/** What a recording turned out to hold; names are of the points that were sent, measurements of all. */
export class Survey {
  /** Points in the recording. */
  points = 0;
  /** Points of the measurement asked for. */
  sent = 0;
  batches = 0;
  /** Points without a timestamp, which were given the time at which they were read. */
  withoutTime = 0;
  /** Nanoseconds since the epoch; of the points sent. */
  firstTime: bigint | undefined;
  lastTime: bigint | undefined;
  readonly measurements = new Set<string>();
  readonly groups = new Set<string>();
  readonly fields = new Set<string>();
  readonly tags = new Set<string>();

  /** @internal */
  note(
    group: string,
    time: bigint,
    tags: ReadonlyMap<string, string>,
    fields: ReadonlyMap<string, FieldValue>,
  ): void {
    this.sent++;
    if (this.firstTime === undefined || time < this.firstTime) this.firstTime = time;
    if (this.lastTime === undefined || time > this.lastTime) this.lastTime = time;
    noteIn(this.groups, group);
    for (const name of fields.keys()) noteIn(this.fields, name);
    for (const name of tags.keys()) noteIn(this.tags, name);
  }
}

function noteIn(names: Set<string>, name: string): void {
  if (names.size < MAX_NOTED) names.add(name);
}

/**
 * Sends a recording to an agent, as fast as it takes it, with the times that were recorded.
 * @param survey is filled in while the recording is read
 * @param onProgress is called now and then
 */
export async function replay(
  recording: Recording,
  host: Host,
  selection: Selection,
  survey: Survey,
  onProgress: () => void,
): Promise<void> {
  if (recording.kind === 'stream') await replayStream(recording, host, selection, survey, onProgress);
  else await replayBatches(recording, host, selection, survey, onProgress);
}

async function replayStream(
  recording: StreamRecording,
  host: Host,
  { measurement, groupBy }: Selection,
  survey: Survey,
  onProgress: () => void,
): Promise<void> {
  const isByAll = groupBy.includes('*');
  const named = sortedNames(groupBy);
  for await (const records of recording.records()) {
    for (const { database, retentionPolicy, point } of records) {
      survey.points++;
      noteIn(survey.measurements, point.measurement);
      if (measurement !== undefined && point.measurement !== measurement) continue;
      if (point.time === undefined) survey.withoutTime++;
      const time = point.time ?? BigInt(Date.now()) * 1_000_000n;
      const { tags, fields } = point;
      const dimensions = isByAll ? sortedNames(tags.keys()) : named;
      const group = groupId(point.measurement, tags, dimensions, false);
      survey.note(group, time, tags, fields);
      host.point({
        time,
        name: point.measurement,
        database,
        retentionPolicy,
        group,
        dimensions,
        byName: false,
        tags,
        fields,
      });
      if (host.isFull) await host.flush();
    }
    // A pipe may be slow: what has come so far is not kept waiting.
    await host.flush();
    onProgress();
  }
}

async function replayBatches(
  recording: BatchArchive,
  host: Host,
  { measurement }: Selection,
  survey: Survey,
  onProgress: () => void,
): Promise<void> {
  for await (const { name, byName, tags, tmax, points } of recording.records()) {
    survey.points += points.length;
    noteIn(survey.measurements, name);
    if (measurement !== undefined && name !== measurement) continue;
    survey.batches++;
    const group = groupId(name, tags, [...tags.keys()], byName);
    host.begin({ name, group, tags, size: points.length, byName });
    for (const point of points) {
      survey.note(group, point.time, point.tags, point.fields);
      host.point({
        ...point,
        name: '',
        database: '',
        retentionPolicy: '',
        group,
        dimensions: [],
        byName: false,
      });
      if (host.isFull) await host.flush();
    }
    host.end({ name, group, tmax, tags });
    onProgress();
  }
}
