import fc from "fast-check";
import { expect, test } from "vitest";
import { nextInRotation, type Rotation } from "../../../../domain/service/rotation.ts";
import { candidate } from "../../../rigs/service-candidate.ts";

/** So many choices in a row. */
function choices(weights: Record<string, number>, count: number, rotation: Rotation = new Map()): string {
  const candidates = Object.entries(weights).map(([url, weight]) => candidate(url, { weight }));
  return Array.from({ length: count }, () => nextInRotation(candidates, rotation)?.url).join("");
}

test.each([
  [{ a: 1, b: 1, c: 1 }, "abcabc"],
  [{ a: 5, b: 1, c: 1 }, "aabacaa"],
  [{ a: 2, b: 1 }, "abaaba"],
  [{ a: 0.5, b: 1 }, "babbab"],
  [{ a: 1 }, "aaa"],
])("%j: %s", (weights, expected) => {
  expect(choices(weights, expected.length)).toBe(expected);
});

test("nobody is chosen where nobody is", () => {
  expect(nextInRotation([], new Map())).toBeNull();
});

test("in as many choices as the weights add up to, each is chosen as often as it weighs", () => {
  const anyWeights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(anyWeights, (weights) => {
      const named = Object.fromEntries(weights.map((weight, i) => [String.fromCharCode(97 + i), weight]));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const chosen = choices(named, total);
      for (const [url, weight] of Object.entries(named)) expect(chosen.split(url).length - 1).toBe(weight);
    }),
  );
});

test("one that leaves and comes back is not asked for all that it missed", () => {
  const rotation: Rotation = new Map();
  choices({ a: 1, b: 1, c: 1 }, 4, rotation);
  choices({ a: 1, b: 1 }, 100, rotation);
  const back = choices({ a: 1, b: 1, c: 1 }, 9, rotation);
  expect(back.split("c").length - 1).toBe(3);
});
