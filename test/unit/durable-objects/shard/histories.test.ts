import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { WorkItem } from "../../../../contract/rpc.ts";
import { isFinal } from "../../../../domain/job/state.ts";
import { lane } from "../../../lane.ts";
import { Harness, HOUR, MINUTE, SECOND } from "../../../rigs/shard-harness.ts";

/** One thing that happens to a shard. `which` picks among what is there. */
type Event =
  | { type: "submit"; key: string | null; delayMs: number | null; expireMs: number | null; idempotency: string | null }
  | { type: "take"; room: number }
  | { type: "succeed" | "fail" | "give-up" | "extend" | "cancel" | "retry"; which: number }
  | { type: "wait"; ms: number }
  | { type: "late"; ms: number }
  | { type: "restart" | "lose-alarm" | "project" | "pause" | "resume" | "purge" | "wake" };

const which = fc.nat({ max: 50 });
const durations = fc.constantFrom(0, 1, 400, SECOND, 1500, 15 * SECOND, MINUTE, HOUR);
const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("submit" as const),
      key: fc.constantFrom("k", "l", null),
      delayMs: fc.constantFrom(null, null, 1, SECOND, MINUTE, HOUR),
      expireMs: fc.constantFrom(null, null, null, SECOND, MINUTE),
      idempotency: fc.constantFrom(null, null, "i", "j"),
    }),
  },
  { weight: 5, arbitrary: fc.record({ type: fc.constant("take" as const), room: fc.integer({ min: 1, max: 5 }) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constantFrom(
        "succeed" as const,
        "fail" as const,
        "give-up" as const,
        "extend" as const,
        "cancel" as const,
        "retry" as const,
      ),
      which,
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("wait" as const), ms: durations }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("late" as const), ms: durations }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom(
        "restart" as const,
        "lose-alarm" as const,
        "project" as const,
        "pause" as const,
        "resume" as const,
        "purge" as const,
        "wake" as const,
      ),
    }),
  },
);

/** Without `size` an array stays so short that little ever happens. */
const anyEvents = fc.array(anyEvent, { minLength: 1, maxLength: 60, size: "max" });

/** A shard and what its callers know of it. */
class History {
  readonly h = new Harness({ concurrency: 3, retentionMs: HOUR, idempotencyWindowMs: HOUR });
  readonly ids: string[] = [];
  leases: WorkItem[] = [];
  /** Ids whose success was recorded, in that order. */
  readonly succeeded: string[] = [];
  /** The alarm is lost until a wake or a restart. */
  alarmLost = false;

  happen(event: Event): void {
    const { h } = this;
    switch (event.type) {
      case "submit": {
        const job = h.job({
          orderingKey: event.key,
          delayMs: event.delayMs,
          expiresAt: event.expireMs === null ? null : h.now + event.expireMs,
          idempotency: event.idempotency === null ? null : { key: event.idempotency, hash: "same" },
        });
        if (h.submit([job])[0]?.type === "accepted") this.ids.push(job.id);
        return;
      }
      case "take":
        this.leases.push(...h.take(event.room));
        return;
      case "succeed":
      case "fail":
      case "give-up":
      case "extend":
        this.#useLease(event.type, event.which);
        return;
      case "cancel":
      case "retry": {
        const id = this.ids[event.which % Math.max(1, this.ids.length)];
        if (id !== undefined) h[event.type](id);
        return;
      }
      case "wait":
        if (this.alarmLost) h.now += event.ms;
        else h.advance(event.ms);
        return;
      case "late":
        h.now += event.ms;
        return;
      case "lose-alarm":
        h.alarmAt = null;
        this.alarmLost = true;
        return;
      case "restart":
        h.restart();
        this.alarmLost = false;
        return;
      case "wake":
        h.core.wake({ v: 1, epoch: 1 });
        this.alarmLost = false;
        return;
      case "project":
        h.project();
        return;
      case "pause":
      case "resume":
        h.configure({ paused: event.type === "pause" });
        return;
      case "purge":
        h.core.purge({ v: 1, epoch: 1, namespace: "default", queue: "q", limit: 3 });
    }
  }

  #useLease(type: "succeed" | "fail" | "give-up" | "extend", index: number): void {
    const item = this.leases[index % Math.max(1, this.leases.length)];
    if (item === undefined) return;
    if (type === "extend") this.h.extend(item.lease, MINUTE);
    else if (type === "fail") this.h.fail(item.lease);
    else if (type === "give-up") this.h.fail(item.lease, { retryable: false });
    else if (this.h.succeed(item.lease) === "recorded") this.succeeded.push(item.id);
  }

  /** The soonest of everything that the rows say is due, or null. Finished jobs are forgotten in rounds of a minute. */
  soonest(): number | null {
    const { h } = this;
    const projected = Number(
      h.sql.all<{ value: string }>("SELECT value FROM meta WHERE key = 'projected'")[0]?.value ?? 0,
    );
    const row = h.sql.all<{ at: number | null }>(
      `SELECT min(at) AS at FROM (SELECT min(due_at) AS at FROM jobs UNION ALL SELECT min(expires_at) FROM idempotency
         UNION ALL SELECT (min(purge_at) + 59999) / 60000 * 60000 FROM finished WHERE seq <= ?)`,
      projected,
    )[0];
    return row?.at ?? null;
  }
}

/** Histories of one property. The simulation runs more and longer ones; these shrink to a few events. */
const RUNS = { numRuns: lane.histories.shard };

/** Runs `check` after every event of many histories. */
function always(check: (history: History, event: Event) => void): void {
  fc.assert(
    fc.property(anyEvents, (events) => {
      const history = new History();
      for (const event of events) {
        history.happen(event);
        check(history, event);
      }
    }),
    RUNS,
  );
}

describe("in any history", { timeout: lane.timeoutMs }, () => {
  test("the alarm is never later than the soonest deadline", () => {
    always((history) => {
      if (history.alarmLost) return;
      const soonest = history.soonest();
      if (soonest === null) return;
      expect(history.h.alarmAt).not.toBeNull();
      // A deadline that is past is the alarm's next job: it may be set for now at the latest.
      expect(history.h.alarmAt).toBeLessThanOrEqual(Math.max(soonest, history.h.now));
    });
  });

  test("the audit finds nothing", () => {
    always(({ h }, event) => {
      const rules = h.broken();
      // Time without alarms is the test's doing, and the audit is right to say so.
      expect(rules.filter((rule) => !rule.endsWith("-has-alarm"))).toEqual([]);
      if (event.type === "wake") expect(rules).toEqual([]);
    });
  });

  test("a key has at most one job running, and no more jobs run than the limit allows", () => {
    always(({ h }) => {
      const running = h.sql.all<{ ordering_key: string | null }>(
        "SELECT ordering_key FROM jobs WHERE state = 'running'",
      );
      const keys = running.map((row) => row.ordering_key).filter((key) => key !== null);
      expect(new Set(keys).size).toBe(keys.length);
      expect(running.length).toBeLessThanOrEqual(3);
    });
  });

  test("a success is recorded once, stays, and never becomes anything else", () => {
    always(({ h, succeeded }) => {
      expect(new Set(succeeded).size).toBe(succeeded.length);
      for (const id of succeeded) if (h.has(id)) expect(h.state(id)).toBe("succeeded");
    });
  });

  test("every unfinished job can say why it is not running", () => {
    always(({ h, ids }) => {
      for (const id of ids) {
        if (!h.has(id)) continue;
        const { state, reason, blockedBy } = h.explain(id);
        expect(reason === "final").toBe(isFinal(state));
        expect(reason === "running").toBe(state === "running");
        if (reason === "ordering") expect(["scheduled", "queued", "running"]).toContain(h.state(blockedBy ?? ""));
      }
    });
  });

  test("when all come back and work, every job becomes final, and history has each in its last version", () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const history = new History();
        const { h, ids } = history;
        const told = new Map<string, number>();
        const copy = () => {
          for (const { id, version } of h.project()) told.set(id, Math.max(version, told.get(id) ?? 0));
        };
        const lasts = new Map<string, number>();
        for (const event of events) {
          history.happen(event.type === "project" ? { type: "wait", ms: 0 } : event);
          if (event.type === "project") copy();
        }
        h.restart();
        h.configure({ paused: false });
        for (let round = 0; round < 500; round++) {
          for (const { lease } of h.take()) h.succeed(lease);
          for (const id of ids) if (h.has(id)) lasts.set(id, h.get(id).version);
          copy();
          const { scheduled, queued, running } = h.stats().counts;
          if (scheduled + queued + running === 0) break;
          h.advance(MINUTE);
        }
        expect(h.stats().counts).toMatchObject({ scheduled: 0, queued: 0, running: 0 });
        for (const [id, version] of lasts) expect(told.get(id)).toBe(version);
        for (const id of ids) expect(told.has(id)).toBe(true);
      }),
      RUNS,
    );
  });

  test("when nobody comes, the shard still falls quiet: bounded bells, no alarm that spins", () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const history = new History();
        for (const event of events) history.happen(event);
        history.h.restart();
        history.h.bells.length = 0;
        history.h.advance(HOUR);
        // One lane and history, each at most once a minute after the first minute's echoes.
        expect(history.h.bells.length).toBeLessThan(150);
      }),
      RUNS,
    );
  });
});
