import { spawnSync } from "node:child_process";

/**
 * `npm test`: every test project. Arguments go to vitest (`npm test -- --project unit`). TEST_REPORT names a file
 * for the results as JSON.
 */
const report = process.env.TEST_REPORT;
const reporters = report ? ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`] : [];
const { status } = spawnSync("vitest", ["run", ...reporters, ...process.argv.slice(2)], { stdio: "inherit" });
process.exit(status ?? 1);
