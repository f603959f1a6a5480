import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FewAtOnce } from "../../../../workers/processor/few-at-once.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const after = (ms: number, wake: () => void) => {
  const timer = setTimeout(wake, ms);
  return () => clearTimeout(timer);
};

/** Things that are done under a limit of two, each after its time; `begun` has their names in the order in which they began. */
function rig() {
  const few = new FewAtOnce(2, after);
  const begun: string[] = [];
  let most = 0;
  let underWay = 0;
  const work = (name: string, ms: number, error?: Error) =>
    few.run(async () => {
      begun.push(name);
      most = Math.max(most, ++underWay);
      await new Promise<void>((resolve) => setTimeout(resolve, ms));
      underWay--;
      if (error !== undefined) throw error;
      return name;
    });
  return { work, begun, most: () => most };
}

test("two are under way at once, the others come in their order, and each is answered", async () => {
  const { work, begun, most } = rig();
  const all = Promise.all(["a", "b", "c", "d", "e"].map((name, i) => work(name, 100 - i * 10)));
  await vi.runAllTimersAsync();
  expect(await all).toEqual(["a", "b", "c", "d", "e"]);
  expect(begun).toEqual(["a", "b", "c", "d", "e"]);
  expect(most()).toBe(2);
});

test("one that fails gives its place on", async () => {
  const { work, begun } = rig();
  const failed = [work("a", 10, new Error("a")), work("b", 10, new Error("b"))].map((one) =>
    expect(one).rejects.toThrow(),
  );
  const next = work("c", 10);
  await vi.advanceTimersByTimeAsync(20);
  await Promise.all(failed);
  expect(await next).toBe("c");
  expect(begun).toEqual(["a", "b", "c"]);
});

test("those that hang keep nobody waiting for longer than five seconds, and have one place each to give", async () => {
  const { work, begun, most } = rig();
  for (const name of ["a", "b"]) void work(name, 60_000);
  for (const name of ["c", "d", "e", "f"]) void work(name, 1_000);
  await vi.advanceTimersByTimeAsync(4_999);
  expect(begun).toEqual(["a", "b"]);
  await vi.advanceTimersByTimeAsync(1);
  expect(begun).toEqual(["a", "b", "c", "d"]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(begun).toEqual(["a", "b", "c", "d", "e", "f"]);
  void work("g", 1);
  void work("h", 1_000);
  void work("i", 1_000);
  await vi.advanceTimersByTimeAsync(0);
  expect(begun.slice(6)).toEqual(["g", "h"]);
  expect(most()).toBe(4);
});
