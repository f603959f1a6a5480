import { readFileSync } from "node:fs";

/**
 * Prints the totals of a vitest JSON report: "# tests N", "# pass N", "# fail N" as TAP has them, and then, alone on the last
 * line, "Tests: N passed, M failed". A run that failed without a
 * failed test (a file that does not load, an error between tests, no report at all) counts as one failure.
 *
 *   node scripts/totals.ts <report.json> <exit status of the run>
 */
function totals(path: string, failedRun: boolean): { passed: number; failed: number } {
  let passed = 0;
  let failed = 0;
  try {
    const report = JSON.parse(readFileSync(path, "utf8"));
    passed = Number(report.numPassedTests);
    failed = Number(report.numFailedTests);
  } catch (error) {
    console.error(`no test report: ${error}`);
  }
  return { passed, failed: failed === 0 && failedRun ? 1 : failed };
}

const [path = "", status = "1"] = process.argv.slice(2);
const { passed, failed } = totals(path, status !== "0");
console.log(`# tests ${passed + failed}\n# pass ${passed}\n# fail ${failed}`);
console.log(`Tests: ${passed} passed, ${failed} failed`);
