import { describe, expect, test } from "vitest";
import { RateCounter, rateHeaders } from "../../../../../workers/gateway/access/rate-limit.ts";

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
