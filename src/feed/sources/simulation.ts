import type { PointReading } from '../reading.ts';
import { AdslLine } from './adsl-line.ts';

export interface SimulationOptions {
  /** How many routers are polled, 1 or more. */
  readonly devices: number;
  /** The same seed gives the same routers; one more router leaves the others as they are. */
  readonly seed: string;
  /** Nanoseconds since the epoch. */
  readonly startNs: bigint;
  /** The interval at which each router is polled, 1 or more. */
  readonly everyNs: bigint;
  /** How often each router is polled; undefined: without end. */
  readonly polls?: number | undefined;
}

/** The routers are asked one after another, at most this far apart. */
const MAX_STEP_NS = 5_000_000n;
const NS_PER_S = 1_000_000_000n;
const DAY_S = 86_400n;

/**
 * The points of ADSL routers that are polled, poll by poll, in the order of their times. Measurement and state are
 * those of the README's example: `adsl_connection,host=router1 value="SHOWTIME"`, with the line's quality beside. The first router and every third
 * after it have a bad line.
 */
export function* simulateAdsl(options: SimulationOptions): Generator<readonly PointReading[]> {
  const { devices, everyNs, polls = Number.POSITIVE_INFINITY, seed, startNs } = options;
  const lines = Array.from({ length: devices }, (_, at) => new AdslLine(`${seed}/${at}`, at % 3 === 0));
  const series = lines.map((_, at) => `adsl_connection,host=router${at + 1} `);
  const share = everyNs / BigInt(devices);
  const stepNs = share < MAX_STEP_NS ? share : MAX_STEP_NS;
  const everyS = Number(everyNs) / Number(NS_PER_S);
  let roundNs = startNs;
  for (let poll = 0; poll < polls; poll++) {
    const dayS = Number((roundNs / NS_PER_S) % DAY_S);
    let timeNs = roundNs;
    yield lines.map((line, at) => {
      if (poll > 0) line.advance(everyS, dayS);
      const point: PointReading = { kind: 'point', text: series[at] + line.fields(dayS), timeNs };
      timeNs += stepNs;
      return point;
    });
    roundNs += everyNs;
  }
}
