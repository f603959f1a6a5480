import { describe, expect, test } from "vitest";
import { initialMap, slotOf } from "../../../../../domain/slots.ts";
import {
  at,
  CALL,
  DAY,
  Harness,
  HOUR,
  idsOf,
  only,
  SECOND,
  START,
  settingsOf,
} from "../../../../rigs/shard-harness.ts";

const key = (key: string, hash = "body") => ({ idempotency: { key, hash } });

describe("a submission", () => {
  test("is answered with the shard's own times and can be read at once", () => {
    const h = new Harness();
    const [now, later, dated] = [h.job(), h.job({ delayMs: 5 * SECOND }), h.job({ runAt: START + HOUR })];
    expect(h.submit([now, later, dated])).toEqual([
      { type: "accepted", state: "queued", createdAt: START, runAt: START },
      { type: "accepted", state: "scheduled", createdAt: START, runAt: START + 5 * SECOND },
      { type: "accepted", state: "scheduled", createdAt: START, runAt: START + HOUR },
    ]);
    expect(h.get(now.id)).toEqual({
      id: now.id,
      namespace: "default",
      queue: "q",
      state: "queued",
      version: 1,
      attempt: 0,
      delivery: 0,
      priority: 4,
      orderingKey: null,
      concurrencyKey: null,
      dedupKey: null,
      idempotencyKey: null,
      tags: [],
      timeoutMs: h.queue.timeoutMs,
      retry: h.queue.retry,
      payload: now.payload,
      result: null,
      resultTruncated: false,
      error: null,
      createdAt: START,
      runAt: START,
      startedAt: null,
      finishedAt: null,
      expiresAt: null,
      leaseExpiresAt: null,
      attempts: [],
    });
  });

  test("keeps what the job brings of its own, over what its queue says", () => {
    const h = new Harness();
    const plain = h.accept();
    const id = h.accept({
      priority: 9,
      orderingKey: "k",
      tags: ["a", "b"],
      timeoutMs: 5 * SECOND,
      retry: { maxAttempts: 9, jitter: "full" },
      expiresAt: START + DAY,
      ...key("i"),
    });
    expect(h.get(id)).toMatchObject({
      priority: 9,
      orderingKey: "k",
      idempotencyKey: "i",
      tags: ["a", "b"],
      timeoutMs: 5 * SECOND,
      retry: { ...h.queue.retry, maxAttempts: 9, jitter: "full" },
      expiresAt: START + DAY,
    });
    for (const other of [plain, h.accept()]) {
      expect(h.get(other)).toMatchObject({ priority: 4, tags: [], idempotencyKey: null, retry: h.queue.retry });
    }
  });

  test("a run-at in the past means now, and stays what the caller said", () => {
    const h = new Harness();
    const job = h.job({ runAt: START - HOUR });
    expect(only(h.submit([job]))).toEqual({ type: "accepted", state: "queued", createdAt: START, runAt: START - HOUR });
    expect(h.takeOne().id).toBe(job.id);
  });

  test("the same submission sent twice inserts one job, and is answered as the first time", () => {
    const h = new Harness();
    const jobs = [h.job(), h.job({ orderingKey: "k" }), h.job({ delayMs: SECOND }), h.job(key("i"))];
    const first = h.submit(jobs);
    const rows = h.rows();
    h.now += 10;
    expect(h.submit(jobs)).toEqual(first);
    expect(h.rows()).toEqual(rows);
    expect(h.stats().counts).toMatchObject({ queued: 3, scheduled: 1 });
    expect(h.stats().perSecond.accepted).toBeCloseTo(4);
    expect(h.broken()).toEqual([]);
  });

  test("sent again after its job has run, changes nothing", () => {
    const h = new Harness();
    const job = h.job();
    const first = h.submit([job]);
    h.succeed(h.takeOne().lease);
    const rows = h.rows();
    expect(h.submit([job])).toEqual(first);
    expect(h.rows()).toEqual(rows);
    expect(h.take()).toEqual([]);
  });

  test("may bring jobs of several queues", () => {
    const h = new Harness();
    const other = settingsOf({ name: "other", timeoutMs: 7 * SECOND });
    const jobs = [h.job(), h.job({ queue: 1 }, other)];
    h.submit(jobs, { queues: [h.queue, other] });
    expect(jobs.map(({ id }) => h.get(id)).map(({ queue, timeoutMs }) => [queue, timeoutMs])).toEqual([
      ["q", h.queue.timeoutMs],
      ["other", 7 * SECOND],
    ]);
  });

  test("that names no queue of its request is a broken invariant and writes nothing", () => {
    const h = new Harness();
    expect(() => h.send([h.job(), h.job({ queue: 1 })])).toThrow("names no queue");
    expect([h.count("jobs"), h.count("queues")]).toEqual([0, 0]);
    h.accept();
    expect(h.broken()).toEqual([]);
  });
});

describe("an idempotency key", () => {
  test("with the same body answers the first job, whatever its state", () => {
    const h = new Harness();
    const id = h.accept(key("i"));
    const states: string[] = [];
    const replay = () => {
      const result = only(h.submit([h.job(key("i"))]));
      if (result.type !== "replayed" || result.id !== id) throw new Error(JSON.stringify(result));
      states.push(result.job?.state ?? "none");
    };
    replay();
    const { lease } = h.takeOne();
    replay();
    h.fail(lease);
    replay();
    h.cancel(id);
    replay();
    expect(states).toEqual(["queued", "running", "scheduled", "cancelled"]);
    expect(h.count("jobs")).toBe(1);
  });

  test("with another body is a mismatch and writes nothing", () => {
    const h = new Harness();
    const id = h.accept(key("i"));
    const rows = h.rows();
    expect(only(h.submit([h.job(key("i", "other"))]))).toEqual({ type: "mismatch", id });
    expect(h.rows()).toEqual(rows);
    expect(h.count("idempotency")).toBe(1);
  });

  test("twice in one request makes one job", () => {
    const h = new Harness();
    const [first, second, third] = [h.job(key("i")), h.job(key("i")), h.job(key("i", "other"))];
    expect(h.submit([first, second, third])).toMatchObject([
      { type: "accepted" },
      { type: "replayed", id: first.id },
      { type: "mismatch", id: first.id },
    ]);
    expect(h.count("jobs")).toBe(1);
  });

  test("belongs to a namespace, a queue and an ordering key", () => {
    const h = new Harness();
    const queues = [h.queue, settingsOf({ name: "other" }), settingsOf({ namespace: "tenant" })];
    const jobs = [
      h.job(key("i")),
      h.job({ ...key("i"), queue: 1 }, queues[1]),
      h.job({ ...key("i"), queue: 2 }, queues[2]),
      h.job({ ...key("i"), orderingKey: "k" }),
      h.job({ ...key("i"), orderingKey: "l" }),
    ];
    expect(h.submit(jobs, { queues }).map(({ type }) => type)).toEqual(jobs.map(() => "accepted"));
  });

  test("outlives a restart and ends with its window", () => {
    const h = new Harness({ idempotencyWindowMs: HOUR });
    const id = h.accept(key("i"));
    h.restart();
    h.advance(HOUR - 1);
    expect(only(h.submit([h.job(key("i", "other"))]))).toEqual({ type: "mismatch", id });
    expect(only(h.submit([h.job(key("i"))]))).toMatchObject({ type: "replayed", id });
    h.advance(1);
    expect(only(h.submit([h.job(key("i", "other"))]))).toMatchObject({ type: "accepted" });
  });

  test("whose window is over is a new job's also when no alarm has swept it yet", () => {
    const h = new Harness({ idempotencyWindowMs: HOUR });
    h.accept(key("i"));
    h.now += HOUR;
    const second = h.job(key("i", "other"));
    expect(only(h.submit([second]))).toMatchObject({ type: "accepted" });
    h.advance(HOUR - 1);
    expect(only(h.submit([h.job(key("i", "other"))]))).toMatchObject({ type: "replayed", id: second.id });
  });

  test("is swept when its window is over", () => {
    const h = new Harness({ idempotencyWindowMs: HOUR });
    h.submit(Array.from({ length: 450 }, (_, i) => h.job(key(`i${i}`))));
    h.advance(HOUR - 1);
    expect(h.count("idempotency")).toBe(450);
    h.advance(1);
    expect(h.count("idempotency")).toBe(0);
  });
});

describe("an atomic batch", () => {
  test("with one mismatch undoes all: jobs, keys and learned settings", () => {
    const h = new Harness();
    const id = h.accept(key("i"));
    const rows = h.rows();
    const queues = [h.queue, settingsOf({ name: "other" })];
    const jobs = [h.job(key("new")), h.job(key("i", "other")), h.job({ queue: 1 }, queues[1])];
    expect(h.submit(jobs, { queues, atomic: true })).toEqual([
      { type: "refused" },
      { type: "mismatch", id },
      { type: "refused" },
    ]);
    expect(h.rows()).toEqual(rows);
    expect([h.count("idempotency"), h.count("queues")]).toEqual([1, 1]);
    expect(h.stats().counts.queued).toBe(1);
    expect(h.broken()).toEqual([]);
  });

  test("that was refused can be sent again without its bad job, in order behind what came between", () => {
    const h = new Harness();
    h.accept(key("i"));
    const jobs = [h.job({ orderingKey: "k" }), h.job({ orderingKey: "k" })];
    h.submit([...jobs, h.job(key("i", "other"))], { atomic: true });
    const between = h.accept({ orderingKey: "k" });
    h.submit(jobs, { atomic: true });
    h.restart();
    const order: string[] = [];
    for (let items = h.take(); items.length > 0; items = h.take()) {
      for (const { id, lease } of items) {
        order.push(id);
        h.succeed(lease);
      }
    }
    expect(order.filter((id) => h.get(id).orderingKey === "k")).toEqual([between, ...idsOf(jobs)]);
  });

  test("is accepted whole when some of it was seen before", () => {
    const h = new Harness();
    const id = h.accept(key("i"));
    expect(h.submit([h.job(), h.job(key("i"))], { atomic: true })).toMatchObject([
      { type: "accepted" },
      { type: "replayed", id },
    ]);
  });

  test("not atomic, a mismatch costs only itself", () => {
    const h = new Harness();
    const id = h.accept(key("i"));
    expect(h.submit([h.job(), h.job(key("i", "other")), h.job()])).toMatchObject([
      { type: "accepted" },
      { type: "mismatch", id },
      { type: "accepted" },
    ]);
  });

  test("refused again and again, costs no one a place in the order, over restarts", () => {
    const h = new Harness();
    const ids = [h.accept(key("i"))];
    for (let i = 0; i < 5; i++) {
      // Each crosses the end of a block of a thousand sequence numbers, or comes near.
      h.submit([...h.jobs(700), h.job(key("i", "other"))], { atomic: true });
      ids.push(h.accept(), h.accept());
      h.restart();
      ids.push(h.accept());
    }
    const seqs = h.rows().sort((a, b) => a.seq - b.seq);
    expect(idsOf(seqs)).toEqual(ids);
    expect(new Set(seqs.map(({ seq }) => seq)).size).toBe(ids.length);
  });

  test("refused five times in a row leaves the next number to a restart too", () => {
    const h = new Harness();
    const first = h.accept(key("i"));
    for (let i = 0; i < 5; i++) h.submit([...h.jobs(700), h.job(key("i", "other"))], { atomic: true });
    const second = h.accept();
    h.restart();
    const third = h.accept();
    expect(idsOf(h.take())).toEqual([first, second, third]);
  });
});

describe("a shard that does not own the slot", () => {
  const map = initialMap(2);
  /** A partition of the harness's queue in the upper half of the slots. */
  const foreign = Array.from({ length: 64 }, (_, i) => i).find((i) => slotOf("default", "q", i) >= 2048) ?? 0;
  const own = Array.from({ length: 64 }, (_, i) => i).find((i) => slotOf("default", "q", i) < 2048) ?? 0;

  test("answers moved with its map, and writes nothing of the request", () => {
    const h = new Harness({}, map);
    expect(h.send([h.job({ partition: own }), h.job({ partition: foreign })])).toEqual({ type: "moved", map });
    expect([h.count("jobs"), h.count("queues")]).toEqual([0, 0]);
    const request = { ...CALL, namespace: "default", id: h.job({ partition: foreign }).id };
    expect(h.core.get({ ...request, waitMs: 0 }).type).toBe("moved");
    expect(h.core.cancel(request).type).toBe("moved");
    expect(h.core.retry(request).type).toBe("moved");
    expect(h.core.explain(request).type).toBe("moved");
  });

  test("goes by the newest map, over a restart too", () => {
    const h = new Harness({}, map);
    h.core.adopt({ ...initialMap(1), epoch: 2 });
    h.core.adopt(map);
    h.core.adopt({ ...map, epoch: 2 });
    h.restart();
    expect(h.core.map()).toEqual({ ...initialMap(1), epoch: 2 });
    expect(h.submit([h.job({ partition: foreign })])).toMatchObject([{ type: "accepted" }]);
  });

  test("an id that is none is not moved but not there", () => {
    const h = new Harness({}, map);
    const request = { ...CALL, namespace: "default", id: "job_nonsense" };
    expect(h.core.get({ ...request, waitMs: 0 })).toEqual({ type: "none" });
    expect(h.core.cancel(request)).toEqual({ type: "none" });
    expect(h.core.explain(request)).toEqual({ type: "none" });
  });

  test("a job of another namespace is not there", () => {
    const h = new Harness();
    const request = { ...CALL, namespace: "tenant", id: h.accept() };
    expect(h.core.get({ ...request, waitMs: 0 })).toEqual({ type: "none" });
    expect(h.core.cancel(request)).toEqual({ type: "none" });
    expect(h.core.retry(request)).toEqual({ type: "none" });
    expect(h.core.explain(request)).toEqual({ type: "none" });
  });
});

describe("settings", () => {
  test("older than the shard's are answered with the newer ones, and nothing is written", () => {
    const h = new Harness();
    const old = h.queue;
    h.configure({ timeoutMs: 5 * SECOND });
    const rows = h.count("jobs");
    expect(h.send([h.job()], { queues: [old] })).toEqual({ type: "settings", settings: h.queue });
    expect(h.count("jobs")).toBe(rows);
  });

  test("newer ones come with a submission as well as by a push, and outlive a restart", () => {
    const h = new Harness();
    const old = h.queue;
    h.accept();
    h.queue = { ...h.queue, version: 5, timeoutMs: 5 * SECOND };
    expect(h.get(h.accept()).timeoutMs).toBe(5 * SECOND);
    h.restart();
    expect(h.send([h.job()], { queues: [old] })).toEqual({ type: "settings", settings: h.queue });
    expect(h.get(h.accept()).timeoutMs).toBe(5 * SECOND);
  });

  test("an older push changes nothing", () => {
    const h = new Harness();
    const old = h.queue;
    h.configure({ paused: true });
    h.core.configure({ ...CALL, queues: [old] });
    h.accept();
    expect(h.take()).toEqual([]);
  });

  test("of a deleted queue are told to whoever still submits", () => {
    const h = new Harness();
    const old = h.queue;
    h.configure({ deleted: true });
    expect(h.send([h.job()], { queues: [old] })).toMatchObject({ type: "settings", settings: { deleted: true } });
  });
});

describe("a hold", () => {
  const hold = (h: Harness, holdMs = 5 * SECOND) =>
    h.core.hold({ ...CALL, namespace: "default", queue: h.queue.name, holdMs });

  test("refuses submissions until it ends, over a restart too", () => {
    const h = new Harness();
    h.accept();
    hold(h);
    expect(h.send([h.job()])).toMatchObject({ type: "busy" });
    h.restart();
    h.advance(5 * SECOND - 1);
    expect(h.send([h.job()])).toMatchObject({ type: "busy" });
    h.advance(1);
    expect(h.send([h.job()])).toMatchObject({ type: "submitted" });
  });

  test("says how many jobs live and how many keys are remembered", () => {
    const h = new Harness({ idempotencyWindowMs: HOUR });
    h.accept(key("gone"));
    h.now += HOUR;
    h.submit([h.job({ orderingKey: "k" }), h.job({ orderingKey: "k" }), h.job({ delayMs: DAY }), h.job(key("i"))]);
    h.take(1);
    expect(hold(h)).toMatchObject({ live: 5, idempotencyKeys: 1, dedupKeys: 0 });
  });

  test("does not stop the work that is there, nor another queue", () => {
    const h = new Harness();
    const id = h.accept();
    hold(h);
    const other = settingsOf({ name: "other" });
    expect(h.send([h.job({}, other)], { queues: [other] })).toMatchObject({ type: "submitted" });
    const items = h.take();
    expect(idsOf(items)).toContain(id);
    expect(h.succeed(at(items, 0).lease)).toBe("recorded");
  });

  test("ends with the next settings", () => {
    const h = new Harness();
    h.accept();
    hold(h);
    h.configure({ timeoutMs: SECOND });
    expect(h.send([h.job()])).toMatchObject({ type: "submitted" });
    h.restart();
    expect(h.send([h.job()])).toMatchObject({ type: "submitted" });
  });

  test("of 0 ms lifts the one before: the change was given up", () => {
    const h = new Harness();
    h.accept();
    hold(h);
    expect(hold(h, 0)).toMatchObject({ live: 1 });
    expect(h.send([h.job()])).toMatchObject({ type: "submitted" });
  });

  test("is not lifted by a push or a submission of the settings it began with", () => {
    const h = new Harness();
    h.accept();
    hold(h);
    h.core.configure({ ...CALL, queues: [h.queue] });
    expect(h.send([h.job()])).toMatchObject({ type: "busy" });
    expect(h.send([h.job()])).toMatchObject({ type: "busy" });
  });

  test("binds a shard that knows the queue from a push alone", () => {
    const h = new Harness();
    h.core.configure({ ...CALL, queues: [h.queue] });
    expect(hold(h)).toMatchObject({ live: 0, idempotencyKeys: 0, dedupKeys: 0 });
    expect(h.send([h.job()])).toMatchObject({ type: "busy" });
  });
});

describe("a job whose expiresAt is past", () => {
  test("is refused, and its key is not taken", () => {
    const h = new Harness();
    const late = { expiresAt: h.now, idempotency: { key: "k", hash: "h" } };
    expect(h.submit([h.job(late)])).toEqual([{ type: "expired" }]);
    expect(h.submit([h.job({ idempotency: { key: "k", hash: "h" } })])).toMatchObject([{ type: "accepted" }]);
  });

  test("is a replay all the same when its key is known", () => {
    const h = new Harness();
    const job = { expiresAt: h.now + 1000, idempotency: { key: "k", hash: "h" } };
    const first = h.accept(job);
    h.advance(2000);
    expect(h.submit([h.job(job)])).toMatchObject([{ type: "replayed", id: first, job: { state: "failed" } }]);
  });

  test("refuses an atomic batch whole", () => {
    const h = new Harness();
    expect(h.submit([h.job(), h.job({ expiresAt: h.now })], { atomic: true })).toEqual([
      { type: "refused" },
      { type: "expired" },
    ]);
    expect(h.count("jobs")).toBe(0);
  });
});
