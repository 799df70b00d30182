import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteTable } from '../../../src/function/byte-table.ts';
import { TimeQueue } from '../../../src/functions/edge-detect/time-queue.ts';

/** Where the queue notes places; the word in front of it is not its own. */
const SLOT = 1;

interface Entry {
  readonly hi: number;
  readonly lo: number;
  readonly order: number;
}

const word = fc.constantFrom(0, 1, -1, 2 ** 31 - 1, -(2 ** 31));
const command = fc.oneof(
  fc.record({ kind: fc.constant('put'), id: fc.nat({ max: 40 }), hi: word, lo: word }),
  fc.record({ kind: fc.constant('remove'), id: fc.nat({ max: 40 }) }),
  fc.record({ kind: fc.constant('take') }),
);

/** Whether one entry comes before another, as signed times of 64 bits and then by their order. */
function compare(a: Entry, b: Entry): number {
  return a.hi - b.hi || (a.lo >>> 0) - (b.lo >>> 0) || a.order - b.order;
}

test('the earliest comes first, of equal ones that of the lower order, whatever was moved and taken out', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200, size: 'max' }), (commands) => {
      const table = new ByteTable(2);
      for (let id = 0; id <= 40; id++) table.add(Buffer.from([id]), 0, 1);
      const queue = new TimeQueue(table, SLOT);
      const model = new Map<number, Entry>();
      for (const each of commands) {
        if ('hi' in each) {
          const entry = { hi: each.hi, lo: each.lo, order: (each.id * 7) % 41 };
          queue.put(each.id, entry.hi, entry.lo, entry.order);
          model.set(each.id, entry);
        } else if ('id' in each) {
          queue.remove(each.id);
          model.delete(each.id);
        }
        const [first] = [...model].toSorted(([, a], [, b]) => compare(a, b));
        expect(queue.size).toBe(model.size);
        if (first === undefined) continue;
        const [id, { hi, lo }] = first;
        expect([queue.firstId, queue.firstHi, queue.firstLo]).toEqual([id, hi, lo]);
        if (each.kind !== 'take') continue;
        queue.remove(id);
        model.delete(id);
      }
    }),
    { numRuns: 300 },
  );
});

test('how far a time is behind is told across the words', () => {
  const table = new ByteTable(2);
  const id = table.add(Buffer.from('a'), 0, 1);
  const queue = new TimeQueue(table, SLOT);
  queue.put(id, 1, -1, 0);
  const slot = table.page(id)[table.at(id) + SLOT];
  expect(queue.behindNs(slot, 2, 0)).toBe(1);
  expect(queue.behindNs(slot, 1, -2)).toBe(-1);
  expect(queue.behindNs(slot, 3, -1)).toBe(2 ** 33);
});
