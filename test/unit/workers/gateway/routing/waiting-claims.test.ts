import { describe, expect, test } from "vitest";
import { ENOUGH, WaitingClaims } from "../../../../../workers/gateway/routing/waiting-claims.ts";

const queue = { namespace: "a", name: "q" };
const SHARDS = ["shard-0", "shard-1", "shard-2"];
const NOW = 1_000_000;

function watched() {
  const claims = new WaitingClaims().of(queue, NOW);
  const enter = (shard: string, times: number, until = NOW + 30_000) =>
    Array.from({ length: times }, () => claims.enter(shard, until));
  return { enter, least: (now = NOW) => claims.least(SHARDS, now) };
}

describe("the claims that wait at the shards of a queue", () => {
  test("are too few at each at first, and enough at each that so many watch", () => {
    const { enter, least } = watched();
    expect(least()).toEqual({ few: SHARDS, fewest: "shard-0" });
    enter("shard-0", ENOUGH + 2);
    enter("shard-1", ENOUGH - 1);
    enter("shard-2", ENOUGH + 1);
    expect(least()).toEqual({ few: ["shard-1"], fewest: "shard-1" });
    enter("shard-1", 2);
    expect(least()).toEqual({ few: [], fewest: "shard-1" });
  });

  test("are counted over all shards", () => {
    const claims = new WaitingClaims().of(queue, NOW);
    const leave = claims.enter("shard-0", NOW + 30_000);
    claims.enter("shard-1", NOW + 30_000);
    expect(claims.total(NOW)).toBe(2);
    leave();
    expect([claims.total(NOW), claims.total(NOW + 32_000)]).toEqual([1, 0]);
  });

  test("count until they say that they have ended, and each once", () => {
    const { enter, least } = watched();
    const [first, second] = enter("shard-0", ENOUGH + 1);
    first?.();
    first?.();
    expect(least().few).not.toContain("shard-0");
    second?.();
    expect(least().few).toContain("shard-0");
  });

  test("of which nothing is heard any more count until their time is over", () => {
    const { enter, least } = watched();
    const [late] = enter("shard-0", ENOUGH, NOW + 5_000);
    enter("shard-0", ENOUGH, NOW + 60_000);
    expect(least(NOW + 59_000).few).not.toContain("shard-0");
    // Said after it no longer counts, it takes nobody else away.
    late?.();
    expect(least(NOW + 60_000).few).not.toContain("shard-0");
    expect(least(NOW + 62_000).few).toContain("shard-0");
  });

  test("are known by queue, as long as one has come of late", () => {
    const claims = new WaitingClaims();
    expect(claims.of(queue, NOW)).toBe(claims.of({ ...queue }, NOW + 119_000));
    expect(claims.of(queue, NOW + 119_001)).not.toBe(claims.of({ ...queue, namespace: "b" }, NOW));
    const before = claims.of(queue, NOW);
    expect(claims.of(queue, NOW + 400_000)).not.toBe(before);
  });
});
