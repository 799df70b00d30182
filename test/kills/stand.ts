import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { AgentProcess, type LoggedLine } from '../support/agent/agent-process.ts';
import { Collector, type PostedPoint } from '../support/kapacitor/collector.ts';
import { Kapacitor, until } from '../support/kapacitor/kapacitor.ts';
import type { Dice } from '../support/scenarios/dice.ts';
import { Ledger, PLANS } from './ledger.ts';

const HOSTS = ['router1', 'router2', 'router3', 'router4', 'router5'];
const STATES = ['UP', 'DOWN', 'TRAINING'];
const ROUND_MS = 50;
/** The points' own time, which goes on whatever happens. */
const ROUND_NS = 100_000_000n;
const EPOCH_NS = 1_700_000_000_000_000_000n;
/** How soon after a kill all tasks must be back and talking. */
const BACK_MS = 90_000;
const LONGEST_LIFE_MS = 3000;

export type Victim = 'agent' | 'kapacitord' | 'both';
const VICTIMS: readonly Victim[] = ['agent', 'agent', 'agent', 'kapacitord', 'both'];

/** What Kapacitor falls by without any agent's doing. */
const OWN_FALL = /send on closed channel|close of closed channel|nil pointer dereference/;

export interface Tally {
  readonly kills: Record<Victim, number>;
  /** How often kapacitord fell by itself, by what it said. */
  readonly falls: Map<string, number>;
  readonly faults: string[];
  /** From the kill until every task told an edge again, in milliseconds. */
  readonly backMs: number[];
}

/** An agent and a Kapacitor with its tasks under load, of which one or both are killed again and again. */
export class Stand {
  readonly ledger = new Ledger();
  readonly tally: Tally = {
    kills: { agent: 0, kapacitord: 0, both: 0 },
    falls: new Map(),
    faults: [],
    backMs: [],
  };
  readonly #dice: Dice;
  readonly #folder: string;
  readonly #kapacitor: Kapacitor;
  readonly #collectors: ReadonlyMap<string, Collector>;
  readonly #seen = new Map<string, number>();
  readonly #states = new Map(HOSTS.map((host) => [host, 'UP']));
  readonly #stopping = new AbortController();
  #agent: AgentProcess | undefined;
  #feeding: Promise<void> | undefined;

  private constructor(
    dice: Dice,
    folder: string,
    kapacitor: Kapacitor,
    collectors: ReadonlyMap<string, Collector>,
  ) {
    this.#dice = dice;
    this.#folder = folder;
    this.#kapacitor = kapacitor;
    this.#collectors = collectors;
  }

  static async start(program: string, dice: Dice): Promise<Stand> {
    const folder = mkdtempSync(join(tmpdir(), 'edge-kills-'));
    const collectors = new Map<string, Collector>();
    for (const { id } of PLANS) collectors.set(id, await Collector.start());
    const options = { socketFolder: folder, snapshotInterval: '1s' };
    const kapacitor = await Kapacitor.prepare({ how: 'program', what: program }, options);
    const stand = new Stand(dice, folder, kapacitor, collectors);
    await stand.#startAgent();
    await kapacitor.up();
    for (const { id, script } of PLANS)
      await kapacitor.define(
        id,
        `stream|from().measurement('line').groupBy('host')@edgeDetect()${script}|httpPost('${collectors.get(id)?.url}')`,
      );
    stand.#feeding = stand.#feed();
    await stand.#isBack();
    return stand;
  }

  /** Lets all live for a while, kills one or both, and waits until every task is back. */
  async cycle(): Promise<void> {
    await pause(this.#dice.below(LONGEST_LIFE_MS));
    const victim = VICTIMS[this.#dice.below(VICTIMS.length)] ?? 'agent';
    this.tally.kills[victim]++;
    const killedMs = performance.now();
    if (victim !== 'kapacitord') await this.#agent?.kill();
    if (victim !== 'agent') await this.#kapacitor.kill();
    this.#endLives(killedMs);
    await pause(this.#dice.below(500));
    if (victim !== 'kapacitord') await this.#startAgent();
    if (victim !== 'agent') await this.#kapacitor.up();
    await this.#isBack();
    this.tally.backMs.push(performance.now() - killedMs);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#feeding;
    this.#endLives(performance.now());
    await this.#kapacitor[Symbol.asyncDispose]();
    await this.#agent?.kill();
    for (const collector of this.#collectors.values()) await collector[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #startAgent(): Promise<void> {
    // An agent that is killed every few seconds makes long pauses between its tries, as it should. Here it has held.
    for (const { id } of PLANS)
      appendFileSync(join(this.#folder, 'edgeDetect.journal'), `{"kind":"tries","task":"${id}"}\n`);
    const agent = new AgentProcess({
      folder: this.#folder,
      args: ['--revive', this.#kapacitor.url],
    });
    this.#agent = agent;
    agent.onLine((line) => this.#onLine(line));
    let listening = 0;
    await agent.logged(({ msg }) => msg === 'listening' && ++listening === 2);
  }

  #onLine({ msg, task, replay }: LoggedLine): void {
    if (msg !== 'task connected' || typeof task !== 'string' || replay === true) return;
    this.#gather();
    this.#judge(task);
    this.ledger.lives.get(task)?.push({
      connectedMs: performance.now(),
      endedMs: Number.POSITIVE_INFINITY,
      told: [],
    });
  }

  /** Every task has connected since the kill, and told something. */
  async #isBack(): Promise<void> {
    await until(
      'every task is back and tells edges',
      async () => {
        if (!this.#kapacitor.isRunning) await this.#pickUp();
        this.#gather();
        const lives = [...this.ledger.lives.values()].map((of) => of.at(-1));
        return lives.every(
          (life) => life !== undefined && life.endedMs === Number.POSITIVE_INFINITY && life.told.length > 0,
        )
          ? true
          : undefined;
      },
      BACK_MS,
    );
  }

  /** kapacitord fell by itself: a service manager would start it again. */
  async #pickUp(): Promise<void> {
    this.#endLives(performance.now());
    const [, said = 'nothing'] = /^(?:panic|fatal error): (.*)$/m.exec(this.#kapacitor.log) ?? [];
    this.tally.falls.set(said, (this.tally.falls.get(said) ?? 0) + 1);
    if (!OWN_FALL.test(said)) this.tally.faults.push(`kapacitord fell: ${said}`);
    this.#kapacitor.forgetLog();
    await this.#kapacitor.up();
  }

  #endLives(atMs: number): void {
    this.#gather();
    for (const lives of this.ledger.lives.values()) {
      const life = lives.at(-1);
      if (life !== undefined) life.endedMs = Math.min(life.endedMs, atMs);
    }
  }

  /** Judges the life of a task that is over, since the next one begins. */
  #judge(task: string): void {
    const plan = PLANS.find(({ id }) => id === task);
    if (plan !== undefined) this.tally.faults.push(...this.ledger.judge(plan));
  }

  /** Takes what the collectors got since. */
  #gather(): void {
    for (const [id, collector] of this.#collectors) {
      const from = this.#seen.get(id) ?? 0;
      this.#seen.set(id, collector.points.length);
      const told = collector.points.slice(from).map(toldOf);
      this.ledger.lives
        .get(id)
        ?.at(-1)
        ?.told.push(...told);
    }
  }

  async #feed(): Promise<void> {
    let timeNs = EPOCH_NS;
    while (!this.#stopping.signal.aborted) {
      timeNs += ROUND_NS;
      const fedMs = performance.now();
      const lines = HOSTS.map((host) => {
        if (this.#dice.chance(0.2)) this.#states.set(host, STATES[this.#dice.below(STATES.length)] ?? 'UP');
        const value = this.#states.get(host) ?? 'UP';
        const number = this.ledger.points.length;
        this.ledger.points.push({
          number,
          host,
          value,
          timeNs,
          fedMs,
          isTaken: false,
        });
        return `line,host=${host} value="${value}",number=${number}i ${timeNs}`;
      });
      // Whoever is away misses it.
      const isTaken = await this.#kapacitor.feed(lines).then(
        () => true,
        () => false,
      );
      for (const point of this.ledger.points.slice(-HOSTS.length)) point.isTaken = isTaken;
      await pause(ROUND_MS);
    }
  }
}

function toldOf({ fields }: PostedPoint): {
  number: number;
  was: string | undefined;
  count: number | undefined;
} {
  const { count, number, was } = fields;
  return {
    number: Number(number),
    was: typeof was === 'string' ? was : undefined,
    count: typeof count === 'number' ? count : undefined,
  };
}
