import { describe, expect, test } from "vitest";
import { echoMs, executorsFor } from "../../../domain/bell.ts";

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
