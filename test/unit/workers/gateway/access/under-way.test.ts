import { describe, expect, test } from "vitest";
import { isProblem } from "../../../../../contract/problems.ts";
import { MAX_UNDER_WAY, UnderWay } from "../../../../../workers/gateway/access/under-way.ts";

/** Reads that stay under way until they are let go. */
function held(underWay: UnderWay, namespace: string, clock: () => number = () => 0) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const answer = underWay.run(namespace, clock, () => promise);
  return { answer, resolve, reject };
}

const runs = async (underWay: UnderWay, namespace: string, clock: () => number = () => 0) =>
  !isProblem(await underWay.run(namespace, clock, async () => "done"));

describe("heavy reads of a namespace", () => {
  test("are so many at once, and the next is refused with a time to come again", async () => {
    const underWay = new UnderWay();
    const reads = Array.from({ length: MAX_UNDER_WAY }, () => held(underWay, "a"));
    const refused = await underWay.run(
      "a",
      () => 0,
      async () => "done",
    );
    expect(refused).toMatchObject({ code: "rate-limited", status: 429, extras: { retryAfter: 1 } });
    reads[1]?.resolve("found");
    expect(await reads[1]?.answer).toBe("found");
    expect(await runs(underWay, "a")).toBe(true);
    expect(await runs(underWay, "a")).toBe(true);
    // One has ended, and gave back its own place alone: the others began in the same millisecond.
    held(underWay, "a");
    expect(await runs(underWay, "a")).toBe(false);
  });

  test("take no room of another namespace", async () => {
    const underWay = new UnderWay();
    for (let i = 0; i < MAX_UNDER_WAY; i++) held(underWay, "a");
    expect([await runs(underWay, "a"), await runs(underWay, "b")]).toEqual([false, true]);
  });

  test("that fail give their room back", async () => {
    const underWay = new UnderWay();
    const reads = Array.from({ length: MAX_UNDER_WAY }, () => held(underWay, "a"));
    for (const { answer, reject } of reads) {
      reject(new Error("away"));
      await expect(answer).rejects.toThrow("away");
    }
    expect(await runs(underWay, "a")).toBe(true);
  });

  test("whose end is never heard of count for half a minute", async () => {
    const underWay = new UnderWay();
    let now = 0;
    for (let i = 0; i < MAX_UNDER_WAY; i++) held(underWay, "a", () => now);
    now = 29_999;
    expect(await runs(underWay, "a", () => now)).toBe(false);
    now = 30_000;
    expect(await runs(underWay, "a", () => now)).toBe(true);
  });
});
