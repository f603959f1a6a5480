import { describe, expect, test } from "vitest";
import type { WorkItem } from "../../../../../../contract/rpc.ts";
import { JOBS } from "../../../../../../durable-objects/shard/jobs/job-store.ts";
import { discard } from "../../../../../../durable-objects/shard/lifecycle/discard.ts";
import {
  CALL,
  type Harness,
  HOUR,
  idsOf,
  MINUTE,
  only,
  PackHarness,
  SECOND,
} from "../../../../../rigs/shard-harness.ts";

const BIG = JSON.stringify("x".repeat(10_000));

const packsOf = (h: Harness) =>
  h.sql.all<{ n: number; gone: string | null }>("SELECT n, gone FROM packs ORDER BY pack");
const rowsOf = (h: Harness) => h.sql.all<{ id: string }>("SELECT id FROM jobs ORDER BY id").map(({ id }) => id);
const written = (h: Harness, step: () => void) => {
  const before = h.sql.rowsWritten();
  step();
  return h.sql.rowsWritten() - before;
};

/** A shard that has met its queue, so that only what jobs cost is counted. */
function warm(): PackHarness {
  const h = new PackHarness();
  h.accept();
  h.succeed(h.takeOne().lease);
  h.project();
  return h;
}

/** Deletes a final job, as an operation does. */
function remove(h: Harness, id: string): void {
  h.core.engine.step((step) => {
    const row = step.get(JOBS).head(id);
    if (row === null) throw new Error(`${id} is not there`);
    discard(step, row);
  });
}

function succeedAll(h: Harness, items: readonly WorkItem[]): void {
  const outcome = { ok: true, result: "null", resultTruncated: false } as const;
  h.work({ reports: items.map(({ lease }) => ({ lease, outcome })), room: { handler: 0, http: 0 } });
}

describe("a hundred plain jobs", () => {
  test("cost a row when they come, one when they are claimed, one and the log's when they are done, and three when they go", () => {
    const h = warm();
    expect(written(h, () => h.submit(h.jobs(100)))).toBe(1);
    let items: WorkItem[] = [];
    expect(written(h, () => (items = h.take(100)))).toBe(1);
    expect(items).toHaveLength(100);
    expect(written(h, () => succeedAll(h, items))).toBe(2);
    h.project();
    h.advance(10 * MINUTE - 1);
    // The pack, its slice and the entry of the log, and those of the job before; the position of the log, and the namespace's bytes.
    expect(written(h, () => h.advance(1))).toBe(8);
    expect([h.count("jobs"), h.count("packs"), h.count("slices"), h.broken()]).toEqual([0, 0, 0, []]);
  });

  test("with idempotency keys cost a row more each, for the key", () => {
    const h = warm();
    const jobs = Array.from({ length: 100 }, (_, i) => h.job({ idempotency: { key: `k${i}`, hash: "h" } }));
    expect(written(h, () => h.submit(jobs))).toBe(101);
  });

  test("claimed one by one and done one by one cost two rows each", () => {
    const h = warm();
    h.submit(h.jobs(50));
    const rows = written(h, () => {
      for (let n = 0; n < 50; n++) h.succeed(only(h.take(1)).lease);
    });
    expect(rows).toBeLessThanOrEqual(101);
    expect(rowsOf(h)).toEqual([]);
  });
});

describe("a pack", () => {
  test("takes what comes after it, until a job of it is claimed or it is full", () => {
    const h = new PackHarness();
    for (let n = 0; n < 30; n++) {
      h.now += 7;
      h.submit(h.jobs(4));
    }
    expect(packsOf(h).map(({ n }) => n)).toEqual([100, 20]);
    const ids = h.rows().map(({ id }) => id);
    expect(idsOf(h.take(10))).toEqual(ids.slice(0, 10));
    h.submit(h.jobs(4));
    expect(packsOf(h).map(({ n }) => n)).toEqual([100, 24]);
    expect(h.take(100)).toHaveLength(100);
    h.submit(h.jobs(4));
    expect(packsOf(h).map(({ n }) => n)).toEqual([100, 24, 4]);
    h.restart();
    expect([h.count("jobs"), h.broken()]).toEqual([128, []]);
  });

  test("has no job that something beside its place in line says when to start, nor one of a large payload", () => {
    const h = new PackHarness();
    const kept = [
      h.job({ orderingKey: "k" }),
      h.job({ concurrencyKey: "k" }),
      h.job({ delayMs: SECOND }),
      h.job({ expiresAt: h.now + HOUR }),
      h.job({ payload: BIG }),
      h.job({ dedup: { key: "d", windowMs: MINUTE, onConflict: "return", maxDelayMs: null } }),
    ];
    h.submit([...kept, h.job({ tags: ["t"] }), h.job({ priority: 9 }), h.job({ timeoutMs: SECOND })]);
    expect(rowsOf(h)).toEqual(idsOf(kept).sort());
    expect(packsOf(h).map(({ n }) => n)).toEqual([1, 1, 1]);
  });

  test("gives its jobs in the order of their ranks, between those of others", () => {
    const h = new PackHarness();
    const [low, high] = [h.job({ priority: 1 }), h.job({ priority: 8 })];
    const jobs = [low, h.job({ priority: 5 }), h.job({ priority: 5, orderingKey: "k" }), h.job({ priority: 5 }), high];
    h.submit(jobs);
    const [, a, b, c] = jobs;
    expect(idsOf(h.take())).toEqual([high, a, b, c, low].map((job) => job?.id));
  });

  test("of which a job fails keeps the others as they are, and the job has its row", () => {
    const h = new PackHarness();
    h.submit(h.jobs(5));
    const [first, ...others] = h.take();
    h.fail(first?.lease ?? "");
    expect(rowsOf(h)).toEqual([first?.id]);
    expect(packsOf(h)).toEqual([{ n: 5, gone: "[0]" }]);
    expect(h.get(first?.id ?? "")).toMatchObject({ state: "scheduled", attempt: 1, version: 3 });
    succeedAll(h, others);
    expect(h.project().map(({ id }) => id)).toEqual(idsOf(others));
    expect(h.broken()).toEqual([]);
  });

  test("of which every job gets its row goes at once, and leaves nothing in the log", () => {
    const h = new PackHarness();
    const jobs = h.jobs(3);
    h.submit(jobs);
    for (const { id } of jobs) h.cancel(id);
    expect([packsOf(h), h.count("jobs"), h.broken()]).toEqual([[], 3, []]);
    expect(h.project()).toHaveLength(3);
  });

  test("that is done but for one job goes to history a minute later without it", () => {
    const h = new PackHarness({ timeoutMs: HOUR });
    h.submit(h.jobs(10));
    const items = h.take(100);
    const [slow, ...others] = items;
    h.core.extend({
      ...CALL,
      namespace: null,
      leases: [{ lease: slow?.lease ?? "", leaseMs: HOUR, unlessLeftMs: null }],
    });
    succeedAll(h, others.slice(1));
    expect(h.project()).toEqual([]);
    h.advance(MINUTE);
    expect(h.project().map(({ id }) => id)).toEqual(idsOf(others.slice(1)));
    expect(h.state(slow?.id ?? "")).toBe("running");
    expect(h.broken()).toEqual([]);
  });

  test("that nobody claims to its end goes on waiting, while those that are done get their rows", () => {
    const h = new PackHarness();
    h.submit(h.jobs(10));
    const done = h.take(2);
    succeedAll(h, done);
    h.advance(MINUTE);
    expect(rowsOf(h)).toEqual(idsOf(done).sort());
    expect(h.project().map(({ id }) => id)).toEqual(idsOf(done));
    expect(h.take()).toHaveLength(8);
    expect(h.broken()).toEqual([]);
  });

  test("takes no result that is large: its job gets a row, and the others stay", () => {
    const h = new PackHarness();
    h.submit(h.jobs(3));
    const [large, ...small] = h.take();
    h.succeed(large?.lease ?? "", BIG);
    succeedAll(h, small);
    expect(rowsOf(h)).toEqual([large?.id]);
    expect(h.get(large?.id ?? "")).toMatchObject({ state: "succeeded", result: BIG, version: 3 });
    expect(h.project()).toHaveLength(3);
    expect(h.broken()).toEqual([]);
  });
});

describe("a job that a pack has", () => {
  test("sent a second time is answered as the first time, be it early or late, and is there once", () => {
    const h = new PackHarness();
    const job = h.job();
    const first = h.submit([job, h.job()]);
    expect(h.submit([job])).toEqual(first.slice(0, 1));
    h.succeed(h.take(1)[0]?.lease ?? "");
    h.now += 20 * SECOND;
    expect(h.submit([job])).toEqual(first.slice(0, 1));
    expect([h.count("jobs"), h.count("packs"), rowsOf(h)]).toEqual([2, 1, []]);
  });

  test("is deleted before history has it, and after", () => {
    const h = new PackHarness();
    const jobs = h.jobs(4);
    h.submit(jobs);
    const ids = idsOf(jobs);
    succeedAll(h, h.take());
    remove(h, ids[0] ?? "");
    expect(
      h
        .project()
        .map(({ id, state }) => [id, state])
        .sort(),
    ).toEqual(ids.map((id, i) => [id, i === 0 ? "discarded" : "succeeded"]));
    remove(h, ids[1] ?? "");
    expect(h.project().find(({ id }) => id === ids[1])).toMatchObject({ state: "discarded" });
    expect(h.broken()).toEqual([]);
    h.advance(2 * HOUR);
    expect([h.count("jobs"), h.count("packs"), h.count("finished"), h.broken()]).toEqual([0, 0, 0, []]);
  });

  test("is reported under its own lease alone", () => {
    const h = new PackHarness();
    h.submit(h.jobs(2));
    const [one, other] = h.take();
    const tag = one?.lease.split("_").at(-1) ?? "";
    const forged = (other?.lease ?? "").replace(/[^_]+$/, tag);
    expect(h.succeed(forged)).toBe("unknown");
    expect(h.succeed(one?.lease ?? "")).toBe("recorded");
    expect(h.succeed(one?.lease ?? "")).toBe("stale");
    h.advance(2 * MINUTE);
    expect(h.succeed(other?.lease ?? "")).toBe("stale");
  });
});
