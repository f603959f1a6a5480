import { describe, expect, test } from "vitest";
import type { ListReply } from "../../../../../contract/rpc.ts";
import { JOBS } from "../../../../../durable-objects/shard/jobs/job-store.ts";
import { discard } from "../../../../../durable-objects/shard/lifecycle/discard.ts";
import { ANY_JOB, CALL, DAY, Harness, HOUR, MINUTE, only, SECOND } from "../../../../rigs/shard-harness.ts";

/** Deletes one job through a step of its own, as a command does. */
function discardOne(h: Harness, id: string): void {
  const operation = {
    id: `op_${id}`,
    namespace: h.queue.namespace,
    action: "delete" as const,
    filter: { ...ANY_JOB, createdBefore: h.now + 1 },
    createdAt: h.now,
    dryRun: false,
    everyMs: null,
  };
  h.core.operate({ ...CALL, operation });
  h.advance(0);
}

function list(h: Harness): ListReply {
  return h.core.list({
    ...CALL,
    namespace: h.queue.namespace,
    filter: { queue: null, state: null, tag: null, orderingKey: null, createdAfter: null, createdBefore: null },
    before: null,
    limit: 10,
    include: { payload: true, result: true, attempts: true },
  });
}

const name = (h: Harness, id: string) => ({ ...CALL, namespace: h.queue.namespace, id });

describe("a deleted job", () => {
  test.each(["succeeded", "failed", "cancelled"])("that had %s is found by no read", (end) => {
    const h = new Harness();
    const id = h.accept({ tags: ["secret"] });
    if (end === "cancelled") h.cancel(id);
    else if (end === "failed") h.failOne();
    else h.succeed(h.takeOne().lease, '"secret"');
    expect(h.state(id)).toBe(end);
    discardOne(h, id);
    expect(h.core.get({ ...name(h, id), waitMs: 0 })).toEqual({ type: "gone" });
    expect(h.core.explain(name(h, id))).toEqual({ type: "gone" });
    expect(h.core.cancel(name(h, id))).toEqual({ type: "gone" });
    expect(h.core.retry(name(h, id))).toEqual({ type: "gone" });
    expect(list(h)).toEqual({ type: "page", items: [], scannedTo: null, gone: [id] });
    expect(h.stats()).toMatchObject({ counts: { succeeded: 0, failed: 0, cancelled: 0 }, unprojectedSucceeded: 0 });
    expect(JSON.stringify(h.rows())).not.toContain("secret");
    expect(h.broken()).toEqual([]);
  });

  test("stands above history's copy until history has its tombstone, and is forgotten then", () => {
    const h = new Harness();
    const id = h.accept({ orderingKey: "k" });
    h.failOne();
    const [failed] = h.project();
    expect(failed).toMatchObject({ id, state: "failed" });
    discardOne(h, id);
    expect(h.has(id)).toBe(true);
    h.advance(HOUR);
    expect(h.has(id)).toBe(true);
    const tombstone = only(h.project().filter(({ version }) => version > (failed?.version ?? 0)));
    expect(tombstone).toMatchObject({ id, state: "discarded", payload: "null", result: null, attempts: [] });
    expect(tombstone).toMatchObject({ orderingKey: null, tags: [], error: null });
    h.advance(MINUTE);
    expect(h.has(id)).toBe(false);
    expect(h.count("finished")).toBe(1);
    expect(h.broken()).toEqual([]);
  });

  test("is told once: its earlier end is no longer in the log's pages", () => {
    const h = new Harness();
    const id = h.accept();
    h.failOne();
    discardOne(h, id);
    const jobs = h.finished().jobs as { id: string; state: string }[];
    expect(jobs.map((job) => [job.id, job.state])).toEqual([[id, "discarded"]]);
  });

  test("refuses a late report and a late extend as stale, in its own namespace alone", () => {
    const h = new Harness();
    const id = h.accept();
    const { lease } = h.takeOne();
    h.cancel(id);
    discardOne(h, id);
    const ok = { ok: true, result: null, resultTruncated: false } as const;
    expect(h.succeed(lease)).toBe("stale");
    expect(h.fail(lease)).toBe("stale");
    expect(h.extend(lease, MINUTE)).toEqual({ status: "stale" });
    expect(h.report(lease, ok, { namespace: "nobody" })).toEqual({ status: "unknown" });
    expect(h.extend(lease, MINUTE, "nobody")).toEqual({ status: "unknown" });
  });

  test("takes its idempotency key with it, and leaves the key of another job", () => {
    const h = new Harness();
    const idempotency = { key: "order-1", hash: "a" };
    const id = h.accept({ idempotency });
    h.accept({ idempotency: { key: "order-2", hash: "a" } });
    h.cancel(id);
    discardOne(h, id);
    expect(h.count("idempotency")).toBe(1);
    const again = h.accept({ idempotency });
    expect(h.state(again)).toBe("queued");
  });

  test("takes its deduplication key with it", () => {
    const h = new Harness();
    const dedup = { key: "d", windowMs: DAY, onConflict: "return", maxDelayMs: null } as const;
    const id = h.accept({ dedup });
    h.cancel(id);
    discardOne(h, id);
    expect(h.count("dedup")).toBe(0);
    expect(h.state(h.accept({ dedup }))).toBe("queued");
  });

  test("whose submission comes a second time is accepted as it was, and stays deleted", () => {
    const h = new Harness();
    const job = h.job();
    const first = h.submit([job]);
    h.cancel(job.id);
    discardOne(h, job.id);
    h.advance(SECOND);
    expect(h.submit([job])).toEqual(first);
    expect(h.core.get({ ...name(h, job.id), waitMs: 0 })).toEqual({ type: "gone" });
  });

  test("stays deleted after a restart", () => {
    const h = new Harness();
    const id = h.accept();
    h.cancel(id);
    discardOne(h, id);
    h.restart();
    expect(h.core.get({ ...name(h, id), waitMs: 0 })).toEqual({ type: "gone" });
    expect(h.broken()).toEqual([]);
  });

  test("was final: one that waits is not discarded", () => {
    const h = new Harness();
    const id = h.accept();
    const { engine } = h.core;
    const row = engine.get(JOBS).head(id);
    expect(() => engine.step((step) => row !== null && discard(step, row))).toThrow("only a final job");
    expect(h.state(id)).toBe("queued");
  });
});

describe("keys of jobs that history alone has", () => {
  test("are forgotten; of a job that the shard holds nothing is", () => {
    const h = new Harness();
    const gone = h.accept({ idempotency: { key: "a", hash: "x" } });
    h.succeed(h.takeOne().lease);
    h.project();
    h.advance(2 * HOUR);
    expect(h.has(gone)).toBe(false);
    const held = h.accept({ idempotency: { key: "b", hash: "x" } });
    const keys = { queue: "q", orderingKey: null, concurrencyKey: null, dedupKey: null };
    const jobs = [
      { id: gone, ...keys, idempotencyKey: "a" },
      { id: held, ...keys, idempotencyKey: "b" },
    ];
    expect(h.core.releaseKeys({ ...CALL, namespace: "nobody", jobs })).toEqual({ type: "existing", ids: [held] });
    expect(h.count("idempotency")).toBe(2);
    expect(h.core.releaseKeys({ ...CALL, namespace: "default", jobs })).toEqual({ type: "existing", ids: [held] });
    expect(h.sql.all("SELECT key FROM idempotency")).toEqual([{ key: "b" }]);
  });
});
