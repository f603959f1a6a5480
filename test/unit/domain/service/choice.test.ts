import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Candidate } from "../../../../domain/service/candidates.ts";
import { choose, idlerOfTwo, quickerOfTwo } from "../../../../domain/service/choice.ts";
import { STRATEGIES, type Strategy } from "../../../../domain/service/settings.ts";
import { candidate } from "../../../rigs/service-candidate.ts";
import { Random } from "../../../simulation/random.ts";

/** A source of numbers that gives these, one after the other. */
function drawing(...numbers: number[]): () => number {
  return () => numbers.shift() ?? 0;
}

/** The part that each has of so many choices between the same candidates. */
function parts(strategy: Strategy, candidates: Candidate[], count = 9_000): Record<string, number> {
  const random = new Random(7);
  const facts = { random: () => random.next(), key: null, rotation: new Map<string, number>() };
  const chosen: Record<string, number> = Object.fromEntries(candidates.map(({ url }) => [url, 0]));
  for (let i = 0; i < count; i++) {
    const { url = "" } = choose(strategy, candidates, facts) ?? {};
    chosen[url] = (chosen[url] ?? 0) + 1 / count;
  }
  return chosen;
}

describe.each(STRATEGIES)("%s", (strategy) => {
  const facts = { random: () => 0.5, key: "key", rotation: new Map<string, number>() };

  test("nobody is chosen where nobody is, and the only one where there is one", () => {
    const one = candidate("a", { inFlight: 1000, ewmaMs: 60_000 });
    expect(choose(strategy, [], facts)).toBeNull();
    expect(choose(strategy, [one], facts)).toBe(one);
  });

  test("idle ones that are alike have even parts", () => {
    for (const part of Object.values(
      parts(
        strategy,
        ["a", "b", "c"].map((url) => candidate(url, { ewmaMs: 5 })),
      ),
    )) {
      expect(part).toBeCloseTo(1 / 3, 1);
    }
  });

  test("idle ones have parts by their weight, and the lightest has some", () => {
    const { a = 0, b = 0 } = parts(strategy, [candidate("a", { weight: 3 }), candidate("b")]);
    expect(a / b).toBeGreaterThan(2);
    expect(a / b).toBeLessThan(4);
  });
});

describe("p2c", () => {
  test.each([
    ["the quicker", { ewmaMs: 10 }, { ewmaMs: 20 }, "a"],
    ["the idler of two that are as quick", { ewmaMs: 10, inFlight: 3 }, { ewmaMs: 10, inFlight: 2 }, "b"],
    ["the sooner: a quick one with some under way", { ewmaMs: 10, inFlight: 3 }, { ewmaMs: 50 }, "a"],
    ["the sooner: a slow one with nothing under way", { ewmaMs: 10, inFlight: 9 }, { ewmaMs: 50 }, "b"],
    ["one that nobody knows is as quick as the rest", { ewmaMs: 10, inFlight: 1 }, {}, "b"],
    ["one that nobody knows and that has more under way", { ewmaMs: 10 }, { inFlight: 1 }, "a"],
    ["the first drawn of two that nobody knows", {}, {}, "a"],
    ["of those under way, as many as it weighs", { inFlight: 4, weight: 4 }, { inFlight: 2, weight: 1 }, "a"],
  ] as [string, Partial<Candidate>, Partial<Candidate>, string][])("%s", (_what, a, b, expected) => {
    expect(quickerOfTwo([candidate("a", a), candidate("b", b)], drawing(0, 0))?.url).toBe(expected);
  });

  test("of requests that stay under way, nobody has many more than another", () => {
    const anySetting = fc.record({ seed: fc.nat(1_000_000), count: fc.integer({ min: 2, max: 20 }) });
    fc.assert(
      fc.property(anySetting, ({ seed, count }) => {
        const random = new Random(seed);
        const load = Array.from({ length: count }, (_, i) => candidate(String(i), { ewmaMs: 5 }));
        for (let sent = 0; sent < count * 50; sent++) {
          const chosen = quickerOfTwo(load, () => random.next());
          if (chosen !== null) chosen.inFlight++;
        }
        // Of balls thrown with two choices the fullest bin has the mean and ln ln n / ln 2 or so; at random it would have 20 more.
        expect(Math.max(...load.map(({ inFlight }) => inFlight))).toBeLessThanOrEqual(50 + 5);
      }),
      { numRuns: 50 },
    );
  });

  test("a slow one among five gets hardly anything, and the others the rest evenly", () => {
    const candidates = ["a", "b", "c", "d"].map((url) => candidate(url, { ewmaMs: 10 }));
    const { slow = 1, a = 0, d = 0 } = parts("p2c", [...candidates, candidate("slow", { ewmaMs: 2_000 })]);
    expect(slow).toBe(0);
    expect(a / d).toBeCloseTo(1, 0);
  });
});

describe("leastRequests", () => {
  test.each([
    ["the idler, however slow", { inFlight: 1, ewmaMs: 1 }, { ewmaMs: 60_000 }, "b"],
    ["of those under way, as many as it weighs", { inFlight: 3, weight: 4 }, { inFlight: 1 }, "a"],
    ["the first drawn of two that are as idle", {}, {}, "a"],
  ] as [string, Partial<Candidate>, Partial<Candidate>, string][])("%s", (_what, a, b, expected) => {
    expect(idlerOfTwo([candidate("a", a), candidate("b", b)], drawing(0, 0))?.url).toBe(expected);
  });
});

test("hash goes by the key, and by chance where there is none", () => {
  const candidates = ["a", "b", "c", "d"].map((url) => candidate(url));
  const random = new Random(3);
  const chosen = (key: string | null) =>
    choose("hash", candidates, { random: () => random.next(), key, rotation: new Map() })?.url;
  expect(new Set(Array.from({ length: 50 }, () => chosen("user-1"))).size).toBe(1);
  expect(new Set(Array.from({ length: 50 }, () => chosen(null))).size).toBe(4);
});

test("whatever is drawn, somebody is chosen", () => {
  const anyNumber = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const anyCandidates = fc.array(
    fc.record({
      weight: fc.double({ min: 0.1, max: 1000, noNaN: true }),
      inFlight: fc.nat(100),
      ewmaMs: fc.option(fc.double({ min: 0, max: 60_000, noNaN: true })),
    }),
    { minLength: 1, maxLength: 6 },
  );
  fc.assert(
    fc.property(anyCandidates, fc.constantFrom(...STRATEGIES), anyNumber, (some, strategy, number) => {
      const candidates = some.map((more, i) => candidate(String(i), more));
      expect(choose(strategy, candidates, { random: () => number, key: null, rotation: new Map() })).not.toBeNull();
    }),
  );
});
