import fc from "fast-check";
import { expect, test } from "vitest";
import { fairShares } from "../../../../domain/service/fair-shares.ts";

const demand = (holder: string, need: number, waitedMs: number | null = null) => ({ holder, need, waitedMs });

test.each<[string, [string, number, (number | null)?][], number, Record<string, number>]>([
  [
    "enough for all",
    [
      ["a", 3],
      ["b", 4],
    ],
    10,
    { a: 3, b: 4 },
  ],
  [
    "what one leaves goes to who needs more",
    [
      ["a", 1],
      ["b", 9],
      ["c", 9],
    ],
    11,
    { a: 1, b: 5, c: 5 },
  ],
  [
    "nothing to give",
    [
      ["a", 1],
      ["b", 2],
    ],
    0,
    { a: 0, b: 0 },
  ],
  [
    "one permit stays with who has it",
    [
      ["a", 5, 100],
      ["b", 5],
    ],
    1,
    { a: 0, b: 1 },
  ],
  [
    "one permit goes to who has waited too long",
    [
      ["a", 5, 5_000],
      ["b", 5],
    ],
    1,
    { a: 1, b: 0 },
  ],
  [
    "of two that have waited too long, to the first",
    [
      ["a", 5, 6_000],
      ["b", 5, 7_000],
    ],
    1,
    { a: 0, b: 1 },
  ],
  [
    "of two that wait, to the first",
    [
      ["a", 5, 10],
      ["b", 5, 20],
    ],
    1,
    { a: 0, b: 1 },
  ],
])("%s", (_, demands, limit, expected) => {
  const shares = fairShares(
    demands.map(([holder, need, waited]) => demand(holder, need, waited ?? null)),
    limit,
  );
  expect(Object.fromEntries(shares)).toEqual(expected);
});

test("shares are never more than the limit nor than what is needed, and leave nothing that somebody needs", () => {
  const demands = fc.array(fc.record({ need: fc.nat(50), waited: fc.option(fc.nat(10_000)) }), { maxLength: 20 });
  fc.assert(
    fc.property(demands, fc.nat(200), (needs, limit) => {
      const all = needs.map(({ need, waited }, i) => demand(`h${i}`, need, waited));
      const shares = fairShares(all, limit);
      const given = [...shares.values()].reduce((sum, share) => sum + share, 0);
      const needed = all.reduce((sum, { need }) => sum + need, 0);
      expect(given).toBe(Math.min(limit, needed));
      for (const { holder, need } of all) expect(shares.get(holder)).toBeLessThanOrEqual(need);
      const least = Math.min(
        ...all
          .filter(({ holder, need }) => (shares.get(holder) ?? 0) < need)
          .map(({ holder }) => shares.get(holder) ?? 0),
      );
      // Nobody has two more than one that needs more than it has.
      for (const share of shares.values())
        if (least !== Number.POSITIVE_INFINITY) expect(share).toBeLessThanOrEqual(least + 1);
    }),
  );
});
