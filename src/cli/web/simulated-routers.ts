import { Random } from '../../feed/sources/random.ts';
import { simulateAdsl } from '../../feed/sources/simulation.ts';
import { MemorySource } from '../../web/sources/memory-source.ts';

const DATABASE = 'telegraf';
const ROUTERS = 12;
const NS_PER_S = 1_000_000_000n;
const POLL_NS = 90n * NS_PER_S;
/** How much there is to look at from the start. */
const DAYS = 10n;
const HISTORY_NS = DAYS * 86_400n * NS_PER_S;
/** A router on somebody's desk, which makes an edge every few seconds: so that one sees them arrive. */
const LIVELY = 'desk';
const LIVELY_MS = 1_000;
/** What of a simulated line is of interest here: a hundred thousand of them are read at the start. */
const SIMULATED = /^adsl_connection,host=(\w+) value="(\w+)"/;
const CHANGE_PROBABILITY = 0.06;

/**
 * Routers held in memory: `adsl_connection` as it is polled, `adsl_edges` as the detector writes it, ten days of both, and
 * more of it as time goes by.
 */
export class SimulatedRouters implements Disposable {
  readonly source = new MemorySource(`${ROUTERS + 1} simulated routers, held in memory`);
  readonly #polls: Iterator<
    readonly { readonly kind: string; readonly text: string; readonly timeNs: bigint | undefined }[]
  >;
  readonly #nowNs: () => bigint;
  readonly #states = new Map<string, string>();
  readonly #random = new Random('desk');
  readonly #timers: NodeJS.Timeout[] = [];
  #livelyState = 'SHOWTIME';

  /** @param nowNs the present, in nanoseconds since the epoch */
  constructor(nowNs: () => bigint) {
    this.#nowNs = nowNs;
    const startNs = ((nowNs() - HISTORY_NS) / POLL_NS) * POLL_NS;
    this.#polls = simulateAdsl({ devices: ROUTERS, seed: 'demo', startNs, everyNs: POLL_NS })[
      Symbol.iterator
    ]();
    for (let timeNs = startNs; timeNs <= nowNs(); timeNs += POLL_NS) this.#poll();
    for (let timeNs = nowNs() - 3_600n * NS_PER_S; timeNs <= nowNs(); timeNs += 10n * NS_PER_S)
      this.#pollLively(timeNs, 0.02);
  }

  /** Goes on in real time until it is disposed of. */
  start(): void {
    this.#timers.push(
      setInterval(() => this.#poll(), Number(POLL_NS / 1_000_000n)),
      setInterval(() => this.#pollLively(this.#nowNs(), CHANGE_PROBABILITY), LIVELY_MS),
    );
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  #poll(): void {
    const readings = this.#polls.next().value ?? [];
    for (const { text, timeNs } of readings) {
      const [, host, value] = SIMULATED.exec(text) ?? [];
      if (timeNs !== undefined && host !== undefined && value !== undefined) this.#add(host, value, timeNs);
    }
  }

  #pollLively(timeNs: bigint, changeProbability: number): void {
    if (this.#random.next() < changeProbability)
      this.#livelyState = this.#livelyState === 'SHOWTIME' ? 'TRAINING' : 'SHOWTIME';
    this.#add(LIVELY, this.#livelyState, timeNs);
  }

  #add(host: string, value: string, time: bigint): void {
    const tags = new Map([['host', host]]);
    const fields = new Map([['value', value]]);
    this.source.add(DATABASE, { measurement: 'adsl_connection', tags, fields, time });
    if (this.#states.get(host) === value) return;
    this.#states.set(host, value);
    this.source.add(DATABASE, { measurement: 'adsl_edges', tags, fields, time });
  }
}
