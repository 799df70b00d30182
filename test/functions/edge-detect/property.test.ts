import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withAgent } from '../../support/agent/agent.ts';
import { expectAgreement, oracleOf, testOf } from '../../support/scenarios/agreement.ts';
import { minimal } from '../../support/scenarios/minimal.ts';
import { INCIDENTS, SILENCE_INCIDENTS } from '../../support/scenarios/oracle.ts';
import { batchScenario, type Scenario, streamScenario } from '../../support/scenarios/scenario.ts';

/** In total, of streams and of batches; a night's run asks for more. */
const SCENARIOS = Number(process.env.EDGE_DETECT_SCENARIOS ?? 500);

const KINDS = [
  ['stream', streamScenario],
  ['batch', batchScenario],
] as const;

test.each(KINDS)(
  'of any %s the agent emits what the oracle does, also across a restart',
  (_, scenarios) =>
    withAgent(async (agent) => {
      const agreement = fc.asyncProperty(scenarios, (scenario) => expectAgreement(agent, scenario));
      const details = await fc.check(agreement, { numRuns: Math.ceil(SCENARIOS / 2) });
      if (!details.failed) return;
      const { numRuns, seed, counterexample, errorInstance } = details;
      if (counterexample === null) throw errorInstance;
      const failureOf = (scenario: Scenario): Promise<unknown> =>
        expectAgreement(agent, scenario).then(
          () => undefined,
          (error: unknown) => error,
        );
      const scenario = await minimal(
        counterexample[0],
        async (smaller) => (await failureOf(smaller)) !== undefined,
      );
      throw new Error(
        `Scenario ${numRuns} of seed ${seed}: ${await failureOf(scenario)}\n\nAs a test of its own:\n\n${testOf(scenario)}`,
      );
    }),
  20_000 + 100 * SCENARIOS,
);

test.each([
  ['stream', streamScenario, [...INCIDENTS, ...SILENCE_INCIDENTS]],
  ['batch', batchScenario, INCIDENTS],
] as const)(
  'the scenarios of a %s bring about everything that a node can go through',
  (_, scenarios, incidents) => {
    const seen = new Set(
      fc
        .sample<Scenario>(scenarios, { numRuns: 500, seed: 1 })
        .flatMap((each) => [...oracleOf(each).incidents]),
    );
    expect(seen).toEqual(new Set(incidents));
  },
);
