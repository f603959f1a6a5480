import { describe, expect, test } from "vitest";
import {
  CALL,
  DAY,
  Harness,
  HOUR,
  idsOf,
  MINUTE,
  PackHarness,
  RowHarness,
  SECOND,
  START,
} from "../../../../rigs/shard-harness.ts";

const EVERY_JOB_OF_QUEUE = {
  namespace: "default",
  filter: { queue: "q", state: null, tag: null, orderingKey: null, createdAfter: null, createdBefore: null },
  include: { payload: true, result: true, attempts: true },
  before: null,
  limit: 10,
};

describe("a scheduled job", () => {
  test("becomes due at its time, not before", () => {
    const h = new Harness();
    const id = h.accept({ delayMs: HOUR });
    h.advance(HOUR - 1);
    expect([h.state(id), h.take().length]).toEqual(["scheduled", 0]);
    h.advance(1);
    expect([h.state(id), h.take().length]).toEqual(["queued", 1]);
  });

  test("a year ahead comes back after as many restarts as one likes", () => {
    const h = new Harness();
    const id = h.accept({ runAt: START + 365 * DAY });
    for (let i = 0; i < 5; i++) {
      h.advance(73 * DAY - 1);
      h.restart();
    }
    expect(h.state(id)).toBe("scheduled");
    h.advance(5);
    expect(h.state(id)).toBe("queued");
  });

  test("keeps its acceptance order among those that became due together", () => {
    const h = new Harness();
    const ids = [3, 1, 2].map((seconds) => h.accept({ delayMs: seconds * SECOND }));
    h.advance(3 * SECOND);
    expect(idsOf(h.take())).toEqual(ids);
  });

  test("a claim starts what became due in its own step", () => {
    const h = new Harness();
    const id = h.accept({ delayMs: SECOND });
    h.now += SECOND;
    expect(idsOf(h.take())).toEqual([id]);
  });

  test("a thousand due at once all come, with the alarm alone", () => {
    const h = new Harness();
    h.submit(h.jobs(1000, { delayMs: SECOND }));
    h.advance(SECOND);
    expect(h.stats().counts).toMatchObject({ scheduled: 0, queued: 1000 });
  });
});

describe("expiresAt", () => {
  test("fails a queued and a scheduled job with the code expired", () => {
    const h = new Harness();
    const expiresAt = START + MINUTE;
    const ids = [h.accept({ expiresAt }), h.accept({ expiresAt, delayMs: HOUR })];
    h.advance(MINUTE - 1);
    expect(ids.map((id) => h.state(id))).toEqual(["queued", "scheduled"]);
    h.advance(1);
    for (const id of ids) {
      expect(h.get(id)).toMatchObject({
        state: "failed",
        finishedAt: expiresAt,
        error: { code: "expired", retryable: false },
        attempt: 0,
        attempts: [],
      });
    }
  });

  test("fails a job that waits for its retry", () => {
    const h = new Harness();
    const id = h.accept({ expiresAt: START + MINUTE });
    h.fail(h.takeOne().lease, {}, HOUR);
    h.advance(MINUTE);
    expect(h.get(id)).toMatchObject({ state: "failed", error: { code: "expired" }, attempts: [{ outcome: "failed" }] });
  });

  test("does not touch one that runs", () => {
    const h = new Harness();
    const id = h.accept({ expiresAt: START + SECOND });
    const { lease } = h.takeOne();
    h.advance(5 * SECOND);
    expect(h.state(id)).toBe("running");
    expect(h.succeed(lease)).toBe("recorded");
  });

  test("a claim never starts one whose time is over, though the alarm is late and more are due than a step may do", () => {
    const h = new Harness();
    h.submit(h.jobs(350, { expiresAt: START + SECOND }));
    const last = h.accept();
    h.now += SECOND;
    const started: string[] = [];
    for (let i = 0; i < 5; i++) started.push(...idsOf(h.take()));
    expect(started).toEqual([last]);
    expect(h.stats().counts.failed).toBe(350);
  });
});

describe("the alarm", () => {
  test("is set to the soonest of what is due, and not moved for what is later", () => {
    const h = new Harness({ target: { type: "pull" } });
    h.accept({ delayMs: HOUR });
    expect(h.alarmAt).toBe(START + HOUR);
    h.accept({ delayMs: MINUTE });
    expect(h.alarmAt).toBe(START + MINUTE);
    h.accept({ delayMs: DAY });
    expect(h.alarmAt).toBe(START + MINUTE);
    h.advance(MINUTE);
    expect(h.alarmAt).toBe(START + HOUR);
  });

  test("is set for a lease, an attempt's end, an expiry and a key's window", () => {
    const h = new Harness({ target: { type: "pull" }, idempotencyWindowMs: 5 * MINUTE });
    h.accept({ idempotency: { key: "i", hash: "h" } });
    expect(h.alarmAt).toBe(START + 5 * MINUTE);
    h.accept({ expiresAt: START + 4 * MINUTE });
    expect(h.alarmAt).toBe(START + 4 * MINUTE);
    h.accept({ timeoutMs: 2 * MINUTE });
    h.claim({ leaseMs: 3 * MINUTE });
    expect(h.alarmAt).toBe(START + MINUTE);
  });

  test("is set for the retention of what history has", () => {
    const h = new Harness({ target: { type: "pull" }, retentionMs: MINUTE });
    h.accept();
    h.cancel(h.accept());
    h.project();
    h.advance(SECOND * 30);
    expect(h.alarmAt).toBe(START + MINUTE);
  });

  test("of an idle shard is not sooner than an hour away: it sleeps", () => {
    const h = new Harness({ idempotencyWindowMs: HOUR });
    h.accept();
    h.succeed(h.takeOne().lease);
    h.project();
    h.advance(2 * HOUR);
    let alarms = 0;
    for (const end = h.now + DAY; h.alarmAt !== null && h.alarmAt < end; alarms++) h.advance(h.alarmAt - h.now);
    expect(alarms).toBeLessThanOrEqual(24);
    expect(h.count("jobs")).toBe(0);
  });

  test("set anew by a restart, from the rows, though the platform lost it", () => {
    const h = new Harness();
    const id = h.accept({ delayMs: HOUR });
    h.alarmAt = null;
    h.restart();
    expect(h.alarmAt).toBe(START + HOUR);
    h.alarmAt = null;
    h.now += 2 * HOUR;
    h.restart();
    h.advance(0);
    expect(h.state(id)).toBe("queued");
  });

  test("that comes twice, or for nothing, changes nothing", () => {
    const h = new Harness();
    h.accept({ delayMs: HOUR });
    const rows = h.rows();
    h.core.alarm();
    h.core.alarm();
    expect(h.rows()).toEqual(rows);
    expect(h.alarmAt).toBe(START + HOUR);
  });

  test("that comes to a job which cannot be read is armed again for later, and the job says so until it can", () => {
    const h = new RowHarness();
    const id = h.accept();
    h.takeOne();
    const spec = h.sql.all<{ spec: string }>("SELECT spec FROM jobs")[0]?.spec ?? "";
    h.sql.run("UPDATE jobs SET spec = 'broken'");
    h.advance(15 * SECOND);
    expect(h.alarmAt).toBe(h.now + 5 * SECOND);
    expect(h.explain(id)).toMatchObject({ state: "running", reason: "quarantined" });
    expect(h.broken()).toContain("nothing-set-aside");
    h.sql.run("UPDATE jobs SET spec = ?", spec);
    h.now += SECOND;
    // Whoever asks for the job has it tried at once.
    expect(h.get(id).attempts[0]?.outcome).toBe("leaseExpired");
    expect(h.broken()).toEqual([]);
  });

  test.each<[string, (h: Harness, id: string) => unknown]>([
    ["a call about it", (h, id) => h.core.call("get", { ...CALL, namespace: "default", id, waitMs: 0 })],
    ["a list", (h) => h.core.call("list", { ...CALL, ...EVERY_JOB_OF_QUEUE })],
    ["a claim", (h) => h.claim({ max: 1, leaseMs: MINUTE })],
  ])("is set for the next try of a job without a deadline over which %s throws", (_, call) => {
    const h = new RowHarness({ target: { type: "pull" } });
    const id = h.accept();
    h.sql.run("UPDATE jobs SET spec = 'broken'");
    expect(h.alarmAt).toBe(null);
    call(h, id);
    expect(h.broken()).toContain("nothing-set-aside");
    expect(h.alarmAt).toBe(h.now + 5 * SECOND);
  });

  test.each([
    ["a job", RowHarness, "UPDATE jobs SET spec = 'broken'"],
    ["a pack", PackHarness, "UPDATE packs SET ids = 'x' || ids"],
  ])(
    "that comes to %s which cannot be read for minutes is not forgotten, though the alarm is late",
    (_, Rig, breakIt) => {
      const h = new Rig();
      h.submit(h.jobs(3));
      h.take();
      h.sql.run(breakIt);
      h.advance(5 * MINUTE);
      const retryAt = h.alarmAt ?? 0;
      h.now = retryAt + 59 * SECOND;
      expect(new Set(h.broken())).not.toContain("deadline-has-alarm");
      h.now += 2 * SECOND;
      expect(h.broken()).toContain("deadline-has-alarm");
    },
  );

  test("of which one job throws goes on with all others, at the same moment", () => {
    const h = new RowHarness();
    const ids = [h.accept(), h.accept(), h.accept()];
    h.take();
    h.sql.run("UPDATE jobs SET spec = 'broken' WHERE id = ?", ids[1] ?? "");
    h.advance(15 * SECOND);
    const states = h.sql.all<{ state: string }>("SELECT state FROM jobs ORDER BY id").map(({ state }) => state);
    expect(states).toEqual(["scheduled", "running", "scheduled"]);
  });
});

describe("wake", () => {
  test("repairs a lost alarm: does what is due and arms the next", () => {
    const h = new Harness({ target: { type: "pull" } });
    const [overdue, later] = [h.accept({ delayMs: MINUTE }), h.accept({ delayMs: HOUR })];
    h.alarmAt = null;
    h.advance(10 * MINUTE);
    expect(h.state(overdue)).toBe("scheduled");
    expect(h.broken()).toEqual(["deadline-has-alarm"]);
    h.core.wake(CALL);
    expect([h.state(overdue), h.state(later)]).toEqual(["queued", "scheduled"]);
    expect(h.alarmAt).toBe(START + HOUR);
    expect(h.broken()).toEqual([]);
  });

  test("that finds more than one step may do arms the alarm for at once", () => {
    const h = new Harness();
    h.submit(h.jobs(250, { delayMs: SECOND }));
    h.alarmAt = null;
    h.now += MINUTE;
    h.core.wake(CALL);
    expect(h.stats().counts.queued).toBe(100);
    // Not later: by the time of what is due.
    expect(h.alarmAt).toBe(h.now - MINUTE + SECOND);
    h.advance(0);
    expect(h.stats().counts.queued).toBe(250);
  });

  test("rings again for work that nobody came for", () => {
    const h = new Harness();
    h.accept();
    h.rung();
    h.alarmAt = null;
    h.now += MINUTE;
    h.core.wake(CALL);
    expect(h.rung()).toHaveLength(1);
  });

  test("says what the shard holds", () => {
    const h = new RowHarness();
    h.submit([...h.jobs(3), h.job({ delayMs: DAY }), h.job({ orderingKey: "k" }), h.job({ orderingKey: "k" })]);
    h.fail(h.take(1)[0]?.lease ?? "", { retryable: false });
    h.cancel(h.accept());
    h.succeed(h.take(1)[0]?.lease ?? "");
    h.take(1);
    const health = h.core.wake(CALL);
    expect(health).toMatchObject({
      live: 4,
      counts: { scheduled: 1, queued: 2, running: 1, succeeded: 0, failed: 1, cancelled: 1 },
      unprojected: 3,
      oldestDueAt: null,
      totals: { accepted: 7, started: 3, finished: 3, staleReports: 0, leaseExpired: 0 },
    });
    expect(health.bytes).toBeGreaterThan(0);
    h.project();
    expect(h.core.wake(CALL).unprojected).toBe(0);
  });

  test("counts nothing anew: counts that no longer equal the rows are the audit's to find, and a restart's to mend", () => {
    const h = new RowHarness();
    h.submit([...h.jobs(3), h.job({ delayMs: DAY })]);
    h.sql.run("DELETE FROM jobs WHERE state = 'queued'");
    h.core.wake(CALL);
    expect(h.broken()).toContain("counts-equal-rows");
    h.restart();
    expect(h.broken()).toEqual([]);
  });
});
