import { expect, test } from "vitest";
import { JobGetQuery, JobListItem, JobListQuery, JobView, SubmitBody } from "../../../contract/job.ts";
import { PageQuery } from "../../../contract/list.ts";
import { queueDefaults } from "../../../contract/queue.ts";
import { bad, checkLimits, k256, pageLimits } from "../../rigs/limit-tables.ts";
import { submits } from "../../rigs/submit-limits.ts";

checkLimits("SubmitBody", SubmitBody, submits);

checkLimits("JobListQuery", JobListQuery, {
  at: [
    ...pageLimits.at,
    {
      queue: "q",
      state: "failed",
      tag: "t",
      orderingKey: "k",
      createdAfter: "2026-12-01T00:00:00Z",
      createdBefore: "2026-12-01T00:00:00Z",
      consistency: "eventual",
      include: "result,payload,attempts",
    },
  ],
  over: [
    ...pageLimits.over,
    ...bad("state", ["done", ""]),
    ...bad("queue", ["", "Q"]),
    ...bad("tag", [""]),
    ...bad("orderingKey", ["", `${k256}k`]),
    ...bad("createdAfter", ["yesterday", ""]),
    ...bad("createdBefore", ["2026"]),
    ...bad("consistency", ["fenced", ""]),
    ...bad("include", ["", "payload,", "payload,secret", "payload, result"]),
  ],
});

checkLimits("JobGetQuery", JobGetQuery, {
  at: [{}, { consistency: "session" }],
  over: [...bad("consistency", ["x"]), [{ include: "payload" }, "/include"]],
});

test("a list's query comes out parsed, with defaults", () => {
  expect(JobListQuery.parse({ limit: "7", include: "result" })).toEqual({
    limit: 7,
    consistency: "strong",
    include: { payload: false, result: true, attempts: false },
  });
  expect(PageQuery.parse({})).toEqual({ limit: 50 });
});

test("a listed job may leave out payload, result and attempts; a job may not", () => {
  const at = "2026-12-01T00:00:00Z";
  const listed = {
    id: "job_x",
    namespace: "default",
    queue: "q",
    state: "queued",
    version: 1,
    attempt: 0,
    delivery: 0,
    maxAttempts: 5,
    priority: 4,
    orderingKey: null,
    concurrencyKey: null,
    dedupKey: null,
    idempotencyKey: null,
    parent: null,
    depth: 0,
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
    traceparent: null,
  };
  expect(JobListItem.safeParse(listed).success).toBe(true);
  expect(JobView.safeParse(listed).success).toBe(false);
  expect(JobView.safeParse({ ...listed, payload: null, payloadKept: true, result: null, attempts: [] }).success).toBe(
    true,
  );
  expect(
    JobView.safeParse({ ...listed, payload: null, payloadKept: true, result: null, attempts: [], secret: 1 }).success,
  ).toBe(false);
});
