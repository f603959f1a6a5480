import { spawnSync } from "node:child_process";
import type { Packing } from "../durable-objects/shard/jobs/packs/packing.ts";
import { lane, packingsOf } from "../test/lane.ts";
import { ensureClient } from "./client-package.ts";

/**
 * `npm test` and `npm run test:campaign`: every test project, as much of each as the lane says (`test/lane.ts`). Arguments
 * go to vitest (`npm test -- --project unit`). TEST_REPORT names a file for the results as JSON.
 */
const report = process.env.TEST_REPORT;
const reporters = ["--reporter=default", "--reporter=./scripts/progress.ts"];
if (report) reporters.push("--reporter=json", `--outputFile.json=${report}`);
console.log(
  lane.name === "campaign"
    ? "The campaign: as many histories as test/lane.ts says, every mutant, every search. This takes hours."
    : `A part of the mutants and of the large searches, another each day. The same again: DURE_ROTATION=${lane.rotation} npm test`,
);
await ensureClient();

function run(packs: Packing, args: readonly string[]): number {
  const { status } = spawnSync("vitest", ["run", ...args, ...process.argv.slice(2)], {
    stdio: "inherit",
    // Fixed for the whole run, which may last beyond midnight.
    env: { ...process.env, DURE_ROTATION: String(lane.rotation), DURE_PACKS: packs },
  });
  return status ?? 1;
}

const [first, ...others] = packingsOf(process.env, lane);
let failed = run(first, reporters);
// All but `e2e`, which starts the platform as it is deployed, once more with jobs packed in the other ways.
const again = ["unit", "model", "simulation", "workers", "workers-shared"].flatMap((name) => ["--project", name]);
for (const packs of others) failed = run(packs, again) || failed;
process.exit(failed);
