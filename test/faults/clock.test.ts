import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startAgentProcess } from '../support/agent/agent-process.ts';
import { connect } from '../support/agent/host.ts';
import { decodeRequest, type Option } from '../support/protocol/protocol.ts';
import { Oracle } from '../support/scenarios/oracle.ts';
import { expectEdges, pointMessage } from './edges.ts';

const DAY_MS = 24 * 3600 * 1000;
const SECOND_NS = 1_000_000_000n;

const duration = (name: string, seconds: bigint): Option => ({
  name,
  values: [{ type: 'duration', v: seconds * SECOND_NS }],
});
const OPTIONS: readonly Option[] = [
  { name: 'field', values: [{ type: 'string', v: 'state' }] },
  duration('ttl', 3600n),
  duration('hold', 5n),
  duration('every', 60n),
];

/** What the machine's clock does, in milliseconds, between the parts of the points. */
const STEPS_MS = [0, -DAY_MS, +DAY_MS, -3600 * 1000, -10 * 365 * DAY_MS];

test('a clock that is set back or forward changes no edge, whether the points follow it or not', async () => {
  const clock = fileURLToPath(new URL('wall-clock.ts', import.meta.url));
  const agent = await startAgentProcess({ nodeArgs: ['--import', clock], hasChannel: true });
  try {
    for (const [what, pointsFollow] of [
      ['the points go on', false],
      ['the points follow', true],
    ] as const) {
      const host = await connect(agent.socketOf('edgeDetect'));
      const oracle = new Oracle(OPTIONS, 'stream');
      await host.init(OPTIONS, what);
      let number = 0;
      let nowNs = 1_514_979_000n * SECOND_NS;
      for (const stepMs of STEPS_MS) {
        agent.child.send({ stepMs });
        if (pointsFollow) nowNs += BigInt(stepMs) * 1_000_000n;
        const points = Array.from({ length: 500 }, () => {
          number++;
          nowNs += SECOND_NS;
          return pointMessage(`router${number % 7}`, number % 90 < 60 ? 'UP' : 'DOWN', nowNs);
        });
        points.forEach((message, index) => {
          const request = decodeRequest(message);
          if (request.kind === 'point') oracle.point(index, request.point);
        });
        host.send(points);
        await host.keepalive(BigInt(number));
      }
      await host.finish();
      expectEdges(`the clock is set back and forward, ${what}`, oracle.emissions.length, host.emitted.length);
    }
    const logged = agent.lastLines.map((line) => String(JSON.parse(line).time));
    expect(new Set(logged.map((time) => time.slice(0, 4))).size, 'the clock was really set').toBeGreaterThan(
      1,
    );
  } finally {
    expect(await agent.stop()).toBe(0);
  }
});
