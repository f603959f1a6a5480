import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_RETRY, MAX_RETRY_AFTER_SECONDS } from "../../../contract/limits.ts";
import { BACKOFFS, JITTERS, type RetryPolicy } from "../../../domain/job/job.ts";
import {
  afterDeferral,
  afterFailure,
  askedWaitMs,
  backoffMs,
  type Deferral,
  type FailedAttempt,
  MAX_ASKED_MS,
} from "../../../domain/retry.ts";

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

  test.each([
    [1, 0, 500],
    [1, 0.5, 750],
    [1, 0.9999, 999],
    [3, 0, 2000],
    [9, 0.5, 7500],
  ])("half jitter after failure %i at chance %d: %i ms", (failures, randomness, expected) => {
    expect(backoffMs({ ...POLICY, jitter: "half" }, failures, randomness)).toBe(expected);
  });

  test("by the defaults carries a job through 3.4 hours at most, and 2.6 on average", () => {
    const { delay, maxDelay, ...rest } = DEFAULT_RETRY;
    const policy = { ...rest, delayMs: delay * 1000, maxDelayMs: maxDelay * 1000 };
    const hours = (randomness: number) => {
      const waits = Array.from({ length: policy.maxAttempts - 1 }, (_, i) => backoffMs(policy, i + 1, randomness));
      return waits.reduce((sum, wait) => sum + wait, 0) / 3_600_000;
    };
    expect([hours(0.999_999).toFixed(1), hours(0.5).toFixed(1), hours(0).toFixed(1)]).toEqual(["3.4", "2.6", "1.7"]);
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
    ["Retry-After stands above backoff", { retryAfterMs: 1_500 }, { retry: true, runAt: 1_001_500 }],
    ["Retry-After does not shorten the backoff", { retryAfterMs: 100 }, { retry: true, runAt: 1_001_000 }],
    ["Retry-After stands above maxDelay", { retryAfterMs: 86_400_000 }, { retry: true, runAt: 87_400_000 }],
    ["Retry-After 0 means the backoff", { retryAfterMs: 0 }, { retry: true, runAt: 1_001_000 }],
    [
      "Retry-After is jittered where the policy is, by the backoff",
      { retryAfterMs: 3_000, policy: { ...POLICY, jitter: "full" } },
      { retry: true, runAt: 1_003_500 },
    ],
    [
      "or by a tenth, where that is more",
      { retryAfterMs: 60_000, policy: { ...POLICY, jitter: "half" } },
      { retry: true, runAt: 1_063_000 },
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

describe("a wait that was asked for", () => {
  test("is never shorter than asked, nor than the job's own backoff, nor longer than both and a tenth", () => {
    fc.assert(
      fc.property(
        anyPolicy,
        fc.nat(86_400_000),
        fc.integer({ min: 1, max: 100 }),
        anyChance,
        (policy, asked, failures, randomness) => {
          const wait = askedWaitMs(asked, { policy, failures, randomness });
          const ceiling = backoffMs({ ...policy, jitter: "none" }, failures, 0);
          expect(Number.isInteger(wait)).toBe(true);
          expect(wait).toBeGreaterThanOrEqual(asked);
          expect(wait).toBeGreaterThanOrEqual(backoffMs(policy, failures, randomness));
          expect(wait).toBeLessThanOrEqual(asked + Math.max(ceiling, asked / 10));
        },
      ),
    );
  });

  test("is not made longer by jitter than the longest that may be asked for", () => {
    expect(MAX_ASKED_MS).toBe(MAX_RETRY_AFTER_SECONDS * 1000);
    const policy = { ...POLICY, jitter: "full" } as const;
    const waits = [0, 0.5, 0.999].map((randomness) =>
      askedWaitMs(MAX_ASKED_MS - 60_000, { policy, failures: 1, randomness }),
    );
    expect(waits).toEqual([MAX_ASKED_MS - 60_000, MAX_ASKED_MS, MAX_ASKED_MS]);
    expect(askedWaitMs(MAX_ASKED_MS, { policy, failures: 1, randomness: 0.9 })).toBe(MAX_ASKED_MS);
  });

  test("brings jobs that were told the same back over a span, where the policy has jitter", () => {
    const wait = (randomness: number) =>
      askedWaitMs(60_000, { policy: { ...POLICY, jitter: "half" }, failures: 1, randomness });
    expect([wait(0), wait(0.5), wait(0.999_999)]).toEqual([60_000, 63_000, 65_999]);
  });
});

describe("a deferral", () => {
  const asked: Deferral = {
    by: "deferred",
    spent: 1,
    policy: POLICY,
    askedMs: 5_000,
    since: null,
    maxDeferralMs: 60_000,
    now: 1_000_000,
    randomness: 0.5,
  };

  test.each([
    ["waits as long as was asked", {}, 1_005_000],
    ["waits as after a failure where that is longer", { spent: 4 }, 1_008_000],
    ["that asks for nothing waits as after a failure", { askedMs: 0 }, 1_001_000],
    [
      "that asks for nothing on a policy without a wait waits for a second",
      { askedMs: 0, policy: { ...POLICY, delayMs: 0 } },
      1_001_000,
    ],
    ["is heeded though it was the last attempt", { spent: 5 }, 1_010_000],
    ["by a worker comes back as soon as it says", { by: "released", askedMs: 0 }, 1_000_000],
    ["by a worker waits as long as it says", { by: "released", askedMs: 200 }, 1_000_200],
    ["is heeded to the end of its time", { since: 940_001 }, 1_005_000],
    ["spends an attempt from then on", { since: 940_000 }, null],
    ["by a worker does so too", { by: "released", since: 940_000 }, null],
    ["spends an attempt where the queue allows none", { maxDeferralMs: 0 }, null],
  ] satisfies [string, Partial<Deferral>, unknown][])("%s", (_name, over, expected) => {
    expect(afterDeferral({ ...asked, ...over })).toBe(expected);
  });
});
