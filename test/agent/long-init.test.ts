import { expect, test } from 'vitest';
import { withAgent } from '../support/agent/agent.ts';
import { connect } from '../support/agent/host.ts';
import { encodeRequest, type Option } from '../support/protocol/protocol.ts';

const UNKNOWN: Option = { name: 'x'.repeat(1000), values: [] };

test('an Init that is wrong a thousand times is refused with an answer that a person can read', () =>
  withAgent(async (agent) => {
    const host = await connect(agent.socketOf('edgeDetect'));
    const { success, error } = await host.init(Array.from({ length: 1000 }, () => UNKNOWN));
    await host.finish();
    expect(success).toBe(false);
    expect(error).toContain('xxx');
    expect(error).toMatch(/and 9\d\d more$/);
    expect(error.length).toBeLessThan(50_000);
  }));

test('an Init beyond any TICKscript is refused before it is taken apart', () =>
  withAgent(async (agent) => {
    const host = await connect(agent.socketOf('edgeDetect'));
    const options = Array.from({ length: 1100 }, () => UNKNOWN);
    host.send([encodeRequest({ kind: 'init', options, taskId: 't', nodeId: 'n' })]);
    await expect(host.finish()).rejects.toThrow('FRAME_TOO_LARGE');
  }));
