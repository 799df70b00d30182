import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteStore } from '../../src/function/byte-store.ts';

const bytes = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 250_000, max: 600_000 }).map((length) => new Uint8Array(length).fill(7)),
  },
);
const command = fc.record({ kind: fc.constantFrom('keep', 'keep', 'replace', 'free'), at: fc.nat(), bytes });

test('what is kept is there until it is freed, in whatever place', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60, size: 'max' }), (commands) => {
      const store = new ByteStore();
      const kept: { place: number; content: Uint8Array }[] = [];
      for (const { kind, at, bytes: content } of commands) {
        const index = at % Math.max(1, kept.length);
        const old = kept[index];
        if (kind === 'keep' || old === undefined)
          kept.push({ place: store.keep(content, 0, content.length), content });
        else if (kind === 'free') {
          store.free(old.place, old.content.length);
          kept.splice(index, 1);
        } else {
          const place = store.replace(old.place, old.content.length, content, 0, content.length);
          kept[index] = { place, content };
        }
      }
      for (const { place, content } of kept)
        expect(store.bytes(place, content.length).equals(content)).toBe(true);
    }),
    { numRuns: 100 },
  );
});

test('what is freed is used again, and what changes within its granules stays in its place', () => {
  const store = new ByteStore();
  const first = store.keep(Buffer.from('0123456789'), 0, 10);
  expect(store.replace(first, 10, Buffer.from('0123456789abcdef'), 0, 16)).toBe(first);
  const second = store.replace(first, 16, Buffer.from('0123456789abcdefg'), 0, 17);
  expect(second).not.toBe(first);
  expect(store.keep(Buffer.from('xx0123456789xx'), 2, 12)).toBe(first);
  expect(store.bytes(first, 10).toString()).toBe('0123456789');
  expect(store.bytes(second, 17).toString()).toBe('0123456789abcdefg');
});
