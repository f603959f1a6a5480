import { describe, expect, test } from "vitest";
import type { JobState } from "../../../domain/job/state.ts";
import { headOfKey, type KeyMember } from "../../../domain/ordering.ts";

const member = (id: string, seq: number, state: JobState = "queued"): KeyMember => ({ id, seq, state });

describe("the open job of an ordering key", () => {
  test.each([
    ["nobody is left", null, null, null],
    ["the open one has just finished: the earliest", member("b", 2), null, "b"],
    ["the earliest is open already", member("a", 1), member("a", 1), "a"],
    ["it waits for its retry: it keeps the key", member("a", 1, "scheduled"), member("a", 1, "scheduled"), "a"],
    ["it runs: it keeps the key", member("a", 1, "running"), member("a", 1, "running"), "a"],
    ["an earlier one was redriven, the open one is queued: the earlier", member("a", 1), member("b", 2), "a"],
    [
      "an earlier one was redriven, the open one retries: the earlier",
      member("a", 1),
      member("b", 2, "scheduled"),
      "a",
    ],
    ["an earlier one was redriven, the open one runs: it ends first", member("a", 1), member("b", 2, "running"), "b"],
    ["an earlier one was redriven for later: it still goes first", member("a", 1, "scheduled"), member("b", 2), "a"],
  ])("%s", (_name, first, open, expected) => {
    expect(headOfKey(first, open)?.id ?? null).toBe(expected);
  });
});
