import { expect, test } from 'vitest';
import { body, readEnvelope } from '../../../src/wire/envelope.ts';
import { withAgent } from '../../support/agent/agent.ts';
import { initRequest, pointRequest, stringOption } from '../../support/agent/functions.ts';
import { Peer } from '../../support/agent/peer.ts';
import { encodeRequest, frame, type Request } from '../../support/protocol/protocol.ts';

const valued = (v: bigint): Request => pointRequest({ group: 'a', fields: { value: { type: 'int', v } } });

/** A point with an integer that has no end, in a field that the node does not look at. */
function malformed(v: bigint): Buffer {
  const good = encodeRequest(valued(v));
  readEnvelope(good, 0, good.length);
  const point = Buffer.concat([good.subarray(body[0], body[1]), Buffer.from('4a050a01611080', 'hex')]);
  return frame(Buffer.concat([Buffer.from('8a01', 'hex'), frame(point)]));
}

test('a malformed point that would have to wait is told at once, not when it is to go out', () =>
  withAgent(async (agent) => {
    const peer = await Peer.reading(agent.socketOf('edgeDetect'));
    const options = [
      stringOption('field', 'value'),
      { name: 'confirm', values: [{ type: 'int' as const, v: 2n }] },
    ];
    // More than the first points, which are looked at in full for the warnings.
    const steady = Array.from({ length: 50 }, () => valued(1n));
    const before = [initRequest('task', options), ...steady].map((each) => frame(encodeRequest(each)));
    peer.sendBytes(Buffer.concat([...before, malformed(2n), frame(encodeRequest(valued(2n)))]));
    const [{ error }] = await peer.answered('error');
    expect(error).toContain(`MALFORMED_MESSAGE at byte ${Buffer.concat(before).length + 1}: `);
    expect(peer.kinds).toEqual(['init', 'point', 'error']);
    peer.destroy();
  }));
