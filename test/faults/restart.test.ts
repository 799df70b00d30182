import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startAgentProcess } from '../support/agent/agent-process.ts';
import { connect, type Host } from '../support/agent/host.ts';
import { decodeRequest, type Point } from '../support/protocol/protocol.ts';
import { Dice } from '../support/scenarios/dice.ts';
import { Oracle } from '../support/scenarios/oracle.ts';
import { expectEdges, pointMessage, STATE } from './edges.ts';

const KILLS = 100;
const ROUTERS = 50;
const BURST = 200;

/** The points of some routers, without an end. */
class Traffic {
  readonly #dice = new Dice('traffic');
  #time = 0n;

  next(count: number): Buffer[] {
    return Array.from({ length: count }, () => {
      this.#time += 1n;
      const host = `router${this.#dice.below(ROUTERS)}`;
      return pointMessage(host, this.#dice.pick(['UP', 'UP', 'UP', 'DOWN']), this.#time);
    });
  }
}

/** The points before a moment, and what an agent makes of those that follow. */
class Expectation {
  readonly #oracle = new Oracle(STATE, 'stream');
  /** The last point of each router: what the state rests on. */
  readonly #last = new Map<string, Point>();

  /** @returns the times of the edges, in order */
  take(messages: readonly Buffer[]): bigint[] {
    const points = messages.map(pointOf);
    for (const point of points) this.#last.set(point.group, point);
    return timesOfEdges(this.#oracle, points);
  }

  /** The same, of points that will be forgotten. */
  foresee(messages: readonly Buffer[]): bigint[] {
    const oracle = new Oracle(STATE, 'stream');
    timesOfEdges(oracle, [...this.#last.values()]);
    return timesOfEdges(oracle, messages.map(pointOf));
  }
}

function timesOfEdges(oracle: Oracle, points: readonly Point[]): bigint[] {
  const before = oracle.emissions.length;
  points.forEach((point, index) => {
    oracle.point(index, point);
  });
  return oracle.emissions.slice(before).map(({ frame }) => points[frame].time);
}

function pointOf(message: Buffer): Point {
  const request = decodeRequest(message);
  if (request.kind !== 'point') throw new Error(`${request.kind} among the points`);
  return request.point;
}

function timesOf(host: Host): bigint[] {
  return host.emitted.map(({ response }) => {
    if (response.kind !== 'point') throw new Error(`the agent emitted a ${response.kind}`);
    return response.point.time;
  });
}

test(`an agent that is killed ${KILLS} times under load goes on each time from the last snapshot`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-kills-'));
  const traffic = new Traffic();
  const dice = new Dice('kills');
  const expectation = new Expectation();
  const expected: bigint[] = [];
  const got: bigint[] = [];
  let unanswered = 0;
  let snapshot: Buffer = Buffer.alloc(0);
  try {
    for (let life = 0; life < KILLS; life++) {
      const agent = await startAgentProcess({ folder });
      try {
        const host = await connect(agent.socketOf('edgeDetect'));
        await host.init(STATE);
        if (snapshot.length > 0) expect((await host.restore(snapshot)).success).toBe(true);

        // What is answered has been dealt with, so its edges are known to the last one.
        const calm = traffic.next(BURST);
        host.send(calm);
        await host.keepalive(1n);
        const sure = timesOf(host);
        got.push(...sure);
        snapshot = (await host.snapshot()).snapshot;
        expected.push(...expectation.take(calm));

        // Killed in the middle of more: what still comes is how the edges begin, and is forgotten with the process.
        const more = traffic.next(10 * BURST);
        for (let at = 0; at < more.length; at += BURST) host.send(more.slice(at, at + BURST));
        await pause(dice.below(15));
        await agent.kill();
        await host.closed;
        const came = timesOf(host).slice(sure.length);
        expect(came).toEqual(expectation.foresee(more).slice(0, came.length));
        unanswered += came.length;
      } finally {
        await agent.kill();
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  expect(got).toEqual(expected);
  expect(unanswered).toBeGreaterThan(0);
  expectEdges(
    `killed ${KILLS} times (and ${unanswered} right ones on the way out)`,
    expected.length,
    got.length,
  );
});
