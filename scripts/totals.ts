import { readFileSync } from "node:fs";

/**
 * Prints the totals of a vitest JSON report: "# tests N", "# pass N", "# fail N" as TAP has them, and then, alone on the last
 * line, "Tests: N passed, M failed". A run that failed without a failed test (a file that does not load, an error between
 * tests, no report at all) counts as one failure, and so does a static check that failed. One that succeeded counts for nothing.
 *
 *   node scripts/totals.ts <report.json> <exit status of the run> <exit status of the check>
 */
function totals(path: string, failedRun: boolean, failedCheck: boolean): { passed: number; failed: number } {
  let passed = 0;
  let failed = 0;
  try {
    const report = JSON.parse(readFileSync(path, "utf8"));
    passed = Number(report.numPassedTests);
    failed = Number(report.numFailedTests);
  } catch (error) {
    console.error(`no test report: ${error}`);
  }
  if (failed === 0 && failedRun) failed = 1;
  return { passed, failed: failed + (failedCheck ? 1 : 0) };
}

const [path = "", run = "1", check = "1"] = process.argv.slice(2);
const { passed, failed } = totals(path, run !== "0", check !== "0");
if (check !== "0") console.log("npm run check failed: it counts as one failed test.");
console.log(`# tests ${passed + failed}\n# pass ${passed}\n# fail ${failed}`);
console.log(`Tests: ${passed} passed, ${failed} failed`);
