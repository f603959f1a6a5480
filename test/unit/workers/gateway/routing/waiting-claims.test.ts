import { describe, expect, test } from "vitest";
import { ENOUGH, WaitingClaims } from "../../../../../workers/gateway/routing/waiting-claims.ts";

const queue = { namespace: "a", name: "q" };
const SHARDS = ["shard-0", "shard-1", "shard-2"];
const NOW = 1_000_000;

function watched() {
  const claims = new WaitingClaims().of(queue, NOW);
  const enter = (shard: string, times: number, until = NOW + 30_000) =>
    Array.from({ length: times }, () => claims.enter(shard, until));
  return { enter, few: (now = NOW) => claims.few(SHARDS, now) };
}

describe("the claims that wait at the shards of a queue", () => {
  test("are too few at each at first, and enough at each that so many watch", () => {
    const { enter, few } = watched();
    expect(few()).toEqual(SHARDS);
    enter("shard-0", ENOUGH + 2);
    enter("shard-1", ENOUGH - 1);
    enter("shard-2", ENOUGH);
    expect(few()).toEqual(["shard-1"]);
    enter("shard-1", 1);
    expect(few()).toEqual([]);
  });

  test("count until they say that they have ended, and each once", () => {
    const { enter, few } = watched();
    const [first, second] = enter("shard-0", ENOUGH + 1);
    first?.();
    first?.();
    expect(few()).not.toContain("shard-0");
    second?.();
    expect(few()).toContain("shard-0");
  });

  test("of which nothing is heard any more count until their time is over", () => {
    const { enter, few } = watched();
    const [late] = enter("shard-0", ENOUGH, NOW + 5_000);
    enter("shard-0", ENOUGH, NOW + 60_000);
    expect(few(NOW + 59_000)).not.toContain("shard-0");
    // Said after it no longer counts, it takes nobody else away.
    late?.();
    expect(few(NOW + 60_000)).not.toContain("shard-0");
    expect(few(NOW + 62_000)).toContain("shard-0");
  });

  test("are known by queue, as long as one has come of late", () => {
    const claims = new WaitingClaims();
    expect(claims.of(queue, NOW)).toBe(claims.of({ ...queue }, NOW + 119_000));
    expect(claims.of(queue, NOW + 119_001)).not.toBe(claims.of({ ...queue, namespace: "b" }, NOW));
    const before = claims.of(queue, NOW);
    expect(claims.of(queue, NOW + 400_000)).not.toBe(before);
  });
});

describe("those that stand by", () => {
  function standing(...names: string[]) {
    const claims = new WaitingClaims().of(queue, NOW);
    const heard: string[] = [];
    const stand = (name: string, until = NOW + 30_000) =>
      claims.standBy((shard) => heard.push(`${name} ${shard}`), until);
    return { claims, heard, stand, leave: names.map((name) => stand(name)) };
  }

  test("are told one after the other, in the order in which they came, and each once", () => {
    const { claims, heard, stand } = standing("a", "b");
    claims.tell("shard-1", NOW);
    stand("c");
    claims.tell(null, NOW);
    expect(claims.standingBy(NOW)).toBe(1);
    claims.tell("shard-2", NOW);
    claims.tell("shard-3", NOW);
    expect(heard).toEqual(["a shard-1", "b null", "c shard-2"]);
  });

  test("are told nothing when they have gone", () => {
    const { claims, heard, leave } = standing("a", "b");
    leave[0]?.();
    leave[0]?.();
    expect(claims.standingBy(NOW)).toBe(1);
    claims.tell("shard-1", NOW);
    leave[1]?.();
    expect(heard).toEqual(["b shard-1"]);
  });

  test("are told nothing, and do not count, when they have not been heard of for so long as they said", () => {
    const { claims, heard, stand } = standing();
    stand("a", NOW + 2_000);
    stand("b", NOW + 2_000);
    stand("c", NOW + 9_000);
    expect(claims.standingBy(NOW + 1_999)).toBe(3);
    claims.tell("shard-1", NOW + 2_000);
    expect(heard).toEqual(["c shard-1"]);
    expect(claims.standingBy(NOW + 2_000)).toBe(0);
  });

  test("are forgotten when the clock has stepped back since they came", () => {
    const { claims } = standing("a", "b");
    expect(claims.standingBy(NOW - 3_600_000)).toBe(0);
  });
});
