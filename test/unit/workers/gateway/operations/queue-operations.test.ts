import { expect, test } from "vitest";
import type { QueueStats } from "../../../../../contract/rpc.ts";
import { mergeStats } from "../../../../../workers/gateway/operations/queue-operations.ts";

test("a queue's numbers add up over shards, with history's succeeded jobs", () => {
  const stats = (part: Partial<QueueStats>): QueueStats => ({
    counts: { scheduled: 0, queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 },
    unprojectedSucceeded: 0,
    oldestQueuedAt: null,
    inFlight: 0,
    parkedKeys: 0,
    perSecond: { accepted: 0, started: 0, finished: 0 },
    latenciesMs: [],
    ...part,
  });
  const counts = { scheduled: 1, queued: 2, running: 3, succeeded: 50, failed: 4, cancelled: 5 };
  const merged = mergeStats(
    "q",
    [
      stats({ counts, unprojectedSucceeded: 7, oldestQueuedAt: 2000, inFlight: 3, latenciesMs: [1, 9] }),
      stats({ counts, unprojectedSucceeded: 1, oldestQueuedAt: 1000, latenciesMs: [5] }),
    ],
    100,
  );
  expect(merged.counts).toEqual({ scheduled: 2, queued: 4, running: 6, succeeded: 108, failed: 8, cancelled: 10 });
  expect(merged.oldestQueuedAt).toBe("1970-01-01T00:00:01.000Z");
  expect(merged.latencyMs).toEqual({ p50: 5, p95: 9, p99: 9 });
  expect(mergeStats("q", [stats({})], 0).latencyMs).toEqual({ p50: null, p95: null, p99: null });
});
