import { runInThisContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { streamScenario } from '../scenarios/scenario.ts';
import { literal } from './literal.ts';

test('a scenario that is written down is the same one when it is run', () => {
  fc.assert(
    fc.property(streamScenario, (scenario) => {
      expect(runInThisContext(`(${literal(scenario)})`)).toEqual(scenario);
    }),
  );
});
