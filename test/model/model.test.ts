import fc from "fast-check";
import { expect, test } from "vitest";
import { NOTHING_BROKEN } from "./mutant.ts";
import { propertyOf } from "./property.ts";
import { MUST_SEE, takeSeen } from "./seen.ts";

const { DURE_MODEL_RUNS: runs = "2500", DURE_MODEL_SEED, DURE_MODEL_PATH: path } = process.env;
/** So many histories meet everything in `MUST_SEE`. */
const ENOUGH = 800;
/** The same histories at every run; new ones where a number is asked for and no seed. */
const seed = DURE_MODEL_SEED ?? (process.env.DURE_MODEL_RUNS === undefined ? "1" : undefined);

test("whatever happens, the shard answers as the model says", () => {
  const replay = { ...(seed === undefined ? {} : { seed: Number(seed) }), ...(path === undefined ? {} : { path }) };
  const started = Date.now();
  fc.assert(propertyOf(NOTHING_BROKEN), { numRuns: Number(runs), ...replay });
  const seen = takeSeen();
  console.log(`${runs} histories in ${((Date.now() - started) / 1000).toFixed(1)} s:`, seen);
  if (Number(runs) < ENOUGH || path !== undefined) return;
  expect(MUST_SEE.filter((what) => seen[what] === undefined)).toEqual([]);
});
