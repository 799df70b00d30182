import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyTable } from '../../src/wire/key-table.ts';
import { text } from '../support/scenarios/arbitrary.ts';

test('of any set of names exactly those are found, by their bytes', () => {
  fc.assert(
    fc.property(fc.uniqueArray(text, { maxLength: 12 }), text, (names, other) => {
      const table = new KeyTable(names);
      for (const name of [...names, other]) {
        const bytes = Buffer.from(`>${name}<`);
        expect(table.find(bytes, 1, bytes.length - 1)).toBe(names.indexOf(name));
      }
    }),
  );
});

test('what the length alone says never hides a name', () => {
  fc.assert(
    fc.property(fc.uniqueArray(text, { maxLength: 12 }), (names) => {
      const { wants } = new KeyTable(names);
      const lengths = new Set(names.map((name) => Buffer.byteLength(name)));
      for (let byte = 0; byte < 256; byte++) {
        // From 128 on the byte is only the beginning of a length.
        expect(wants[byte] !== 0).toBe(byte >= 128 || lengths.has(byte));
      }
    }),
  );
});
