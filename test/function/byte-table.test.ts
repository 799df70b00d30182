import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteTable } from '../../src/function/byte-table.ts';
import { Texts } from '../../src/functions/edge-detect/texts.ts';

const WORDS = 3;

/**
 * Names around those lengths at which they lie outside of the record (48 of its 64 bytes are for the name here), or take
 * another granule or page, with bytes that are no UTF-8 too.
 */
const name = fc
  .oneof(
    { weight: 10, arbitrary: fc.integer({ min: 0, max: 20 }) },
    { weight: 3, arbitrary: fc.integer({ min: 46, max: 50 }) },
    { weight: 3, arbitrary: fc.constantFrom(120, 127, 128, 129, 255, 256, 257, 1000) },
    { weight: 1, arbitrary: fc.constantFrom(262_143, 262_144, 262_145, 600_000) },
  )
  .chain((length) =>
    fc
      .record({ first: fc.integer({ min: 0, max: 3 }), last: fc.integer({ min: 0, max: 255 }) })
      .map(({ first, last }) => {
        const bytes = Buffer.alloc(length, first);
        if (length > 0) bytes[length - 1] = last;
        return bytes;
      }),
  );

const step = fc.record({ name, isRemoval: fc.boolean(), which: fc.nat() });

/** The id of a name that lies between other bytes. */
function find(table: ByteTable, bytes: Buffer): number {
  const chunk = Buffer.concat([Buffer.of(1), bytes, Buffer.of(1)]);
  return table.find(chunk, 1, 1 + bytes.length);
}

test('names and their records stay what they are, whatever is added and removed beside them', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const table = new ByteTable(WORDS);
      const model = new Map<string, { id: number; bytes: Buffer; words: number[] }>();
      steps.forEach(({ name, isRemoval, which }, number) => {
        if (isRemoval && model.size > 0) {
          const [key, { id }] = [...model][which % model.size];
          table.remove(id);
          model.delete(key);
          return;
        }
        const key = name.toString('latin1');
        if (model.has(key)) return;
        const id = table.add(name, 0, name.length);
        const words = table.page(id).subarray(table.at(id), table.at(id) + WORDS);
        // A record that is used again has nothing left in it.
        expect([...words]).toEqual([0, 0, 0]);
        const values = [number + 1, ~number, 7];
        words.set(values);
        model.set(key, { id, bytes: name, words: values });
      });
      expect(table.size).toBe(model.size);
      const ids = [...model.values()].map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      const present = Array.from({ length: table.idLimit }, (_, id) => id).filter((id) => table.has(id));
      expect(present.sort()).toEqual(ids.sort());
      for (const { id, bytes, words } of model.values()) {
        expect(find(table, bytes)).toBe(id);
        expect(table.name(id).equals(bytes)).toBe(true);
        expect(table.nameLength(id)).toBe(bytes.length);
        const copied = Buffer.alloc(bytes.length + 2, 0xee);
        expect(table.copyName(id, copied, 1)).toBe(1 + bytes.length);
        expect(copied.equals(Buffer.concat([Buffer.of(0xee), bytes, Buffer.of(0xee)]))).toBe(true);
        expect([...table.page(id).subarray(table.at(id), table.at(id) + WORDS)]).toEqual(words);
      }
      for (const { name } of steps)
        if (!model.has(name.toString('latin1'))) expect(find(table, name)).toBe(-1);
      table.clear();
      expect(table.size).toBe(0);
      for (const { name } of steps) expect(find(table, name)).toBe(-1);
    }),
    { numRuns: 60 },
  );
});

test('so many names that records and names take several pages are all found', () => {
  const table = new ByteTable(1);
  // Of every three, one lies outside of its record.
  const names = Array.from({ length: 40_000 }, (_, i) =>
    Buffer.from(`host=router-${i}${i % 3 === 0 ? `,interface=adsl-line-${i}` : ''}`),
  );
  const ids = names.map((bytes, i) => {
    const id = table.add(bytes, 0, bytes.length);
    table.page(id)[table.at(id)] = i;
    return id;
  });
  expect(names.filter((bytes, i) => table.find(bytes, 0, bytes.length) !== ids[i])).toEqual([]);
  expect(ids.filter((id, i) => table.page(id)[table.at(id)] !== i)).toEqual([]);
  for (let i = 0; i < names.length; i += 2) table.remove(ids[i]);
  expect(
    names.filter((bytes, i) => table.find(bytes, 0, bytes.length) !== (i % 2 === 0 ? -1 : ids[i])),
  ).toEqual([]);
});

test('the places of removed names are used again', () => {
  const table = new ByteTable(0);
  const rounds = 50;
  const bytes = Buffer.alloc(10_100);
  const before = process.memoryUsage().arrayBuffers;
  for (let round = 0; round < rounds; round++) {
    const ids = Array.from({ length: 100 }, (_, i) => {
      bytes.writeUInt32LE(1000 * round + i, 0);
      return table.add(bytes, 0, 10_000 + i);
    });
    for (const id of ids) table.remove(id);
  }
  expect(table.idLimit).toBe(100);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan((rounds * 1_000_000) / 2);
});

test('a table that was cleared gives no place twice', () => {
  const table = new ByteTable(0);
  const names = Array.from({ length: 12 }, (_, i) => Buffer.alloc(100, i));
  const add = (bytes: Buffer): number => table.add(bytes, 0, bytes.length);
  for (const id of names.slice(6).map(add)) table.remove(id);
  table.clear();
  const ids = names.map(add);
  expect(ids.map((id) => table.name(id).toString('hex'))).toEqual(
    names.map((bytes) => bytes.toString('hex')),
  );
});

test('a text is kept once, and as long as anybody holds it', () => {
  const texts = fc.constantFrom('', 'SHOWTIME', 'DOWN', 'ü', 'x'.repeat(300));
  const use = fc.record({ text: texts, isRelease: fc.boolean(), which: fc.nat() });
  fc.assert(
    fc.property(fc.array(use, { maxLength: 60 }), (uses) => {
      const kept = new Texts();
      const holds: { id: number; text: string }[] = [];
      uses.forEach(({ text, isRelease, which }, number) => {
        if (isRelease && holds.length > 0) {
          const [{ id }] = holds.splice(which % holds.length, 1);
          kept.release(id);
          return;
        }
        const again = holds.find((hold) => hold.text === text);
        if (again !== undefined && number % 2 === 0) {
          kept.holdAgain(again.id);
          holds.push(again);
          return;
        }
        const bytes = Buffer.from(`<${text}>`);
        const id = kept.hold(bytes, 1, bytes.length - 1);
        if (again !== undefined) expect(id).toBe(again.id);
        holds.push({ id, text });
      });
      expect(kept.size).toBe(new Set(holds.map(({ text }) => text)).size);
      for (const { id, text } of holds) {
        const bytes = Buffer.from(text);
        expect(kept.bytes(id).equals(bytes)).toBe(true);
        expect(kept.equals(id, bytes, 0, bytes.length)).toBe(true);
        expect(kept.equals(id, Buffer.from(`${text}.`), 0, bytes.length + 1)).toBe(false);
      }
    }),
  );
});
