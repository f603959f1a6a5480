import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { inTurn } from "../../../../workers/gateway/in-turn.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const PATIENCE_MS = 20;

/** Milliseconds after which each work began, and after which all had ended. Each item is how long its work takes. */
async function timesOf(items: number[]): Promise<{ begun: number[]; ended: number | null }> {
  const start = Date.now();
  const begun: number[] = [];
  let ended: number | null = null;
  void inTurn(items, PATIENCE_MS, async (ms) => {
    begun.push(Date.now() - start);
    await new Promise((wake) => Number.isFinite(ms) && setTimeout(wake, ms));
  }).then(() => {
    ended = Date.now() - start;
  });
  await vi.advanceTimersByTimeAsync(1_000);
  return { begun, ended };
}

test("each work begins a moment after the one before has ended", async () => {
  expect(await timesOf([])).toEqual({ begun: [], ended: 0 });
  expect(await timesOf([5, 7, 3])).toEqual({ begun: [0, 6, 14], ended: 17 });
});

test("one that takes long keeps no other, and all end with the last", async () => {
  expect(await timesOf([100, 5, 5])).toEqual({ begun: [0, 21, 27], ended: 100 });
  expect(await timesOf([Number.POSITIVE_INFINITY, 5, 5])).toEqual({ begun: [0, 21, 27], ended: null });
});

test("what a work fails with, all fail with", async () => {
  const failing = inTurn([1, 2], PATIENCE_MS, (item) => Promise.reject(new Error(`${item}`)));
  await expect(failing).rejects.toThrow("1");
});
