import { describe, expect, test } from "vitest";
import { LATE, within } from "../../../../workers/gateway/deadline.ts";

describe("a deadline", () => {
  test("hears an answer in time, its failure too, and not what comes later", async () => {
    expect(await within(1000, Promise.resolve(7))).toBe(7);
    await expect(within(1000, Promise.reject(new Error("no")))).rejects.toThrow("no");
    const slow = new Promise((_, reject) => setTimeout(() => reject(new Error("late")), 30));
    expect(await within(5, slow)).toBe(LATE);
    await new Promise((wake) => setTimeout(wake, 50));
  });
});
