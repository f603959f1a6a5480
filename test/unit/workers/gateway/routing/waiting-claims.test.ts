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
  test("look the less often the more of them there are, in all queues of their namespace together", () => {
    const claims = new WaitingClaims();
    const here = claims.of(queue, NOW);
    const there = claims.of({ ...queue, name: "other" }, NOW);
    expect(here.lookAfterMs(NOW)).toBe(100);
    for (let i = 0; i < 150; i++) here.standBy(NOW + 30_000);
    for (let i = 0; i < 100; i++) there.standBy(NOW + 30_000);
    expect([here, there].map((one) => one.lookAfterMs(NOW))).toEqual([1_000, 1_000]);
  });

  test("look as often beside thousands of another namespace, and those as often beside a few of many others", () => {
    const claims = new WaitingClaims();
    const large = claims.of({ ...queue, namespace: "large" }, NOW);
    for (let i = 0; i < 2_000; i++) large.standBy(NOW + 5_000);
    expect(large.lookAfterMs(NOW)).toBe(8_000);
    const small = Array.from({ length: 14 }, (_, i) => claims.of({ ...queue, namespace: `small-${i}` }, NOW));
    for (const one of small) one.standBy(NOW + 60_000);
    expect(small.map((one) => one.lookAfterMs(NOW + 1_000))).toEqual(small.map(() => 100));
    // What the others leave of 250 a second.
    expect(large.lookAfterMs(NOW + 1_000)).toBeCloseTo(2_000 / 0.11);
    const [other] = small;
    const leave = Array.from({ length: 99 }, () => other?.standBy(NOW + 60_000));
    expect(other?.lookAfterMs(NOW + 2_000)).toBeCloseTo(100 / 0.06);
    expect(other?.lookAfterMs(NOW + 7_000)).toBeCloseTo(100 / 0.12);
    for (const one of leave) one?.();
    expect(other?.lookAfterMs(NOW + 8_000)).toBe(100);
  });

  test("that come all at once do not look as often as few do", () => {
    const claims = new WaitingClaims().of(queue, NOW);
    for (let i = 0; i < 2_000; i++) {
      claims.standBy(NOW + 30_000);
      expect(claims.lookAfterMs(NOW)).toBeGreaterThanOrEqual(Math.max(100, (i + 1) * 4 * 0.85));
    }
  });

  test("count until they say that they have ended, or their time is over", () => {
    const claims = new WaitingClaims().of(queue, NOW);
    for (let i = 0; i < 100; i++) claims.standBy(NOW + 5_000);
    const leave = Array.from({ length: 100 }, () => claims.standBy(NOW + 60_000));
    expect(claims.lookAfterMs(NOW)).toBe(800);
    for (const one of leave.slice(0, 50)) one();
    for (const one of leave.slice(0, 50)) one();
    expect(claims.lookAfterMs(NOW)).toBe(600);
    expect(claims.lookAfterMs(NOW + 7_000)).toBe(200);
  });
});
