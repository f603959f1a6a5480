import { describe, expect, test } from "vitest";
import type { ShardHealth } from "../../../../../contract/rpc.ts";
import { historyRoom, longestRefused, refusedSince } from "../../../../../workers/gateway/platform/database-room.ts";

const NOW = 100_000;
const health = (historyFullSince?: number | null) =>
  (historyFullSince === undefined ? {} : { historyFullSince }) as ShardHealth;

describe("room in history", () => {
  const rooms: [name: string, bytes: number[] | null, since: number | null, expected: object][] = [
    ["none used", [0], null, { ok: true, usedPercent: 0, refusedSeconds: null }],
    ["just below the mark", [799], null, { ok: true, usedPercent: 80, refusedSeconds: null }],
    ["at the mark", [800], null, { ok: false, usedPercent: 80, refusedSeconds: null }],
    ["the fullest counts", [10, 900, 20], null, { ok: false, usedPercent: 90, refusedSeconds: null }],
    ["refused, whatever the size", [10], NOW - 2400, { ok: false, usedPercent: 1, refusedSeconds: 2 }],
    ["a time ahead", [10], NOW + 5000, { ok: false, usedPercent: 1, refusedSeconds: 0 }],
    ["no size", null, null, { ok: false, usedPercent: null, refusedSeconds: null }],
  ];
  test.each(rooms)("%s", (_, bytes, since, expected) => {
    const sizes = bytes?.map((each, i) => ({ name: `DB${i}`, bytes: each })) ?? null;
    expect(historyRoom(sizes, { limit: 1000, refusedSince: since, now: NOW })).toEqual(expected);
  });

  test.each<[(number | null | undefined)[], number | null, string | null]>([
    [[], null, null],
    [[null, undefined], null, null],
    [[null, 7, 5, 9, undefined], 5, "2"],
  ])("of shards refused since %j the longest is told", (since, soonest, id) => {
    const shards = since.map((each, i): [string, ShardHealth] => [String(i), health(each)]);
    expect(refusedSince(shards.map(([, each]) => each))).toBe(soonest);
    expect(longestRefused(shards)).toBe(id);
  });
});
