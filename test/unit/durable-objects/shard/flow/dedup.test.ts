import { describe, expect, test } from "vitest";
import type { NewJob } from "../../../../../contract/rpc.ts";
import { ask, dedup } from "../../../../rigs/dedup-calls.ts";
import { CALL, DAY, Harness, HOUR, idsOf, MINUTE, only, SECOND, settingsOf } from "../../../../rigs/shard-harness.ts";

const KEEP = dedup("return");
const idempotent = (key: string, hash = "h"): Partial<NewJob> => ({ idempotency: { key, hash } });

describe("return", () => {
  test("answers with the earlier job, whatever its state", () => {
    const h = new Harness();
    const id = h.accept(KEEP);
    const states = [only(h.submit([h.job(KEEP)]))];
    const { lease } = h.takeOne();
    states.push(only(h.submit([h.job(KEEP)])));
    h.fail(lease);
    states.push(only(h.submit([h.job(KEEP)])));
    h.advance(SECOND);
    h.succeed(h.takeOne().lease);
    states.push(only(h.submit([h.job(KEEP)])));
    const answers = ["queued", "running", "scheduled", "succeeded"].map((state) => ({
      type: "replayed",
      id,
      job: { id, state, dedupKey: "k" },
    }));
    expect(states).toMatchObject(answers);
    expect(h.count("jobs")).toBe(1);
    expect(h.broken()).toEqual([]);
  });

  test("for its window from acceptance, over a restart, swept or not", () => {
    const h = new Harness();
    const id = h.accept({ ...KEEP, delayMs: DAY });
    h.advance(HOUR - 1);
    h.restart();
    expect(ask(h, KEEP)).toEqual({ type: "replayed", id });
    h.now += 1;
    const second = ask(h, KEEP);
    expect(second.type).toBe("accepted");
    h.advance(HOUR - 1);
    expect(ask(h, KEEP)).toEqual({ type: "replayed", id: second.id });
  });

  test("for ever when it says so, also after the job is history", () => {
    const h = new Harness();
    const id = h.accept(dedup("return", { windowMs: null }));
    h.succeed(h.takeOne().lease);
    h.project();
    h.advance(2 * HOUR);
    h.now += 400 * DAY;
    h.core.alarm();
    h.restart();
    expect(only(h.submit([h.job(KEEP)]))).toEqual({ type: "replayed", id, job: null });
    expect(h.count("dedup")).toBe(1);
  });

  test("is a matter of queue, ordering key and, without one, concurrency key", () => {
    const h = new Harness();
    const other = settingsOf({ name: "other" });
    const places: Partial<NewJob>[] = [
      {},
      { queue: 1 },
      { orderingKey: "a" },
      { orderingKey: "b" },
      { orderingKey: "c" },
      { concurrencyKey: "a" },
      { concurrencyKey: "b" },
      dedup("return", { key: "l" }),
    ];
    const jobs = () => places.map((over) => h.job({ ...KEEP, ...over }, over.queue === 1 ? other : h.queue));
    const first = jobs();
    expect(h.submit(first, { queues: [h.queue, other] }).map(({ type }) => type)).toEqual(places.map(() => "accepted"));
    const again = h.submit(jobs(), { queues: [h.queue, other] });
    expect(again).toMatchObject(idsOf(first).map((id) => ({ type: "replayed", id })));
    expect(ask(h, { ...KEEP, orderingKey: "a", concurrencyKey: "z" })).toEqual({
      type: "replayed",
      id: first[2]?.id,
    });
  });

  test("keeps a failed or cancelled job as long as its key, beyond retention", () => {
    const h = new Harness({ retentionMs: MINUTE, idempotencyWindowMs: SECOND });
    const id = h.accept(KEEP);
    h.failOne();
    h.project();
    h.advance(HOUR - 1);
    expect(only(h.submit([h.job(KEEP)]))).toMatchObject({ type: "replayed", id, job: { state: "failed" } });
    // Jobs are forgotten in rounds of a minute.
    h.advance(1 + MINUTE);
    expect(h.has(id)).toBe(false);
  });

  test("tells history how long it has to keep the job", () => {
    const h = new Harness({ idempotencyWindowMs: MINUTE });
    h.accept(KEEP);
    h.accept();
    const start = h.now;
    h.advance(SECOND);
    for (const { lease } of h.take()) h.succeed(lease);
    expect(h.project().map((job) => job.keptUntil)).toEqual([start + HOUR + MINUTE, undefined]);
  });
});

describe("reject", () => {
  test("refuses, names the earlier job and writes nothing", () => {
    const h = new Harness();
    const id = h.accept(KEEP);
    const [rows, writes] = [h.rows(), h.sql.rowsWritten()];
    expect(ask(h, { ...dedup("reject"), ...idempotent("i") })).toEqual({ type: "duplicate", id });
    expect([h.rows(), h.sql.rowsWritten()]).toEqual([rows, writes]);
    h.advance(HOUR);
    expect(ask(h, dedup("reject")).type).toBe("accepted");
  });

  test("in an atomic batch refuses the whole, an earlier job of the same batch included", () => {
    const h = new Harness();
    const jobs = [h.job(KEEP), h.job(), h.job(dedup("reject"))];
    const refused = [{ type: "refused" }, { type: "refused" }, { type: "duplicate", id: jobs[0]?.id }];
    expect(h.submit(jobs, { atomic: true })).toEqual(refused);
    expect([h.count("jobs"), h.count("dedup")]).toEqual([0, 0]);
    expect(h.submit(jobs).map(({ type }) => type)).toEqual(["accepted", "accepted", "duplicate"]);
    expect(h.broken()).toEqual([]);
  });
});

describe("replace", () => {
  const lay = (payload: string, over: Partial<NewJob> = {}, maxDelayMs: number | null = null) => ({
    ...dedup("replace", { maxDelayMs }),
    payload,
    ...over,
  });

  test("lays payload and run-at over a job that waits, and leaves the rest", () => {
    const h = new Harness();
    const id = h.accept({ ...lay("1"), tags: ["a"], priority: 7, delayMs: MINUTE });
    const before = h.get(id);
    h.advance(SECOND);
    const answer = only(h.submit([h.job({ ...lay("2"), tags: ["b"], priority: 1, delayMs: HOUR })]));
    const job = { ...before, version: 2, payload: "2", runAt: h.now + HOUR };
    expect(answer).toEqual({ type: "replayed", id, job });
    expect(h.get(id)).toEqual(job);
    expect(h.count("jobs")).toBe(1);
    h.advance(HOUR - 1);
    expect(h.take()).toEqual([]);
    h.advance(1);
    expect(h.takeOne()).toMatchObject({ id, payload: "2" });
    expect(h.broken()).toEqual([]);
  });

  test("makes a queued job wait for a later run-at, and a scheduled one start at once", () => {
    const h = new Harness();
    const id = h.accept(lay("1"));
    ask(h, lay("2", { delayMs: SECOND }));
    expect([h.state(id), h.take(), h.broken()]).toEqual(["scheduled", [], []]);
    expect(h.stats().counts).toMatchObject({ scheduled: 1, queued: 0 });
    h.restart();
    ask(h, lay("3"));
    expect([h.state(id), h.broken()]).toEqual(["queued", []]);
    expect(h.rung().length).toBeGreaterThan(0);
    expect(h.takeOne()).toMatchObject({ id, payload: "3" });
  });

  test("puts a job off at most the maximum beyond its acceptance (debounce), over a retry too", () => {
    const h = new Harness();
    const id = h.accept(lay("0", { delayMs: 10 * SECOND }, 25 * SECOND));
    const ends = h.now + 25 * SECOND;
    const runAts: number[] = [];
    for (let i = 1; i <= 4; i++) {
      h.advance(6 * SECOND);
      ask(h, lay(`${i}`, { delayMs: 10 * SECOND }, 25 * SECOND));
      runAts.push(h.get(id).runAt - ends);
    }
    expect(runAts).toEqual([-9000, -3000, 0, 0]);
    h.advance(SECOND);
    const item = h.takeOne();
    expect(item).toMatchObject({ id, payload: "4" });
    h.fail(item.lease);
    ask(h, lay("5", { delayMs: HOUR }, 25 * SECOND));
    expect(h.takeOne()).toMatchObject({ id, payload: "5", attempt: 2 });
  });

  test("counts a job that waits for its retry as one that waits", () => {
    const h = new Harness();
    const id = h.accept(lay("1"));
    h.fail(h.takeOne().lease);
    expect(ask(h, lay("2"))).toEqual({ type: "replayed", id });
    expect(h.takeOne()).toMatchObject({ id, payload: "2", attempt: 2 });
  });

  test("of a job that runs or has ended is a new job, which holds the key from then on", () => {
    const h = new Harness();
    const first = h.accept(lay("1"));
    const { lease } = h.takeOne();
    const second = ask(h, lay("2"));
    expect(second.type).toBe("accepted");
    expect(h.succeed(lease)).toBe("recorded");
    expect(ask(h, lay("3"))).toEqual({ type: "replayed", id: second.id });
    h.cancel(second.id);
    const third = ask(h, lay("4"));
    expect(third.type).toBe("accepted");
    expect([h.get(first).payload, h.get(second.id).payload, h.get(third.id).payload]).toEqual(["1", "3", "4"]);
  });

  test("finds a job that waits longer than its window, and forgets the key when that has ended", () => {
    const h = new Harness();
    const id = h.accept(lay("1", { delayMs: DAY }));
    h.advance(2 * HOUR);
    expect(h.count("dedup")).toBe(1);
    expect(ask(h, lay("2", { delayMs: DAY }))).toEqual({ type: "replayed", id });
    h.restart();
    h.advance(DAY);
    h.succeed(h.takeOne().lease);
    expect(h.count("dedup")).toBe(0);
    expect(ask(h, lay("3")).type).toBe("accepted");
  });

  test("leaves a place in the line of its ordering key, and the line's order, as they were", () => {
    const h = new Harness();
    const keyed = { orderingKey: "o" };
    const ids = [
      h.accept({ ...keyed, ...lay("1") }),
      h.accept(keyed),
      h.accept({ ...keyed, ...dedup("replace", { key: "l" }) }),
    ];
    ask(h, { ...keyed, ...lay("2"), delayMs: SECOND });
    ask(h, { ...keyed, ...dedup("replace", { key: "l" }), payload: "9", delayMs: SECOND / 2 });
    expect([h.take(), h.broken()]).toEqual([[], []]);
    h.advance(SECOND);
    const order: [string, string][] = [];
    for (let items = h.take(); items.length > 0; items = h.take()) {
      const { id, payload, lease } = only(items);
      order.push([id, payload]);
      h.succeed(lease);
    }
    expect(order).toEqual([
      [ids[0], "2"],
      [ids[1], expect.anything()],
      [ids[2], "9"],
    ]);
  });

  test("takes its place at the gate of a concurrency key along", () => {
    const h = new Harness({ perKeyConcurrency: 1 });
    const keyed = { concurrencyKey: "c" };
    const first = h.accept({ ...keyed, ...lay("1") });
    const second = h.accept(keyed);
    expect(idsOf(h.rows().filter((row) => (row as { blocked: number }).blocked === 0) as { id: string }[])).toEqual([
      first,
    ]);
    ask(h, { ...keyed, ...lay("2"), delayMs: SECOND });
    expect(h.broken()).toEqual([]);
    expect(h.takeOne().id).toBe(second);
    h.advance(SECOND);
    expect(h.take()).toEqual([]);
    h.cancel(second);
    expect(h.takeOne()).toMatchObject({ id: first, payload: "2" });
    expect(h.broken()).toEqual([]);
  });

  test("whose expiresAt is past changes nothing", () => {
    const h = new Harness();
    h.accept(lay("1"));
    const rows = h.rows();
    expect(ask(h, lay("2", { expiresAt: h.now })).type).toBe("expired");
    expect(h.rows()).toEqual(rows);
  });

  test("with a large payload is counted as one by claims", () => {
    const h = new Harness();
    h.accept(lay("1"));
    ask(h, lay(JSON.stringify("x".repeat(100_000))));
    expect(h.sql.all("SELECT 1 FROM meta WHERE key = 'large'")).toHaveLength(1);
  });

  test("sent twice because its answer was lost is laid over once, also when the job runs by then", () => {
    const h = new Harness();
    const id = h.accept(lay("1"));
    const call = h.job(lay("2"));
    h.submit([call]);
    expect(only(h.submit([call]))).toMatchObject({ type: "replayed", id, job: { version: 2 } });
    h.takeOne();
    expect(only(h.submit([call]))).toMatchObject({ type: "replayed", id, job: { state: "running" } });
    expect(h.count("jobs")).toBe(1);
  });
});

describe("a call that is sent twice because its answer was lost", () => {
  test.each(["return", "reject", "replace", "runAfter"] as const)("is answered as the first: %s", (mode) => {
    const h = new Harness();
    const job = h.job(dedup(mode));
    const first = only(h.submit([job]));
    expect(first.type).toBe("accepted");
    expect(only(h.submit([job]))).toEqual(first);
    h.restart();
    expect(only(h.submit([job], { atomic: true }))).toEqual(first);
    expect([h.count("jobs"), h.get(job.id).version, h.broken()]).toEqual([1, 1, []]);
  });

  test("by another job's side in one request too", () => {
    const h = new Harness();
    const jobs = [h.job(KEEP), h.job(KEEP)];
    const first = h.submit(jobs);
    expect(first).toMatchObject([{ type: "accepted" }, { type: "replayed", id: jobs[0]?.id }]);
    expect(h.submit(jobs)).toMatchObject(first);
  });
});

describe("several calls in one request", () => {
  test("are met as if they came one after another", () => {
    const one = new Harness();
    const many = new Harness();
    const calls: Partial<NewJob>[] = [
      { ...dedup("return"), payload: "1" },
      { ...dedup("return"), payload: "2" },
      { ...dedup("replace"), payload: "3", delayMs: SECOND },
      {},
      { ...dedup("reject"), payload: "4" },
      { ...dedup("return", { key: "l" }), orderingKey: "o" },
      { ...dedup("replace"), payload: "5", runAt: one.now + HOUR },
      { ...dedup("reject", { key: "l" }), orderingKey: "o" },
      { orderingKey: "o" },
      { ...dedup("runAfter"), payload: "6" },
    ];
    const single = calls.map((call) => only(one.submit([one.job(call)])).type);
    const batch = many.submit(calls.map((call) => many.job(call))).map(({ type }) => type);
    expect(batch).toEqual(single);
    const facts = (h: Harness) =>
      h.sql.all("SELECT id, state, blocked, version, payload, run_at, ordering_key FROM jobs ORDER BY id");
    expect(facts(many)).toEqual(facts(one));
    expect(many.broken()).toEqual([]);
  });
});

describe("with an idempotency key", () => {
  test("a call that an earlier job answered is answered by it again, in and past the deduplication window", () => {
    const h = new Harness();
    const id = h.accept(KEEP);
    expect(ask(h, { ...KEEP, ...idempotent("i") })).toEqual({ type: "replayed", id });
    h.succeed(h.takeOne().lease);
    h.advance(2 * HOUR);
    expect(ask(h, { ...KEEP, ...idempotent("i") })).toEqual({ type: "replayed", id });
    expect(ask(h, { ...KEEP, ...idempotent("i", "other") })).toEqual({ type: "mismatch", id });
    expect(ask(h, KEEP).type).toBe("accepted");
  });

  test("a call that was laid over a job is not laid over it again", () => {
    const h = new Harness();
    const id = h.accept(dedup("replace"));
    const call = { ...dedup("replace"), payload: "1", ...idempotent("i") };
    expect(ask(h, call)).toEqual({ type: "replayed", id });
    ask(h, { ...dedup("replace"), payload: "2" });
    expect(ask(h, call)).toEqual({ type: "replayed", id });
    expect(h.get(id).payload).toBe("2");
    h.takeOne();
    expect(ask(h, call)).toEqual({ type: "replayed", id });
  });

  test("the first job of an idempotency key answers before anybody asks for its deduplication key", () => {
    const h = new Harness();
    const id = h.accept({ ...dedup("reject"), ...idempotent("i") });
    expect(ask(h, { ...dedup("reject"), ...idempotent("i") })).toEqual({ type: "replayed", id });
    expect(ask(h, { ...dedup("reject"), ...idempotent("j") })).toEqual({ type: "duplicate", id });
  });

  test("a job that answered for it is kept as long, beyond retention", () => {
    const h = new Harness({ retentionMs: MINUTE, idempotencyWindowMs: DAY });
    const id = h.accept(KEEP);
    h.failOne();
    h.project();
    h.advance(HOUR - 1);
    expect(ask(h, { ...KEEP, ...idempotent("i") })).toEqual({ type: "replayed", id });
    h.advance(DAY - 1);
    expect(only(h.submit([h.job({ ...KEEP, ...idempotent("i") })]))).toMatchObject({ id, job: { state: "failed" } });
    h.advance(2);
    expect(h.has(id)).toBe(false);
  });

  test("the idempotency key counts by what places the job: ordering, concurrency or deduplication key", () => {
    const h = new Harness();
    const places = [
      {},
      { orderingKey: "a" },
      { concurrencyKey: "a" },
      { concurrencyKey: "b" },
      KEEP,
      dedup("return", { key: "l" }),
    ];
    const ids = places.map((place) => h.accept({ ...place, ...idempotent("i") }));
    expect(places.map((place) => ask(h, { ...place, ...idempotent("i") }).id)).toEqual(ids);
    expect(ask(h, { orderingKey: "a", concurrencyKey: "b", ...KEEP, ...idempotent("i") }).id).toBe(ids[1]);
  });
});

describe("rows of keys", () => {
  test("are swept when their window is over, by the alarm alone", () => {
    const h = new Harness();
    h.submit(Array.from({ length: 450 }, (_, i) => h.job(dedup("return", { key: `k${i}` }))));
    for (let items = h.take(); items.length > 0; items = h.take()) for (const { lease } of items) h.succeed(lease);
    h.restart();
    h.advance(HOUR - 1);
    expect(h.count("dedup")).toBe(450);
    h.advance(1);
    expect(h.count("dedup")).toBe(0);
  });

  test("of jobs that have not ended stay until they have, and do not keep the clock busy", () => {
    const h = new Harness({ target: { type: "pull" } });
    const id = h.accept(KEEP);
    h.advance(HOUR);
    expect(h.count("dedup")).toBe(1);
    expect(h.alarmAt).toBeGreaterThan(h.now);
    h.cancel(id);
    expect(h.count("dedup")).toBe(0);
  });

  test("of a redriven job are held by it as long as nobody else came, and answer with it", () => {
    const h = new Harness();
    const id = h.accept(KEEP);
    h.failOne();
    h.retry(id);
    expect(ask(h, KEEP)).toEqual({ type: "replayed", id });
    h.advance(2 * HOUR);
    expect(ask(h, dedup("replace"))).toEqual({ type: "replayed", id });
    h.failOne();
    expect(h.count("dedup")).toBe(0);
    h.retry(id);
    const other = ask(h, KEEP);
    expect(other.type).toBe("accepted");
    for (const { lease } of h.take()) h.succeed(lease);
    expect(ask(h, KEEP)).toEqual({ type: "replayed", id: other.id });
    expect(h.broken()).toEqual([]);
  });

  test("are counted by a hold, because a change of partitions would lose them", () => {
    const h = new Harness();
    h.accept(KEEP);
    h.accept(dedup("return", { key: "l", windowMs: null }));
    for (const { lease } of h.take()) h.succeed(lease);
    const hold = () => h.core.hold({ ...CALL, namespace: "default", queue: "q", holdMs: 0 });
    expect(hold()).toMatchObject({ live: 0, idempotencyKeys: 0, dedupKeys: 2 });
    h.now += HOUR;
    expect(hold()).toMatchObject({ dedupKeys: 1 });
  });
});
