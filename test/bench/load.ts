// A writer as a process of its own: `node load.ts JOB`, where JOB is JSON. Prints what it measured as JSON.

import { once } from 'node:events';
import { readSync, writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { encodeInitRequest, encodeKeepaliveRequest } from '../../src/kapacitor/host/host-messages.ts';
import { parseOptions } from '../../src/tickscript/script-options.ts';
import { MESSAGE } from '../../src/wire/envelope.ts';
import { Asker } from './asker.ts';
import { encodePoints, type PointsOptions } from './points.ts';

export interface Job {
  readonly mode: 'saturated' | 'one-by-one' | 'latency';
  readonly socket: string;
  /** Makes the task ids of this job its own. */
  readonly id: string;
  readonly options: string;
  readonly points: PointsOptions;
  /** How often the points are sent. */
  readonly rounds: number;
  readonly connections: number;
  /** saturated: every connection has seen every group once before the time counts. Needs answers to keepalives. */
  readonly isWarm: boolean;
  /** Not before this, in milliseconds since the epoch, so that several jobs begin together; 0 for at once. */
  readonly startsAtMs: number;
  /** latency: points a second; 0 for one at a time. */
  readonly rate: number;
}

export interface JobResult {
  readonly points: number;
  readonly seconds: number;
  /** Milliseconds since the epoch, as the job's start. */
  readonly endedAtMs: number;
  /** latency: of every answer, in microseconds, sorted; none from an agent that answers no points. */
  readonly latenciesUs: number[];
}

/** An agent that has answered no point for so long answers none at all. */
const PATIENCE_MS = 5000;
/** Written at once when the agent is to be saturated. */
const LARGE_BYTES = 256 * 1024;

async function run({ mode, points, rounds, connections, rate, isWarm, startsAtMs }: Job): Promise<JobResult> {
  const bytes = encodePoints(points);
  const sockets = await Promise.all(Array.from({ length: connections }, (_, index) => open(index)));
  if (isWarm) {
    const pass = bytes.subarray(0, cutAt(bytes, (bytes.length * points.groups) / points.points));
    await Promise.all(sockets.map((socket) => warmUp(socket, pass)));
  }
  await pause(startsAtMs - Date.now());
  const started = performance.now();
  let latenciesUs: number[] = [];
  if (mode === 'saturated') await saturate(sockets, bytes, rounds);
  else if (mode === 'one-by-one') oneByOne(descriptorOf(sockets[0]), bytes, rounds);
  else latenciesUs = measureLatency(descriptorOf(sockets[0]), bytes, rate);
  await Promise.all(sockets.map(finish));
  const seconds = (performance.now() - started) / 1000;
  return {
    points: points.points * rounds,
    seconds,
    endedAtMs: Date.now(),
    latenciesUs: latenciesUs.sort((a, b) => a - b),
  };
}

async function open(index: number): Promise<Socket> {
  const socket = connect({ path: job.socket, allowHalfOpen: true });
  await once(socket, 'connect');
  if (job.mode === 'saturated') socket.on('data', () => undefined);
  const given = job.options === '' ? [] : parseOptions(job.options);
  const init = encodeInitRequest({
    options: given.map(({ name, values }) => ({ name, values })),
    taskId: `${job.id}-${index}`,
    nodeId: 'edgeDetect2',
  });
  if (job.mode === 'saturated') socket.write(init);
  else writeAll(descriptorOf(socket), init, 0, init.length, () => undefined);
  return socket;
}

async function warmUp(socket: Socket, bytes: Buffer): Promise<void> {
  const asker = new Asker(socket);
  await asker.send(bytes);
  await asker.ask(MESSAGE.keepalive, encodeKeepaliveRequest(1n));
  asker.leave();
}

async function finish(socket: Socket): Promise<void> {
  const closed = once(socket, 'close');
  if (job.mode !== 'saturated') socket.on('data', () => undefined);
  socket.end();
  await closed;
}

/** Large writes to all connections, which have equal parts of all rounds. */
async function saturate(sockets: readonly Socket[], bytes: Buffer, rounds: number): Promise<void> {
  const count = sockets.length;
  await Promise.all(
    sockets.map(async (socket, index) => {
      if (count > rounds) {
        await send(socket, bytes.subarray(0, cutAt(bytes, (bytes.length * rounds) / count)));
        return;
      }
      const share = Math.floor(rounds / count) + (index < rounds % count ? 1 : 0);
      for (let round = 0; round < share; round++) await send(socket, bytes);
    }),
  );
}

/** Frames may be cut anywhere. */
async function send(socket: Socket, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += LARGE_BYTES) {
    if (!socket.write(bytes.subarray(at, at + LARGE_BYTES))) await once(socket, 'drain');
  }
}

/** The end of the frame that lies at a place. */
function cutAt(bytes: Buffer, place: number): number {
  let at = 0;
  while (at < place) at = frameEnd(bytes, at).end;
  return at;
}

/** As Kapacitor writes: the length, then the message, each by itself. */
function oneByOne(descriptor: number, bytes: Buffer, rounds: number): void {
  const answers = Buffer.alloc(64 * 1024);
  const drop = (): void => {
    readSome(descriptor, answers);
  };
  let count = 0;
  for (let round = 0; round < rounds; round++) {
    for (let at = 0; at < bytes.length; ) {
      const { start, end } = frameEnd(bytes, at);
      writeAll(descriptor, bytes, at, start, drop);
      writeAll(descriptor, bytes, start, end, drop);
      at = end;
      if (++count % 64 === 0) drop();
    }
  }
}

/** Every point is an edge; each is answered before the next is sent, or they come at a rate. */
function measureLatency(descriptor: number, bytes: Buffer, rate: number): number[] {
  const answers = Buffer.alloc(64 * 1024);
  const sent: number[] = [];
  const latencies: number[] = [];
  const reader = new AnswerCounter();
  // The answer to Init.
  if (!readUntil(descriptor, answers, reader, 1, () => undefined)) return [];
  const intervalUs = rate === 0 ? 0 : 1e6 / rate;
  const note = (): void => {
    latencies.push((performance.now() - sent[latencies.length]) * 1000);
  };
  const readAnswers = (): void => {
    for (let n = reader.take(answers, readSome(descriptor, answers)); n > 0; n--) note();
  };
  const begun = performance.now();
  for (let at = 0; at < bytes.length; ) {
    const due = begun + (sent.length * intervalUs) / 1000;
    while (rate > 0 && performance.now() < due) readAnswers();
    const { start, end } = frameEnd(bytes, at);
    sent.push(performance.now());
    writeAll(descriptor, bytes, at, start, readAnswers);
    writeAll(descriptor, bytes, start, end, readAnswers);
    at = end;
    if (rate === 0 && !readUntil(descriptor, answers, reader, 1, note)) return [];
  }
  return readUntil(descriptor, answers, reader, sent.length - latencies.length, note) ? latencies : [];
}

/** Counts whole frames in what comes. */
class AnswerCounter {
  #rest: Buffer = Buffer.alloc(0);

  take(buffer: Buffer, length: number): number {
    if (length === 0) return 0;
    let bytes = Buffer.concat([this.#rest, buffer.subarray(0, length)]);
    let count = 0;
    while (bytes.length > 0) {
      const { start, end } = frameEnd(bytes, 0);
      if (start > bytes.length || end > bytes.length || Number.isNaN(end)) break;
      bytes = bytes.subarray(end);
      count++;
    }
    this.#rest = bytes;
    return count;
  }
}

/** @returns whether so many answers came; false once there has been none for long */
function readUntil(
  descriptor: number,
  buffer: Buffer,
  reader: AnswerCounter,
  count: number,
  note: () => void,
): boolean {
  let missing = count;
  let heardMs = performance.now();
  while (missing > 0) {
    for (let n = reader.take(buffer, readSome(descriptor, buffer)); n > 0; n--) {
      note();
      missing--;
      heardMs = performance.now();
    }
    if (performance.now() - heardMs > PATIENCE_MS) return false;
  }
  return true;
}

function frameEnd(bytes: Buffer, at: number): { start: number; end: number } {
  let length = 0;
  let shift = 0;
  let p = at;
  while (bytes[p] > 0x7f) {
    length |= (bytes[p++] & 0x7f) << shift;
    shift += 7;
  }
  length |= bytes[p++] << shift;
  return { start: p, end: p + length };
}

/** Node's own writes are too slow to play Kapacitor; system calls on its descriptor are not. */
function descriptorOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  const descriptor: unknown =
    typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  if (typeof descriptor !== 'number') throw new Error('this Node does not tell the descriptor of a socket');
  return descriptor;
}

/** @param onFull called while the agent has no room: whoever writes must read meanwhile, or both wait for ever */
function writeAll(descriptor: number, bytes: Buffer, from: number, to: number, onFull: () => void): void {
  let at = from;
  while (at < to) {
    try {
      at += writeSync(descriptor, bytes, at, to - at);
    } catch (error) {
      if (!isAgain(error)) throw error;
      onFull();
      Atomics.wait(CELL, 0, 0, 0.05);
    }
  }
}

function readSome(descriptor: number, buffer: Buffer): number {
  let length: number;
  try {
    length = readSync(descriptor, buffer);
  } catch (error) {
    if (!isAgain(error)) throw error;
    return 0;
  }
  if (length === 0) throw new Error('the agent has closed the connection');
  return length;
}

const CELL = new Int32Array(new SharedArrayBuffer(4));

function isAgain(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
}

const job: Job = JSON.parse(process.argv[2]);
const result = await run(job);
process.stdout.write(JSON.stringify(result));
