import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { candidatesOf, type InstanceView, inPanic, slowStartPart } from "../../../../domain/service/candidates.ts";

/** An instance that has been as it is for long. */
function view(url: string, more: Partial<InstanceView> = {}): InstanceView {
  return { url, weight: 1, available: true, sinceMs: 3_600_000, ewmaMs: null, inFlight: 0, ...more };
}
const AWAY = { available: false };
const urls = (instances: InstanceView[], except: string[] = []) =>
  candidatesOf(instances, new Set(except)).map(({ url }) => url);

describe("panic", () => {
  test.each([
    ["++", false],
    ["+-", false],
    ["--", true],
    ["+--", true],
    ["++--", false],
    ["+---", true],
    ["-", true],
    ["", false],
  ])("%s: %s", (states, expected) => {
    expect(inPanic([...states].map((state) => ({ available: state === "+" })))).toBe(expected);
  });

  test("all are asked then, with their whole weight, and else the available ones alone", () => {
    expect(urls([view("a"), view("b", AWAY), view("c")])).toEqual(["a", "c"]);
    expect(urls([view("a"), view("b", AWAY), view("c", AWAY)])).toEqual(["a", "b", "c"]);
    expect(candidatesOf([view("b", { ...AWAY, sinceMs: 0, weight: 7 })])[0]?.weight).toBe(7);
  });
});

describe("slow start", () => {
  test.each([
    [0, 0.1],
    [999, 0.1],
    [1_000, 0.1],
    [5_000, 0.5],
    [10_000, 1],
    [3_600_000, 1],
    [-5, 0.1],
  ])("%i ms after it came back an instance has %d of its weight", (sinceMs, expected) => {
    expect(slowStartPart(sinceMs)).toBe(expected);
  });

  test("is a part of the instance's own weight", () => {
    expect(candidatesOf([view("a"), view("b", { weight: 4, sinceMs: 5_000 })]).map(({ weight }) => weight)).toEqual([
      1, 2,
    ]);
  });
});

describe("those that are not to be asked", () => {
  test.each([
    [["a"], ["b", "c"]],
    [["a", "b"], ["c"]],
    [["x"], ["a", "b", "c"]],
    [
      ["a", "b", "c"],
      ["a", "b", "c"],
    ],
  ])("except %j: %j", (except, expected) => {
    expect(urls([view("a"), view("b"), view("c")], except)).toEqual(expected);
  });

  test("none is asked that is away for their sake", () => {
    expect(urls([view("a"), view("b", AWAY)], ["a"])).toEqual(["a"]);
  });
});

test("there is a candidate wherever there is an instance, and its weight is above 0", () => {
  const anyView = fc.record({
    available: fc.boolean(),
    sinceMs: fc.integer({ min: -1_000, max: 60_000 }),
    weight: fc.integer({ min: 1, max: 1000 }),
  });
  fc.assert(
    fc.property(fc.array(anyView, { minLength: 1, maxLength: 10 }), fc.array(fc.nat(9)), (views, except) => {
      const instances = views.map((more, i) => view(String(i), more));
      const candidates = candidatesOf(instances, new Set(except.map(String)));
      expect(candidates.length).toBeGreaterThan(0);
      for (const { weight } of candidates) expect(weight).toBeGreaterThan(0);
    }),
  );
});
