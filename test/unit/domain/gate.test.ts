import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rebalance } from "../../../domain/gate.ts";

const jobs = (...ranks: number[]) => ranks.map((rank) => ({ id: `j${rank}`, rank }));

describe("settling a gate", () => {
  test.each([
    ["nobody there", 2, [], [], [], []],
    ["room for all", 3, [1], [2, 3], ["j2", "j3"], []],
    ["room for some: the best", 2, [], [1, 2, 3], ["j1", "j2"], []],
    ["full with the best", 1, [1], [2], [], []],
    ["a better newcomer takes the place of the worst", 2, [5, 3], [1], ["j1"], ["j5"]],
    ["no room any more", 0, [2, 1], [3], [], ["j2", "j1"]],
    ["less than no room", -4, [1], [], [], ["j1"]],
  ] as [string, number, number[], number[], string[], string[]][])(
    "%s",
    (_name, room, open, waiting, opened, gated) => {
      expect(rebalance(room, jobs(...open), jobs(...waiting))).toEqual({ open: opened, gated });
    },
  );

  test("leaves the best standing open, as many as there is room for, for any jobs", () => {
    const anyRanks = fc.uniqueArray(fc.integer({ min: 0, max: 99 }), { maxLength: 20 });
    fc.assert(
      fc.property(anyRanks, fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 25 }), (ranks, cut, room) => {
        const open = jobs(...ranks.slice(0, cut).sort((a, b) => b - a));
        const waiting = jobs(...ranks.slice(cut).sort((a, b) => a - b)).slice(0, room + 1);
        const moves = rebalance(room, open, waiting);
        const stand = [...open.filter(({ id }) => !moves.gated.includes(id)).map(({ id }) => id), ...moves.open];
        const best = ranks.sort((a, b) => a - b).slice(0, room);
        expect(new Set(stand)).toEqual(new Set(best.map((rank) => `j${rank}`)));
      }),
    );
  });
});
