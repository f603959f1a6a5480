import { describe, expect, test } from "vitest";
import { afterFailedTry, FEED_LEASE_MS, GIVE_UP_MS, HEALTHY, opensAt } from "../../../domain/feed.ts";
import { JOB_STATES } from "../../../domain/job/state.ts";
import { asksFor, eventId, eventOf } from "../../../domain/subscription.ts";
import { subscriptionOf } from "../../rigs/subscription-harness.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
const tryAt = (
  failures: number,
  over: { retryAfterMs?: number | null; randomness?: number; since?: number | null } = {},
) =>
  afterFailedTry(
    { failures: failures - 1, failingSince: over.since ?? null, nextAt: 0 },
    { now: NOW, retryAfterMs: over.retryAfterMs ?? null, randomness: over.randomness ?? 1 - Number.EPSILON },
  );

describe("after a failed try", () => {
  test.each([
    [1, 5_000],
    [2, 10_000],
    [5, 80_000],
    [11, HOUR],
    [1000, HOUR],
  ])("the %i. in a row waits up to %i ms", (failures, expected) => {
    expect(Math.abs(tryAt(failures).nextAt - NOW - expected)).toBeLessThanOrEqual(1);
    expect(tryAt(failures, { randomness: 0 }).nextAt).toBe(NOW + 1_000);
  });

  test.each([
    [60_000, 60_000],
    [1, 5_000],
    [20 * HOUR, 20 * HOUR],
    [1000 * HOUR, 24 * HOUR],
  ])("a Retry-After of %i ms waits %i", (retryAfterMs, expected) => {
    expect(Math.abs(tryAt(1, { retryAfterMs }).nextAt - NOW - expected)).toBeLessThanOrEqual(1);
  });

  test("an event is given up when it has failed for three days, and the next has its own three", () => {
    expect(tryAt(9, { since: NOW - GIVE_UP_MS + 1 })).toMatchObject({
      givesUp: false,
      failingSince: NOW - GIVE_UP_MS + 1,
    });
    expect(tryAt(9, { since: NOW - GIVE_UP_MS })).toMatchObject({ givesUp: true, failingSince: null, failures: 9 });
    expect(afterFailedTry(HEALTHY, { now: NOW, retryAfterMs: null, randomness: 0 })).toMatchObject({
      failingSince: NOW,
    });
  });

  test("a clock that has stepped back does not count what lies ahead", () => {
    expect(tryAt(3, { since: NOW + HOUR })).toMatchObject({ givesUp: false, failingSince: NOW });
  });
});

test.each([
  [NOW + HOUR, 0, NOW + HOUR],
  [0, NOW + 5, NOW + 5],
  [NOW + 7, NOW + 5, NOW + 7],
  [NOW + 25 * HOUR, 0, 0],
  [0, NOW + FEED_LEASE_MS + 1, 0],
])("with a next try at %i and a lease until %i a feed opens at %i", (nextAt, leaseEndsAt, expected) => {
  expect(opensAt({ nextAt, leaseEndsAt }, NOW)).toBe(expected);
});

test("every change of state that a job can make is told or is not", () => {
  const told = JOB_STATES.flatMap((before) =>
    JOB_STATES.flatMap((after) => {
      const type = eventOf(before, after);
      return type === null ? [] : [`${before} ${after} ${type}`];
    }),
  );
  expect(told).toContain("queued running job.started");
  expect(told).toContain("running scheduled job.retrying");
  expect(told).toContain("running queued job.retrying");
  expect(told).toContain("failed queued job.redriven");
  expect(told).toContain("cancelled scheduled job.redriven");
  expect(told).toContain("scheduled failed job.failed");
  expect(told).not.toContainEqual(expect.stringMatching(/^(scheduled queued|queued scheduled|queued queued)/));
});

test("an event's id names the job and its version, in characters that a signature allows", () => {
  expect(eventId({ id: "job_01m825nw6sfa783g4mjr80jzk4", version: 12 })).toBe("evt_01m825nw6sfa783g4mjr80jzk4_12");
});

test.each([
  [{}, "q", true],
  [{ events: ["job.failed" as const] }, "q", false],
  [{ filter: { queue: "q", tag: null } }, "q", true],
  [{ filter: { queue: "q", tag: null } }, "r", false],
])("a subscription with %j asks for acceptances in %s: %s", (over, queue, expected) => {
  expect(asksFor(subscriptionOf(over), "job.accepted", queue)).toBe(expected);
});
