import { beforeEach, describe, expect, test } from "vitest";
import type * as rpc from "../../../../../contract/rpc.ts";
import { at, CALL, Harness, idsOf, MINUTE, only, SECOND } from "../../../../rigs/shard-harness.ts";

let h: Harness;
let asked: string[];

function listen(): void {
  h.core.engine.listen(() => asked.push(...h.core.inquiries()));
}

beforeEach(() => {
  h = new Harness();
  asked = [];
  listen();
});

function prepare(jobs: rpc.NewJob[], over: Partial<rpc.PrepareRequest> = {}): rpc.PrepareReply {
  const expiresAt = h.now + 5 * SECOND;
  return h.core.prepare({ ...CALL, txn: "t1", queues: [h.queue], jobs, expiresAt, ...over });
}

function decide(outcome: "commit" | "abort", txn = "t1"): rpc.DecideReply {
  return h.core.decide({ ...CALL, txn, outcome, slots: [] });
}

function restart(): void {
  h.restart();
  listen();
}

const key = (text: string, hash = "h") => ({ idempotency: { key: text, hash } });
const dedup = (text: string, onConflict: rpc.Dedup["onConflict"]): Partial<rpc.NewJob> => ({
  dedup: { key: text, windowMs: MINUTE, onConflict, maxDelayMs: null },
});
const answer = (id: string) => h.core.get({ ...CALL, namespace: "default", id, waitMs: 0 }).type;

describe("a prepared job", () => {
  test("is nowhere until the decision, and a read of it waits", () => {
    const jobs = h.jobs(3);
    expect(prepare(jobs)).toMatchObject({ type: "prepared", verdicts: [{ state: "queued" }, {}, {}] });
    expect(h.take()).toEqual([]);
    expect(h.stats().counts.queued).toBe(0);
    expect(h.count("jobs")).toBe(0);
    expect(jobs.map(({ id }) => answer(id))).toEqual(["busy", "busy", "busy"]);
    expect(h.explain.bind(h, at(jobs, 0).id)).toThrow("busy");
    expect(h.broken()).toEqual([]);
  });

  test("is a job after the commit, also across restarts", () => {
    const jobs = h.jobs(3);
    prepare(jobs);
    restart();
    expect(decide("commit")).toMatchObject({ verdicts: jobs.map(({ id }) => ({ id, verdict: { type: "accepted" } })) });
    restart();
    expect(idsOf(h.take())).toEqual(idsOf(jobs));
    expect(h.count("undecided")).toBe(0);
    expect(h.broken()).toEqual([]);
  });

  test("is gone after the abort, with its keys and its place", () => {
    const [job] = [h.job(key("k"))];
    prepare([job]);
    decide("abort");
    expect(answer(job.id)).toBe("none");
    expect(h.count("idempotency")).toBe(0);
    expect(only(h.submit([h.job(key("k", "other"))]))).toMatchObject({ type: "accepted" });
  });

  test("of another namespace is not known to be there", () => {
    const job = h.job();
    prepare([job]);
    expect(h.core.get({ ...CALL, namespace: "other", id: job.id, waitMs: 0 })).toEqual({ type: "none" });
  });

  test("counts for a queue that is about to be deleted, and for its backlog", () => {
    prepare(h.jobs(2));
    expect(h.core.hold({ ...CALL, namespace: "default", queue: "q", holdMs: 0 }).live).toBe(2);
    h.configure({ maxBacklog: 2 });
    expect(only(h.submit([h.job()]))).toMatchObject({ type: "full", scope: "queue" });
    decide("abort");
    expect(only(h.submit([h.job()]))).toMatchObject({ type: "accepted" });
  });
});

describe("messages that repeat", () => {
  test("a second request to prepare is answered alike and prepares nothing more", () => {
    const jobs = h.jobs(2, {});
    const first = prepare(jobs);
    expect(prepare(jobs)).toEqual(first);
    restart();
    expect(prepare(jobs)).toEqual(first);
    decide("commit");
    expect(h.take()).toHaveLength(2);
  });

  test("a second commit accepts nothing twice, even when all of it is over", () => {
    prepare(h.jobs(2));
    decide("commit");
    for (const { lease } of h.take()) h.succeed(lease);
    expect(decide("commit")).toEqual({ type: "done", verdicts: [] });
    expect(h.take()).toEqual([]);
  });

  test("a request to prepare that comes after the decision holds nothing", () => {
    const jobs = h.jobs(2);
    decide("abort");
    expect(prepare(jobs)).toEqual({ type: "late" });
    expect(h.count("undecided")).toBe(0);
  });

  test("a request to prepare that comes after its end holds nothing", () => {
    expect(prepare(h.jobs(1), { expiresAt: h.now })).toEqual({ type: "late" });
    expect(h.count("undecided")).toBe(0);
  });

  test("a shard that is told both is right to stop", () => {
    prepare(h.jobs(1));
    decide("commit");
    expect(() => decide("abort")).toThrow("told to");
  });

  test("jobs that wait in another transaction are not prepared again", () => {
    const jobs = h.jobs(1);
    prepare(jobs);
    expect(prepare(jobs, { txn: "t2" })).toMatchObject({ type: "busy" });
  });
});

describe("votes", () => {
  test("one job that would be refused refuses the part, and holds nothing", () => {
    h.accept(key("taken"));
    const jobs = [h.job(), h.job(key("taken", "other")), h.job({ expiresAt: h.now })];
    expect(prepare(jobs)).toMatchObject({
      type: "refused",
      verdicts: [{ type: "refused" }, { type: "mismatch" }, { type: "expired" }],
    });
    expect(h.count("undecided")).toBe(0);
    expect(h.count("jobs")).toBe(1);
  });

  test("a backlog that would overflow refuses", () => {
    h.configure({ maxBacklog: 2 });
    expect(prepare(h.jobs(3))).toMatchObject({ type: "refused", verdicts: [{}, {}, { type: "full" }] });
  });

  test("newer settings are told", () => {
    const older = h.queue;
    h.configure({ weight: 2 });
    expect(prepare(h.jobs(1), { queues: [older] })).toMatchObject({ type: "settings", settings: { weight: 2 } });
  });

  test("a job whose key was seen is answered, and its answer stays though the window ends meanwhile", () => {
    const first = h.accept(key("k"));
    const jobs = [h.job(key("k")), h.job()];
    expect(prepare(jobs)).toMatchObject({ verdicts: [{ type: "replayed", id: first, state: "queued" }, {}] });
    h.now += h.queue.idempotencyWindowMs;
    decide("commit");
    expect(h.count("jobs")).toBe(2);
  });

  test("a verdict is the same when it is asked for again, over a restart and whatever its key answers by then", () => {
    h.accept(key("k"));
    const jobs = [h.job(key("k")), h.job()];
    const first = prepare(jobs);
    h.now += h.queue.idempotencyWindowMs;
    restart();
    expect(prepare(jobs)).toEqual(first);
    // The one that was answered waits for nothing, and is no job of this batch.
    expect(jobs.map(({ id }) => answer(id))).toEqual(["none", "busy"]);
    decide("abort");
    expect(h.count("undecided")).toBe(0);
  });

  test("a job that was answered in one batch cannot be prepared by another before that one is decided", () => {
    h.accept(key("k"));
    const jobs = [h.job(key("k"))];
    prepare(jobs);
    expect(prepare(jobs, { txn: "t2" }).type).toBe("busy");
    decide("abort");
    expect(prepare(jobs, { txn: "t2" }).type).toBe("prepared");
  });

  test("one row for the batch and one for each of its jobs; the jobs' go with the decision", () => {
    h.accept(key("k"));
    const jobs = [h.job(key("k")), ...h.jobs(9)];
    const rows = () => [h.count("transactions"), h.count("undecided")];
    prepare(jobs);
    expect(rows()).toEqual([1, 10]);
    decide("abort");
    expect(rows()).toEqual([1, 0]);
  });

  test("a promise is kept though the job has expired and the backlog is full by then", () => {
    const jobs = [h.job({ expiresAt: h.now + SECOND }), h.job()];
    prepare(jobs);
    h.configure({ maxBacklog: 1 });
    h.now += 2 * SECOND;
    expect(decide("commit")).toMatchObject({
      verdicts: [
        { id: at(jobs, 0).id, verdict: { type: "accepted" } },
        { id: at(jobs, 1).id, verdict: {} },
      ],
    });
    h.advance(0);
    expect(h.get(at(jobs, 0).id)).toMatchObject({ state: "failed", error: { code: "expired" } });
  });
});

describe("keys of an undecided batch", () => {
  test.each<[string, Partial<rpc.NewJob>]>([
    ["idempotency", key("k")],
    ["deduplication", dedup("d", "return")],
  ])("a job with its %s key is undecided until the decision, and then decided by it", (_, keys) => {
    const job = h.job(keys);
    prepare([job]);
    expect(h.submit([h.job(keys)])).toEqual([{ type: "undecided" }]);
    expect(prepare([h.job(keys)], { txn: "t2" })).toMatchObject({ type: "refused", verdicts: [{ type: "undecided" }] });
    decide("commit");
    expect(h.submit([h.job(keys)])).toMatchObject([{ type: "replayed", id: job.id }]);
  });

  test("what is laid over a waiting job is laid when it commits, and not when it aborts", () => {
    const prepared = h.accept({ ...dedup("d", "replace"), payload: '"old"' });
    const call = () => h.job({ ...dedup("d", "replace"), payload: '"new"' });
    prepare([call()]);
    expect(h.get(prepared).payload).toBe('"old"');
    decide("abort");
    expect(h.get(prepared).payload).toBe('"old"');
    prepare([call()], { txn: "t2" });
    expect(decide("commit", "t2")).toMatchObject({ verdicts: [{ verdict: { type: "replayed", id: prepared } }] });
    expect(h.get(prepared).payload).toBe('"new"');
    expect(h.broken()).toEqual([]);
  });

  test("what was promised as a job of its own is one, though the holder of its key waits again", () => {
    h.accept(dedup("d", "replace"));
    const { lease } = h.takeOne();
    const call = h.job(dedup("d", "replace"));
    expect(prepare([call])).toMatchObject({ verdicts: [{ type: "accepted" }] });
    h.fail(lease);
    expect(decide("commit")).toMatchObject({ verdicts: [{ id: call.id, verdict: { type: "accepted" } }] });
    expect(h.takeOne().id).toBe(call.id);
    h.advance(2 * SECOND);
    expect(h.broken()).toEqual([]);
  });

  test("a job that is to run after the holder of its key does, when it commits", () => {
    const holder = h.accept(dedup("d", "runAfter"));
    const { lease } = h.takeOne();
    const next = h.job(dedup("d", "runAfter"));
    prepare([next]);
    decide("commit");
    expect(h.take()).toEqual([]);
    h.succeed(lease);
    expect([holder, h.takeOne().id]).toEqual([holder, next.id]);
    expect(h.broken()).toEqual([]);
  });

  test("two jobs of one batch with one key are one job", () => {
    const jobs = [h.job(key("k")), h.job(key("k"))];
    expect(prepare(jobs)).toMatchObject({ verdicts: [{ type: "accepted" }, { type: "replayed", id: at(jobs, 0).id }] });
    decide("commit");
    expect(h.count("jobs")).toBe(1);
  });
});

describe("order", () => {
  const line = { orderingKey: "a" };

  test("a job that comes after a prepared one of its key starts after it", () => {
    const first = h.job(line);
    prepare([first]);
    const second = h.accept(line);
    expect(h.take()).toEqual([]);
    expect(h.broken()).toEqual([]);
    decide("commit");
    const { id, lease } = h.takeOne();
    expect(id).toBe(first.id);
    h.succeed(lease);
    expect(h.takeOne().id).toBe(second);
    expect(h.broken()).toEqual([]);
  });

  test("an abort lets those behind it go", () => {
    prepare([h.job(line), h.job(line)]);
    const second = h.accept(line);
    decide("abort");
    expect(h.takeOne().id).toBe(second);
    expect(h.broken()).toEqual([]);
  });

  test("a running job of the key goes on, and what it leaves waits for the decision", () => {
    const earlier = h.accept(line);
    const { lease } = h.takeOne();
    const middle = h.job(line);
    prepare([middle]);
    const later = h.accept(line);
    expect(h.succeed(lease)).toBe("recorded");
    expect(h.take()).toEqual([]);
    decide("commit");
    const next = h.takeOne();
    expect([earlier, next.id]).toEqual([earlier, middle.id]);
    h.succeed(next.lease);
    expect(h.takeOne().id).toBe(later);
  });

  test("a job that comes back in front of a prepared one does not wait for it, one behind it does", () => {
    const front = h.accept(line);
    h.failOne();
    prepare([h.job(line)]);
    const behind = h.accept(line);
    h.cancel(behind);
    expect(h.retry(behind)).toBe("job");
    expect(h.take()).toEqual([]);
    expect(h.retry(front)).toBe("job");
    expect(h.takeOne().id).toBe(front);
    decide("abort");
    expect(h.broken()).toEqual([]);
  });
});

describe("a decision that does not come", () => {
  test("is asked for every two seconds, across restarts, and never taken alone", () => {
    const [job] = h.jobs(1);
    prepare(job === undefined ? [] : [job]);
    h.advance(2 * SECOND);
    expect(asked).toEqual(["t1"]);
    restart();
    h.core.learnOutcome("t1", "undecided");
    h.advance(4 * SECOND);
    expect(asked).toEqual(["t1", "t1", "t1"]);
    expect(h.count("undecided")).toBe(1);
    h.core.learnOutcome("t1", "commit");
    expect(h.take()).toHaveLength(1);
    h.advance(MINUTE);
    expect(asked).toHaveLength(3);
  });

  test("is an abort when nobody knows the transaction", () => {
    prepare(h.jobs(1));
    h.core.learnOutcome("t1", "abort");
    expect(h.take()).toEqual([]);
    expect(h.count("undecided")).toBe(0);
  });

  test("that was heard already is not changed by an answer that was asked for before", () => {
    prepare(h.jobs(1));
    decide("commit");
    h.core.learnOutcome("t1", "abort");
    expect(h.take()).toHaveLength(1);
  });

  test("is a violation after a minute", () => {
    prepare(h.jobs(1));
    h.advance(MINUTE + 1);
    expect(h.broken()).toEqual(["prepared-is-decided"]);
  });

  test("is forgotten when it was taken long enough ago", () => {
    prepare(h.jobs(1));
    decide("abort");
    expect(h.count("transactions")).toBe(1);
    h.advance(11 * MINUTE);
    expect(h.count("transactions")).toBe(0);
  });
});
