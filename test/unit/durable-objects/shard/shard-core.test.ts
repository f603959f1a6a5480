import { describe, expect, test } from "vitest";
import { CALL, Harness, HOUR, SECOND } from "../../../rigs/shard-harness.ts";
import { subscribe } from "../../../rigs/subscription-harness.ts";

/** A job whose column is no JSON any more, and what it was. */
function spoiled(h: Harness, id: string, column = "spec"): string {
  const [row] = h.sql.all<{ text: string }>(`SELECT ${column} AS text FROM jobs WHERE id = ?`, id);
  h.sql.run(`UPDATE jobs SET ${column} = '{no JSON' WHERE id = ?`, id);
  return row?.text ?? "";
}

/** By the row: a read of the job would throw. */
function stateOf(h: Harness, id: string): string | undefined {
  return h.sql.all<{ state: string }>("SELECT state FROM jobs WHERE id = ?", id)[0]?.state;
}

const calls = (h: Harness, id: string) => {
  const name = { ...CALL, namespace: "default", id };
  return {
    get: () => h.core.get({ ...name, waitMs: 0 }),
    retry: () => h.core.retry(name),
    patch: () => h.core.patch({ ...name, changes: { tags: ["a"] }, versions: null }),
    runNow: () => h.core.runNow({ ...name, versions: null }),
  };
};

describe("a call about one job that throws over it", () => {
  test.each(["get", "patch", "runNow"] as const)(
    "%s answers that the job is set aside, and the audit says so",
    (name) => {
      const h = new Harness();
      const id = h.accept({ delayMs: HOUR });
      const spec = spoiled(h, id);
      const rows = h.rows();
      const reply = calls(h, id)[name]();
      expect(reply).toEqual({ type: "quarantined", retryAfterMs: 5 * SECOND, fault: expect.stringMatching(/./) });
      expect(h.rows()).toEqual(rows);
      expect(h.broken()).toContain("nothing-set-aside");
      expect(h.explain(id)).toMatchObject({ state: "scheduled", reason: "quarantined" });
      h.sql.run("UPDATE jobs SET spec = ?", spec);
      h.advance(HOUR);
      expect(h.state(id)).toBe("queued");
      expect(h.broken()).toEqual([]);
    },
  );

  test("asked for again and again, it is noted once", () => {
    const h = new Harness();
    const id = h.accept({ delayMs: HOUR });
    spoiled(h, id);
    for (let asked = 0; asked < 10; asked++) {
      expect(calls(h, id).get()).toMatchObject({ type: "quarantined" });
      h.now += 200;
    }
    const violations = h.core.auditWhole(h.alarmAt).violations;
    expect(violations.filter(({ rule }) => rule === "nothing-set-aside")).toMatchObject([
      { detail: expect.stringContaining(`${id} is set aside: work on it has thrown 1 times`) },
    ]);
  });

  test("a redrive answers the same, and the job stays failed", () => {
    const h = new Harness();
    const id = h.accept();
    for (const { lease } of h.take()) h.fail(lease, { retryable: false });
    spoiled(h, id);
    expect(calls(h, id).retry()).toMatchObject({ type: "quarantined" });
    expect(stateOf(h, id)).toBe("failed");
  });

  test("a fault of the database is no job's: it is thrown", () => {
    const h = new Harness();
    const id = h.accept({ delayMs: HOUR });
    h.sql.run(
      "CREATE TRIGGER full BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'database or disk is full: SQLITE_FULL'); END",
    );
    expect(() => calls(h, id).runNow()).toThrow("disk is full");
    expect(h.broken()).toEqual([]);
  });
});

describe("cancel", () => {
  test.each(["spec", "attempts", "payload"])("ends a job whose %s cannot be read, and shows what can be", (column) => {
    const h = new Harness();
    subscribe(h, {});
    const id = h.accept({ tags: ["a"], orderingKey: "k" });
    const next = h.accept({ orderingKey: "k" });
    spoiled(h, id, column);
    const reply = h.core.cancel({ ...CALL, namespace: "default", id });
    const hidden = { spec: { tags: [] }, attempts: { attempts: [] }, payload: {} }[column];
    expect(reply).toMatchObject({ type: "job", job: { id, state: "cancelled", orderingKey: "k", ...hidden } });
    expect(stateOf(h, id)).toBe("cancelled");
    expect(h.take().map((item) => item.id)).toEqual([next]);
  });
});

describe("a wait for work", () => {
  test("is not told of room that only a job could use which is passed over: its claim would find nothing, again and again", () => {
    const h = new Harness({ target: { type: "pull" }, partitions: 2, concurrency: 2 });
    h.accept({ partition: 0 });
    expect(h.claim({ max: 1 }).length).toBe(1);
    h.accept({ partition: 0 });
    const bad = h.accept({ partition: 1 });
    const waits = () => h.core.awaitWork({ ...CALL, namespace: "default", queue: "q", waitMs: 0 });
    expect(waits()).toBe(true);
    h.sql.run(
      `CREATE TRIGGER bad BEFORE UPDATE ON jobs WHEN OLD.id = '${bad}' BEGIN SELECT RAISE(ABORT, 'planted'); END`,
    );
    expect(h.core.cancel({ ...CALL, namespace: "default", id: bad }).type).toBe("quarantined");
    expect([h.claim({ max: 5 }), waits()]).toEqual([[], false]);
  });
});
