import { setTimeout as pause } from 'node:timers/promises';
import { connect, type Host } from '../support/agent/host.ts';
import { hostPointMessage } from '../support/protocol/points.ts';
import type { Option } from '../support/protocol/protocol.ts';

/** How long a group lives; after that it never comes again, and `ttl` frees it. */
const COHORT_MS = 2000;
const TTL_NS = 4_000_000_000n;
const GROUPS_PER_COHORT = 100;
const STATES = ['SHOWTIME', 'IDLE', 'HANDSHAKE', 'TRAINING'];

const OPTIONS: readonly Option[] = [
  { name: 'field', values: [{ type: 'string', v: 'state' }] },
  { name: 'ttl', values: [{ type: 'duration', v: TTL_NS }] },
  { name: 'previousAs', values: [{ type: 'string', v: 'was' }] },
  { name: 'countAs', values: [{ type: 'string', v: 'changes' }] },
];

/** One task of a Kapacitor, with groups that come and go, and the edges that it must get. */
export class SoakTask {
  readonly #path: string;
  #taskId: string;
  #host: Host;
  /** The state that each group had last; emptied when the node starts from nothing. */
  readonly #states = new Map<string, string>();
  #snapshot: Buffer = Buffer.alloc(0);
  #awaited = 0;
  points = 0;
  edgesExpected = 0;
  edgesGot = 0;
  snapshots = 0;
  reconnects = 0;

  private constructor(path: string, taskId: string, host: Host) {
    this.#path = path;
    this.#taskId = taskId;
    this.#host = host;
  }

  static async start(path: string, taskId: string): Promise<SoakTask> {
    const task = new SoakTask(path, taskId, await connect(path));
    await task.#initialise();
    return task;
  }

  /** Sends points and waits until the agent is done with them. @param nowMs the clock's time, which the points have */
  async send(count: number, nowMs: number): Promise<void> {
    const cohort = Math.floor(nowMs / COHORT_MS);
    const messages = Array.from({ length: count }, (_, index) => this.#nextPoint(cohort, nowMs, index));
    this.#host.send(messages);
    await this.#host.keepalive(BigInt(nowMs));
    const got = this.#host.emitted.length;
    if (got !== this.#awaited)
      throw new Error(`${this.#taskId}: ${this.#awaited} edges expected and ${got} got on this connection`);
  }

  async snapshot(): Promise<void> {
    this.#snapshot = (await this.#host.snapshot()).snapshot;
    this.snapshots++;
  }

  /** Ends the connection as Kapacitor does at a stop, and goes on from the snapshot with another one. */
  async restart(): Promise<void> {
    await this.snapshot();
    await this.#host.finish();
    await this.#reconnect();
    await this.#host.restore(this.#snapshot);
  }

  /** Breaks the connection, as a Kapacitor that dies, and begins with nothing. */
  async crash(): Promise<void> {
    await this.#host.destroy();
    // The agent may not have heard of the end yet, and would take another one of the same name for a replay.
    this.#taskId += '+';
    await this.#reconnect();
    this.#states.clear();
  }

  async stop(): Promise<void> {
    await this.#host.finish();
    this.edgesGot += this.#host.emitted.length;
  }

  async #reconnect(): Promise<void> {
    this.edgesGot += this.#host.emitted.length;
    this.#awaited = 0;
    this.reconnects++;
    this.#host = await connect(this.#path);
    await this.#initialise();
  }

  async #initialise(): Promise<void> {
    const init = await this.#host.init(OPTIONS, this.#taskId);
    if (!init.success) throw new Error(`${this.#taskId}: Init was refused: ${init.error}`);
  }

  #nextPoint(cohort: number, nowMs: number, index: number): Buffer {
    this.points++;
    const host = `router-${cohort}-${this.points % GROUPS_PER_COHORT}`;
    const state = STATES[(this.points * 7 + Math.floor(this.points / 450)) % 31 === 0 ? this.points % 4 : 0];
    if (this.#states.get(host) !== state) {
      this.#states.set(host, state);
      this.edgesExpected++;
      this.#awaited++;
    }
    return hostPointMessage(host, {
      time: BigInt(nowMs) * 1_000_000n + BigInt(index),
      fields: { state: { type: 'string', v: state }, attenuation: { type: 'float', v: this.points / 10 } },
    });
  }
}

/** Waits until a moment of the monotonic clock, in milliseconds. */
export async function until(ms: number): Promise<void> {
  const left = ms - performance.now();
  if (left > 0) await pause(left);
}
