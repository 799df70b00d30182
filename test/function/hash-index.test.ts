import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HashIndex } from '../../src/function/hash-index.ts';

function idsOf(index: HashIndex, hash: number): number[] {
  const ids: number[] = [];
  let id = index.find(hash, 0);
  while (id >= 0) {
    ids.push(id);
    id = index.find(hash, index.position);
  }
  return ids.sort((a, b) => a - b);
}

/** What an index should hold, kept in the plainest way. */
class Model {
  readonly #ids = new Map<number, Set<number>>();

  add(hash: number, id: number): void {
    const ids = this.#ids.get(hash) ?? new Set();
    this.#ids.set(hash, ids.add(id));
  }

  remove(hash: number, id: number): void {
    this.#ids.get(hash)?.delete(id);
  }

  idsOf(hash: number): number[] {
    return [...(this.#ids.get(hash) ?? [])].sort((a, b) => a - b);
  }
}

// Hashes that meet in few slots, at both ends of a table, and agree in their leading or trailing bits.
const hash = fc.oneof(
  fc.constantFrom(0, 1, -1, 15, 16, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31) + 15),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
);

test('ids are found by their hashes, however many share one, and none that was removed', () => {
  const step = fc.record({ hash, isRemoval: fc.boolean(), which: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
      const index = new HashIndex();
      const model = new Model();
      const added: { hash: number; id: number }[] = [];
      steps.forEach(({ hash, isRemoval, which }, id) => {
        if (isRemoval && added.length > 0) {
          const [entry] = added.splice(which % added.length, 1);
          index.remove(entry.hash, entry.id);
          model.remove(entry.hash, entry.id);
        } else {
          index.add(hash, id);
          model.add(hash, id);
          added.push({ hash, id });
        }
      });
      for (const { hash } of steps) expect(idsOf(index, hash)).toEqual(model.idsOf(hash));
      index.clear();
      for (const { hash } of steps) expect(idsOf(index, hash)).toEqual([]);
    }),
  );
});

/** A sequence of well spread numbers of 32 bits, the same each time. */
function spread(i: number): number {
  return Math.imul(i ^ (i >>> 15), 0x9e3779b1) | 0;
}

test.each([
  ['spread over all bits', spread],
  ['that agree in their first 20 bits', (i: number) => (0x12345 << 12) | (spread(i) & 0xfff)],
  ['that agree in their last 16 bits', (i: number) => (i << 16) | 0x7777],
])(
  'so many that tables are split, with hashes %s, are all found, and half of them when the others go',
  (_, hashOf) => {
    const count = 12_000;
    const index = new HashIndex();
    const model = new Model();
    const hashes = Array.from({ length: count }, (_, id) => hashOf(id));
    hashes.forEach((hash, id) => {
      index.add(hash, id);
      model.add(hash, id);
    });
    const differing = [...new Set(hashes)];
    const wrong = () => differing.filter((hash) => idsOf(index, hash).join() !== model.idsOf(hash).join());
    expect(wrong()).toEqual([]);
    hashes.forEach((hash, id) => {
      if (id % 2 === 0) return;
      index.remove(hash, id);
      model.remove(hash, id);
    });
    expect(wrong()).toEqual([]);
  },
);
