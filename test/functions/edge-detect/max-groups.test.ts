import { expect, test } from 'vitest';
import { withAgent } from '../../support/agent/agent.ts';
import { connect } from '../../support/agent/host.ts';
import { hostPointMessage } from '../../support/protocol/points.ts';
import type { Option } from '../../support/protocol/protocol.ts';

// Not among the random scenarios, since which group is the longest unseen is only roughly defined.

const MAX_GROUPS = 10;
const GROUPS = 200;

const OPTIONS: readonly Option[] = [
  { name: 'field', values: [{ type: 'string', v: 'v' }] },
  { name: 'maxGroups', values: [{ type: 'int', v: BigInt(MAX_GROUPS) }] },
];

/** One point of each group in turn, always of the same value, and between them one of a group that stays busy. */
function round(time: bigint): Buffer[] {
  return Array.from({ length: GROUPS }, (_, index) => [String(index), 'busy'])
    .flat()
    .map((host) => hostPointMessage(host, { time, fields: { v: { type: 'int', v: 1n } } }));
}

test('of more groups than maxGroups the longest unseen are forgotten, the busy one is not', async () => {
  await withAgent(async (agent) => {
    const host = await connect(agent.socketOf('edgeDetect'));
    const init = host.init(OPTIONS);
    host.send([...round(1n), ...round(2n)]);
    const emitted = await host.finish();
    expect(await init).toMatchObject({ success: true });

    const groups = emitted.flatMap(({ response }) =>
      response.kind === 'point' ? [response.point.group] : [],
    );
    const busy = groups.filter((group) => group === 'host=busy');
    expect(busy).toHaveLength(1);
    // Each is new at its first point, and, unless it is one of the few kept, new again in the second round.
    expect(groups.length - busy.length).toBeGreaterThanOrEqual(2 * GROUPS - MAX_GROUPS);
  });
});
