import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { SCENES } from "../../bench/services/scenes.ts";
import { CONTESTANTS, type Contestant, type Measured, simulate } from "../../bench/services/simulate.ts";
import { softLimit, softLimitTable } from "../../bench/services/soft-limit.ts";
import { rowOf } from "../../bench/services/table.ts";

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

describe("the soft limit of the proxy", () => {
  test("one isolate never passes it, and uses all of it", () => {
    const { most, used } = softLimit(1, SEED);
    expect(most).toBe(1);
    expect(used).toBeGreaterThan(0.99);
  });

  test.each([2, 8, 20])(
    "%i isolates together are above it for less than a tenth of the time, and never at one and a half of it",
    (isolates) => {
      const { most, above, used } = softLimit(isolates, SEED);
      expect(most).toBeLessThan(1.5);
      expect(above).toBeLessThan(0.1);
      expect(used).toBeGreaterThan(0.5);
    },
  );
});

test("docs/services.md has what the command prints", () => {
  const guide = readFileSync(join(import.meta.dirname, "../../docs/services.md"), "utf8");
  const cells = (line: string) => line.split("|").map((cell) => cell.trim());
  const lines = guide.split("\n").map((line) => cells(line).join("|"));
  for (const line of softLimitTable().split("\n").slice(2)) expect(lines).toContain(cells(line).join("|"));
  const scene = SCENES.find(({ name }) => name === "one is ten times slower");
  if (scene === undefined) throw new Error("there is no such scene");
  expect(lines).toContain(`|${rowOf(scene).join("|")}|`);
});
