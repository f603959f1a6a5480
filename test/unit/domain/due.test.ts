import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Deadlines, dueAt, whatIsDue } from "../../../domain/due.ts";
import { JOB_STATES } from "../../../domain/job/state.ts";

const NOW = 1000;
const job = (over: Partial<Deadlines>): Deadlines => ({
  state: "queued",
  runAt: 0,
  expiresAt: null,
  leaseEndsAt: null,
  attemptEndsAt: null,
  ...over,
});

const CASES: [name: string, job: Partial<Deadlines>, dueAt: number | null, action: string][] = [
  ["scheduled, not yet", { state: "scheduled", runAt: 1001 }, 1001, "none"],
  ["scheduled, at its time", { state: "scheduled", runAt: 1000 }, 1000, "start"],
  ["scheduled, late", { state: "scheduled", runAt: 1 }, 1, "start"],
  ["scheduled, expires first", { state: "scheduled", runAt: 1500, expiresAt: 1200 }, 1200, "none"],
  ["scheduled, late for both", { state: "scheduled", runAt: 500, expiresAt: 900 }, 500, "expire"],
  ["scheduled, due and not expired", { state: "scheduled", runAt: 500, expiresAt: 1001 }, 500, "start"],
  ["queued", {}, null, "none"],
  ["queued, expires later", { expiresAt: 1001 }, 1001, "none"],
  ["queued, expires now", { expiresAt: 1000 }, 1000, "expire"],
  ["running", { state: "running", leaseEndsAt: 1500, attemptEndsAt: 2000 }, 1500, "none"],
  ["running, lease ends now", { state: "running", leaseEndsAt: 1000, attemptEndsAt: 2000 }, 1000, "lease-ended"],
  [
    "running, timeout before the lease",
    { state: "running", leaseEndsAt: 3000, attemptEndsAt: 1000 },
    1000,
    "timed-out",
  ],
  ["running, both over", { state: "running", leaseEndsAt: 900, attemptEndsAt: 950 }, 900, "timed-out"],
  ["running never expires", { state: "running", leaseEndsAt: 1500, attemptEndsAt: 2000, expiresAt: 1 }, 1500, "none"],
  ["succeeded", { state: "succeeded", expiresAt: 1, leaseEndsAt: 1, attemptEndsAt: 1 }, null, "none"],
  ["failed", { state: "failed", expiresAt: 1, leaseEndsAt: 1, attemptEndsAt: 1 }, null, "none"],
  ["cancelled", { state: "cancelled", expiresAt: 1, leaseEndsAt: 1, attemptEndsAt: 1 }, null, "none"],
];

describe("what the clock does to a job", () => {
  test.each(CASES)("%s", (_name, over, at, action) => {
    expect([dueAt(job(over)), whatIsDue(job(over), NOW)]).toEqual([at, action]);
  });

  test("there is something to do exactly when the due time has come", () => {
    const time = fc.integer({ min: 0, max: 20 });
    const anyJob = fc.record({
      state: fc.constantFrom(...JOB_STATES),
      runAt: time,
      expiresAt: fc.option(time),
      leaseEndsAt: fc.option(time),
      attemptEndsAt: fc.option(time),
    });
    fc.assert(
      fc.property(anyJob, time, (deadlines, now) => {
        const at = dueAt(deadlines);
        expect(whatIsDue(deadlines, now) !== "none").toBe(at !== null && at <= now);
      }),
      { numRuns: 1000 },
    );
  });
});
