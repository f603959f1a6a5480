import { describe, expect, test } from "vitest";
import { BadKeys, RateCounter, rateHeaders } from "../../../../../workers/gateway/access/rate-limit.ts";

describe("the key budget", () => {
  test("refuses the request above it, and lets go in the next window", () => {
    const counter = new RateCounter();
    const take = (now: number) => counter.take("k", 3, now);
    expect([0, 1, 2, 3].map((now) => take(now).allowed)).toEqual([true, true, true, false]);
    expect(take(9999)).toMatchObject({ allowed: false, remaining: 0, resetSeconds: 1 });
    expect(take(10_000)).toMatchObject({ allowed: true, remaining: 2, resetSeconds: 10 });
  });

  test("keys do not share it", () => {
    const counter = new RateCounter();
    counter.take("a", 1, 0);
    expect(counter.take("b", 1, 0).allowed).toBe(true);
  });

  test("the shared counter is asked past a tenth of it", () => {
    const counter = new RateCounter();
    const asked = Array.from({ length: 20 }, () => counter.take("k", 100, 0).askShared);
    expect(asked.indexOf(true)).toBe(10);
  });

  test("is told as draft 10 has it", () => {
    const verdict = { allowed: true, remaining: 7, resetSeconds: 3, askShared: false };
    expect(rateHeaders(10, verdict)).toEqual([
      ["ratelimit-policy", '"default";q=10;w=10'],
      ["ratelimit", '"default";r=7;t=3'],
    ]);
  });
});

describe("bad keys", () => {
  const inOtherIsolates = (success: boolean) => {
    const asked: string[] = [];
    const shared = {
      limit: async ({ key }: { key: string }) => {
        asked.push(key);
        return { success };
      },
    };
    return { asked, badKeys: new BadKeys(shared) };
  };

  test("are counted by address, IPv6 by its network, until the minute turns", async () => {
    const { badKeys, asked } = inOtherIsolates(true);
    for (let i = 0; i < 100; i++) expect(await badKeys.count(`2001:db8:0:1::${i}`, 30_000)).toBe(true);
    expect(await badKeys.count("2001:db8:0:1:f::", 59_999)).toBe(false);
    expect(badKeys.lookUps("2001:db8:0:1::", 59_999).take()).toBe(false);
    expect(await badKeys.count("2001:db8:0:2::", 59_999)).toBe(true);
    expect(await badKeys.count("2001:db8:0:1::1", 60_000)).toBe(true);
    expect(new Set(asked)).toEqual(new Set(["2001:db8:0:1::/64", "2001:db8:0:2::/64"]));
  });

  test("that other isolates counted end the look-ups of this one", async () => {
    const { badKeys } = inOtherIsolates(false);
    expect(badKeys.lookUps("a", 0).take()).toBe(true);
    expect(await badKeys.count("a", 0)).toBe(false);
    expect(badKeys.lookUps("a", 0).take()).toBe(false);
  });

  test("a look-up that is given back is there again", () => {
    const budget = inOtherIsolates(true).badKeys.lookUps("a", 0);
    for (let i = 0; i < 100; i++) expect(budget.take()).toBe(true);
    expect(budget.take()).toBe(false);
    budget.giveBack();
    expect(budget.take()).toBe(true);
  });
});
