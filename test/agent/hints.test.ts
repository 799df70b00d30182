import { expect, test } from 'vitest';
import { Hints } from '../../src/agent/hints.ts';
import { withAgent } from '../support/agent/agent.ts';
import { initRequest, pointRequest, stringOption } from '../support/agent/functions.ts';
import { Peer } from '../support/agent/peer.ts';

test('a hint is new once for each task, its options and its words', () => {
  const hints = new Hints();
  expect(hints.isNew(['edgeDetect', 'a', [1n], 'x'])).toBe(true);
  expect(hints.isNew(['edgeDetect', 'a', [1n], 'x'])).toBe(false);
  expect(hints.isNew(['edgeDetect', 'a', [2n], 'x'])).toBe(true);
  expect(hints.isNew(['edgeDetect', 'b', [1n], 'x'])).toBe(true);
  expect(hints.isNew(['edgeDetect', 'a', [1n], 'y'])).toBe(true);
});

test('a task that connects anew is not told again that its key is never there, unless its script changed', async () => {
  await withAgent(async (agent) => {
    const points = Array.from({ length: 20 }, () => pointRequest());
    for (const field of ['wrong', 'wrong', 'other']) {
      const peer = await Peer.reading(agent.socketOf('edgeDetect'));
      peer.send(initRequest('task', [stringOption('field', field)]), ...points);
      peer.halfClose();
      await peer.closed();
    }
    const said = agent.log.filter(({ message }) => message.includes('carried a tracked key'));
    expect(said.map(({ fields }) => fields.keys)).toEqual([['field wrong'], ['field other']]);
  });
});
