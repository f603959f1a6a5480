import { afterAll, describe, expect, test } from "vitest";
import { lane } from "../lane.ts";
import { MUTANTS } from "./mutants.ts";
import { runHistory } from "./run-history.ts";

/** A mutant must be caught within this many histories. */
const MAX_SEEDS = 1_000;

/** Mutants that take as long as all others of a run together, each: they come in campaigns. */
const SLOW: ReadonlySet<string> = new Set([
  "finished jobs stay until history has them",
  "a new limit counts the jobs that run already",
  "leases end",
]);
const OF_RUN = lane.turn(lane.name === "campaign" ? MUTANTS : MUTANTS.filter(({ name }) => !SLOW.has(name)));

const table: { "taken away": string; "first seed": number; invariant: string }[] = [];
afterAll(() => console.table(table));

test("every slow one is there", () => {
  expect([...SLOW].filter((slow) => !MUTANTS.some(({ name }) => name === slow))).toEqual([]);
});

describe("the simulation notices when a measure is taken away", () => {
  for (const mutant of OF_RUN) {
    test(
      mutant.name,
      async () => {
        for (let seed = 1; seed <= MAX_SEEDS; seed++) {
          const [violation] = (await runHistory(seed, mutant)).violations;
          if (violation === undefined) continue;
          table.push({ "taken away": mutant.name, "first seed": seed, invariant: violation.invariant });
          expect(mutant.applied, "the mutant changed nothing: it no longer fits the code").toBeGreaterThan(0);
          return;
        }
        expect.fail(`not caught within ${MAX_SEEDS} histories (applied ${mutant.applied} times)`);
      },
      lane.timeoutMs,
    );
  }
});
