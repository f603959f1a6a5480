import fc from "fast-check";
import { expect, test } from "vitest";
import type { ListRequest, WorkItem } from "../../../../../../contract/rpc.ts";
import type { Job } from "../../../../../../domain/job/job.ts";
import { parseLease } from "../../../../../../domain/lease.ts";
import { JOBS } from "../../../../../../durable-objects/shard/jobs/job-store.ts";
import { discard } from "../../../../../../durable-objects/shard/lifecycle/discard.ts";
import { lane } from "../../../../../lane.ts";
import {
  CALL,
  type Harness,
  HOUR,
  MINUTE,
  PackHarness,
  RowHarness,
  SECOND,
} from "../../../../../rigs/shard-harness.ts";

/**
 * Two shards to which the same happens, one that packs and one that does not: whoever asks gets the same answers of both, at
 * every moment, of every job. So all that is proven of rows holds for packs.
 */
type Event =
  | { type: "submit"; jobs: number; priority: number; key: string | null; delayMs: number | null; tag: string | null }
  | { type: "take"; room: number }
  | { type: "claim"; max: number; begins: boolean }
  | {
      type: "succeed" | "fail" | "defer" | "extend" | "progress" | "cancel" | "retry" | "delete" | "again";
      which: number;
    }
  | { type: "large"; which: number }
  | { type: "patch"; which: number; priority: number }
  | { type: "wait"; ms: number }
  | { type: "all" | "restart" | "project" | "purge" | "pause" | "resume" };

const which = fc.nat({ max: 60 });
const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 7,
    arbitrary: fc.record({
      type: fc.constant("submit" as const),
      jobs: fc.constantFrom(1, 1, 2, 3, 7, 30),
      priority: fc.constantFrom(4, 4, 4, 0, 9),
      key: fc.constantFrom(null, null, null, "k"),
      delayMs: fc.constantFrom(null, null, null, SECOND),
      tag: fc.constantFrom(null, null, "red"),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("take" as const), room: fc.constantFrom(1, 2, 5, 50) }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("claim" as const), max: fc.constantFrom(1, 4, 20), begins: fc.boolean() }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constantFrom(
        "succeed" as const,
        "succeed" as const,
        "fail" as const,
        "defer" as const,
        "extend" as const,
        "progress" as const,
        "cancel" as const,
        "retry" as const,
        "delete" as const,
        "again" as const,
        "large" as const,
      ),
      which,
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("patch" as const), which, priority: fc.constantFrom(4, 7) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("wait" as const),
      ms: fc.constantFrom(1, 400, 5 * SECOND, 15 * SECOND, MINUTE, 10 * MINUTE, HOUR),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constantFrom(
        "all" as const,
        "restart" as const,
        "project" as const,
        "purge" as const,
        "pause" as const,
        "resume" as const,
      ),
    }),
  },
);

const LISTED: Omit<ListRequest, "filter"> = {
  ...CALL,
  namespace: "default",
  before: null,
  limit: 7,
  include: { payload: true, result: true, attempts: true },
};
const NO_FILTER = { queue: null, state: null, tag: null, orderingKey: null, createdAfter: null, createdBefore: null };

class Twin {
  readonly h: Harness;
  readonly ids: string[] = [];
  readonly submitted: ReturnType<Harness["job"]>[] = [];
  leases: string[] = [];
  /** What history has: of each job the newest of what it was given, by id. */
  readonly history = new Map<string, Job>();

  constructor(h: Harness) {
    this.h = h;
  }

  /** Nobody is answered: a pack's jobs may go to history a little later than rows, so that they go together. */
  project(): void {
    for (const job of this.h.project()) {
      if (job.version >= (this.history.get(job.id)?.version ?? 0)) this.history.set(job.id, job);
    }
  }

  /** The job that an event names by its id; null where it names none. */
  named(event: Event): string | null {
    switch (event.type) {
      case "cancel":
      case "retry":
      case "delete":
      case "patch":
        return this.#id(event.which);
      case "again":
        return this.submitted[event.which % Math.max(1, this.submitted.length)]?.id ?? null;
      default:
        return null;
    }
  }

  /** What whoever made the call was answered. */
  happen(event: Event): unknown {
    const { h } = this;
    switch (event.type) {
      case "submit":
        return this.#submit(event);
      case "take":
        return this.#hold(h.take(event.room));
      case "claim":
        return h.claim({ max: event.max, begins: event.begins, leaseMs: 15 * SECOND }).map(({ job, lease }) => {
          this.leases.push(lease);
          return { job, lease };
        });
      case "all":
        return this.leases.splice(0).map((lease) => h.succeed(lease, '"ok"'));
      case "wait":
        return h.advance(event.ms);
      case "restart":
        return h.restart();
      case "project":
        return this.project();
      case "pause":
      case "resume":
        return h.configure({ paused: event.type === "pause" });
      case "purge":
        return h.core.purge({ ...CALL, namespace: "default", queue: "q", limit: 200 }).cancelled;
      case "patch":
        return h.patch(this.#id(event.which), { priority: event.priority });
      default:
        return this.#toOne(event.type, event.which);
    }
  }

  #submit({ jobs, priority, key, delayMs, tag }: Extract<Event, { type: "submit" }>): unknown {
    const tags = tag === null ? [] : [tag];
    const made = this.h.jobs(jobs, { priority, orderingKey: key, delayMs, tags });
    this.ids.push(...made.map(({ id }) => id));
    this.submitted.push(...made);
    return this.h.submit(made);
  }

  #hold(items: WorkItem[]): unknown {
    this.leases.push(...items.map(({ lease }) => lease));
    return items;
  }

  #toOne(type: Exclude<Event["type"], "submit" | "take" | "claim" | "wait">, which: number): unknown {
    const { h } = this;
    const id = this.#id(which);
    switch (type) {
      case "cancel":
        return id === "" ? null : h.cancel(id);
      case "retry":
        return id === "" ? null : h.retry(id);
      case "again": {
        const job = this.submitted[which % Math.max(1, this.submitted.length)];
        return job === undefined ? null : h.submit([job]);
      }
      case "delete":
        return this.#delete(id);
      default:
        return this.#toLease(type, this.leases[which % Math.max(1, this.leases.length)]);
    }
  }

  #toLease(type: string, lease: string | undefined): unknown {
    const { h } = this;
    if (lease === undefined) return null;
    switch (type) {
      case "succeed":
        return h.succeed(lease, '{"done":true}');
      case "large":
        return h.succeed(lease, JSON.stringify("x".repeat(9_000)));
      case "fail":
        return h.fail(lease);
      case "defer": {
        const error = { code: "busy", message: "Later.", retryable: true };
        return h.report(lease, { ok: false, error, retryAfterMs: SECOND, putBack: "deferred" });
      }
      case "extend":
        return h.extend(lease, 20 * SECOND);
      default:
        return h.core.extend({
          ...CALL,
          namespace: null,
          leases: [{ lease, leaseMs: 20 * SECOND, unlessLeftMs: null, progress: { percent: 50 } }],
        });
    }
  }

  #delete(id: string): boolean {
    return this.h.core.engine.step((step) => {
      const row = step.get(JOBS).head(id);
      if (row === null || !["succeeded", "failed", "cancelled"].includes(row.state)) return false;
      discard(step, row);
      return true;
    });
  }

  #id(which: number): string {
    return this.ids[which % Math.max(1, this.ids.length)] ?? "";
  }

  /** All that anybody can ask of the jobs that both shards have. */
  sight(known: ReadonlySet<string>): unknown {
    const { h } = this;
    const stats = this.ids.length === 0 ? null : h.stats();
    const rows = h.rows().filter(({ id }) => known.has(id));
    return {
      // Numbers are the shard's own affair, but for the order that they make.
      rows: rows.map(({ seq: _seq, rank: _rank, ...row }) => row),
      order: rows.toSorted((a, b) => a.rank - b.rank).map(({ id }) => id),
      stats: stats === null ? null : { ...stats, unprojectedSucceeded: 0, perSecond: null },
      explained: [...known].map((id) => h.core.explain({ ...CALL, namespace: "default", id })),
      pages: [NO_FILTER, { ...NO_FILTER, tag: "red" }, { ...NO_FILTER, queue: "q", state: "running" as const }].map(
        (filter) => h.core.list({ ...LISTED, filter }).items.filter(({ id }) => known.has(id)),
      ),
    };
  }
}

test("whatever happens, a shard that packs answers as one that does not", { timeout: lane.timeoutMs }, () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 60, size: "max" }), (events) => {
      const twins = [new PackHarness(), new RowHarness()].map((h) => new Twin(h));
      const [packed, rows] = twins as [Twin, Twin];
      for (const [n, event] of events.entries()) {
        // What a pack has goes from the shard together, and so perhaps a minute after the row would have gone.
        const isAtOneOnly = (id: string) => packed.h.has(id) !== rows.h.has(id);
        for (const twin of twins)
          twin.leases = twin.leases.filter((lease) => !isAtOneOnly(parseLease(lease)?.jobId ?? ""));
        const named = packed.named(event);
        if (named !== null && isAtOneOnly(named)) continue;
        const [one, other] = twins.map((twin) => twin.happen(event));
        expect(one, JSON.stringify(event)).toEqual(other);
        if (n % 4 > 0 && n + 1 < events.length) continue;
        const known = new Set(rows.ids.filter((id) => packed.h.has(id) && rows.h.has(id)));
        expect(packed.sight(known), JSON.stringify(event)).toEqual(rows.sight(known));
      }
      for (const { h } of twins) expect(h.broken()).toEqual([]);
      // In the end history has the same of both.
      for (const twin of twins) {
        twin.h.advance(2 * MINUTE);
        twin.project();
      }
      expect(packed.history).toEqual(rows.history);
    }),
    { numRuns: lane.histories.shard },
  );
});
