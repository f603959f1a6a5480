import { afterAll, describe, expect, test } from "vitest";
import { lane } from "../lane.ts";
import { MUTANTS } from "./mutants.ts";
import { runHistory } from "./run-history.ts";

/** A mutant must be caught within this many histories. */
const MAX_SEEDS = 1_000;

const table: { "taken away": string; "first seed": number; invariant: string }[] = [];
afterAll(() => console.table(table));

describe("the simulation notices when a measure is taken away", () => {
  for (const mutant of lane.turn(MUTANTS)) {
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
