// node .ci/count.mjs FAILED_STEPS SCRIPT=RESULT...: names what was skipped, and sums up what vitest's JSON reports say.
import { readFileSync } from 'node:fs';

const [failedSteps, ...results] = process.argv.slice(2);
let passed = 0;
let failed = 0;
let skipped = 0;
for (const result of results) {
  const [script, file] = result.split('=');
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // The run ended before it could report: its step failed, and is counted below.
    continue;
  }
  const tests = report.testResults.flatMap((each) => each.assertionResults);
  for (const { fullName, status } of tests) {
    if (status === 'passed') passed++;
    else if (status === 'failed') failed++;
    else {
      skipped++;
      console.log(`skipped in ${script}: ${fullName}`);
    }
  }
}
// A step that failed without a failed test (types, a crash) must not look like success.
failed = Math.max(failed, Number(failedSteps));
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
