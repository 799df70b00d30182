import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentProcess, startAgentProcess } from '../support/agent/agent-process.ts';
import { Canary } from '../support/agent/canary.ts';
import { cutFrames, decodeResponse, encodeRequest, frame } from '../support/protocol/protocol.ts';
import { writeCase } from './case.ts';
import { readSeeds, type Seed } from './material.ts';
import { converse } from './peer.ts';
import { type Plan, planOf } from './plan.ts';
import { recordingFault, recordingOf } from './recording-case.ts';
import { faultsOf, isFinal, MAX_FRAME_BYTES } from './verdict.ts';

/** The most that the agent may take with frames of 1 MiB and a few connections, in MiB. */
export const MEMORY_BOUND_MIB = 320;
/** One recording for so many conversations. */
const RECORDING_EVERY = 8;
const MEMORY_LOOK_MS = 500;
/** After so many failures there is nothing new to learn. */
const ENOUGH_FAILURES = 20;

/** An agent under attack. */
export class Campaign {
  readonly #seed: string;
  readonly #agent: AgentProcess;
  readonly #seeds: Seed[];
  readonly #say: (line: string) => void;
  readonly #folder = mkdtempSync(join(tmpdir(), 'edge-fuzz-'));
  readonly #inFlight = new Map<number, Plan>();
  #next = 0;
  conversations = 0;
  recordings = 0;
  failures = 0;
  peakMib = 0;
  slowestMs = 0;
  canaryEdges = 0;
  #isOver = false;
  #isTooLarge = false;

  private constructor(seed: string, agent: AgentProcess, seeds: Seed[], say: (line: string) => void) {
    this.#seed = seed;
    this.#agent = agent;
    this.#seeds = seeds;
    this.#say = say;
  }

  /** @param say told about every failure */
  static async start(seed: string, say: (line: string) => void): Promise<Campaign> {
    const functions = ['edgeDetect', 'edgeDetectBatch', 'mirror'].flatMap((name) => ['--function', name]);
    const limits = ['--max-frame-bytes', String(MAX_FRAME_BYTES)];
    const agent = await startAgentProcess({ args: [...functions, ...limits] });
    const campaign = new Campaign(seed, agent, readSeeds(), say);
    for (const each of campaign.#seeds) await campaign.#takeSnapshot(each);
    return campaign;
  }

  /** Attacks until the time is over, or enough has failed. */
  async run(untilMs: number, parallel: number): Promise<void> {
    const canaries = await Promise.all(
      ['one', 'two'].map((name) =>
        Canary.start(this.#agent.socketOf('edgeDetect'), `canary-${this.#seed}-${name}`),
      ),
    );
    const watched = canaries.map((canary) =>
      canary.run().catch((error: unknown) => this.#failed(`the canary: ${String(error)}`, undefined)),
    );
    const memory = setInterval(() => this.#lookAtMemory(), MEMORY_LOOK_MS);
    const attackers = Array.from({ length: parallel }, () => this.#attack(untilMs));
    await Promise.all(attackers);
    for (const canary of canaries) canary.stop();
    await Promise.all(watched);
    clearInterval(memory);
    this.#lookAtMemory();
    this.slowestMs = Math.max(...canaries.map((canary) => canary.slowestMs));
    this.canaryEdges = canaries.reduce((sum, canary) => sum + canary.edges, 0);
  }

  /** Has one conversation. @returns what the agent did wrong */
  async have(plan: Plan): Promise<string[]> {
    return faultsOf(plan, await converse(this.#agent.socketOf(plan.functionName), plan, isFinal));
  }

  async stop(): Promise<void> {
    const code = await this.#agent.stop();
    if (code !== 0) this.#failed(`the agent ended with ${code} when it was stopped`, undefined);
    if (this.failures === 0) rmSync(this.#folder, { recursive: true, force: true });
  }

  async #attack(untilMs: number): Promise<void> {
    while (performance.now() < untilMs && !this.#isOver) {
      const number = this.#next++;
      if (number % RECORDING_EVERY === 0) await this.#read(number);
      const plan = planOf(this.#seed, number, this.#seeds);
      this.#inFlight.set(number, plan);
      let faults: string[];
      try {
        faults = await this.have(plan);
      } catch (error) {
        faults = [`it could not be reached: ${String(error)}`];
      }
      if (!this.#agent.isRunning) {
        this.#died();
        return;
      }
      this.#inFlight.delete(number);
      this.conversations++;
      if (faults.length > 0) this.#failed(faults.join('; '), plan, number);
    }
  }

  async #read(number: number): Promise<void> {
    const { extension, bytes } = recordingOf(this.#seed, number);
    const file = join(this.#folder, `recording-${number}.${extension}`);
    const fault = await recordingFault(file, bytes);
    this.recordings++;
    if (fault === undefined) rmSync(file);
    else this.#failed(`${file}: ${fault}`, undefined);
  }

  #lookAtMemory(): void {
    if (!this.#agent.isRunning) return;
    this.peakMib = Math.max(this.peakMib, this.#agent.peakMib());
    if (this.peakMib <= MEMORY_BOUND_MIB || this.#isTooLarge) return;
    this.#isTooLarge = true;
    this.#failed(`the agent took ${Math.round(this.peakMib)} MiB, more than ${MEMORY_BOUND_MIB}`, undefined);
  }

  #died(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const [number, plan] of this.#inFlight) this.#failed('the agent died; this was open', plan, number);
    this.#say(this.#agent.lastLines.slice(-20).join('\n'));
  }

  #failed(what: string, plan: Plan | undefined, number = 0): void {
    this.failures++;
    if (this.failures >= ENOUGH_FAILURES) this.#isOver = true;
    if (plan === undefined) {
      this.#say(what);
      return;
    }
    const file = join(this.#folder, `case-${number}.json`);
    writeCase(file, plan, [what]);
    this.#say(`conversation ${number}: ${what}\n  again: npm run fuzz -- --case ${file}`);
  }

  /** Lets the agent make a seed's state. */
  async #takeSnapshot(seed: Seed): Promise<void> {
    const messages = [...seed.messages, encodeRequest({ kind: 'snapshot' })];
    const { functionName } = seed;
    const plan: Plan = { functionName, chunks: messages.map(frame), ending: 'half-close', readsLate: false };
    const { received } = await converse(this.#agent.socketOf(functionName), plan, isFinal);
    for (const message of cutFrames(received).messages) {
      const answer = decodeResponse(message);
      if (answer.kind === 'snapshot' && answer.snapshot.length > 0) seed.snapshot = answer.snapshot;
    }
  }
}
