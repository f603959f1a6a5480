import { describe, expect, test } from "vitest";
import { laneOf, packingsOf, ROTATION_PARTS } from "../lane.ts";

const DAY_MS = 86_400_000;
const MUTANTS = Array.from({ length: 32 }, (_, i) => i);

describe("a lane of tests", () => {
  test("is the short one unless a campaign is asked for", () => {
    const [short, long] = [laneOf({}, 0), laneOf({ DURE_LANE: "campaign" }, 0)];
    expect([short.name, long.name]).toEqual(["test", "campaign"]);
    for (const [kind, amount] of Object.entries(short.histories)) {
      expect(amount, kind).toBeGreaterThan(0);
      expect(Object.entries(long.histories), kind).toContainEqual([kind, expect.toSatisfy((n) => n > 10 * amount)]);
    }
  });

  test.each([1, 4, 5, 6, 32, 33])("checks each of %i mutants within as many runs as there are parts", (count) => {
    const all = MUTANTS.concat(99).slice(0, count);
    const turns = Array.from({ length: ROTATION_PARTS }, (_, day) => laneOf({}, day * DAY_MS).turn(all));
    expect(new Set(turns.flat())).toEqual(new Set(all));
    expect(new Set(turns.map(({ length }) => length)).size, "as many each day").toBe(1);
    expect(turns[0]?.length).toBe(Math.ceil(count / ROTATION_PARTS));
  });

  test("has the same turn at every moment of a day, and another on the next", () => {
    const turnAt = (now: number) => laneOf({}, now).turn(MUTANTS);
    expect(turnAt(20_000 * DAY_MS + DAY_MS - 1)).toEqual(turnAt(20_000 * DAY_MS));
    expect(turnAt(20_001 * DAY_MS)).not.toEqual(turnAt(20_000 * DAY_MS));
  });

  test("packs jobs as it is told, by day in one way or the other, and in a campaign in every way", () => {
    const of = (variables: Record<string, string>, day = 0) => packingsOf(variables, laneOf(variables, day * DAY_MS));
    expect([of({}, 2), of({}, 3)]).toEqual([["on"], ["mixed"]]);
    expect(of({ DURE_PACKS: "off" })).toEqual(["off"]);
    expect(of({ DURE_LANE: "campaign" })).toEqual(["on", "off", "mixed"]);
    expect(() => of({ DURE_PACKS: "some" })).toThrow('"on", "off" or "mixed"');
  });

  test("repeats the turn of another run where DURE_ROTATION names it", () => {
    const { turn } = laneOf({ DURE_ROTATION: "20000" }, 0);
    expect(turn(MUTANTS)).toEqual(laneOf({}, 20_000 * DAY_MS).turn(MUTANTS));
  });

  test("checks every mutant in a campaign, in any rotation", () => {
    expect(laneOf({ DURE_LANE: "campaign", DURE_ROTATION: "3" }, 0).turn(MUTANTS)).toEqual(MUTANTS);
  });

  test("does as many histories as it is told", () => {
    const { histories, model } = laneOf({ DURE_SIM_HISTORIES: "7", DURE_MODEL_RUNS: "8", DURE_MODEL_SEED: "-9" }, 0);
    expect([histories.simulated, histories.model, model.seed]).toEqual([7, 8, -9]);
  });

  test("has the model's histories of one seed, and new ones in a campaign or where a number is asked for", () => {
    const seedOf = (env: Record<string, string>) => laneOf(env, 0).model.seed;
    expect([{}, { DURE_LANE: "campaign" }, { DURE_MODEL_RUNS: "5" }].map(seedOf)).toEqual([1, null, null]);
  });

  test.each([
    { DURE_LANE: "long" },
    { DURE_LANE: "" },
    { DURE_ROTATION: "-1" },
    { DURE_SIM_HISTORIES: "many" },
    { DURE_SIM_FIRST: "1.5" },
    { DURE_MODEL_RUNS: "" },
  ])("refuses %j", (env) => {
    expect(() => laneOf(env, 0)).toThrow(Object.keys(env)[0]);
  });
});
