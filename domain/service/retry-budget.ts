/**
 * How much of what is sent may be sent again: a part of the requests of the last ten seconds, and a few more, so that a service
 * with little traffic has retries at all. So an outage makes no more load than that part (Finagle's RetryBudget; Envoy's
 * `retry_budget`, 20 percent and at least 3).
 */
import { type CountWindow, sumsOf, withCounts } from "./window.ts";

/** Requests, and those of them that were sent again. */
export type RetryBudget = CountWindow;

export const FULL_BUDGET: RetryBudget = [];

const WINDOW_MS = 10_000;
/** May be sent again in any case. */
const LEAST_RETRIES = 3;

/** The budget once one more request has come, which is counted when it is sent for the first time. */
export function withRequest(budget: RetryBudget, now: number): RetryBudget {
  return withCounts(budget, WINDOW_MS, { counts: [1, 0], now });
}

/** The budget once a request is sent again; null where nothing of it is left. `percent` is of the requests, from 0. */
export function withRetry(budget: RetryBudget, percent: number, now: number): RetryBudget | null {
  const [requests, retries] = sumsOf(budget, WINDOW_MS, now);
  if (percent <= 0 || retries >= LEAST_RETRIES + (requests * percent) / 100) return null;
  return withCounts(budget, WINDOW_MS, { counts: [0, 1], now });
}
