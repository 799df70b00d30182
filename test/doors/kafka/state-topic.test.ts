import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StateRecords, StateWriter } from '../../../src/doors/kafka/state-topic.ts';

const PIECE = 512 * 1024;

/** What a topic holds once these records came, each key with its last value. */
function topicOf(records: readonly { readonly key: string; readonly value: Buffer | null }[]): StateRecords {
  const topic = new StateRecords();
  for (const { key, value } of records) topic.add(key, value);
  return topic;
}

describe('the state topic', () => {
  test('gives back the state that was saved last, with its offset, also of many pieces', () => {
    const snapshot = Buffer.alloc(2 * PIECE + 5, 'abc');
    const writer = new StateWriter(3);
    const first = writer.records(Buffer.from('first'), 7n);
    const second = writer.records(snapshot, 2n ** 60n);
    expect(second.pieces).toHaveLength(3);
    const topic = topicOf([...first.pieces, first.head, ...second.pieces, second.head]);
    expect(topic.latest()).toEqual({ generation: 3, offset: 2n ** 60n, snapshot });
    expect(topicOf([]).latest()).toBeUndefined();
  });

  test('holds a whole state whenever the writing breaks off', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 6 }), fc.nat(60), (sizes, cut) => {
        const writer = new StateWriter(1);
        const states = sizes.map((size, index) => Buffer.alloc(size * PIECE, index + 1));
        const all = states.map((state, index) => writer.records(state, BigInt(index)));
        const written = all.flatMap(({ pieces, head }) => [...pieces, head]).slice(0, cut);
        const heads = written.filter(({ key }) => key.endsWith('/head')).length;
        const latest = topicOf(written).latest();
        expect(latest?.offset).toBe(heads === 0 ? undefined : BigInt(heads - 1));
        if (heads > 0) expect(latest?.snapshot.equals(states[heads - 1] ?? Buffer.alloc(0))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test('takes nothing from a member that comes back late, in whatever order it writes', () => {
    const late = new StateWriter(4);
    const owner = new StateWriter(5);
    const old = late.records(Buffer.from('old'), 10n);
    const now = owner.records(Buffer.from('now'), 20n);
    const later = late.records(Buffer.from('older still'), 15n);
    const topic = topicOf([...old.pieces, old.head, ...now.pieces, now.head, ...later.pieces, later.head]);
    expect(topic.latest()).toMatchObject({ generation: 5, offset: 20n });
    expect(topic.keysBefore(5).sort()).toEqual(['4/0/0', '4/1/0', '4/head']);
    for (const key of topic.keysBefore(5)) topic.add(key, null);
    expect(topic.keysBefore(5)).toEqual([]);
  });

  test('passes over what is damaged, for the generation before', () => {
    const before = new StateWriter(1).records(Buffer.from('before'), 1n);
    const damaged = new StateWriter(2).records(Buffer.from('damaged'), 2n);
    const records = [...before.pieces, before.head, ...damaged.pieces, damaged.head];
    for (const value of [Buffer.from('dameged'), Buffer.from('{'), null]) {
      expect(topicOf([...records, { key: '2/0/0', value }]).latest()?.offset).toBe(1n);
      expect(topicOf([...records, { key: '2/head', value }]).latest()?.offset).toBe(1n);
    }
  });
});
