import { describe, expect, test, vi } from "vitest";
import type { AuditReply, WorkItem } from "../../../../../contract/rpc.ts";
import { slotOf } from "../../../../../domain/slots.ts";
import { SMALL_ROWS, STEP_ROWS } from "../../../../../durable-objects/shard/audit/audit.ts";
import { AUDIT } from "../../../../../durable-objects/shard/audit/audit-state.ts";
import { ANY_FAILED, CALL, DAY, Harness, HOUR, MINUTE, RowHarness, SECOND } from "../../../../rigs/shard-harness.ts";
import { Random } from "../../../../simulation/random.ts";

/** A step of the pass that looks at about `rows` rows. */
function step(h: Harness, rows: number): void {
  const { engine } = h.core;
  const view = { name: h.name, sql: h.sql, get: engine.get.bind(engine), alarmAt: h.alarmAt, now: h.now };
  engine.get(AUDIT).walk(engine, view, rows);
}

/** A step as the cron makes it. */
function walk(h: Harness): AuditReply {
  return h.core.audit({ ...CALL, walk: true }, h.alarmAt);
}

/** What a pass has found that began after all that has happened. */
function passOver(h: Harness, rows: number): string[] {
  const { number } = h.core.engine.get(AUDIT).running ?? { number: h.core.engine.get(AUDIT).last?.pass ?? 0 };
  while ((h.core.engine.get(AUDIT).last?.pass ?? 0) <= number) step(h, rows);
  return (h.core.engine.get(AUDIT).last?.violations ?? []).map(({ rule, detail }) => `${rule}: ${detail}`);
}

/** More jobs than a call looks at. */
function large(jobs = SMALL_ROWS + 1): Harness {
  const h = new RowHarness({ target: { type: "pull" } });
  for (let left = jobs; left > 0; left -= 500) h.submit(h.jobs(Math.min(left, 500)));
  return h;
}

function cancelled(h: Harness): Harness {
  for (const { id } of h.rows()) {
    h.core.cancel({ ...CALL, namespace: "default", id });
  }
  return h;
}

/** Jobs of a quarter of a megabyte each. */
function filled(jobs: number): Harness {
  const h = new Harness({ target: { type: "pull" } });
  h.submit(h.jobs(jobs, { payload: JSON.stringify("x".repeat(250_000)) }));
  return h;
}

/** A shard that something happens to, while passes go over it. */
class Storm {
  readonly h = new Harness({ concurrency: 5, onFailure: "block", perKeyConcurrency: 2, retentionMs: HOUR });
  readonly #random: Random;
  readonly #ids: string[] = [];
  #leases: WorkItem[] = [];

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  happen(): void {
    const { h } = this;
    const random = this.#random;
    const id = random.pick(this.#ids.length === 0 ? ["job_none"] : this.#ids);
    const queue = { ...CALL, namespace: "default", queue: "q" };
    const slot = slotOf("default", "q", 0);
    const events: (() => unknown)[] = [
      () => this.#submit(),
      () => this.#submit(),
      () => this.#leases.push(...h.take(random.int(1, 4))),
      () => this.#report((lease) => h.succeed(lease)),
      () => this.#report((lease) => h.fail(lease)),
      () => this.#report((lease) => h.fail(lease, { retryable: false })),
      () => h.core.cancel({ ...CALL, namespace: "default", id }),
      () => h.core.retry({ ...CALL, namespace: "default", id }),
      () => h.core.purge({ ...queue, limit: 2 }),
      () => h.core.discardFailed({ ...queue, filter: ANY_FAILED, after: null, limit: 2 }),
      () =>
        h.core.changeKey({
          ...CALL,
          settings: h.queue,
          slot,
          key: "k",
          action: random.pick(["pause", "resume"]),
          job: null,
        }),
      () => h.project(),
      () => h.advance(random.pick([SECOND, MINUTE, HOUR])),
    ];
    random.pick(events)();
  }

  #submit(): void {
    const random = this.#random;
    const job = this.h.job({
      orderingKey: random.pick(["k", "l", null]),
      concurrencyKey: random.pick(["c", null]),
      delayMs: random.pick([null, null, SECOND, HOUR]),
    });
    if (this.h.submit([job])[0]?.type === "accepted") this.#ids.push(job.id);
  }

  #report(report: (lease: string) => unknown): void {
    const item = this.#leases.splice(this.#random.int(0, Math.max(0, this.#leases.length - 1)), 1)[0];
    if (item !== undefined) report(item.lease);
  }
}

/** In the storm nobody comes for an hour: then that is no false alarm. */
function falseAlarms(violations: readonly AuditReply["violations"][number][]): AuditReply["violations"] {
  return violations.filter(({ rule }) => rule !== "work-has-executor");
}

describe("a pass of the audit", () => {
  test.each([1, 2, 3, 4, 5, 6])("gives no false alarm whatever happens between its steps (%i)", (seed) => {
    const storm = new Storm(seed);
    const { h } = storm;
    const random = new Random(seed);
    for (let i = 0; i < 600; i++) {
      storm.happen();
      if (random.chance(0.6)) step(h, random.int(1, 3));
      if (random.chance(0.01)) h.restart();
      const { last, running } = h.core.engine.get(AUDIT);
      expect(falseAlarms([...(last?.violations ?? []), ...(running?.findings.list() ?? [])])).toEqual([]);
    }
    passOver(h, 2);
    expect(falseAlarms(h.core.engine.get(AUDIT).last?.violations ?? [])).toEqual([]);
    expect(h.core.engine.get(AUDIT).last?.pass).toBeGreaterThan(3);
    expect(falseAlarms(h.core.auditWhole(h.alarmAt).violations)).toEqual([]);
  });

  test("in steps finds what the whole audit finds", () => {
    const h = new RowHarness({ concurrency: 20 });
    h.submit([...h.jobs(30), ...h.jobs(3, { orderingKey: "k" }), h.job({ delayMs: DAY })]);
    for (const { lease } of h.take(5)) h.succeed(lease);
    h.take(3);
    h.sql.run("UPDATE jobs SET lease = NULL WHERE state = 'running'");
    h.sql.run("DELETE FROM finished");
    h.sql.run("DELETE FROM jobs WHERE state = 'scheduled'");
    h.sql.run("UPDATE jobs SET blocked = 0 WHERE ordering_key = 'k'");
    const whole = h.core.auditWhole(h.alarmAt).violations.map(({ rule, detail }) => `${rule}: ${detail}`);
    expect(new Set(whole.map((violation) => violation.split(":")[0]))).toEqual(
      new Set([
        "running-has-lease",
        "final-is-logged",
        "counts-equal-rows",
        "one-open-job-a-key",
        "unprojected-equals-rows",
      ]),
    );
    expect(passOver(h, 4).sort()).toEqual(whole.sort());
  });

  test("of a large shard goes a bounded number of rows a step, and the answer tells of it", () => {
    const h = large();
    expect(h.core.audit(CALL, h.alarmAt)).toMatchObject({ fresh: false, last: null, running: null, violations: [] });
    const first = walk(h).running;
    expect(first).toMatchObject({ number: 1, startedAt: h.now, finishedAt: null, violations: 0 });
    expect(first?.rows).toBeLessThanOrEqual(STEP_ROWS);
    let steps = 1;
    while (walk(h).last === null) steps += 1;
    // Each job is looked at twice: its row by itself, and with the counts.
    const visits = 2 * (SMALL_ROWS + 1);
    expect(steps).toBeGreaterThanOrEqual(Math.floor(visits / STEP_ROWS));
    expect(steps).toBeLessThanOrEqual(Math.ceil(visits / STEP_ROWS) + 2);
    const { fresh, last, running } = h.core.audit(CALL, h.alarmAt);
    expect({ fresh, running }).toEqual({ fresh: false, running: null });
    expect(last).toMatchObject({ number: 1, finishedAt: h.now, violations: 0 });
  });

  test.each<[string, () => Harness]>([
    ["unfinished jobs", () => large()],
    ["jobs that were cancelled", () => cancelled(large())],
    ["a few large jobs", () => filled(20)],
  ])("is not begun by an answer about a shard with %s: that reads none of their rows", (_, make) => {
    const h = make();
    const alarmAt = h.alarmAt;
    const read = vi.spyOn(h.sql, "all");
    expect(h.core.audit(CALL, alarmAt)).toMatchObject({ fresh: false, last: null, violations: [] });
    // What holds at any moment asks for the soonest deadlines, each the first of an index.
    expect(read.mock.calls.filter(([query]) => !/^SELECT min\(|LIMIT 1$/.test(query))).toEqual([]);
  });

  test("of which a few jobs lie on the shard is made by the answer", () => {
    const h = filled(1);
    expect(h.core.audit(CALL, h.alarmAt)).toMatchObject({ fresh: true, last: { number: 1 } });
  });

  test("goes on from its row after the object has died, with what it had found", () => {
    const h = large();
    h.sql.run("UPDATE jobs SET due_at = NULL, state = 'scheduled' WHERE id = (SELECT min(id) FROM jobs)");
    walk(h);
    h.now += MINUTE;
    const before = walk(h);
    expect(before.violations.map(({ rule }) => rule)).toEqual(["scheduled-has-due-time"]);
    h.restart();
    const after = h.core.audit(CALL, h.alarmAt);
    expect(after.running).toEqual(before.running);
    expect(after.violations).toEqual(before.violations);
    expect(walk(h).running?.rows).toBe((before.running?.rows ?? 0) + STEP_ROWS);
  });

  test("that has ended is known after the object has died, and until the next one ends", () => {
    const h = large();
    while (walk(h).last === null);
    const { last } = h.core.audit(CALL, h.alarmAt);
    h.restart();
    expect(h.core.audit(CALL, h.alarmAt).last).toEqual(last);
    walk(h);
    h.restart();
    expect(h.core.audit(CALL, h.alarmAt)).toMatchObject({ last, running: { number: 2 } });
    while (walk(h).last?.number === 1);
    expect(h.count("audit")).toBe(1);
  });

  test("of a small shard is one step, and costs no row", () => {
    const h = new Harness();
    h.submit(h.jobs(100));
    const before = h.sql.rowsWritten();
    expect(walk(h)).toMatchObject({ running: null, last: { number: 1 }, violations: [] });
    expect(h.sql.rowsWritten()).toBe(before);
  });

  test("tells a row that cannot be read, and comes to its end", () => {
    const h = new Harness();
    h.accept();
    h.succeed(h.takeOne().lease);
    h.sql.run("UPDATE jobs SET finished_at = 1");
    h.sql.run("UPDATE slices SET last_at = 1");
    h.sql.run("UPDATE finished SET jobs = 'no JSON'");
    const rules = h.core.audit(CALL, h.alarmAt).violations.map(({ rule }) => rule);
    expect(rules).toContain("final-is-logged");
  });
});
