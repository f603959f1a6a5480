import fc from "fast-check";
import { expect, test } from "vitest";
import { sharesOf } from "../../../../domain/service/shares.ts";

const shares = (limit: number, wants: number[]) => [
  ...sharesOf(
    limit,
    wants.map((each, i) => ({ holder: String(i).padStart(2, "0"), wants: each })),
  ),
];
const inOrder = (limit: number, wants: number[]) =>
  shares(limit, wants)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([, share]) => share);

test.each([
  [20, [], []],
  [20, [5], [20]],
  [20, [100], [20]],
  [20, [0, 0], [10, 10]],
  [20, [100, 100], [10, 10]],
  [20, [2, 100], [2, 18]],
  [20, [4, 4], [10, 10]],
  [20, [1, 9, 30], [1, 9, 10]],
  [2, [5, 5, 5], [1, 1, 1]],
  [1, [0, 7], [1, 1]],
])("%i among those that want %j: %j", (limit, wants, expected) => {
  expect(inOrder(limit, wants)).toEqual(expected);
});

test("together they have no more than the limit, but for one each; and nobody has less by more than one than another that wants less", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.array(fc.nat(500), { minLength: 1, maxLength: 30 }),
      (limit, wants) => {
        const given = inOrder(limit, wants);
        const beyond = given.filter((share) => share === 1).length;
        expect(given.reduce((sum, share) => sum + share, 0)).toBeLessThanOrEqual(limit + beyond);
        given.forEach((share, i) => {
          given.forEach((other, j) => {
            if ((wants[i] ?? 0) > (wants[j] ?? 0)) expect(share).toBeGreaterThanOrEqual(other - 1);
          });
        });
      },
    ),
  );
});
