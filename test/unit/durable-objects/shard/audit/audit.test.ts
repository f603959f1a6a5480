import { describe, expect, test } from "vitest";
import { initialMap } from "../../../../../domain/slots.ts";
import { type PlantedRows, testPlantedRows } from "../../../../rigs/planted-rows.ts";
import { CALL, DAY, type Harness, HOUR, MINUTE, RowHarness, SECOND } from "../../../../rigs/shard-harness.ts";

/** A shard with at least one job in every state, a key with a line behind it, a limit and a finished log. */
function busy(): Harness {
  const h = new RowHarness({ concurrency: 20 });
  h.submit([
    ...h.jobs(4),
    ...h.jobs(3, { orderingKey: "k" }),
    h.job({ delayMs: DAY }),
    h.job({ expiresAt: h.now + DAY }),
  ]);
  const items = h.take(4);
  h.succeed(items[0]?.lease ?? "");
  h.fail(items[1]?.lease ?? "", { retryable: false });
  h.cancel(items[2]?.id ?? "");
  h.accept({ idempotency: { key: "i", hash: "h" } });
  return h;
}

const PLANTED: PlantedRows[] = [
  ["queued-reachable", "a line whose open job is gone", "DELETE FROM jobs WHERE ordering_key = 'k' AND blocked = 0"],
  [
    "queued-reachable",
    "a blocked job without a key",
    "UPDATE jobs SET blocked = 1, ordering_key = NULL WHERE blocked = 1",
  ],
  [
    "queued-reachable",
    "a scheduled job blocked behind nobody",
    "UPDATE jobs SET blocked = 1, ordering_key = 'alone' WHERE state = 'scheduled'",
  ],
  ["one-open-job-a-key", "two open jobs of a key", "UPDATE jobs SET blocked = 0 WHERE ordering_key = 'k'"],
  ["running-has-lease", "a run without a lease", "UPDATE jobs SET lease = NULL WHERE state = 'running'"],
  ["running-has-lease", "a lease without an end", "UPDATE jobs SET lease_ends_at = NULL WHERE state = 'running'"],
  ["running-has-lease", "an attempt without an end", "UPDATE jobs SET attempt_ends_at = NULL WHERE state = 'running'"],
  ["running-has-lease", "a run that the clock would miss", "UPDATE jobs SET due_at = NULL WHERE state = 'running'"],
  [
    "running-has-lease",
    "a run due at another time than its end",
    "UPDATE jobs SET due_at = due_at + 1 WHERE state = 'running'",
  ],
  [
    "scheduled-has-due-time",
    "a scheduled job that nothing will start",
    "UPDATE jobs SET due_at = NULL WHERE state = 'scheduled'",
  ],
  [
    "scheduled-has-due-time",
    "one due later than its run-at",
    "UPDATE jobs SET due_at = run_at + 1 WHERE state = 'scheduled'",
  ],
  ["final-is-at-rest", "a final job with a deadline", "UPDATE jobs SET due_at = 1 WHERE state = 'succeeded'"],
  [
    "final-is-at-rest",
    "a final job that holds a place under a limit",
    "UPDATE jobs SET counts_toward_limit = 1 WHERE state = 'failed'",
  ],
  ["final-is-at-rest", "a final job without an end", "UPDATE jobs SET finished_at = NULL WHERE state = 'cancelled'"],
  ["final-is-logged", "a final job that history never hears of", "DELETE FROM finished"],
  [
    "final-is-logged",
    "one logged under another version",
    "UPDATE jobs SET version = version + 1 WHERE state = 'failed'",
  ],
  ["final-is-logged", "one logged in another slot", `UPDATE finished SET jobs = '{"9' || substr(jobs, 3)`],
  [
    "log-goes-in-order",
    "an entry that holds up the one behind it",
    "INSERT INTO finished SELECT 0, seq + 1, purge_at - 1, 0, '{}' FROM finished WHERE kept = 0",
  ],
  ["queue-known", "a job of a queue that is not there", "UPDATE jobs SET queue = 99 WHERE state = 'scheduled'"],
  [
    "queued-reachable",
    "a line behind a gate whose open job is gone",
    "UPDATE jobs SET blocked = 3 WHERE ordering_key = 'k'",
  ],
  ["block-known", "a bit that means nothing", "UPDATE jobs SET blocked = 64 WHERE state = 'queued' AND blocked = 0"],
  ["block-known", "a line without an ordering key", "UPDATE jobs SET blocked = 1 WHERE state = 'scheduled'"],
  ["block-known", "a running job that is held back", "UPDATE jobs SET blocked = 4 WHERE state = 'running'"],
  ["gate-has-key", "a gate without a key", "UPDATE jobs SET blocked = 2 WHERE state = 'queued' AND blocked = 0"],
  [
    "gate-has-key",
    "a scheduled job at a gate",
    "UPDATE jobs SET blocked = 2, concurrency_key = 'c' WHERE state = 'scheduled'",
  ],
  [
    "limit-leaves-room",
    "a partition beyond the queue's",
    "UPDATE jobs SET partition = 7 WHERE state = 'queued' AND blocked = 0",
  ],
  [
    "counts-equal-rows",
    "a ready job that was not counted away",
    "DELETE FROM jobs WHERE state = 'queued' AND blocked = 0",
  ],
  [
    "counts-equal-rows",
    "a running job that was not counted",
    "UPDATE jobs SET state = 'queued', due_at = NULL WHERE state = 'running'",
  ],
];

describe("the audit", () => {
  test("of a busy shard finds nothing, over a restart too", () => {
    const h = busy();
    expect(h.broken()).toEqual([]);
    h.restart();
    expect(h.broken()).toEqual([]);
    expect(h.stats().counts).toEqual({ scheduled: 1, queued: 5, running: 1, succeeded: 0, failed: 1, cancelled: 1 });
  });

  testPlantedRows(busy, PLANTED);

  test.each([
    ["the one that runs is gone", "DELETE FROM jobs WHERE state = 'running'"],
    ["the one that runs has another key", "UPDATE jobs SET concurrency_key = 'other' WHERE state = 'running'"],
    ["its own key is another", "UPDATE jobs SET concurrency_key = 'other' WHERE state = 'queued'"],
  ])("finds a job at a gate that nobody will open: %s", (_what, statement) => {
    const h = new RowHarness({ perKeyConcurrency: 1 });
    h.submit(h.jobs(3, { concurrencyKey: "c" }));
    h.take();
    expect(h.broken()).toEqual([]);
    h.sql.run(statement);
    expect(h.broken()).toContain("gate-opens");
  });

  test("finds a job at a gate whose time was forgotten, and a time that no alarm will keep", () => {
    const h = new RowHarness({ perKeyRate: { limit: 1, periodMs: 10 * MINUTE } });
    h.submit(h.jobs(3, { concurrencyKey: "c" }));
    h.succeed(h.takeOne().lease);
    h.project();
    expect(h.broken()).toEqual([]);
    expect(h.broken(h.now + HOUR)).toEqual(["wait-has-alarm"]);
    expect(h.core.audit(CALL, null).violations.map(({ rule }) => rule)).toContain("wait-has-alarm");
    h.sql.run("UPDATE gates SET look_at = look_at - 3600000");
    expect(h.broken()).toContain("wait-has-alarm");
    h.sql.run("UPDATE gates SET look_at = NULL");
    expect(h.broken()).toEqual(["gate-opens"]);
  });

  test("finds a rate that will open without an alarm", () => {
    const h = new RowHarness({ target: { type: "pull" }, rate: { limit: 1, periodMs: 10 * MINUTE } });
    h.submit(h.jobs(3));
    for (const { lease } of h.claim()) h.succeed(lease);
    h.project();
    expect(h.broken()).toEqual([]);
    expect(h.broken(h.now + 10 * MINUTE)).toEqual([]);
    expect(h.broken(h.now + HOUR)).toEqual(["wait-has-alarm"]);
  });

  test("finds a rate below the number of partitions, which leaves some without a share", () => {
    const h = new RowHarness({ partitions: 4 });
    h.accept({ partition: 3 });
    h.configure({ rate: { limit: 2, periodMs: MINUTE } });
    expect(h.broken()).toEqual(["limit-leaves-room"]);
  });

  test("names the job", () => {
    const h = busy();
    const id = h.sql.all<{ id: string }>("SELECT id FROM jobs WHERE state = 'running'")[0]?.id ?? "";
    h.sql.run("UPDATE jobs SET lease = NULL WHERE state = 'running'");
    const { violations } = h.core.audit(CALL, h.alarmAt);
    expect(violations).toEqual([{ rule: "running-has-lease", detail: expect.stringContaining(id) }]);
  });

  test("names a few of many, so that an answer stays small", () => {
    const h = new RowHarness();
    h.submit(h.jobs(100));
    h.take();
    h.sql.run("UPDATE jobs SET lease = NULL");
    expect(h.core.audit(CALL, h.alarmAt).violations).toHaveLength(5);
  });

  test("finds a deadline without an alarm, and one with an alarm that is much too late", () => {
    const h = busy();
    expect(h.core.audit(CALL, null).violations).toContainEqual({
      rule: "deadline-has-alarm",
      detail: "something is due and no alarm is set",
    });
    expect(h.broken((h.alarmAt ?? 0) + 2 * MINUTE)).toContain("deadline-has-alarm");
    expect(h.broken((h.alarmAt ?? 0) + 30 * SECOND)).toEqual([]);
  });

  test("finds what has been due for longer than an alarm is ever late", () => {
    const h = new RowHarness();
    h.accept({ delayMs: SECOND });
    h.now += 30 * SECOND;
    expect(h.broken()).toEqual([]);
    h.now += HOUR;
    expect(h.broken()).toEqual(["deadline-has-alarm"]);
  });

  test("needs no alarm when nothing is due", () => {
    const h = new RowHarness({ target: { type: "pull" } });
    h.accept();
    expect(h.core.audit(CALL, null).violations).toEqual([]);
  });

  test("finds a ready job of a pushed queue that no alarm will ring for again", () => {
    const h = new RowHarness();
    h.accept();
    expect(h.broken()).toEqual([]);
    expect(h.core.audit(CALL, null).violations).toEqual([
      { rule: "waiting-has-alarm", detail: "1 jobs wait in default, and no alarm will ring for them again" },
    ]);
    expect(h.broken(h.now + HOUR)).toEqual(["waiting-has-alarm"]);
  });

  test("finds jobs in slots that are not this shard's", () => {
    const h = busy();
    h.core.adopt({ epoch: 2, shards: [{ id: "shard-1", slots: [{ from: 0, to: 4095 }] }] });
    expect(h.broken()).toEqual(["slot-owned"]);
  });

  test("finds a limit below the number of partitions, which leaves some without a share", () => {
    const h = new RowHarness({ partitions: 4 });
    h.accept({ partition: 3 });
    h.configure({ concurrency: 2 });
    expect(h.broken()).toEqual(["limit-leaves-room"]);
  });

  test("says which shard, epoch and slots it speaks of", () => {
    const h = new RowHarness({}, initialMap(2));
    const slots = [{ from: 0, to: 2047 }];
    expect(h.core.audit(CALL)).toMatchObject({ shard: "shard-0", epoch: 1, slots, violations: [] });
  });

  test("writes nothing", () => {
    const h = busy();
    const before = h.sql.rowsWritten();
    h.core.audit(CALL, h.alarmAt);
    expect(h.sql.rowsWritten()).toBe(before);
  });
});
