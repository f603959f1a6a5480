import { describe, expect, test } from "vitest";
import { Harness, HOUR, idsOf, MINUTE, only, SECOND, START } from "../../../../rigs/shard-harness.ts";

const idempotency = { key: "i", hash: "h" };
const dedup = { key: "d", windowMs: HOUR, onConflict: "reject" as const, maxDelayMs: null };

/** A job that waits for its second attempt. */
function retrying(h: Harness): string {
  const id = h.accept();
  h.fail(h.takeOne().lease);
  return id;
}

describe("a patch", () => {
  test.each([
    ["scheduled", (h: Harness) => h.accept({ delayMs: HOUR })],
    ["queued", (h: Harness) => h.accept()],
    ["retrying", retrying],
  ])("changes a %s job, one version on, and nothing else of it", (_, make) => {
    const h = new Harness();
    const id = make(h);
    const before = h.get(id);
    const changes = { payload: '{"new":1}', tags: ["t"], priority: 9, expiresAt: START + 2 * HOUR };
    expect(h.patch(id, changes)).toEqual({ type: "job", job: { ...before, ...changes, version: before.version + 1 } });
    h.restart();
    expect(h.get(id)).toEqual({ ...before, ...changes, version: before.version + 1 });
    expect(h.broken()).toEqual([]);
  });

  test.each([
    ["running", (h: Harness) => h.take()],
    ["succeeded", (h: Harness) => h.succeed(h.takeOne().lease)],
    ["failed", (h: Harness) => h.failOne()],
  ])("of a %s job is a conflict, and changes nothing", (state, go) => {
    const h = new Harness();
    const id = h.accept();
    go(h);
    const rows = h.rows();
    expect(h.patch(id, { priority: 1 })).toMatchObject({ type: "conflict", job: { state } });
    expect(h.runNow(id)).toBe("conflict");
    expect(h.rows()).toEqual(rows);
  });

  test("is made of the versions that it is meant for, and of no other", () => {
    const h = new Harness();
    const id = h.accept();
    expect(h.patch(id, { priority: 5 }, [2, 3])).toEqual({ type: "version", version: 1 });
    expect(h.patch(id, { priority: 5 }, [])).toEqual({ type: "version", version: 1 });
    expect(h.patch(id, { priority: 5 }, [1])).toMatchObject({ type: "job", job: { version: 2 } });
    expect(h.patch(id, { priority: 6 }, [1])).toEqual({ type: "version", version: 2 });
    h.take();
    expect(h.patch(id, { priority: 6 }, [2])).toEqual({ type: "version", version: 3 });
    expect(h.patch(id, { priority: 6 }, [3])).toMatchObject({ type: "conflict" });
  });

  test("of another namespace's job, or of none, finds none", () => {
    const h = new Harness();
    const id = h.accept();
    const about = { v: 1, epoch: 1, namespace: "other", id };
    expect(h.core.patch({ ...about, changes: { priority: 1 }, versions: null })).toEqual({ type: "none" });
    expect(h.core.runNow({ ...about, versions: null })).toEqual({ type: "none" });
    expect(h.patch(h.job().id, { priority: 1 })).toEqual({ type: "none" });
  });

  test("of nothing changes nothing", () => {
    const h = new Harness();
    const id = h.accept();
    const before = h.get(id);
    expect(h.patch(id, {})).toEqual({ type: "job", job: before });
  });
});

describe("another time", () => {
  test("holds a queued job until then, makes a scheduled one due, and null is at once", () => {
    const h = new Harness();
    const [later, sooner, now] = [h.accept(), h.accept({ delayMs: HOUR }), h.accept({ delayMs: HOUR })];
    expect(h.patch(later, { runAt: START + MINUTE })).toMatchObject({ job: { state: "scheduled" } });
    expect(h.patch(sooner, { runAt: START + SECOND })).toMatchObject({ job: { state: "scheduled" } });
    expect(h.patch(now, { runAt: null })).toMatchObject({ job: { state: "queued", runAt: START } });
    const runs = () =>
      h.take().map(({ id, lease }) => {
        h.succeed(lease);
        return id;
      });
    expect(runs()).toEqual([now]);
    h.advance(SECOND);
    expect(runs()).toEqual([sooner]);
    h.advance(MINUTE);
    expect(runs()).toEqual([later]);
  });

  test("survives the death of the object: the alarm comes for it", () => {
    const h = new Harness();
    const id = h.accept({ delayMs: HOUR });
    h.patch(id, { runAt: START + MINUTE });
    h.restart();
    expect(h.alarmAt).toBeLessThanOrEqual(START + MINUTE);
    h.advance(MINUTE);
    expect(h.state(id)).toBe("queued");
  });

  test("of the first of an ordering key holds the rest of its line, as a delay does", () => {
    const h = new Harness();
    const [first, second] = [h.accept({ orderingKey: "k" }), h.accept({ orderingKey: "k" })];
    h.patch(first, { runAt: START + MINUTE });
    expect(h.take()).toEqual([]);
    h.patch(second, { runAt: null });
    expect(h.take()).toEqual([]);
    h.advance(MINUTE);
    expect(h.takeOne().id).toBe(first);
    expect(h.broken()).toEqual([]);
  });

  test("of an expiry is a deadline at once; one that has passed is refused, and null waits without end", () => {
    const h = new Harness();
    const [soon, never] = [h.accept(), h.accept({ expiresAt: START + SECOND })];
    expect(h.patch(soon, { expiresAt: START })).toEqual({ type: "expired" });
    h.patch(soon, { expiresAt: START + SECOND });
    h.patch(never, { expiresAt: null });
    h.advance(SECOND);
    expect(h.get(soon)).toMatchObject({ state: "failed", error: { code: "expired" } });
    expect(h.get(never)).toMatchObject({ state: "queued", expiresAt: null });
  });
});

describe("another priority", () => {
  test("gives the place of a job that was accepted with it", () => {
    const h = new Harness();
    const [a, b, c] = [h.accept(), h.accept(), h.accept()];
    h.patch(c, { priority: 9 });
    h.patch(a, { priority: 0 });
    h.restart();
    expect(idsOf([...h.take(1), ...h.take(1), ...h.take(1)])).toEqual([c, b, a]);
    expect(h.get(c)).toMatchObject({ priority: 9 });
  });

  test("says who goes first through the gate of a concurrency key", () => {
    const h = new Harness({ perKeyConcurrency: 1 });
    const [a, b, c] = [0, 1, 2].map(() => h.accept({ concurrencyKey: "c" }));
    h.patch(c ?? "", { priority: 9 });
    const order = [a, b, c].map(() => {
      const { id, lease } = only(h.take());
      h.succeed(lease);
      return id;
    });
    expect(order).toEqual([c, a, b]);
    expect(h.broken()).toEqual([]);
  });

  test("leaves the order of an ordering key as it is", () => {
    const h = new Harness();
    const [first, second] = [h.accept({ orderingKey: "k" }), h.accept({ orderingKey: "k" })];
    h.patch(second, { priority: 9 });
    expect(h.takeOne().id).toBe(first);
  });

  test("that is its own keeps its place, whatever the queue's aging has become", () => {
    const h = new Harness();
    const [a, b] = [h.accept(), h.accept({ priority: 5 })];
    h.configure({ priorityAgingMs: 1 });
    h.patch(b, { priority: 5, tags: ["x"] });
    expect(idsOf([...h.take(1), ...h.take(1)])).toEqual([b, a]);
  });
});

describe("another payload", () => {
  test("is what an attempt is given, and is counted", () => {
    const h = new Harness();
    const id = h.accept({ payload: '"old"' });
    h.patch(id, { payload: '{"a":"new"}' });
    expect(h.takeOne().payload).toBe('{"a":"new"}');
    expect(h.broken()).toEqual([]);
  });

  test("finds no room where a new job would find none, and then nothing is changed; a smaller one always does", () => {
    const h = new Harness();
    const id = h.accept({ payload: `"${"x".repeat(100)}"` });
    h.namespace({ bytes: 1 });
    const before = h.get(id);
    expect(h.patch(id, { payload: `"${"x".repeat(101)}"`, priority: 9 })).toMatchObject({
      type: "full",
      scope: "namespace",
    });
    expect(h.get(id)).toEqual(before);
    expect(h.patch(id, { payload: '"y"', priority: 9 })).toMatchObject({ type: "job" });
  });
});

test("what keys answer stays as it was", () => {
  const h = new Harness();
  const id = h.accept({ idempotency });
  const held = h.accept({ dedup });
  for (const one of [id, held]) h.patch(one, { payload: '"other"', runAt: START + HOUR });
  expect(h.submit([h.job({ idempotency }), h.job({ idempotency: { key: "i", hash: "other" } })])).toMatchObject([
    { type: "replayed", id, job: { payload: '"other"', state: "scheduled" } },
    { type: "mismatch", id },
  ]);
  expect(h.submit([h.job({ dedup })])).toEqual([{ type: "duplicate", id: held }]);
});

describe("run now", () => {
  test("makes a scheduled and a retrying job due, and answers a queued one as it is", () => {
    const h = new Harness();
    const again = retrying(h);
    const scheduled = h.accept({ delayMs: HOUR });
    const queued = h.accept();
    const before = h.get(queued);
    for (const id of [scheduled, again, queued]) expect(h.runNow(id)).toBe("job");
    expect(h.get(queued)).toEqual(before);
    expect(h.take().map(({ id, attempt }) => [id, attempt])).toEqual([
      [again, 2],
      [scheduled, 1],
      [queued, 1],
    ]);
    expect(h.broken()).toEqual([]);
  });

  test("leaves a job behind its ordering key, and a paused queue paused", () => {
    const h = new Harness();
    const first = h.accept({ orderingKey: "k", delayMs: HOUR });
    const second = h.accept({ orderingKey: "k", delayMs: HOUR });
    expect(h.runNow(second)).toBe("job");
    expect(h.take()).toEqual([]);
    expect(h.explain(second)).toMatchObject({ reason: "ordering", blockedBy: first });
    h.configure({ paused: true });
    h.runNow(first);
    expect(h.take()).toEqual([]);
    expect(h.explain(first).reason).toBe("paused");
    h.configure({ paused: false });
    expect(h.takeOne().id).toBe(first);
  });

  test("rings for a job that nobody else would hear of", () => {
    const h = new Harness();
    const id = h.accept({ delayMs: HOUR });
    h.rung();
    h.runNow(id);
    expect(h.rung()).toMatchObject([{ bell: { kind: "work" } }]);
  });
});

test("a prepared job of an undecided batch is none yet", () => {
  const h = new Harness();
  const job = h.job();
  h.core.prepare({
    ...{ v: 1, epoch: 1, txn: "t", coordinator: "c", queues: [h.queue], jobs: [job] },
    expiresAt: h.now + MINUTE,
  } as never);
  expect(h.patch(job.id, { priority: 1 }).type).toBe("busy");
  expect(h.runNow(job.id)).toBe("busy");
});
