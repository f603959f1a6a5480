import fc from "fast-check";
import { expect, test } from "vitest";
import { lane } from "../lane.ts";
import { MUST_SEE, takeCoverage } from "./coverage.ts";
import { NOTHING_BROKEN } from "./mutant.ts";
import { propertyOf } from "./property.ts";

/** So many histories meet everything in `MUST_SEE`. */
const ENOUGH = 800;

test("whatever happens, the shard answers as the model says", { timeout: lane.timeoutMs }, () => {
  const { seed, path } = lane.model;
  const runs = lane.histories.model;
  const replay = { ...(seed === null ? {} : { seed }), ...(path === null ? {} : { path }) };
  const started = Date.now();
  fc.assert(propertyOf(NOTHING_BROKEN), { numRuns: runs, ...replay });
  const seen = takeCoverage();
  console.log(`${runs} histories in ${((Date.now() - started) / 1000).toFixed(1)} s:`, seen);
  if (runs < ENOUGH || path !== null) return;
  expect(MUST_SEE.filter((what) => seen[what] === undefined)).toEqual([]);
});
