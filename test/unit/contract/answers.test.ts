import { describe, expect, test } from "vitest";
import { z } from "zod";
import { JobListItem, JobView } from "../../../contract/job.ts";
import { errorsOf, PROBLEMS, ProblemView, problem } from "../../../contract/problem.ts";
import { QueueSettingsView, queueDefaults } from "../../../contract/queue.ts";

describe("queueDefaults", () => {
  test("an empty body gives the documented defaults", () => {
    expect(queueDefaults({})).toEqual({
      target: { type: "pull" },
      partitions: 16,
      lane: "default",
      concurrency: null,
      rate: null,
      perKeyConcurrency: null,
      perKeyRate: null,
      weight: 1,
      priorityAging: 3600,
      maxBacklog: null,
      onFailure: "continue",
      retry: { maxAttempts: 5, backoff: "exponential", delay: 1, maxDelay: 300, jitter: "full" },
      timeout: 60,
      retention: 604_800,
      idempotencyWindow: 86_400,
      consistency: "strong",
      paused: false,
    });
  });

  test.each([
    [{ concurrency: 5 }, 1],
    [{ concurrency: null }, 16],
    [{ rate: { limit: 5, period: 1 } }, 1],
    [{ maxBacklog: 5 }, 1],
    [{ perKeyConcurrency: 5, perKeyRate: { limit: 5, period: 1 } }, 16],
    [{ concurrency: 50, partitions: 8 }, 8],
    [{ partitions: 3 }, 3],
  ])("%j has %d partitions", (body, partitions) => {
    expect(queueDefaults(body).partitions).toBe(partitions);
  });

  test("a partial retry is laid over the defaults, and zero is kept", () => {
    expect(queueDefaults({ retry: { delay: 0, jitter: "none" } }).retry).toEqual({
      maxAttempts: 5,
      backoff: "exponential",
      delay: 0,
      maxDelay: 300,
      jitter: "none",
    });
  });

  test("what it makes is an answer", () => {
    expect(
      QueueSettingsView.safeParse(queueDefaults({ target: { type: "http", url: "https://a.b", headers: {} } })).success,
    ).toBe(true);
  });
});

describe("problems", () => {
  test.each(Object.entries(PROBLEMS))("%s is a problem document with status %j", (code, { status, title }) => {
    const made = problem(code as keyof typeof PROBLEMS, "why");
    expect(made).toEqual({ type: `/problems/${code}`, title, status, detail: "why", code });
    expect(ProblemView.safeParse(made).success).toBe(true);
  });

  test("errors point into the body, below a prefix, with JSON Pointer's escapes", () => {
    const schema = z.strictObject({ list: z.array(z.strictObject({ "a/b": z.string() })) });
    const parsed = schema.safeParse({ list: [{ "a/b": 1, "x~y": 2 }], z: 1 });
    expect(parsed.success ? [] : errorsOf(parsed.error, "/jobs/13").map(({ pointer }) => pointer)).toEqual([
      "/jobs/13/list/0/a~1b",
      "/jobs/13/list/0/x~0y",
      "/jobs/13/z",
    ]);
  });

  test("a hostile body cannot make the answer large", () => {
    const body = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`${"x".repeat(1000)}${i}`, 1]));
    const parsed = z.strictObject({}).safeParse(body);
    const errors = parsed.success ? [] : errorsOf(parsed.error);
    expect(errors).toHaveLength(50);
    expect(JSON.stringify(errors).length).toBeLessThan(20_000);
  });
});

test("a listed job may leave out payload, result and attempts; a job may not", () => {
  const at = "2026-12-01T00:00:00Z";
  const listed = {
    id: "job_x",
    namespace: "default",
    queue: "q",
    state: "queued",
    attempt: 0,
    maxAttempts: 5,
    priority: 4,
    orderingKey: null,
    concurrencyKey: null,
    dedupKey: null,
    idempotencyKey: null,
    parent: null,
    tags: [],
    timeout: 60,
    retry: queueDefaults({}).retry,
    resultTruncated: false,
    error: null,
    createdAt: at,
    runAt: at,
    startedAt: null,
    finishedAt: null,
    expiresAt: null,
    leaseExpiresAt: null,
    progress: null,
  };
  expect(JobListItem.safeParse(listed).success).toBe(true);
  expect(JobView.safeParse(listed).success).toBe(false);
  expect(JobView.safeParse({ ...listed, payload: null, result: null, attempts: [] }).success).toBe(true);
  expect(JobView.safeParse({ ...listed, payload: null, result: null, attempts: [], secret: 1 }).success).toBe(false);
});
