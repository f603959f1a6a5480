import { describe, expect, test } from "vitest";
import { answersUntil, type DedupConflict, type KeyHolder, onDuplicate, replacedRunAt } from "../../../domain/dedup.ts";
import { nextState } from "../../../domain/job/transition.ts";
import { dedupScope, idempotencyScope } from "../../../domain/key-scope.ts";

const MODES = ["return", "reject", "replace", "runAfter"] as const satisfies DedupConflict[];
const STATES = ["scheduled", "queued", "running", "succeeded", "failed", "cancelled", null] as const;

function verdicts(holder: Pick<KeyHolder, "inWindow" | "isNext">): Record<string, string[]> {
  return Object.fromEntries(
    MODES.map((mode) => [mode, STATES.map((state) => onDuplicate(mode, { ...holder, state }))]),
  );
}

describe("what becomes of a call whose key is held", () => {
  test("inside the window", () => {
    expect(verdicts({ inWindow: true, isNext: false })).toEqual({
      //         scheduled  queued     running       succeeded failed    cancelled forgotten
      return: ["answer", "answer", "answer", "answer", "answer", "answer", "answer"],
      reject: ["refuse", "refuse", "refuse", "refuse", "refuse", "refuse", "refuse"],
      replace: ["replace", "replace", "accept", "accept", "accept", "accept", "accept"],
      runAfter: ["answer", "answer", "acceptNext", "accept", "accept", "accept", "accept"],
    });
  });

  test("past the window, only a job that waits still holds it, for those who could change it or be seen by it", () => {
    expect(verdicts({ inWindow: false, isNext: false })).toEqual({
      return: STATES.map(() => "accept"),
      reject: STATES.map(() => "accept"),
      replace: ["replace", "replace", "accept", "accept", "accept", "accept", "accept"],
      runAfter: ["answer", "answer", "accept", "accept", "accept", "accept", "accept"],
    });
  });

  test("the next of a running job holds the key for every call, so that nothing takes its place in the line", () => {
    const next = { inWindow: false, isNext: true, state: "queued" } as const;
    expect(MODES.map((mode) => onDuplicate(mode, next))).toEqual(["answer", "refuse", "replace", "answer"]);
  });
});

test("a replaced job runs when the last call says, but is not put off beyond the maximum", () => {
  expect([replacedRunAt(500, 100, null), replacedRunAt(500, 100, 300), replacedRunAt(200, 100, 300)]).toEqual([
    500, 400, 200,
  ]);
});

test("a job waits on, sooner or later, when a call is laid over it; in any other state nothing can be", () => {
  const over = (later: boolean) => STATES.map((state) => state && nextState(state, { type: "replace", later }));
  expect(over(true)).toEqual(["scheduled", "scheduled", null, null, null, null, null]);
  expect(over(false)).toEqual(["queued", "queued", null, null, null, null, null]);
});

test("a final job answers until its window is over, and then as long as an idempotency key that it answered", () => {
  expect([answersUntil(100, 50, 10), answersUntil(100, 200, 10)]).toEqual([110, 210]);
});

describe("the scope of a key", () => {
  const keys = (orderingKey: string | null, concurrencyKey: string | null, dedupKey: string | null) => ({
    orderingKey,
    concurrencyKey,
    dedupKey,
  });
  const all = [
    keys(null, null, null),
    keys(null, null, "k"),
    keys(null, "k", null),
    keys("k", null, null),
    keys("c", null, null),
    keys("d", null, null),
  ];

  test("of an idempotency key is what places the job, and no two are written alike", () => {
    expect(new Set(all.map(idempotencyScope)).size).toBe(all.length);
    expect(idempotencyScope(keys(null, "k", "x"))).toBe(idempotencyScope(keys(null, "k", null)));
    expect(idempotencyScope(keys("k", "x", "y"))).toBe(idempotencyScope(keys("k", null, null)));
  });

  test("of an ordering key, and of none, is written as it was before there were others", () => {
    expect([idempotencyScope(keys("k", null, null)), idempotencyScope(keys(null, null, null))]).toEqual(["k", ""]);
  });

  test("of a deduplication key does not hold that key itself", () => {
    expect(all.map(dedupScope)).toEqual(["", "", "c\0k", "k", "c", "d"]);
  });
});
