import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ChangeKeyRequest, WorkItem } from "../../../../../contract/rpc.ts";
import { slotOf } from "../../../../../domain/slots.ts";
import { lane } from "../../../../lane.ts";
import { ANY_FAILED, CALL, Harness, HOUR, MINUTE, SECOND } from "../../../../rigs/shard-harness.ts";

/** One thing that happens to a queue with ordering keys that may be parked. `which` picks among what is there. */
type Event =
  | {
      type: "submit";
      key: string | null;
      concurrencyKey: string | null;
      delayMs: number | null;
      expireMs: number | null;
    }
  | { type: "take"; room: number }
  | { type: "succeed" | "fail" | "give-up" | "cancel" | "retry"; which: number }
  | { type: "key"; key: string; action: ChangeKeyRequest["action"] }
  | { type: "wait"; ms: number }
  | { type: "restart" | "purge" | "redrive" | "discard-failed" | "block" | "continue" | "project" };

const keyNames = fc.constantFrom("k", "l");
const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("submit" as const),
      key: fc.constantFrom("k", "l", "k", null),
      concurrencyKey: fc.constantFrom(null, null, "c"),
      delayMs: fc.constantFrom(null, null, SECOND, MINUTE),
      expireMs: fc.constantFrom(null, null, SECOND, MINUTE),
    }),
  },
  { weight: 5, arbitrary: fc.record({ type: fc.constant("take" as const), room: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constantFrom(
        "succeed" as const,
        "fail" as const,
        "give-up" as const,
        "give-up" as const,
        "cancel" as const,
        "retry" as const,
      ),
      which: fc.nat({ max: 40 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("key" as const),
      key: keyNames,
      action: fc.constantFrom("pause", "resume", "retry", "skip", "discard") as fc.Arbitrary<
        ChangeKeyRequest["action"]
      >,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.constantFrom(0, 1, SECOND, MINUTE, HOUR) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom(
        "restart" as const,
        "purge" as const,
        "redrive" as const,
        "discard-failed" as const,
        "block" as const,
        "continue" as const,
        "project" as const,
      ),
    }),
  },
);
const anyEvents = fc.array(anyEvent, { minLength: 1, maxLength: 70, size: "max" });

const ALL = ANY_FAILED;
const WALK = { ...CALL, namespace: "default", queue: "q", filter: ALL, after: null, limit: 100 };

class History {
  readonly h = new Harness({ onFailure: "block", perKeyConcurrency: 2, retentionMs: HOUR });
  readonly ids: string[] = [];
  leases: WorkItem[] = [];

  happen(event: Event): void {
    const { h } = this;
    switch (event.type) {
      case "submit": {
        const { key, concurrencyKey, delayMs, expireMs } = event;
        const expiresAt = expireMs === null ? null : h.now + expireMs;
        this.ids.push(h.accept({ orderingKey: key, concurrencyKey, delayMs, expiresAt }));
        return;
      }
      case "take":
        this.take(event.room);
        return;
      case "succeed":
      case "fail":
      case "give-up": {
        const item = this.leases[event.which % Math.max(1, this.leases.length)];
        if (item === undefined) return;
        if (event.type === "succeed") h.succeed(item.lease);
        else h.fail(item.lease, { retryable: event.type === "fail" });
        return;
      }
      case "cancel":
      case "retry": {
        const id = this.ids[event.which % Math.max(1, this.ids.length)];
        if (id !== undefined) h[event.type](id);
        return;
      }
      case "key":
        this.changeKey(event.key, event.action);
        return;
      case "wait":
        h.advance(event.ms);
        return;
      case "restart":
        h.restart();
        return;
      case "project":
        h.project();
        return;
      case "purge":
        h.core.purge({ ...CALL, namespace: "default", queue: "q", limit: 2 });
        return;
      case "redrive":
        h.core.redrive({ ...WALK, dryRun: false, patch: null, spacing: { firstDelayMs: 0, everyMs: SECOND } });
        return;
      case "discard-failed":
        h.core.discardFailed(WALK);
        return;
      case "block":
      case "continue":
        h.configure({ onFailure: event.type });
        h.advance(0);
    }
  }

  changeKey(key: string, action: ChangeKeyRequest["action"]): void {
    const slot = slotOf("default", "q", 0);
    this.h.core.changeKey({ ...CALL, settings: this.h.queue, slot, key, action, job: null });
  }

  /** Claims, and sees that nothing of a parked key starts. */
  take(room: number): void {
    const parked = this.parked();
    const items = this.h.take(room);
    this.leases.push(...items);
    for (const { id } of items) expect(parked).not.toContain(this.h.get(id).orderingKey);
  }

  parked(): (string | null)[] {
    return this.h.sql.all<{ key: string }>("SELECT key FROM parked").map(({ key }) => key);
  }
}

const RUNS = { numRuns: lane.histories.shard };

describe("in any history with parked keys", { timeout: lane.timeoutMs }, () => {
  test("a parked key has no job that could start, and the audit finds nothing", () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const history = new History();
        for (const event of events) {
          history.happen(event);
          const ready = history.h.sql.all<{ ordering_key: string | null }>(
            "SELECT ordering_key FROM jobs WHERE state = 'queued' AND blocked = 0",
          );
          const parked = history.parked();
          for (const job of ready) expect(parked).not.toContain(job.ordering_key);
          expect(history.h.broken()).toEqual([]);
        }
      }),
      RUNS,
    );
  });

  test("every waiting job of a parked key says whom it waits for", () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const history = new History();
        for (const event of events) history.happen(event);
        const parked = history.parked();
        for (const id of history.ids) {
          if (!history.h.has(id) || history.h.core.get({ ...CALL, namespace: "default", id, waitMs: 0 }).type !== "job")
            continue;
          const { state, orderingKey } = history.h.get(id);
          if (state !== "queued" || !parked.includes(orderingKey)) continue;
          const { reason } = history.h.explain(id);
          expect(["parked", "ordering"]).toContain(reason);
        }
      }),
      RUNS,
    );
  });

  test("when all keys are let go and everything works, nothing is left behind", () => {
    fc.assert(
      fc.property(anyEvents, fc.boolean(), (events, byDecision) => {
        const history = new History();
        const { h } = history;
        for (const event of events) history.happen(event);
        for (const key of ["k", "l"]) history.changeKey(key, "resume");
        if (!byDecision) h.configure({ onFailure: "continue" });
        h.restart();
        for (let round = 0; round < 300; round++) {
          // Jobs that expire on the way may block their key again.
          if (byDecision) for (const key of ["k", "l"]) history.changeKey(key, "skip");
          for (const { lease } of h.take()) h.succeed(lease);
          const { scheduled, queued, running } = h.stats().counts;
          if (scheduled + queued + running === 0) break;
          h.advance(MINUTE);
        }
        expect(h.stats().counts).toMatchObject({ scheduled: 0, queued: 0, running: 0 });
        expect(h.broken()).toEqual([]);
      }),
      RUNS,
    );
  });
});
