import { expect, test } from "vitest";
import { openMetrics } from "../../../../../workers/gateway/platform/metrics.ts";

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
      { id: "shard-1", health: { ...health, historyFullSince: 1000 } },
    ],
    { sizes: [{ name: "DB", bytes: 123 }], limit: 1000 },
    3000,
  );
  expect(text).toContain('dure_jobs{state="queued"} 4\n');
  expect(text).toContain("dure_jobs_accepted_total 18\n");
  expect(text).toContain('dure_schedule_fires_total{outcome="fired"} 10\n');
  expect(text).toContain('dure_schedule_fires_total{outcome="missed"} 8\n');
  expect(text).toContain('dure_schedule_fires_total{outcome="skipped"} 0\n');
  expect(text).toContain("dure_oldest_due_age_seconds 2\n");
  expect(text).toContain("dure_history_full_seconds 2\n");
  expect(text).toContain('dure_database_bytes{database="DB"} 123\n');
  expect(text).toContain('dure_database_limit_bytes{database="DB"} 1000\n');
  expect(text.endsWith("# EOF\n")).toBe(true);
});
