import { describe, expect, test } from "vitest";
import { CALL, DAY, Harness, HOUR, SECOND } from "../../../../rigs/shard-harness.ts";

function makeAgain(h: Harness): void {
  h.configure({ deleted: true });
  h.configure({ deleted: false, incarnation: h.queue.version + 1, createdAt: h.now });
}

/** A restart, or none. */
const DEATHS: [string, (h: Harness) => void][] = [
  ["", () => undefined],
  [", the object having died", (h) => h.restart()],
];

describe.each(DEATHS)("jobs that a queue took while it was being deleted%s", (_, die) => {
  test("are cancelled, those too that are scheduled or wait behind others", () => {
    const h = new Harness();
    const ids = [
      h.accept(),
      h.accept({ delayMs: HOUR }),
      h.accept({ orderingKey: "k" }),
      h.accept({ orderingKey: "k" }),
    ];
    h.configure({ deleted: true });
    die(h);
    h.advance(SECOND);
    expect(ids.map((id) => h.state(id))).toEqual(ids.map(() => "cancelled"));
    expect(h.broken()).toEqual([]);
  });

  test("go on where they run, and end when they would come back in line", () => {
    const h = new Harness();
    const [good, bad] = [h.accept(), h.accept()];
    const [one, other] = h.take();
    h.configure({ deleted: true });
    die(h);
    h.advance(SECOND);
    expect([good, bad].map((id) => h.state(id))).toEqual(["running", "running"]);
    expect(h.succeed(one?.lease ?? "")).toBe("recorded");
    h.fail(other?.lease ?? "");
    h.advance(2 * SECOND);
    expect([good, bad].map((id) => h.state(id))).toEqual(["succeeded", "cancelled"]);
  });
});

test("by the hundred, whatever finished ones lie before them", () => {
  const h = new Harness();
  h.submit(h.jobs(2_500));
  h.core.purge({ ...CALL, namespace: "default", queue: "q", limit: 1 });
  for (let left = 2_500; left > 0; left -= 200) h.core.purge({ ...CALL, namespace: "default", queue: "q", limit: 200 });
  const last = h.accept({ delayMs: HOUR });
  h.configure({ deleted: true });
  h.advance(SECOND);
  expect(h.state(last)).toBe("cancelled");
});

describe.each(DEATHS)("the row of a queue whose name another has%s", (_, die) => {
  test("stays as long as a job names it, and goes with its keys when none does", () => {
    const h = new Harness({ onFailure: "block", idempotencyWindowMs: 30 * DAY });
    const id = h.accept({ orderingKey: "k", idempotency: { key: "i", hash: "h" } });
    h.failOne();
    makeAgain(h);
    const fresh = h.accept({ idempotency: { key: "i", hash: "h" }, delayMs: 40 * DAY });
    die(h);
    h.advance(6 * DAY);
    h.project();
    expect(h.count("queues")).toBe(2);
    expect(h.state(id)).toBe("failed");
    die(h);
    h.advance(31 * DAY);
    expect(h.has(id)).toBe(false);
    expect(h.count("queues")).toBe(1);
    expect(h.state(fresh)).toBe("scheduled");
    expect(h.broken()).toEqual([]);
  });

  test("stays as long as a job that was accepted without the shard may come", () => {
    const h = new Harness({ consistency: "available" });
    const early = h.job({ runAt: h.now, createdAt: h.now });
    h.advance(SECOND);
    makeAgain(h);
    die(h);
    h.advance(4 * DAY);
    expect(h.count("queues")).toBe(2);
    h.submit([early], { deferred: true });
    expect(h.get(early.id)).toMatchObject({ state: "cancelled" });
    expect(h.stats().counts.cancelled).toBe(0);
    h.project();
    h.advance(20 * DAY);
    expect(h.count("queues")).toBe(1);
  });

  test("is none of a deleted queue's whose name nobody has", () => {
    const h = new Harness();
    h.configure({ deleted: true });
    die(h);
    h.advance(60 * DAY);
    expect(h.count("queues")).toBe(1);
  });
});

test("what is to be looked at has an alarm, or the audit says so", () => {
  const h = new Harness();
  makeAgain(h);
  expect(h.broken()).toEqual([]);
  expect(h.broken(null)).toContain("former-queue-has-alarm");
});
