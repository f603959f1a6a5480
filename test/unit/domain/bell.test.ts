import { describe, expect, test } from "vitest";
import { echoMs, executorsFor, executorWaitMs, meanGap } from "../../../domain/bell.ts";

describe("how many executors a backlog deserves", () => {
  test.each([
    [0, 8, 0],
    [1, 8, 1],
    [100, 8, 1],
    [101, 8, 2],
    [800, 8, 8],
    [801, 8, 8],
    [1_000_000, 4, 4],
    [5, 0, 0],
  ])("%i ready, %i at most: %i", (ready, max, expected) => {
    expect(executorsFor({ jobs: ready, http: { jobs: 0, each: 6 } }, max)).toBe(expected);
  });

  test.each([
    [0, 0, 6, 0],
    [6, 6, 6, 1],
    [7, 7, 6, 2],
    [1_000, 1_000, 6, 8],
    [100, 100, 100, 1],
    [101, 1, 6, 2],
    [94, 6, 6, 2],
    // What a limit takes off the jobs is not known to be of one kind or the other.
    [4, 10, 6, 1],
  ])("%i jobs, %i of them for HTTP targets, %i at once in an executor: %i", (jobs, sent, each, expected) => {
    expect(executorsFor({ jobs, http: { jobs: sent, each } }, 8)).toBe(expected);
  });
});

describe("how long an unanswered bell is waited for", () => {
  test.each([
    [0, 1_500],
    [1, 3_000],
    [2, 6_000],
    [3, 12_000],
    [4, 24_000],
    [5, 48_000],
    [6, 60_000],
    [10_000, 60_000],
  ])("after %i in a row: %i ms", (unanswered, expected) => {
    expect(echoMs(unanswered)).toBe(expected);
  });
});

describe("how long an executor waits where its lane ran dry", () => {
  test.each([
    [null, 250],
    [0, 250],
    [62.5, 250],
    [100, 400],
    [1_000, 4_000],
    [1_001, 250],
    [4_000, 250],
  ])("jobs come %s ms apart: %i ms", (gap, expected) => {
    expect(executorWaitMs(gap)).toBe(expected);
  });

  test("is known from the second job on, follows the newest, and is soon known again after a pause", () => {
    const after = (...gaps: number[]) => gaps.reduce<number | null>((mean, gap) => meanGap(mean, gap), null);
    expect(after(200)).toBe(200);
    expect(after(200, 600)).toBe(300);
    expect(after(100, -5_000)).toBe(75);
    const seldom = after(20, 86_400_000, 86_400_000, 86_400_000);
    expect(executorWaitMs(seldom)).toBe(250);
    expect(executorWaitMs(after(20, 86_400_000, ...Array(7).fill(20)))).toBeGreaterThan(250);
  });
});
