import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BACKOFFS, JITTERS, type RetryPolicy } from "../../../domain/job/job.ts";
import { afterFailure, backoffMs, type FailedAttempt } from "../../../domain/retry.ts";

const POLICY: RetryPolicy = {
  maxAttempts: 5,
  backoff: "exponential",
  delayMs: 1000,
  maxDelayMs: 10_000,
  jitter: "none",
};

const anyPolicy: fc.Arbitrary<RetryPolicy> = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 100 }),
  backoff: fc.constantFrom(...BACKOFFS),
  delayMs: fc.integer({ min: 0, max: 86_400_000 }),
  maxDelayMs: fc.integer({ min: 0, max: 86_400_000 }),
  jitter: fc.constantFrom(...JITTERS),
});
const anyChance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("backoff", () => {
  test.each([
    ["exponential", 1, 1000],
    ["exponential", 2, 2000],
    ["exponential", 3, 4000],
    ["exponential", 4, 8000],
    ["exponential", 5, 10_000],
    ["exponential", 100, 10_000],
    ["linear", 1, 1000],
    ["linear", 2, 2000],
    ["linear", 9, 9000],
    ["linear", 11, 10_000],
    ["constant", 1, 1000],
    ["constant", 50, 1000],
  ] as const)("%s, after failure %i: %i ms", (backoff, failures, expected) => {
    expect(backoffMs({ ...POLICY, backoff }, failures, 0.9)).toBe(expected);
  });

  test.each([
    [1, 0, 0],
    [1, 0.5, 500],
    [1, 0.9999, 999],
    [3, 0.5, 2000],
    [9, 0.5, 5000],
  ])("full jitter after failure %i at chance %d: %i ms", (failures, randomness, expected) => {
    expect(backoffMs({ ...POLICY, jitter: "full" }, failures, randomness)).toBe(expected);
  });

  test("is a whole number from 0 to the ceiling, for every policy", () => {
    fc.assert(
      fc.property(anyPolicy, fc.integer({ min: 1, max: 100 }), anyChance, (policy, failures, randomness) => {
        const wait = backoffMs(policy, failures, randomness);
        expect(Number.isInteger(wait) && wait >= 0 && wait <= policy.maxDelayMs).toBe(true);
        expect(wait).toBeLessThanOrEqual(backoffMs({ ...policy, jitter: "none" }, failures, randomness));
      }),
    );
  });

  test("without jitter never shrinks from one failure to the next", () => {
    fc.assert(
      fc.property(anyPolicy, fc.integer({ min: 1, max: 99 }), (policy, failures) => {
        const plain = { ...policy, jitter: "none" } as const;
        expect(backoffMs(plain, failures + 1, 0)).toBeGreaterThanOrEqual(backoffMs(plain, failures, 0));
      }),
    );
  });
});

describe("after a failed attempt", () => {
  const failed: FailedAttempt = {
    error: { code: "boom", message: "", retryable: true },
    spent: 1,
    policy: POLICY,
    retryAfterMs: null,
    now: 1_000_000,
    randomness: 0.5,
  };
  const final = { ...failed.error, retryable: false };
  test.each([
    ["the first failure waits the first delay", {}, { retry: true, runAt: 1_001_000 }],
    ["the fourth of five waits longer", { spent: 4 }, { retry: true, runAt: 1_008_000 }],
    ["the last of the budget is final", { spent: 5 }, { retry: false }],
    ["a lowered budget is final too", { spent: 6 }, { retry: false }],
    ["what is not retryable is final at once", { error: final }, { retry: false }],
    ["Retry-After stands above backoff", { retryAfterMs: 100 }, { retry: true, runAt: 1_000_100 }],
    ["Retry-After stands above maxDelay", { retryAfterMs: 86_400_000 }, { retry: true, runAt: 87_400_000 }],
    ["Retry-After 0 means now", { retryAfterMs: 0 }, { retry: true, runAt: 1_000_000 }],
    [
      "Retry-After has no jitter",
      { retryAfterMs: 100, policy: { ...POLICY, jitter: "full" } },
      { retry: true, runAt: 1_000_100 },
    ],
    ["Retry-After does not add to the budget", { spent: 5, retryAfterMs: 100 }, { retry: false }],
    ["Retry-After does not make it retryable", { error: final, retryAfterMs: 100 }, { retry: false }],
    ["a budget of one is never retried", { policy: { ...POLICY, maxAttempts: 1 } }, { retry: false }],
  ] satisfies [string, Partial<FailedAttempt>, unknown][])("%s", (_name, over, expected) => {
    expect(afterFailure({ ...failed, ...over })).toEqual(expected);
  });

  test("a retryable failure is tried again exactly while the budget lasts, and never in the past", () => {
    fc.assert(
      fc.property(anyPolicy, fc.integer({ min: 1, max: 120 }), anyChance, (policy, spent, randomness) => {
        const verdict = afterFailure({ ...failed, policy, spent, randomness });
        expect(verdict.retry).toBe(spent < policy.maxAttempts);
        if (verdict.retry) expect(verdict.runAt).toBeGreaterThanOrEqual(failed.now);
      }),
    );
  });
});
