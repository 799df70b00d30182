import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import {
  decodeSnapshotResponse,
  encodeKeepaliveRequest,
  encodeRestoreRequest,
  encodeSnapshotRequest,
} from '../../src/kapacitor/host/host-messages.ts';
import { RequestEncoder } from '../../src/kapacitor/host/request-encoder.ts';
import { MESSAGE } from '../../src/wire/envelope.ts';
import { MAX_FRAME_BYTES, open } from './asker.ts';
import { random } from './points.ts';
import { cpuSeconds, memoryMb, startEdgeDetect } from './processes.ts';

/** Points written at once. */
const CHUNK_POINTS = 20_000;
/** Group ids have 20 bytes: "host=router-" and eight digits. */
const DIGITS = 8;
const PREFIX = 'router-';

/** Watches from a thread of its own how long the agent keeps others waiting: this one is busy with the snapshot. */
class Patience {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** @param id makes its task its own */
  static async begin(path: string, id: string): Promise<Patience> {
    const worker = new Worker(new URL('patience.ts', import.meta.url), { workerData: { path, id } });
    await once(worker, 'message');
    return new Patience(worker);
  }

  /** @returns the longest wait in ms */
  async stop(): Promise<number> {
    const told = once(this.#worker, 'message');
    const ended = once(this.#worker, 'exit');
    this.#worker.postMessage('stop');
    const [longestMs]: unknown[] = await told;
    await ended;
    return Number(longestMs);
  }
}

/** A point whose digits can be written over: making millions of them otherwise would take longer than the test. */
function template(): { bytes: Buffer; digits: number[] } {
  const host = PREFIX + '0'.repeat(DIGITS);
  const encoder = new RequestEncoder();
  encoder.point({
    time: 1_600_000_000_000_000_000n,
    name: 'adsl_connection',
    database: 'telegraf',
    retentionPolicy: 'autogen',
    group: `host=${host}`,
    dimensions: ['host'],
    byName: false,
    tags: new Map([['host', host]]),
    fields: new Map([['value', 'SHOWTIME']]),
  });
  const bytes = Buffer.from(encoder.take());
  const digits: number[] = [];
  for (let at = bytes.indexOf(PREFIX); at >= 0; at = bytes.indexOf(PREFIX, at + 1))
    digits.push(at + PREFIX.length);
  return { bytes, digits };
}

function points(count: number, groupOf: (index: number) => number): Buffer {
  const { bytes, digits } = template();
  const all = Buffer.alloc(bytes.length * count);
  for (let i = 0; i < count; i++) {
    const at = i * bytes.length;
    bytes.copy(all, at);
    const text = String(groupOf(i)).padStart(DIGITS, '0');
    for (const place of digits) all.write(text, at + place, 'latin1');
  }
  return all;
}

/** Fills a node with groups, and measures what they cost. @returns units and values */
export async function measureGroups(folder: string, groups: number): Promise<[string, number][]> {
  const subject = await startEdgeDetect(folder, 'groups', [
    '--max-groups',
    String(groups),
    '--max-frame-bytes',
    String(MAX_FRAME_BYTES),
  ]);
  const figures: [string, number][] = [];
  let snapshot: Uint8Array = Buffer.alloc(0);
  try {
    const first = await open(subject.socketOf(), 'groups');
    for (let at = 0; at < groups; at += CHUNK_POINTS) {
      await first.send(points(Math.min(CHUNK_POINTS, groups - at), (i) => at + i));
    }
    await first.ask(MESSAGE.keepalive, encodeKeepaliveRequest(1n));
    // The cost of a point whose group was not seen just now: groups in random order.
    const next = random(2);
    const chunk = points(CHUNK_POINTS * 5, () => Math.floor(next() * groups));
    const rounds = 10;
    const before = cpuSeconds(subject.pid) ?? 0;
    const begun = performance.now();
    for (let round = 0; round < rounds; round++) await first.send(chunk);
    await first.ask(MESSAGE.keepalive, encodeKeepaliveRequest(1n));
    const count = rounds * CHUNK_POINTS * 5;
    figures.push(['points/s', (count / (performance.now() - begun)) * 1000]);
    figures.push(['CPU ns/point', (((cpuSeconds(subject.pid) ?? 0) - before) * 1e9) / count]);
    let patience = await Patience.begin(subject.socketOf(), 'at-snapshot');
    const asked = performance.now();
    snapshot = decodeSnapshotResponse(await first.ask(MESSAGE.snapshot, encodeSnapshotRequest()));
    figures.push(['snapshot ms', performance.now() - asked]);
    figures.push(['longest wait ms', await patience.stop()]);
    figures.push(['snapshot MB', snapshot.length / 1e6]);
    figures.push(['peak MB', memoryMb(subject.pid, 'VmHWM')]);
    await first.close();
    const second = await open(subject.socketOf(), 'restored');
    const restore = encodeRestoreRequest(snapshot);
    patience = await Patience.begin(subject.socketOf(), 'at-restore');
    const restoring = performance.now();
    await second.ask(MESSAGE.restore, restore);
    figures.push(['restore ms', performance.now() - restoring]);
    figures.push(['longest wait at restore ms', await patience.stop()]);
    await second.close();
  } finally {
    await subject.stop();
  }
  return figures;
}
