/** Histories that once went otherwise than the model said, each with what was wrong. */
import { expect, test } from "vitest";
import { takeCoverage } from "./coverage.ts";
import type { Event, JobSpec } from "./events.ts";
import { History } from "./history.ts";
import type { QueuePlan } from "./plan.ts";

const QUEUE: QueuePlan = {
  ...{ queue: 0, partitions: 1, ratePeriodMs: 1_000, keyRatePeriodMs: 1_000 },
  ...{
    concurrency: null,
    rate: null,
    perKeyConcurrency: null,
    perKeyRate: null,
    weight: 1,
    priorityAgingMs: null,
    onFailure: "continue",
  },
  ...{ idempotencyWindowMs: 2_000, timeoutMs: 60_000 },
};

const JOB: JobSpec = {
  ...{ queue: 0, priority: 4, orderingKey: null, concurrencyKey: null, idempotency: null, dedup: null },
  ...{ delayMs: null, asRunAt: false, expiresInMs: null, timeoutMs: null, retry: null },
};

const submit = (...jobs: Partial<JobSpec>[]): Event => ({
  ...{ type: "submit", atomic: false, stale: false },
  jobs: jobs.map((job) => ({ ...JOB, ...job })),
});
const claim = (room: number): Event => ({ type: "work", queue: 0, room, other: 0, leaseMs: 60_000, reports: [] });

function happens(plan: Partial<QueuePlan>, ...events: Event[]): void {
  const history = new History([{ ...QUEUE, ...plan }]);
  for (const event of events) history.happen(event);
  history.end();
}

test("while jobs of a key stand open unclaimed, its gate still opens as each start leaves the window", () => {
  const job = { concurrencyKey: "x" };
  takeCoverage();
  happens(
    { perKeyRate: 3 },
    submit(job),
    claim(1),
    { type: "wait", ms: 300 },
    submit(job),
    claim(1),
    submit(job, job),
    {
      type: "wait",
      ms: 701,
    },
  );
  expect(takeCoverage()).toMatchObject({ "claim: one": 2 });
});

test("a report that frees a place of a key makes room for its next job in the claim of the same call", () => {
  const job = { concurrencyKey: "x" };
  const reportAndClaim: Event = {
    ...{ type: "work", queue: 0, room: 1, other: 0, leaseMs: 60_000 },
    reports: [{ which: 0, of: "current", outcome: "ok", retryAfterMs: null }],
  };
  takeCoverage();
  happens({ perKeyConcurrency: 1 }, submit(job, job), claim(1), reportAndClaim);
  expect(takeCoverage()).toMatchObject({ "claim: one": 2 });
});

test("a job that expired while its attempt ran fails when the attempt does, and is not tried again", () => {
  takeCoverage();
  happens({}, submit({ expiresInMs: 1_000 }), claim(1), { type: "jump", ms: 61_000 }, { type: "look" });
  expect(takeCoverage()).toMatchObject({ "a lease that ended": 1, "explain: final": 2 });
});
