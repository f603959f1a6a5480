import fc from "fast-check";
import { expect, test } from "vitest";
import { FULL_BUDGET, type RetryBudget, withRequest, withRetry } from "../../../../domain/service/retry-budget.ts";

const NOW = 1_000_000;

/** After so many requests, how many may be sent again one after the other. */
function retriesAfter(requests: number, percent: number): number {
  let budget = FULL_BUDGET;
  for (let i = 0; i < requests; i++) budget = withRequest(budget, NOW);
  for (let retries = 0; ; retries++) {
    const next = withRetry(budget, percent, NOW);
    if (next === null) return retries;
    budget = next;
  }
}

test.each([
  [0, 20, 3],
  [1, 20, 4],
  [10, 20, 5],
  [100, 20, 23],
  [1000, 20, 203],
  [1000, 0, 0],
  [0, 0, 0],
  [10, 100, 13],
])("of %i requests at %i percent, %i may be sent again", (requests, percent, expected) => {
  expect(retriesAfter(requests, percent)).toBe(expected);
});

test("what was sent again is forgotten after ten seconds", () => {
  let budget: RetryBudget | null = FULL_BUDGET;
  for (let i = 0; i < 3 && budget !== null; i++) budget = withRetry(budget, 20, NOW);
  expect(withRetry(budget ?? [], 20, NOW + 8_999)).toBeNull();
  expect(withRetry(budget ?? [], 20, NOW + 10_000)).not.toBeNull();
});

test("in a full outage, where each request is sent as often as the budget lets it, the load rises by the percentage and no more", () => {
  const anyLoad = fc.record({
    percent: fc.integer({ min: 0, max: 100 }),
    attempts: fc.integer({ min: 1, max: 10 }),
    gaps: fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 100, maxLength: 400 }),
  });
  fc.assert(
    fc.property(anyLoad, ({ percent, attempts, gaps }) => {
      let now = NOW;
      let budget = FULL_BUDGET;
      const requests: number[] = [];
      const retries: number[] = [];
      for (const gap of gaps) {
        now += gap;
        budget = withRequest(budget, now);
        requests.push(now);
        for (let attempt = 2; attempt <= attempts; attempt++) {
          const next = withRetry(budget, percent, now);
          if (next === null) break;
          budget = next;
          retries.push(now);
        }
      }
      const last = (times: number[], ms: number) => times.filter((at) => at > now - ms).length;
      // The last retry was let through for the requests of the ten seconds before it. The window counts by tenths of itself.
      expect(last(retries, 9_000)).toBeLessThanOrEqual(Math.ceil(3 + (last(requests, 19_000) * percent) / 100));
      expect(percent === 0 ? retries.length : 0).toBe(0);
    }),
  );
});
