// node .ci/count.mjs FAILED_STEPS NAME=RESULT...: says what was skipped and how to have it tested, and sums up what
// vitest's JSON reports say.
import { readFileSync } from 'node:fs';

/** What the tests of a script need that a machine may lack. */
const NEEDS = {
  'test:kapacitor':
    'kapacitord on the PATH or named by KAPACITORD (1.8), or a Docker engine that has the image kapacitor:1.8; influxd likewise',
  'test:influxdb': 'influxd on the PATH or named by INFLUXD, and one of InfluxDB 2 named by INFLUXD2',
  'test:docker':
    'a Docker engine, with docker compose or docker-compose, and the images node:24-bookworm-slim, kapacitor:1.8 and influxdb:1.8',
  'test:web': 'influxd as for test:influxdb, and chromium on the PATH',
  'test:kafka': 'Kafka, named as its tests say',
};
const OTHERS = 'what the names of the tests say';

const [failedSteps, ...results] = process.argv.slice(2);
let passed = 0;
let failed = 0;
/** How many tests were skipped, and which, by the name of their run. */
const skipped = new Map();
for (const result of results) {
  const [name, file] = result.split('=');
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // The run ended before it could report: its step failed, and is counted below.
    continue;
  }
  for (const { fullName, status } of report.testResults.flatMap((each) => each.assertionResults)) {
    if (status === 'passed') passed++;
    else if (status === 'failed') failed++;
    else skipped.set(name, [...(skipped.get(name) ?? []), fullName]);
  }
}

for (const [name, tests] of skipped) for (const test of tests) console.log(`skipped in ${name}: ${test}`);
const untested = [...skipped].map(([name, tests]) => {
  const script = name.replace(/ .*/, '');
  const count = tests.length === 1 ? '1 test' : `${tests.length} tests`;
  return `  ${name}: ${count}; needs ${NEEDS[script] ?? OTHERS}`;
});
if (results.some((result) => result.startsWith('test:kapacitor')) && !process.env.KAPACITORD_1_5)
  untested.push('  Kapacitor 1.5: nothing; needs its kapacitord, named by KAPACITORD_1_5');
if (untested.length > 0)
  console.log(
    `\nNot tested on this machine, and what it takes (set it, and run .ci/run again):\n${untested.join('\n')}\n`,
  );

const skippedCount = [...skipped.values()].reduce((sum, tests) => sum + tests.length, 0);
// A step that failed without a failed test (types, a crash) must not look like success.
failed = Math.max(failed, Number(failedSteps));
console.log(`${passed} passed, ${failed} failed, ${skippedCount} skipped`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
