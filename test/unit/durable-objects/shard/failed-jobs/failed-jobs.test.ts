import { describe, expect, test } from "vitest";
import type * as rpc from "../../../../../contract/rpc.ts";
import { fingerprintOf } from "../../../../../domain/fingerprint.ts";
import type { Job } from "../../../../../domain/job/job.ts";
import {
  ANY_FAILED,
  at,
  BOOM,
  CALL,
  DAY,
  Harness,
  HOUR,
  MINUTE,
  only,
  SECOND,
  START,
} from "../../../../rigs/shard-harness.ts";

const ANY = ANY_FAILED;

/** Walks that only read. */
function walk(h: Harness, over: Partial<rpc.FailedJobsRequest> = {}): rpc.FailedJobsRequest {
  return {
    movingTo: null,
    ...CALL,
    namespace: "default",
    queue: h.queue.name,
    filter: ANY,
    after: null,
    limit: 1000,
    ...over,
  };
}

function redrive(h: Harness, filter: Partial<rpc.DeadFilter>, over: Partial<rpc.RedriveRequest> = {}) {
  const request = { ...walk(h), filter: { ...ANY, ...filter }, dryRun: false, spacing: null, patch: null, ...over };
  return h.core.redrive(request);
}

const REDRIVE = { patch: null, action: "redrive", movingTo: null } as const;

/** One new job that fails for good with this message. */
function failed(h: Harness, message: string, over: Parameters<Harness["job"]>[0] = {}): string {
  const id = h.accept(over);
  h.failOne({ message });
  return id;
}

function failures(h: Harness, after: string | null = null): rpc.FailuresReply {
  return h.core.failures({ ...CALL, namespace: "default", queue: h.queue.name, after });
}

function storedKind(h: Harness, id: string): string | null {
  return (
    h.sql.all<{ fingerprint: string | null }>("SELECT fingerprint FROM jobs WHERE id = ?", id)[0]?.fingerprint ?? null
  );
}

function revive(h: Harness, jobs: Job[], over: Partial<rpc.ReviveRequest> = {}): rpc.Revived[] {
  const revivals = jobs.map((job) => ({ job, delayMs: 0 }));
  const request = { ...CALL, settings: h.queue, jobs: revivals, ...REDRIVE, ...over };
  const reply = h.core.revive(request);
  if (reply.type !== "revived") throw new Error(`not revived: ${reply.type}`);
  return reply.results;
}

/** The jobs as history got them, once the shard has forgotten them. */
function forgotten(h: Harness, ids: string[]): Job[] {
  const jobs = h.project().filter(({ id }) => ids.includes(id));
  h.advance(h.queue.retentionMs + MINUTE);
  expect(ids.filter((id) => h.has(id))).toEqual([]);
  return jobs;
}

describe("the kind of a failure", () => {
  test("is written down however a job fails, and taken away when it is redriven", () => {
    const h = new Harness({ retry: { ...new Harness().queue.retry, maxAttempts: 1 } });
    const reported = failed(h, "no 17");
    const lost = h.accept();
    h.take();
    h.advance(15 * SECOND);
    const slow = h.accept({ timeoutMs: SECOND });
    h.extend(h.takeOne().lease, HOUR);
    h.advance(MINUTE);
    const expired = h.accept({ expiresAt: h.now + SECOND });
    h.advance(MINUTE);
    const kinds = [reported, lost, slow, expired].map((id) => storedKind(h, id));
    for (const [i, id] of [reported, lost, slow, expired].entries()) {
      expect(kinds[i]).toBe(fingerprintOf(h.get(id).error ?? BOOM));
    }
    expect(new Set(kinds).size).toBe(4);
    h.retry(reported);
    expect(storedKind(h, reported)).toBeNull();
    h.succeed(h.takeOne().lease);
    expect(storedKind(h, reported)).toBeNull();
  });
});

describe("failures of a queue", () => {
  test("are grouped by kind, with their first and last time and the job that failed last", () => {
    const h = new Harness();
    failed(h, "timeout after 1 ms");
    h.advance(SECOND);
    failed(h, "timeout after 20 ms");
    h.advance(SECOND);
    const last = failed(h, "timeout after 300 ms");
    failed(h, "other");
    h.cancel(h.accept());
    const { groups, next } = failures(h);
    expect(next).toBeNull();
    expect(groups).toHaveLength(2);
    expect(groups.find(({ count }) => count === 3)).toEqual({
      fingerprint: fingerprintOf({ code: "boom", message: "timeout after 5 ms" }),
      code: "boom",
      message: "timeout after <n> ms",
      count: 3,
      firstAt: START,
      lastAt: START + 2 * SECOND,
      sample: last,
    });
  });

  test("come in steps that go on where the last ended", () => {
    const h = new Harness();
    const letters = [..."abcdefghijklmnopqrstuvwxyz"];
    const names = letters.flatMap((a) => letters.map((b) => a + b)).slice(0, 600);
    h.submit(h.jobs(600));
    for (let items = h.take(); items.length > 0; items = h.take()) {
      for (const { lease } of items) h.fail(lease, { message: `no ${names.pop()}`, retryable: false });
    }
    const first = failures(h);
    const second = failures(h, first.next);
    expect([first.groups.length, second.groups.length, second.next]).toEqual([500, 100, null]);
    const kinds = [...first.groups, ...second.groups].map(({ fingerprint }) => fingerprint);
    expect(new Set(kinds).size).toBe(600);
  });

  test("of a queue that is not known are none", () => {
    expect(failures(new Harness())).toEqual({ groups: [], next: null });
  });
});

describe("a redrive", () => {
  test("takes what matches the filter, bounds excluded", () => {
    const h = new Harness();
    const first = failed(h, "a 1", { orderingKey: "k" });
    h.advance(SECOND);
    failed(h, "b");
    const kind = fingerprintOf({ code: "boom", message: "a 2" });
    const matched = (filter: Partial<rpc.DeadFilter>) => redrive(h, filter, { dryRun: true }).matched;
    expect(matched({ fingerprint: kind })).toBe(1);
    expect(matched({ fingerprint: "0".repeat(16) })).toBe(0);
    expect(matched({ orderingKey: "k" })).toBe(1);
    expect([matched({ finishedAfter: START }), matched({ finishedAfter: START - 1 })]).toEqual([1, 2]);
    expect([matched({ createdAfter: START }), matched({ createdBefore: START + SECOND })]).toEqual([1, 1]);
    expect(redrive(h, { fingerprint: kind })).toEqual({ matched: 1, redriven: 1, skipped: 0, next: null });
    expect(h.takeOne().id).toBe(first);
    expect(redrive(h, { fingerprint: kind }).matched).toBe(0);
  });

  test("lays a patch over the payloads, of which too large ones stay as they are", () => {
    const h = new Harness();
    const small = failed(h, "x", { payload: '{"a":1,"b":{"c":2}}' });
    const large = failed(h, "x", { payload: `{"big":"${"x".repeat(262_130)}"}` });
    const patch = '{"a":null,"b":{"d":[true]}}';
    expect(redrive(h, {}, { patch, dryRun: true })).toMatchObject({ matched: 2, redriven: 0, skipped: 1 });
    expect([h.get(small).payload, h.state(small)]).toEqual(['{"a":1,"b":{"c":2}}', "failed"]);
    expect(redrive(h, {}, { patch })).toMatchObject({ matched: 2, redriven: 1, skipped: 1 });
    const item = h.takeOne();
    expect([item.id, item.payload]).toEqual([small, '{"b":{"c":2,"d":[true]}}']);
    expect(h.state(large)).toBe("failed");
    h.succeed(item.lease);
    expect(only(h.project().filter(({ id }) => id === small)).payload).toBe('{"b":{"c":2,"d":[true]}}');
  });

  test("replaces payloads whole by a patch that is no object", () => {
    const h = new Harness();
    const id = failed(h, "x");
    redrive(h, {}, { patch: "null" });
    expect(h.get(id).payload).toBe("null");
  });
});

describe("failed jobs that are taken elsewhere", () => {
  test("are read whole, in pages that fit in one call", () => {
    const h = new Harness();
    const ids = Array.from({ length: 20 }, () => failed(h, "x", { payload: JSON.stringify("p".repeat(262_000)) }));
    const read: string[] = [];
    let pages = 0;
    for (let after: string | null = null; ; pages++) {
      const page: rpc.FailedJobsReply = h.core.failedJobs(walk(h, { after }));
      read.push(...page.jobs.map(({ id }) => id));
      after = page.next;
      if (after === null) break;
    }
    expect([read.sort(), pages]).toEqual([ids.sort(), 1]);
  });

  test("come in the order in which they were accepted, whatever their ids", () => {
    const h = new Harness({ retry: { ...new Harness().queue.retry, maxAttempts: 1 } });
    const made = [h.job(), h.job(), h.job()].map(({ id }) => id).reverse();
    for (const id of made) failed(h, "x", { id });
    expect(h.core.failedJobs(walk(h)).jobs.map(({ id }) => id)).toEqual(made);
  });

  test("are buried as they were seen: one that has changed since stays", () => {
    const h = new Harness();
    const [a, b] = [failed(h, "x"), failed(h, "x")];
    const seen = h.core.failedJobs(walk(h)).jobs.map(({ id, version }) => ({ id, version }));
    h.retry(b);
    h.failOne();
    h.core.discardMoved({ ...CALL, namespace: "other", jobs: seen, released: [] });
    expect([h.state(a), h.state(b)]).toEqual(["failed", "failed"]);
    h.core.discardMoved({ ...CALL, namespace: "default", jobs: seen, released: [] });
    h.core.discardMoved({ ...CALL, namespace: "default", jobs: seen, released: [] });
    const reply = h.core.get({ ...CALL, namespace: "default", id: a, waitMs: 0 });
    expect([reply.type, h.state(b)]).toEqual(["gone", "failed"]);
    expect(h.broken()).toEqual([]);
  });

  test("are discarded by filter in steps", () => {
    const h = new Harness();
    for (let i = 0; i < 250; i++) failed(h, i % 2 === 0 ? "even" : "odd");
    const filter = { ...ANY, fingerprint: fingerprintOf({ code: "boom", message: "even" }) };
    const first = h.core.discardFailed(walk(h, { filter }));
    const second = h.core.discardFailed(walk(h, { filter, after: first.next }));
    expect([first.discarded + second.discarded, second.next]).toEqual([125, null]);
    expect(only(failures(h).groups).count).toBe(125);
    expect([h.stats().counts.failed, h.broken()]).toEqual([125, []]);
  });
});

describe("a job that history alone has", () => {
  test("comes back under its id, with its attempts, one version newer and a new budget", () => {
    const h = new Harness({ retentionMs: HOUR });
    const id = h.accept({ tags: ["t"], payload: '{"a":1}', priority: 7, retry: { maxAttempts: 2 } });
    h.fail(h.takeOne().lease);
    h.advance(SECOND);
    h.fail(h.takeOne().lease);
    const [job] = forgotten(h, [id]);
    const results = revive(h, [job as Job]);
    expect(results).toMatchObject([{ type: "revived", job: { state: "queued", version: (job?.version ?? 0) + 1 } }]);
    expect(h.get(id)).toMatchObject({
      createdAt: START,
      attempt: 2,
      tags: ["t"],
      priority: 7,
      error: { code: "boom" },
    });
    expect(h.get(id).attempts).toHaveLength(2);
    expect([h.broken(), h.stats().counts.queued]).toEqual([[], 1]);
    const item = h.takeOne();
    expect(item).toMatchObject({ id, attempt: 3, payload: '{"a":1}' });
    h.fail(item.lease);
    expect(h.state(id)).toBe("scheduled");
    h.restart();
    h.advance(2 * SECOND);
    h.succeed(h.takeOne().lease);
    const told = only(h.project().filter((done) => done.id === id));
    expect(told).toMatchObject({ state: "succeeded", attempt: 4 });
    expect(told.version).toBeGreaterThan(job?.version ?? 0);
    expect(told.attempts.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
  });

  test("comes back once: a call that comes twice finds it held, also when it was discarded meanwhile", () => {
    const h = new Harness({ retentionMs: HOUR });
    const id = failed(h, "x");
    const jobs = forgotten(h, [id]);
    expect(revive(h, jobs)).toMatchObject([{ type: "revived" }]);
    expect(revive(h, jobs)).toEqual([{ type: "exists" }]);
    h.failOne();
    h.core.discardFailed(walk(h));
    expect(revive(h, jobs)).toEqual([{ type: "exists" }]);
    expect(h.broken()).toEqual([]);
  });

  test("can be discarded alone: history gets a tombstone", () => {
    const h = new Harness({ retentionMs: HOUR });
    const id = failed(h, "x");
    const jobs = forgotten(h, [id]);
    expect(revive(h, jobs, { action: "discard" })).toEqual([{ type: "revived", job: null }]);
    expect(h.take()).toEqual([]);
    const told = only(h.project().filter((done) => done.id === id));
    expect(told).toMatchObject({ state: "discarded", version: at(jobs, 0).version + 1, payload: "null" });
    expect(h.broken()).toEqual([]);
  });

  test("comes back later, patched, or not at all when the patch makes it too large", () => {
    const h = new Harness({ retentionMs: HOUR });
    const ids = [failed(h, "x", { payload: '{"a":1}' }), failed(h, "x", { payload: `"${"x".repeat(262_000)}"` })];
    const [small, large] = forgotten(h, ids);
    const jobs = [small, large].map((job, i) => ({ job: job as Job, delayMs: i === 0 ? MINUTE : 0 }));
    const big = `{"b":"${"y".repeat(262_141 - '{"a":1,}'.length - '"b":""'.length + 1)}"}`;
    expect(revive(h, [], { jobs, patch: '{"b":2}' })).toMatchObject([{ type: "revived" }, { type: "revived" }]);
    expect(h.get(ids[0] ?? "")).toMatchObject({ state: "scheduled", payload: '{"a":1,"b":2}' });
    const other = new Harness({ retentionMs: HOUR });
    const [again] = forgotten(other, [failed(other, "x", { payload: '{"a":1}' })]);
    expect(revive(other, [again as Job], { patch: `${big.slice(0, -2)}yyyyyyyyyy"}` })).toEqual([
      { type: "too-large" },
    ]);
    expect(other.has(again?.id ?? "")).toBe(false);
  });

  test("takes its old place in its line, and lets go of a key that it blocked", () => {
    const h = new Harness({ retentionMs: HOUR, onFailure: "block" });
    const id = failed(h, "x", { orderingKey: "k" });
    const next = h.accept({ orderingKey: "k" });
    const jobs = forgotten(h, [id]);
    expect(h.take()).toEqual([]);
    revive(h, jobs);
    const first = h.takeOne();
    expect(first.id).toBe(id);
    expect([h.take(), h.broken()]).toEqual([[], []]);
    h.succeed(first.lease);
    expect(h.takeOne().id).toBe(next);
  });

  test("that was cancelled comes back too", () => {
    const h = new Harness({ retentionMs: HOUR });
    const id = h.accept();
    h.take();
    h.cancel(id);
    expect(revive(h, forgotten(h, [id]))).toMatchObject([{ type: "revived", job: { state: "queued" } }]);
    expect(h.takeOne()).toMatchObject({ id, attempt: 2 });
    expect(h.get(id).attempts).toMatchObject([{ outcome: "cancelled" }, { outcome: null }]);
  });

  test("never comes back to a queue that is gone or has other partitions, but can be discarded", () => {
    const h = new Harness({ retentionMs: HOUR });
    const jobs = forgotten(h, [failed(h, "x", { orderingKey: "k" }), failed(h, "x")]);
    h.configure({ partitions: 7 });
    expect(revive(h, jobs).map(({ type }) => type)).toEqual(["refused", "refused"]);
    h.configure({ partitions: 7, deleted: true });
    h.restart();
    expect(revive(h, jobs)).toMatchObject([{ type: "refused" }, { type: "refused" }]);
    expect(h.count("jobs")).toBe(0);
    expect(revive(h, jobs, { action: "discard" }).map(({ type }) => type)).toEqual(["revived", "revived"]);
    expect(h.broken()).toEqual([]);
  });

  test("waits while its queue is held for a change, and is asked for again with newer settings", () => {
    const h = new Harness({ retentionMs: HOUR });
    const jobs = forgotten(h, [failed(h, "x")]).map((job) => ({ job, delayMs: 0 }));
    const request = { ...CALL, settings: h.queue, jobs, ...REDRIVE };
    h.core.hold({ ...CALL, namespace: "default", queue: "q", holdMs: SECOND });
    expect(h.core.revive(request).type).toBe("busy");
    h.configure({ timeoutMs: SECOND });
    expect(h.core.revive(request).type).toBe("settings");
    expect(h.core.revive({ ...request, settings: h.queue }).type).toBe("revived");
    h.advance(DAY);
  });
});

describe("a job that takes the place of another", () => {
  test("keeps the time at which that one was made, and can be redriven after its queue was repartitioned before it came", () => {
    const h = new Harness();
    h.accept();
    h.succeed(h.takeOne().lease);
    h.advance(DAY);
    h.configure({ partitions: 2 });
    h.advance(SECOND);
    const job = { ...h.job(), createdAt: START };
    h.submit([job]);
    expect(h.get(job.id).createdAt).toBe(START);
    h.failOne();
    expect(h.retry(job.id)).toBe("job");
    expect(h.takeOne().id).toBe(job.id);
  });
});
