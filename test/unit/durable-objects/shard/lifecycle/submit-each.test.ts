import { describe, expect, test } from "vitest";
import { CALL, Harness, HOUR } from "../../../../rigs/shard-harness.ts";

const KEY = { key: "k", hash: "h" };
const DEDUP = { key: "d", windowMs: HOUR, onConflict: "replace", maxDelayMs: null } as const;

/** Two jobs that cannot be read any more: each holds a key. */
function unreadable(h: Harness): void {
  h.accept({ delayMs: HOUR, idempotency: KEY });
  h.accept({ delayMs: HOUR, dedup: DEDUP });
  h.sql.run("UPDATE jobs SET spec = '{no JSON'");
}

describe("a job that meets a row which cannot be read", () => {
  test.each([
    ["as a replay", { idempotency: KEY }],
    ["as what is to be replaced", { dedup: DEDUP }],
  ])("%s is refused alone: the others of its batch are accepted, in their order", (_, keys) => {
    const h = new Harness();
    unreadable(h);
    const jobs = [h.job({ orderingKey: "o" }), h.job(keys), h.job({ orderingKey: "o" })];
    expect(h.submit(jobs)).toMatchObject([
      { type: "accepted" },
      { type: "faulted", fault: expect.stringMatching(/./) },
      { type: "accepted" },
    ]);
    expect(h.take().map(({ id }) => id)).toEqual([jobs[0]?.id]);
    // Sent again, those that were taken in are found.
    expect(h.submit(jobs)).toMatchObject([{ type: "accepted" }, { type: "faulted" }, { type: "accepted" }]);
    expect(h.count("jobs")).toBe(4);
  });

  test("alone is answered, and leaves nothing", () => {
    const h = new Harness();
    unreadable(h);
    expect(h.submit([h.job({ idempotency: KEY })])).toMatchObject([{ type: "faulted" }]);
    expect(h.count("jobs")).toBe(2);
  });

  test("refuses an atomic batch whole, by a throw", () => {
    const h = new Harness();
    unreadable(h);
    const jobs = [h.job(), h.job({ idempotency: KEY })];
    expect(() => h.core.submit({ ...CALL, queues: [h.queue], jobs, atomic: true })).toThrow();
    expect(h.count("jobs")).toBe(2);
  });

  test("settings that are newer here are answered before anything is taken in", () => {
    const h = new Harness();
    unreadable(h);
    const old = h.queue;
    h.configure({ timeoutMs: HOUR });
    const jobs = [h.job(), h.job({ idempotency: KEY })];
    expect(h.core.submit({ ...CALL, queues: [old], jobs, atomic: false })).toMatchObject({ type: "settings" });
    expect(h.count("jobs")).toBe(2);
  });
});
