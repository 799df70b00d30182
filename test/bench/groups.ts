import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import {
  decodeSnapshotResponse,
  encodeInitRequest,
  encodeKeepaliveRequest,
  encodeRestoreRequest,
  encodeSnapshotRequest,
} from '../../src/kapacitor/host-messages.ts';
import { RequestEncoder } from '../../src/kapacitor/request-encoder.ts';
import { parseOptions } from '../../src/kapacitor/tickscript-options.ts';
import { body, MESSAGE, readEnvelope } from '../../src/wire/envelope.ts';
import { FrameReader } from '../../src/wire/frames.ts';
import { random } from './points.ts';
import { cpuSeconds, memoryMb, startEdgeDetect } from './processes.ts';

const MAX_FRAME_BYTES = 2 ** 30;
/** Points written at once. */
const CHUNK_POINTS = 20_000;
/** Group ids have 20 bytes: "host=router-" and eight digits. */
const DIGITS = 8;
const PREFIX = 'router-';

/** A connection that asks and gets answers by their kind. */
class Asker {
  readonly socket: Socket;
  readonly #reader = new FrameReader(MAX_FRAME_BYTES);
  readonly #waiting: { kind: number; resolve: (bytes: Buffer) => void }[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#reader.push(chunk, this));
  }

  frame(bytes: Uint8Array, start: number, end: number): void {
    const kind = readEnvelope(bytes, start, end);
    const index = this.#waiting.findIndex((each) => each.kind === kind);
    if (index < 0) return;
    const [{ resolve }] = this.#waiting.splice(index, 1);
    resolve(Buffer.from(bytes.subarray(body[0], body[1])));
  }

  ask(kind: number, request: Uint8Array): Promise<Buffer> {
    return new Promise((resolve) => {
      this.#waiting.push({ kind, resolve });
      this.socket.write(request);
    });
  }

  async send(bytes: Uint8Array): Promise<void> {
    if (!this.socket.write(bytes)) await once(this.socket, 'drain');
  }

  async close(): Promise<void> {
    const closed = once(this.socket, 'close');
    this.socket.end();
    await closed;
  }
}

async function open(path: string, task: string): Promise<Asker> {
  const socket = connect({ path, allowHalfOpen: true });
  await once(socket, 'connect');
  const asker = new Asker(socket);
  await asker.ask(
    MESSAGE.init,
    encodeInitRequest({ options: parseOptions("field('value')"), taskId: task, nodeId: 'edgeDetect2' }),
  );
  return asker;
}

/** Asks for a sign of life every millisecond, and keeps the longest wait. */
class Patience {
  longestMs = 0;
  readonly #asker: Asker;
  #isOver = false;
  readonly #done: Promise<void>;

  constructor(asker: Asker) {
    this.#asker = asker;
    this.#done = this.#wait();
  }

  async stop(): Promise<number> {
    this.#isOver = true;
    await this.#done;
    return this.longestMs;
  }

  async #wait(): Promise<void> {
    while (!this.#isOver) {
      const asked = performance.now();
      await this.#asker.ask(MESSAGE.keepalive, encodeKeepaliveRequest(1n));
      this.longestMs = Math.max(this.longestMs, performance.now() - asked);
      await pause(1);
    }
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
    fields: new Map([['value', { kind: 'string', value: 'SHOWTIME' }]]),
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
    const other = await open(subject.socketOf(), 'other');
    const first = await open(subject.socketOf(), 'groups');
    for (let at = 0; at < groups; at += CHUNK_POINTS) {
      await first.send(points(Math.min(CHUNK_POINTS, groups - at), (i) => at + i));
    }
    await first.ask(MESSAGE.keepalive, encodeKeepaliveRequest(1n));
    // The cost of a point whose group was not seen just now: groups in random order.
    const next = random(2);
    const chunk = points(CHUNK_POINTS * 5, () => Math.floor(next() * groups));
    const rounds = 5;
    const before = cpuSeconds(subject.pid) ?? 0;
    const begun = performance.now();
    for (let round = 0; round < rounds; round++) await first.send(chunk);
    await first.ask(MESSAGE.keepalive, encodeKeepaliveRequest(1n));
    const count = rounds * CHUNK_POINTS * 5;
    figures.push(['points/s', (count / (performance.now() - begun)) * 1000]);
    figures.push(['CPU ns/point', (((cpuSeconds(subject.pid) ?? 0) - before) * 1e9) / count]);
    let patience = new Patience(other);
    const asked = performance.now();
    snapshot = decodeSnapshotResponse(await first.ask(MESSAGE.snapshot, encodeSnapshotRequest()));
    figures.push(['snapshot ms', performance.now() - asked]);
    figures.push(['longest wait ms', await patience.stop()]);
    figures.push(['snapshot MB', snapshot.length / 1e6]);
    figures.push(['peak MB', memoryMb(subject.pid, 'VmHWM')]);
    await first.close();
    patience = new Patience(other);
    const second = await open(subject.socketOf(), 'restored');
    const restoring = performance.now();
    await second.ask(MESSAGE.restore, encodeRestoreRequest(snapshot));
    figures.push(['restore ms', performance.now() - restoring]);
    figures.push(['longest wait at restore ms', await patience.stop()]);
    await second.close();
    await other.close();
  } finally {
    await subject.stop();
  }
  return figures;
}
