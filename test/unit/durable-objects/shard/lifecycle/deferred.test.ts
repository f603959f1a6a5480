import { describe, expect, test } from "vitest";
import type { NewJob, SubmitReply, Submitted } from "../../../../../contract/rpc.ts";
import type { QueueSettings } from "../../../../../domain/queue.ts";
import { partitionOf } from "../../../../../domain/slots.ts";
import { ANY_FAILED, CALL, DAY, Harness, HOUR, MINUTE, only, SECOND } from "../../../../rigs/shard-harness.ts";

/** A job as the gateway defers it: with absolute times. */
function deferred(h: Harness, over: Partial<NewJob> = {}): NewJob {
  return h.job({ runAt: h.now, createdAt: h.now, ...over });
}

function send(h: Harness, job: NewJob, queue: QueueSettings = h.queue): SubmitReply {
  return h.core.submit({ ...CALL, queues: [queue], jobs: [job], atomic: false, deferred: true });
}

/** The message with the job is delivered once. */
function commit(h: Harness, job: NewJob): Submitted {
  const reply = send(h, job);
  if (reply.type !== "submitted") throw new Error(`not submitted: ${JSON.stringify(reply)}`);
  return only(reply.results);
}

const dedup = (onConflict: "return" | "reject" | "replace" | "runAfter") => ({
  key: "d",
  windowMs: HOUR,
  onConflict,
  maxDelayMs: null,
});

describe("a deferred job", () => {
  test("is committed under its own id, as it was accepted, and runs", () => {
    const h = new Harness();
    const job = deferred(h, { tags: ["late"] });
    h.advance(10 * MINUTE);
    expect(commit(h, job).type).toBe("accepted");
    expect(h.get(job.id)).toMatchObject({
      state: "queued",
      createdAt: job.createdAt,
      runAt: job.runAt,
      tags: ["late"],
    });
    h.succeed(h.takeOne().lease);
    expect(h.state(job.id)).toBe("succeeded");
    expect(h.broken()).toEqual([]);
  });

  test("counts a delay from its acceptance", () => {
    const h = new Harness();
    const job = deferred(h, { runAt: h.now + HOUR });
    h.advance(30 * MINUTE);
    commit(h, job);
    expect(h.state(job.id)).toBe("scheduled");
    h.advance(30 * MINUTE);
    expect(h.state(job.id)).toBe("queued");
  });

  test.each([
    ["waits", () => undefined],
    ["runs", (h: Harness) => h.take()],
    ["has succeeded", (h: Harness) => h.succeed(h.takeOne().lease)],
    ["has failed", (h: Harness) => h.failOne()],
  ])("whose message comes twice is one job while it %s", (_, act) => {
    const h = new Harness();
    const job = deferred(h, { idempotency: { key: "k", hash: "h" }, dedup: dedup("reject") });
    commit(h, job);
    act(h);
    const rows = h.rows();
    expect(commit(h, job).type).toBe("accepted");
    expect(h.rows()).toEqual(rows);
    expect(h.broken()).toEqual([]);
  });

  test("that the gateway's own late call has committed meanwhile is one job", () => {
    const h = new Harness();
    const job = h.job();
    h.submit([job]);
    commit(h, { ...job, runAt: h.now, createdAt: h.now });
    expect(h.count("jobs")).toBe(1);
    expect(h.take()).toHaveLength(1);
  });

  test("is not asked for room", () => {
    const h = new Harness({ maxBacklog: 1 });
    h.accept();
    expect(only(h.submit([h.job()])).type).toBe("full");
    expect(commit(h, deferred(h)).type).toBe("accepted");
  });

  test("that was deleted stays so when its message comes again", () => {
    const h = new Harness();
    const idempotency = { key: "k", hash: "h" };
    const job = deferred(h, { idempotency });
    commit(h, job);
    h.failOne();
    h.core.discardFailed({ ...CALL, namespace: "default", queue: "q", filter: ANY_FAILED, after: null, limit: 10 });
    commit(h, job);
    expect(h.take()).toEqual([]);
    expect(h.core.get({ ...CALL, namespace: "default", id: job.id, waitMs: 0 }).type).toBe("gone");
    expect(only(h.submit([h.job({ idempotency })])).type).toBe("accepted");
  });
});

describe("a deferred job that must not run", () => {
  /** What an earlier, direct submission left, and what the deferred one brings. */
  const cases: [string, Partial<NewJob>, Partial<NewJob>, string][] = [
    [
      "its idempotency key is known",
      { idempotency: { key: "k", hash: "h" } },
      { idempotency: { key: "k", hash: "h" } },
      "replayed",
    ],
    [
      "its key came with another body",
      { idempotency: { key: "k", hash: "h" } },
      { idempotency: { key: "k", hash: "other" } },
      "idempotency-mismatch",
    ],
    [
      "its deduplication key is held, and it asks to be refused",
      { dedup: dedup("return") },
      { dedup: dedup("reject") },
      "duplicate",
    ],
    ["its deduplication key is held", { dedup: dedup("return") }, { dedup: dedup("return") }, "replayed"],
    ["it is laid over a job that waits", { dedup: dedup("replace") }, { dedup: dedup("replace") }, "replayed"],
  ];

  test.each(cases)("because %s is cancelled, and names the job that answers", (_, first, second, code) => {
    const h = new Harness();
    const winner = h.accept(first);
    const job = deferred(h, second);
    commit(h, job);
    const got = h.get(job.id);
    expect(got).toMatchObject({ state: "cancelled", error: { code, retryable: false }, attempts: [] });
    expect(got.error?.message).toContain(winner);
    expect(h.take().map(({ id }) => id)).toEqual([winner]);
    expect(h.broken()).toEqual([]);
    expect(h.project().map(({ id, state }) => [id, state])).toEqual([[job.id, "cancelled"]]);
  });

  test.each(cases)("because %s ends once, however often its message comes", (_, first, second) => {
    const h = new Harness();
    h.accept(first);
    const job = deferred(h, second);
    commit(h, job);
    const rows = h.rows();
    commit(h, job);
    h.restart();
    commit(h, job);
    expect(h.rows()).toEqual(rows);
    expect(h.finished().jobs).toHaveLength(1);
  });

  test.each(cases)("because %s never comes back in line", (_, first, second) => {
    const h = new Harness();
    const winner = h.accept(first);
    const job = deferred(h, second);
    commit(h, job);
    const name = { ...CALL, namespace: "default", id: job.id };
    expect(h.core.retry(name)).toMatchObject({ type: "conflict", because: "rejected-at-commit" });
    const { finishedAfter: _none, ...any } = ANY_FAILED;
    const filter = { ...any, queue: null, state: null, fingerprint: null };
    const operation = { id: "op_1", namespace: "default", action: "retry", filter, createdAt: h.now } as const;
    h.core.operate({ ...CALL, operation: { ...operation, dryRun: false, everyMs: null } });
    h.advance(0);
    expect(only(h.core.operationProgress({ ...CALL, ids: ["op_1"] }))).toMatchObject({ done: true, changed: 0 });
    expect(h.state(job.id)).toBe("cancelled");
    expect(h.take().map(({ id }) => id)).toEqual([winner]);
  });

  test("because its queue was deleted, or it has lost its place, never comes back in line", () => {
    const h = new Harness({ partitions: 16 });
    const [late, ahead] = [deferred(h), deferred(h, { partition: 15, createdAt: h.now + MINUTE })];
    h.configure({ partitions: 8 });
    commit(h, ahead);
    h.configure({ deleted: true });
    commit(h, late);
    h.configure({ deleted: false });
    h.advance(SECOND);
    for (const { id } of [late, ahead]) {
      expect(h.core.retry({ ...CALL, namespace: "default", id })).toMatchObject({
        type: "conflict",
        because: "rejected-at-commit",
      });
    }
  });

  test("two deferred jobs of one key run once", () => {
    const h = new Harness();
    const jobs = [1, 2].map(() => deferred(h, { idempotency: { key: "k", hash: "h" }, payload: "1" }));
    for (const job of jobs) commit(h, job);
    expect(jobs.map(({ id }) => h.state(id))).toEqual(["queued", "cancelled"]);
    expect(h.take()).toHaveLength(1);
  });

  test("leaves the key with the job that has it", () => {
    const h = new Harness();
    const winner = h.accept({ idempotency: { key: "k", hash: "h" } });
    commit(h, deferred(h, { idempotency: { key: "k", hash: "h" } }));
    expect(only(h.submit([h.job({ idempotency: { key: "k", hash: "h" } })]))).toMatchObject({
      type: "replayed",
      id: winner,
    });
  });

  test("opens nobody's turn and stands in nobody's way", () => {
    const h = new Harness();
    const winner = h.accept({ orderingKey: "o", idempotency: { key: "k", hash: "h" } });
    const behind = h.accept({ orderingKey: "o" });
    commit(h, deferred(h, { orderingKey: "o", idempotency: { key: "k", hash: "h" } }));
    const first = h.takeOne();
    expect(first.id).toBe(winner);
    h.succeed(first.lease);
    expect(h.takeOne().id).toBe(behind);
    expect(h.broken()).toEqual([]);
  });

  test("is not run by a redrive of its queue's failures", () => {
    const h = new Harness();
    h.accept({ dedup: dedup("return") });
    const job = deferred(h, { dedup: dedup("reject") });
    commit(h, job);
    expect(h.core.failures({ ...CALL, namespace: "default", queue: "q", after: null }).groups).toEqual([]);
  });

  test("because it has expired fails as ever", () => {
    const h = new Harness();
    const job = deferred(h, { expiresAt: h.now + MINUTE });
    h.advance(HOUR);
    commit(h, job);
    expect(h.take()).toEqual([]);
    h.advance(0);
    expect(h.get(job.id)).toMatchObject({ state: "failed", error: { code: "expired" } });
    expect(h.broken()).toEqual([]);
  });

  test("because it has expired and would be laid over another fails as ever", () => {
    const h = new Harness();
    h.accept({ dedup: dedup("replace"), delayMs: DAY });
    const job = deferred(h, { dedup: dedup("replace"), expiresAt: h.now + MINUTE });
    h.advance(2 * MINUTE);
    commit(h, job);
    expect(h.get(job.id)).toMatchObject({ state: "failed", error: { code: "expired" } });
    expect(h.broken()).toEqual([]);
  });

  test("because its queue was deleted is cancelled", () => {
    const h = new Harness();
    const job = deferred(h);
    h.configure({ deleted: true });
    commit(h, job);
    expect(h.get(job.id)).toMatchObject({ state: "cancelled", error: { code: "queue-deleted" } });
    expect(h.broken()).toEqual([]);
  });

  test("because its key lies in another partition by now is cancelled; without a key any partition will do", () => {
    const h = new Harness({ partitions: 16 });
    const inPlaceOf8 = (key: string) => partitionOf({ orderingKey: key, idempotencyKey: null }, 8, 0);
    const inPlaceOf16 = (key: string) => partitionOf({ orderingKey: key, idempotencyKey: null }, 16, 0);
    const keys = Array.from({ length: 100 }, (_, i) => `key-${i}`);
    const moves = keys.find((key) => inPlaceOf8(key) !== inPlaceOf16(key)) ?? "";
    const stays = keys.find((key) => inPlaceOf8(key) === inPlaceOf16(key)) ?? "";
    const jobs = [
      deferred(h, { orderingKey: moves, partition: inPlaceOf16(moves) }),
      deferred(h, { orderingKey: stays, partition: inPlaceOf16(stays) }),
      deferred(h, { partition: 15 }),
      deferred(h, { partition: 7 }),
    ];
    h.configure({ partitions: 8 });
    for (const job of jobs) commit(h, job);
    expect(jobs.map(({ id }) => h.get(id).error?.code ?? h.state(id))).toEqual([
      "repartitioned",
      "queued",
      "repartitioned",
      "queued",
    ]);
    expect(h.broken()).toEqual([]);
  });
});

describe("what the shard answers of a deferred job", () => {
  test("newer settings are told, and nothing is written", () => {
    const h = new Harness();
    const older = h.queue;
    h.configure({ paused: true });
    expect(send(h, deferred(h), older)).toMatchObject({ type: "settings", settings: { version: 2 } });
    expect(h.count("jobs")).toBe(0);
  });

  test("a queue that is held for a change keeps it waiting", () => {
    const h = new Harness();
    h.configure({});
    h.core.hold({ ...CALL, namespace: "default", queue: "q", holdMs: SECOND });
    expect(send(h, deferred(h)).type).toBe("busy");
    h.advance(SECOND + 1);
    expect(send(h, deferred(h)).type).toBe("submitted");
  });

  test("a key that an undecided batch holds keeps it waiting, and nothing is written", () => {
    const h = new Harness();
    h.core.prepare({
      ...CALL,
      txn: "batch_x",
      queues: [h.queue],
      jobs: [h.job({ idempotency: { key: "k", hash: "h" } })],
      expiresAt: h.now + 5 * SECOND,
    });
    const job = deferred(h, { idempotency: { key: "k", hash: "h" } });
    expect(commit(h, job)).toEqual({ type: "undecided" });
    expect(h.has(job.id)).toBe(false);
    h.core.decide({ ...CALL, txn: "batch_x", outcome: "abort", slots: [] });
    expect(commit(h, job).type).toBe("accepted");
  });
});
