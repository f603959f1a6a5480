import { describe, expect, test } from "vitest";
import { SCENES } from "../../bench/services/scenes.ts";
import { CONTESTANTS, type Contestant, type Measured, simulate } from "../../bench/services/simulate.ts";

/** What docs/services.md says of the strategies, with another seed than its table has. */

const SEED = 20_261;
const WATCHED = CONTESTANTS.filter((contestant) => contestant !== "rotation alone");

const measured = new Map<string, Measured>();
/** Each scene is run once with each strategy. */
function of(name: string, contestant: Contestant): Measured {
  const key = `${name}/${contestant}`;
  const scene = SCENES.find((one) => one.name === name);
  if (scene === undefined) throw new Error(`there is no scene "${name}"`);
  const result = measured.get(key) ?? simulate(scene, contestant, SEED);
  measured.set(key, result);
  return result;
}

test("the same seed gives the same figures, another one others", () => {
  const [scene] = SCENES;
  if (scene === undefined) throw new Error("there are scenes");
  expect(simulate(scene, "p2c", SEED)).toEqual(of(scene.name, "p2c"));
  expect(simulate(scene, "p2c", SEED + 1)).not.toEqual(of(scene.name, "p2c"));
});

test.each(WATCHED)("while all is well, %s is as quick as a rotation", (contestant) => {
  const { p99Ms, failed, sent } = of("all is well", contestant);
  expect(p99Ms).toBeLessThan(of("all is well", "rotation alone").p99Ms * 1.15);
  expect(failed).toBe(0);
  expect(sent).toBeCloseTo(1, 2);
});

describe("one is ten times slower", () => {
  const scene = "one is ten times slower";

  test("a rotation loses requests to it, and its p99 is the timeout", () => {
    expect(of(scene, "rotation alone").failed).toBeGreaterThan(0.1);
    expect(of(scene, "rotation alone").p99Ms).toBeGreaterThanOrEqual(1_000);
  });

  test("p2c leaves it with the first slow answers: its p99 is within 1.5 of what it is while all is well", () => {
    expect(of(scene, "p2c").p99Ms).toBeLessThan(of("all is well", "p2c").p99Ms * 1.5);
  });

  test.each(["leastRequests", "roundRobin"] as const)("p2c has less than half of the p99 of %s", (contestant) => {
    expect(of(scene, "p2c").p99Ms).toBeLessThan(of(scene, contestant).p99Ms / 2);
  });

  test.each(WATCHED)("%s loses hardly any request", (contestant) => {
    expect(of(scene, contestant).failed).toBeLessThan(0.005);
  });
});

describe.each(["one refuses connections", "one fails at once", "one hangs", "one flaps: 2 s of 5 away"])(
  "%s",
  (scene) => {
    test("a rotation loses what it sends there", () => {
      expect(of(scene, "rotation alone").failed).toBeGreaterThan(0.05);
    });

    test.each(["p2c", "leastRequests"] as const)("%s loses hardly any request", (contestant) => {
      expect(of(scene, contestant).failed).toBeLessThan(0.005);
    });
  },
);

test("three of six fail together: those that are left take all of it", () => {
  expect(of("three of six fail together", "rotation alone").failed).toBeGreaterThan(0.4);
  expect(of("three of six fail together", "p2c").failed).toBeLessThan(0.02);
});

test("all are away: the breaker keeps three of four requests from them, retries add nothing, and afterwards all is as before", () => {
  expect(of("all are away", "rotation alone").sent).toBeCloseTo(1, 2);
  for (const contestant of ["p2c", "roundRobin"] as const) {
    const { sent, failedAfter } = of("all are away", contestant);
    expect(sent).toBeLessThan(0.3);
    expect(failedAfter).toBe(0);
  }
});
