import type { Scenario } from './scenario.ts';

/** All scenarios that lack one restart, option, arrival or point of this one. */
function* smaller(scenario: Scenario): Generator<Scenario> {
  const { options, arrivals, restarts } = scenario;
  for (const [index] of restarts.entries()) yield { ...scenario, restarts: restarts.toSpliced(index, 1) };
  for (const [index, { name }] of options.entries()) {
    // Without a tracked key the node would be refused, which is another failure.
    if (name !== 'field' && name !== 'tag') yield { ...scenario, options: options.toSpliced(index, 1) };
  }
  for (const [index, { group, points }] of arrivals.entries()) {
    const moved = restarts.map((restart) => (index < restart ? restart - 1 : restart));
    yield { ...scenario, arrivals: arrivals.toSpliced(index, 1), restarts: moved };
    for (const [point] of points.entries()) {
      const arrival = { group, points: points.toSpliced(point, 1) };
      if (scenario.edge === 'batch') yield { ...scenario, arrivals: arrivals.with(index, arrival) };
    }
  }
}

/**
 * Leaves out of a scenario all that `fails` doesn't need to say so again. (fast-check's own shrinking stops earlier:
 * what it leaves out of one list changes what is made of the others.)
 */
export async function minimal(
  scenario: Scenario,
  fails: (smaller: Scenario) => Promise<boolean>,
): Promise<Scenario> {
  for (const candidate of smaller(scenario)) {
    if (await fails(candidate)) return minimal(candidate, fails);
  }
  return scenario;
}
