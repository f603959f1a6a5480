import fc from "fast-check";
import { afterAll, describe, expect, test, vi } from "vitest";
import { lane } from "../lane.ts";
import { breakable, breakRules } from "./breakable.ts";
import { NOTHING_BROKEN } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";
import { Unpredicted } from "./prediction.ts";
import { propertyOf } from "./property.ts";

vi.mock("../../domain/connections.ts", async (original) => breakable(await original()));
vi.mock("../../domain/dedup.ts", async (original) => breakable(await original()));
vi.mock("../../domain/due.ts", async (original) => breakable(await original()));
vi.mock("../../domain/fairness.ts", async (original) => breakable(await original()));
vi.mock("../../domain/gate.ts", async (original) => breakable(await original()));
vi.mock("../../domain/lease.ts", async (original) => breakable(await original()));
vi.mock("../../domain/queue.ts", async (original) => breakable(await original()));
vi.mock("../../domain/rank.ts", async (original) => breakable(await original()));
vi.mock("../../domain/rate.ts", async (original) => breakable(await original()));
vi.mock("../../domain/retry.ts", async (original) => breakable(await original()));
vi.mock("../../domain/target-url.ts", async (original) => breakable(await original()));
vi.mock("../../durable-objects/shard/flow/limits.ts", async (original) => breakable(await original()));

/** A mutant must be caught within this many histories, of one seed: the table is the same at every run. */
const MAX_HISTORIES = 1_500;
const SEED = 1;

const table: { broken: string; histories: number; prediction: string }[] = [];
afterAll(() => console.table(table));

describe("the model notices when a control is broken", () => {
  test("and nothing when none is", () => {
    breakRules({});
    const result = fc.check(propertyOf(NOTHING_BROKEN), { numRuns: 50, seed: SEED });
    expect(result.failed).toBe(false);
  });

  test.each(lane.turn(MUTANTS))("$name", (mutant) => {
    breakRules(mutant.rules ?? {});
    const result = fc.check(propertyOf(mutant), { numRuns: MAX_HISTORIES, seed: SEED, endOnFailure: true });
    const error = result.errorInstance;
    expect(result.failed, `not caught in ${MAX_HISTORIES} histories (applied ${mutant.applied} times)`).toBe(true);
    expect(error, "it was noticed by an error of the shard, not by a prediction").toBeInstanceOf(Unpredicted);
    expect(mutant.applied, "the mutant changed nothing: it no longer fits the code").toBeGreaterThan(0);
    table.push({ broken: mutant.name, histories: result.numRuns, prediction: (error as Unpredicted).prediction });
  });
});
