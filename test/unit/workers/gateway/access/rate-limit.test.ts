import { describe, expect, test } from "vitest";
import { BadKeys, WindowCounter } from "../../../../../workers/gateway/access/rate-limit.ts";

describe("what is counted in windows", () => {
  test("ends at its limit, and begins anew in the next window", () => {
    const counter = new WindowCounter();
    const take = (now: number) => counter.take("k", 3, now);
    expect([0, 1, 2, 3, 9_999, 10_000].map((now) => take(now))).toEqual([true, true, true, false, false, true]);
  });

  test("is counted for each by itself", () => {
    const counter = new WindowCounter();
    counter.take("a", 1, 0);
    expect(counter.take("b", 1, 0)).toBe(true);
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
