import { describe, expect, test } from "vitest";
import { ANY_FAILED, Harness, HOUR, idsOf, only, SECOND } from "../../../../rigs/shard-harness.ts";

/** `count` jobs of one ordering key, in acceptance order. */
function keyed(h: Harness, count: number, over: Parameters<Harness["job"]>[0] = {}): string[] {
  return Array.from({ length: count }, () => h.accept({ orderingKey: "k", ...over }));
}

/** Claims and succeeds until nothing is left that could start, and says in which order. */
function drain(h: Harness): string[] {
  const order: string[] = [];
  for (let items = h.take(); items.length > 0; items = h.take()) {
    for (const { id, lease } of items) {
      order.push(id);
      h.succeed(lease);
    }
  }
  return order;
}

describe("jobs of one ordering key", () => {
  test("a job stands behind none that came with it, was there before and has ended", () => {
    const h = new Harness();
    const [first, second, third] = h.jobs(3, { orderingKey: "k" });
    if (first === undefined || second === undefined || third === undefined) throw new Error("three were made");
    h.submit([first]);
    h.succeed(h.takeOne().lease);
    // As when a call whose answer was lost comes again, and what it was refused for is no more.
    h.submit([first, second, third]);
    expect(h.broken()).toEqual([]);
    expect(h.explain(third.id)).toMatchObject({ reason: "ordering", blockedBy: second.id });
    expect(drain(h)).toEqual([second.id, third.id]);
  });

  test("a job stands behind one that came with it, was there before and runs", () => {
    const h = new Harness();
    const [first, second] = h.jobs(2, { orderingKey: "k" });
    if (first === undefined || second === undefined) throw new Error("two were made");
    h.submit([first]);
    const { lease } = h.takeOne();
    h.submit([first, second]);
    expect(h.take()).toEqual([]);
    h.succeed(lease);
    expect(drain(h)).toEqual([second.id]);
  });

  test("run one at a time, in acceptance order", () => {
    const h = new Harness();
    const ids = keyed(h, 4);
    for (const id of ids) {
      const item = h.takeOne();
      expect(item.id).toBe(id);
      expect(h.take()).toEqual([]);
      h.succeed(item.lease);
    }
    expect(h.broken()).toEqual([]);
  });

  test("of one batch do too, and one step that ends a head opens the next for its own claim", () => {
    const h = new Harness();
    const jobs = h.jobs(3, { orderingKey: "k" });
    h.submit(jobs);
    const first = h.takeOne();
    const outcome = { ok: true, result: null, resultTruncated: false } as const;
    expect(idsOf(h.work({ reports: [{ lease: first.lease, outcome }] }).items)).toEqual([jobs[1]?.id]);
  });

  test("do not wait for other keys, other queues' keys of that name, or jobs without a key", () => {
    const h = new Harness();
    const ids = [h.accept({ orderingKey: "k" }), h.accept({ orderingKey: "l" }), h.accept(), h.accept()];
    h.accept({ orderingKey: "k" });
    const other = { ...h.queue, name: "other" };
    const elsewhere = h.job({ orderingKey: "k" }, other);
    h.submit([elsewhere], { queues: [other] });
    expect(idsOf(h.take()).sort()).toEqual([...ids, elsewhere.id].sort());
  });

  test("are not overtaken by priority inside the key, while heads of keys are", () => {
    const h = new Harness();
    const [low, high] = [h.accept({ orderingKey: "k", priority: 0 }), h.accept({ orderingKey: "k", priority: 9 })];
    const other = h.accept({ orderingKey: "l", priority: 5 });
    expect(drain(h)).toEqual([other, low, high]);
  });

  test("a delayed head holds the rest", () => {
    const h = new Harness();
    const [head] = keyed(h, 1, { delayMs: HOUR });
    keyed(h, 1);
    expect(h.take()).toEqual([]);
    h.advance(HOUR);
    expect(h.takeOne().id).toBe(head);
  });

  test("a delayed job behind the head holds those behind itself when its turn has come", () => {
    const h = new Harness();
    const ids = [...keyed(h, 1), ...keyed(h, 1, { delayMs: HOUR }), ...keyed(h, 1)];
    h.succeed(h.takeOne().lease);
    expect(h.take()).toEqual([]);
    h.advance(HOUR);
    expect(drain(h)).toEqual(ids.slice(1));
  });

  test("a delay that ends behind a running head opens nothing", () => {
    const h = new Harness();
    keyed(h, 1);
    const [second] = keyed(h, 1, { delayMs: SECOND });
    const head = h.takeOne();
    h.advance(2 * SECOND);
    expect(h.take()).toEqual([]);
    h.succeed(head.lease);
    expect(h.takeOne().id).toBe(second);
  });

  test("a running head holds its key; a retrying head still holds it; a failed head releases it", () => {
    const h = new Harness();
    const [head, next] = keyed(h, 2, { retry: { maxAttempts: 2 } });
    h.fail(h.takeOne().lease);
    expect(h.take()).toEqual([]);
    h.advance(SECOND);
    const second = h.takeOne();
    expect([second.id, second.attempt]).toEqual([head, 2]);
    h.fail(second.lease);
    expect(h.takeOne().id).toBe(next);
  });

  test("a head whose lease ended holds its key until its retry", () => {
    const h = new Harness();
    const [head] = keyed(h, 2);
    h.takeOne();
    h.advance(15 * SECOND);
    expect(h.take()).toEqual([]);
    h.advance(SECOND);
    expect(h.takeOne()).toMatchObject({ id: head, attempt: 2 });
  });

  test("an expired head releases its key; an expired one behind it opens nobody", () => {
    const h = new Harness();
    keyed(h, 1, { expiresAt: h.now + SECOND });
    const [second] = keyed(h, 1);
    h.advance(SECOND);
    const { id, lease } = h.takeOne();
    expect(id).toBe(second);
    keyed(h, 1, { expiresAt: h.now + SECOND });
    const [last] = keyed(h, 1);
    h.advance(SECOND);
    expect(h.take()).toEqual([]);
    h.succeed(lease);
    expect(h.takeOne().id).toBe(last);
  });

  test("all expiring at once leaves nobody open and nobody waiting", () => {
    const h = new Harness();
    keyed(h, 150, { expiresAt: h.now + SECOND });
    h.advance(SECOND);
    expect(h.stats().counts).toMatchObject({ queued: 0, failed: 150 });
    expect(h.broken()).toEqual([]);
  });

  test("cancel of the open job opens the next; of a running one too; of a blocked one nobody", () => {
    const h = new Harness();
    const [first, second, third, fourth] = keyed(h, 4);
    h.cancel(third ?? "");
    expect(idsOf(h.take())).toEqual([first]);
    expect(h.take()).toEqual([]);
    h.cancel(first ?? "");
    const running = h.takeOne();
    expect(running.id).toBe(second);
    h.succeed(running.lease);
    expect(h.takeOne().id).toBe(fourth);
  });

  test("hold over a restart", () => {
    const h = new Harness();
    const ids = keyed(h, 3);
    const { lease } = h.takeOne();
    h.restart();
    expect(h.take()).toEqual([]);
    h.succeed(lease);
    h.restart();
    expect(drain(h)).toEqual(ids.slice(1));
  });

  test("accepted when all before are final start afresh", () => {
    const h = new Harness();
    keyed(h, 2);
    drain(h);
    const [next] = keyed(h, 1);
    expect(h.takeOne().id).toBe(next);
  });
});

describe("a redriven job of an ordering key", () => {
  test("takes its old place among those not final", () => {
    const h = new Harness();
    const ids = keyed(h, 4);
    h.failOne();
    h.failOne();
    h.retry(ids[1] ?? "");
    h.retry(ids[0] ?? "");
    expect(h.stats().counts.queued).toBe(4);
    expect(h.broken()).toEqual([]);
    expect(drain(h)).toEqual(ids);
  });

  test("goes in front of one that waits for its retry", () => {
    const h = new Harness();
    const ids = keyed(h, 3);
    h.failOne();
    h.fail(h.takeOne().lease);
    h.retry(ids[0] ?? "");
    const redriven = h.takeOne();
    expect(redriven.id).toBe(ids[0]);
    h.advance(5 * SECOND);
    expect([h.state(ids[1] ?? ""), h.take().length]).toEqual(["queued", 0]);
    h.succeed(redriven.lease);
    expect(drain(h)).toEqual(ids.slice(1));
  });

  test("waits behind one that runs, and is next when that one succeeds", () => {
    const h = new Harness();
    const ids = keyed(h, 3);
    h.failOne();
    const { lease } = h.takeOne();
    h.retry(ids[0] ?? "");
    expect(h.take()).toEqual([]);
    h.succeed(lease);
    expect(drain(h)).toEqual([ids[0], ids[2]]);
  });

  test("waits behind one that runs, and goes before its retry", () => {
    const h = new Harness();
    const ids = keyed(h, 3);
    h.failOne();
    const { id, lease } = h.takeOne();
    h.retry(ids[0] ?? "");
    h.fail(lease);
    expect(h.broken()).toEqual([]);
    const first = h.takeOne();
    expect(first.id).toBe(ids[0]);
    h.advance(SECOND);
    expect(h.take()).toEqual([]);
    h.succeed(first.lease);
    expect(drain(h)).toEqual([id, ids[2]]);
  });

  test("is not let past one that runs by the end of another that waits behind them", () => {
    const h = new Harness();
    const ids = keyed(h, 3);
    const [expiring] = keyed(h, 1, { expiresAt: h.now + SECOND });
    h.failOne();
    const { id } = h.takeOne();
    h.retry(ids[0] ?? "");
    h.cancel(ids[2] ?? "");
    expect([h.state(id), h.take().length]).toEqual(["running", 0]);
    h.advance(SECOND);
    expect([h.state(expiring ?? ""), h.take().length]).toEqual(["failed", 0]);
  });

  test("of a cancelled job in the middle waits for its turn", () => {
    const h = new Harness();
    const ids = keyed(h, 3);
    h.cancel(ids[1] ?? "");
    h.retry(ids[1] ?? "");
    expect(drain(h)).toEqual(ids);
  });

  test("whose key has nobody left is open at once", () => {
    const h = new Harness();
    const [id] = keyed(h, 1);
    h.failOne();
    h.retry(id ?? "");
    expect(h.takeOne().id).toBe(id);
  });

  test("for later holds its key until then", () => {
    const h = new Harness();
    const ids = keyed(h, 2);
    h.failOne();
    const reply = h.core.redrive({
      v: 1,
      epoch: 1,
      namespace: "default",
      queue: "q",
      filter: ANY_FAILED,
      after: null,
      limit: 10,
      dryRun: false,
      patch: null,
      spacing: { firstDelayMs: SECOND, everyMs: 0 },
    });
    expect(reply.redriven).toBe(1);
    expect(h.take()).toEqual([]);
    h.advance(SECOND);
    expect(only(h.take()).id).toBe(ids[0]);
  });
});
