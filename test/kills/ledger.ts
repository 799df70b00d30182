import { hostPoint } from '../support/protocol/points.ts';
import type { Option } from '../support/protocol/protocol.ts';
import { Oracle } from '../support/scenarios/oracle.ts';

/** A point that was fed; its number is its place in the feed, over all hosts. */
export interface FedPoint {
  readonly number: number;
  readonly host: string;
  readonly value: string;
  readonly timeNs: bigint;
  /** When it was sent to Kapacitor, by the test's clock. */
  readonly fedMs: number;
  /** Whether Kapacitor took it: one that is starting has its tasks connected before it takes points. */
  isTaken: boolean;
}

/** An edge that a task told: the point's number, and what was added. */
export interface Told {
  readonly number: number;
  readonly was: string | undefined;
  readonly count: number | undefined;
}

/** One life of a task's node: from a connection to a kill. */
export interface Life {
  readonly connectedMs: number;
  endedMs: number;
  readonly told: Told[];
}

/** What a task of the loop asks for, and how its edges are held against the feed. */
export interface TaskPlan {
  readonly id: string;
  readonly script: string;
  readonly options: readonly Option[];
  /** `every`: the state before tells what was restored. `later`: from the first edge on. `bounds`: no more than allowed. */
  readonly check: 'every' | 'later' | 'bounds';
}

const string = (name: string, v: string): Option => ({
  name,
  values: [{ type: 'string', v }],
});
const duration = (v: bigint) => ({ type: 'duration', v }) as const;
const FIELD = string('field', 'value');

export const LIMIT = { edges: 2, windowNs: 1_000_000_000n };

export const PLANS: readonly TaskPlan[] = [
  {
    id: 'plain',
    script: `.field('value').previousAs('was').countAs('count')`,
    options: [FIELD, string('previousAs', 'was'), string('countAs', 'count')],
    check: 'every',
  },
  {
    id: 'hold',
    script: `.field('value').hold(300ms)`,
    options: [FIELD, { name: 'hold', values: [duration(300_000_000n)] }],
    check: 'later',
  },
  {
    id: 'limit',
    script: `.field('value').limit(${LIMIT.edges}, 1s)`,
    options: [
      FIELD,
      {
        name: 'limit',
        values: [{ type: 'int', v: BigInt(LIMIT.edges) }, duration(LIMIT.windowNs)],
      },
    ],
    check: 'bounds',
  },
];

/** Kapacitor takes a snapshot within two intervals of a task's start, and then each interval; a busy machine is late. */
const SNAPSHOTS_MS = 2000 + 3000;

/** All that was fed, and what became of it in each life of each task. */
export class Ledger {
  readonly points: FedPoint[] = [];
  readonly lives = new Map<string, Life[]>(PLANS.map(({ id }) => [id, []]));
  checked = 0;
  /** Edges that were found again after a restore, and those that a restore swallowed: within what was promised. */
  readonly promised = { again: 0, never: 0 };

  /** @returns what is wrong with the last life of a task, which is over */
  judge(plan: TaskPlan): string[] {
    const lives = this.lives.get(plan.id) ?? [];
    const life = lives.at(-1);
    if (life === undefined || life.told.length === 0) return [];
    const faults: string[] = [];
    const hosts = Map.groupBy(life.told, ({ number }) => this.points[number]?.host ?? '?');
    // Points are worked off in order: what was told last says how far the node came.
    const lastNumber = Math.max(...life.told.map(({ number }) => number));
    const firstSure = this.points.findIndex(({ fedMs, isTaken }) => isTaken && fedMs > life.connectedMs);
    const numbers = new Set(life.told.map(({ number }) => number));
    // An answer may be lost, and the point not.
    const isTold = ({ number }: FedPoint): boolean => numbers.has(number);
    for (const host of new Set(this.points.map((point) => point.host))) {
      const own = this.points.filter((point) => point.host === host && (point.isTaken || isTold(point)));
      const told = hosts.get(host) ?? [];
      this.checked += told.length;
      for (const fault of this.#judgeHost(plan, own, told, {
        firstSure,
        lastNumber,
        life,
        lives,
      }))
        faults.push(`${plan.id} ${host}: ${fault}`);
    }
    return faults;
  }

  #judgeHost(
    plan: TaskPlan,
    own: readonly FedPoint[],
    told: readonly Told[],
    bounds: {
      firstSure: number;
      lastNumber: number;
      life: Life;
      lives: readonly Life[];
    },
  ): string[] {
    for (const [i, { number }] of told.entries())
      if (i > 0 && number <= (told[i - 1]?.number ?? -1))
        return [`edge ${number} came twice, or out of order`];
    switch (plan.check) {
      case 'every':
        return [...this.#judgeFirst(own, told, bounds), ...this.#judgeChain(own, told, bounds.lastNumber)];
      case 'later':
        return judgeLater(plan, own, told, bounds);
      case 'bounds':
        return judgeBounds(own, told);
    }
  }

  /** The first edge of a life says what was restored, which must be no older than the snapshots. */
  #judgeFirst(
    own: readonly FedPoint[],
    told: readonly Told[],
    { firstSure, lastNumber, lives }: { firstSure: number; lastNumber: number; lives: readonly Life[] },
  ): string[] {
    const first = told[0];
    const until = first?.number ?? lastNumber;
    const sure = own.filter(({ number }) => firstSure >= 0 && number >= firstSure && number < until);
    const states = new Set(sure.map(({ value }) => value));
    if (states.size > 1) return [`missed: ${[...states].join()} without an edge before ${until}`];
    const [before] = states;
    const restored = first === undefined ? before : first.was;
    if (first !== undefined && before !== undefined && first.was !== before)
      return [`edge ${first.number} was=${first.was}, but the points before say ${before}`];
    if (restored === undefined) return [];
    const possible = plausible(own, lives);
    this.#count(own, lives, restored, first);
    return possible.has(restored)
      ? []
      : [
          `restored ${restored}, older than the snapshots allow: ${[...possible].join()} (edge ${first?.number})`,
        ];
  }

  /** What the promise of the last snapshot costs: edges told again, and ends of outages that nobody tells. */
  #count(own: readonly FedPoint[], lives: readonly Life[], restored: string, first: Told | undefined): void {
    const previous = lives.at(-2);
    const last = previous?.told.findLast(({ number }) => own.some((point) => point.number === number));
    const lastTold = own.find(({ number }) => number === last?.number)?.value;
    if (lastTold === undefined || lastTold === restored) return;
    const now = own.find(({ number }) => number === first?.number)?.value;
    if (now === lastTold) this.promised.again++;
    else this.promised.never++;
  }

  #judgeChain(own: readonly FedPoint[], told: readonly Told[], lastNumber: number): string[] {
    for (const [i, edge] of told.entries()) {
      const next = told[i + 1];
      const end = next?.number ?? lastNumber + 1;
      const value = own.find(({ number }) => number === edge.number)?.value;
      const between = own.filter(({ number }) => number > edge.number && number < end);
      const missed = between.find((point) => point.value !== value);
      if (missed !== undefined) return [`missed the edge to ${missed.value} at ${missed.number}`];
      if (next === undefined) continue;
      if (next.was !== value)
        return [`edge ${next.number} was=${next.was}, but the edge before said ${value}`];
      if (next.count !== (edge.count ?? Number.NaN) + 1)
        return [`edge ${next.number} is number ${next.count}, the one before was ${edge.count}`];
      if (own.find(({ number }) => number === next.number)?.value === value)
        return [`edge ${next.number} is none: ${value} as before`];
    }
    return [];
  }
}

/** The states that a snapshot may have had, given when there must have been one. */
function plausible(own: readonly FedPoint[], lives: readonly Life[]): Set<string> {
  let sinceMs = 0;
  for (const life of lives.slice(0, -1))
    if (life.endedMs - life.connectedMs > SNAPSHOTS_MS) sinceMs = life.endedMs - SNAPSHOTS_MS;
  const later = own.filter(({ fedMs }) => fedMs >= sinceMs);
  const before = own.findLast(({ fedMs }) => fedMs < sinceMs);
  return new Set([...(before === undefined ? [] : [before]), ...later].map(({ value }) => value));
}

/** From its first edge in a life on, a group knows nothing of the time before: a second implementation goes on alone. */
function judgeLater(
  { options }: TaskPlan,
  own: readonly FedPoint[],
  told: readonly Told[],
  { firstSure, lastNumber }: { firstSure: number; lastNumber: number },
): string[] {
  const base = told.find(({ number }) => firstSure >= 0 && number >= firstSure);
  if (base === undefined) return [];
  const oracle = new Oracle(options, 'stream');
  for (const { host, number, timeNs, value } of own)
    if (number >= base.number)
      oracle.point(
        number,
        hostPoint(host, {
          time: timeNs,
          fields: { value: { type: 'string', v: value } },
        }),
      );
  const expected = oracle.emissions.filter(({ after, frame }) => frame > base.number && after <= lastNumber);
  const got = told.filter(({ number }) => number > base.number).map(({ number }) => number);
  const missing = expected.find(({ frame }) => !got.includes(frame));
  if (missing !== undefined) return [`missed the edge at ${missing.frame}`];
  const all = new Set(oracle.emissions.map(({ frame }) => frame));
  const wrong = got.find((number) => !all.has(number));
  return wrong === undefined ? [] : [`edge ${wrong} is none`];
}

/** What was suppressed depends on the time before; but never may there be more than so many, or one that is none. */
function judgeBounds(own: readonly FedPoint[], told: readonly Told[]): string[] {
  const points = told.map(({ number }) => own.find((point) => point.number === number));
  for (const [i, point] of points.entries()) {
    if (point === undefined) return [`edge ${told[i]?.number} was never fed`];
    const before = points[i - 1];
    if (before === undefined) continue;
    const between = own.filter(({ number }) => number >= before.number && number < point.number);
    if (between.every(({ value }) => value === point.value))
      return [`edge ${point.number} is none: ${point.value} all the time`];
    // The first one may be a new group's first point, which does not count.
    const first = i > LIMIT.edges ? points[i - LIMIT.edges] : undefined;
    if (first !== undefined && point.timeNs - first.timeNs < LIMIT.windowNs)
      return [`more than ${LIMIT.edges} edges within the window before ${point.number}`];
  }
  return [];
}
