import { describe, expect, test } from "vitest";
import { Problem, problemHeaders, problemView } from "../../../../contract/problems.ts";
import type { QueueBody } from "../../../../contract/queue.ts";
import { settingsFrom } from "../../../../contract/queue-settings.ts";
import { bearerToken } from "../../../../workers/gateway/access/auth.ts";
import { RateCounter, rateHeaders } from "../../../../workers/gateway/access/rate-limit.ts";
import { ExpiringMap } from "../../../../workers/gateway/expiring-map.ts";
import { openMetrics } from "../../../../workers/gateway/platform/metrics.ts";
import { checkSettings } from "../../../../workers/gateway/queues/queue-settings.ts";

const stamp = { namespace: "default", name: "q", version: 1, createdAt: 0, updatedAt: 0 };

describe("settings that cannot work", () => {
  test.each<[string, QueueBody, string]>([
    ["a limit below the partitions", { concurrency: 3, partitions: 4 }, "limit-below-partitions"],
    ["an unknown handler", { target: { type: "handler", name: "nope" } }, "handler-not-found"],
    ["a private destination", { target: { type: "http", url: "http://10.0.0.1/", headers: {} } }, "target-refused"],
    ["a push timeout over 15 minutes", { target: { type: "handler", name: "noop" }, timeout: 901 }, "invalid-request"],
  ])("%s is refused", (_, body, code) => {
    expect(checkSettings(settingsFrom(body, stamp), false)).toMatchObject({ code });
  });

  test.each<[string, QueueBody, boolean]>([
    ["nothing", {}, false],
    ["a limit with its one partition", { concurrency: 3 }, false],
    ["a limit equal to the partitions", { concurrency: 4, partitions: 4 }, false],
    ["a long pull timeout", { timeout: 86_400 }, false],
    ["a public destination", { target: { type: "http", url: "https://example.com/", headers: {} } }, false],
    [
      "a private destination where those are allowed",
      { target: { type: "http", url: "http://127.0.0.1:1/", headers: {} } },
      true,
    ],
  ])("%s is fine", (_, body, allowPrivate) => {
    expect(checkSettings(settingsFrom(body, stamp), allowPrivate)).toBeNull();
  });
});

describe("the key budget", () => {
  test("refuses the request above it, and lets go in the next window", () => {
    const counter = new RateCounter();
    const take = (now: number) => counter.take("k", 3, now);
    expect([0, 1, 2, 3].map((now) => take(now).allowed)).toEqual([true, true, true, false]);
    expect(take(9999)).toMatchObject({ allowed: false, remaining: 0, resetSeconds: 1 });
    expect(take(10_000)).toMatchObject({ allowed: true, remaining: 2, resetSeconds: 10 });
  });

  test("keys do not share it", () => {
    const counter = new RateCounter();
    counter.take("a", 1, 0);
    expect(counter.take("b", 1, 0).allowed).toBe(true);
  });

  test("the shared counter is asked past a tenth of it", () => {
    const counter = new RateCounter();
    const asked = Array.from({ length: 20 }, () => counter.take("k", 100, 0).askShared);
    expect(asked.indexOf(true)).toBe(10);
  });

  test("is told as draft 10 has it", () => {
    const verdict = { allowed: true, remaining: 7, resetSeconds: 3, askShared: false };
    expect(rateHeaders(10, verdict)).toEqual([
      ["ratelimit-policy", '"default";q=10;w=10'],
      ["ratelimit", '"default";r=7;t=3'],
    ]);
  });
});

describe("a bounded memory", () => {
  test("forgets after its time, and when the clock goes back", () => {
    const map = new ExpiringMap<number>(100, 10);
    map.set("a", 1, 1000);
    expect(map.get("a", 1099)).toBe(1);
    expect(map.get("a", 1100)).toBeUndefined();
    map.set("a", 1, 1000);
    expect(map.get("a", 500)).toBeUndefined();
  });

  test("makes room by forgetting the oldest", () => {
    const map = new ExpiringMap<number>(100, 2);
    for (const [i, key] of ["a", "b", "c"].entries()) map.set(key, i, 0);
    expect(["a", "b", "c"].map((key) => map.get(key, 1))).toEqual([undefined, 1, 2]);
  });
});

describe("problems", () => {
  test("have the fields of RFC 9457 and the code", () => {
    expect(problemView(new Problem("job-not-found", "There is no job."))).toEqual({
      type: "/problems/job-not-found",
      title: "There is no such job",
      status: 404,
      detail: "There is no job.",
      code: "job-not-found",
    });
  });

  test.each<[Problem, string | undefined]>([
    [new Problem("unavailable", ""), "1"],
    [new Problem("unavailable", "", { retryAfter: 0.05 }), "1"],
    [new Problem("rate-limited", "", { retryAfter: 7.2 }), "8"],
    [new Problem("invalid-state", ""), undefined],
  ])("%# Retry-After stands on 429 and 503 only, in whole seconds", (refusal, retryAfter) => {
    expect(problemHeaders(refusal)["retry-after"]).toBe(retryAfter);
  });
});

test.each<[string | undefined, string | null]>([
  [undefined, null],
  ["", null],
  ["Bearer abc", "abc"],
  ["bearer  abc ", "abc"],
  ["Basic abc", null],
  ["Bearer", null],
  ["Bearer a b", null],
])("the bearer token of %j is %j", (header, token) => {
  expect(bearerToken(header)).toBe(token);
});

test("metrics end with # EOF and tell of no namespace", () => {
  const counts = { scheduled: 1, queued: 2, running: 3, succeeded: 4, failed: 5, cancelled: 6 };
  const totals = {
    accepted: 9,
    started: 8,
    finished: 7,
    staleReports: 1,
    leaseExpired: 2,
    bells: 3,
    refused: 0,
    spawned: 0,
    spawnsRefused: 0,
    firesFired: 5,
    firesSkipped: 0,
    firesMissed: 4,
    eventsDelivered: 0,
    eventsFailed: 0,
    eventsDropped: 0,
  };
  const waiting = { unprojected: 1, oldestDueAt: 1000, parkedKeys: 0, pendingEvents: 0, undelivered: 0 };
  const health = { live: 6, bytes: 10, rowsWritten: 11, counts, ...waiting, totals };
  const text = openMetrics(
    [
      { id: "shard-0", health },
      { id: "shard-1", health },
    ],
    3000,
  );
  expect(text).toContain('dure_jobs{state="queued"} 4\n');
  expect(text).toContain("dure_jobs_accepted_total 18\n");
  expect(text).toContain('dure_schedule_fires_total{outcome="fired"} 10\n');
  expect(text).toContain('dure_schedule_fires_total{outcome="missed"} 8\n');
  expect(text).toContain('dure_schedule_fires_total{outcome="skipped"} 0\n');
  expect(text).toContain("dure_oldest_due_age_seconds 2\n");
  expect(text.endsWith("# EOF\n")).toBe(true);
});
