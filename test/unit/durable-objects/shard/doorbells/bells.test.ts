import { describe, expect, test } from "vitest";
import { DAY, Harness, HOUR, MINUTE, only, SECOND, START, settingsOf } from "../../../../rigs/shard-harness.ts";

const secondsOf = (bells: { at: number }[]) => bells.map(({ at }) => (at - START) / SECOND);
const historyBells = (h: Harness) => h.bells.filter(({ bell }) => bell.kind === "history");

describe("a bell for executors", () => {
  test("is rung for the first job, at once, and says shard and lane", () => {
    const h = new Harness({ lane: "slow" });
    h.accept();
    expect(h.rung()).toEqual([
      { at: START, bell: { v: 1, kind: "work", shard: "shard-0", lane: "slow" }, delaySeconds: 0 },
    ]);
  });

  test("is not rung while one is owed", () => {
    const h = new Harness();
    for (let i = 0; i < 50; i++) h.accept();
    expect(h.rung()).toHaveLength(1);
  });

  test("that nobody answers is rung again after 1.5 s, then twice as long each time, up to a minute", () => {
    const h = new Harness();
    h.accept();
    h.advance(5 * MINUTE);
    expect(secondsOf(h.rung())).toEqual([0, 1.5, 4.5, 10.5, 22.5, 46.5, 94.5, 154.5, 214.5, 274.5]);
  });

  test("goes on for a day at the slow pace, one at a time", () => {
    const h = new Harness();
    h.accept();
    h.advance(DAY);
    expect(h.rung().length).toBeLessThan(24 * 60 + 10);
  });

  test.each([
    ["default", 1, 1],
    ["default", 100, 1],
    ["default", 101, 2],
    ["default", 350, 4],
    ["default", 1000, 8],
    ["slow", 1000, 8],
    ["bulk", 1000, 4],
  ] as const)("in lane %s, %i jobs deserve %i", (lane, jobs, expected) => {
    const h = new Harness({ lane });
    h.submit(h.jobs(jobs));
    expect(h.rung()).toHaveLength(expected);
  });

  test("follows a backlog that grows: as many more as it deserves by then", () => {
    const h = new Harness();
    const rung = [50, 50, 50, 50, 400, 400].map((jobs) => {
      h.submit(h.jobs(jobs));
      return h.rung().length;
    });
    expect(rung).toEqual([1, 0, 1, 0, 4, 2]);
  });

  test("counts all queues of its lane together", () => {
    const h = new Harness();
    h.submit(h.jobs(150));
    h.rung();
    const other = settingsOf({ name: "other" });
    h.submit(
      Array.from({ length: 100 }, () => h.job({}, other)),
      { queues: [other] },
    );
    expect(h.rung()).toHaveLength(1);
  });

  test("is not rung for a pull queue, nor for jobs that are scheduled", () => {
    const pull = new Harness({ target: { type: "pull" } });
    pull.submit(pull.jobs(500));
    pull.advance(HOUR);
    expect(pull.rung()).toEqual([]);
    const h = new Harness();
    h.accept({ delayMs: HOUR });
    h.advance(HOUR - 1);
    expect(h.rung()).toEqual([]);
    h.advance(1);
    expect(secondsOf(h.rung())).toEqual([3600]);
  });

  test("is not rung for jobs blocked behind a running one, and is rung when they open", () => {
    const h = new Harness();
    h.submit(h.jobs(2, { orderingKey: "k" }));
    const { lease } = h.takeOne();
    h.rung();
    h.advance(5 * SECOND);
    expect(h.rung()).toEqual([]);
    h.succeed(lease);
    expect(h.rung()).toHaveLength(1);
  });

  test("is not rung for a used-up limit, and is rung when a place is free", () => {
    const h = new Harness({ concurrency: 2 });
    h.submit(h.jobs(300));
    expect(h.rung()).toHaveLength(1);
    const [first] = h.take();
    h.advance(10 * SECOND);
    expect(h.rung()).toEqual([]);
    h.succeed(first?.lease ?? "");
    expect(h.rung()).toHaveLength(1);
  });

  test("is rung again after a restart, whatever was rung before", () => {
    const h = new Harness();
    h.submit(h.jobs(250));
    h.rung();
    h.restart();
    expect(h.rung()).toHaveLength(3);
  });

  test("remembers over a restart for how long nobody has come", () => {
    const h = new Harness();
    h.accept();
    h.advance(100 * SECOND);
    h.rung();
    h.restart();
    expect(h.rung()).toHaveLength(1);
    h.advance(MINUTE - 1);
    expect(h.rung()).toEqual([]);
    h.advance(1);
    expect(h.rung()).toHaveLength(1);
  });

  test("that nobody answers is rung early once for what has come since, and no more than once", () => {
    const h = new Harness();
    const other = settingsOf({ name: "other", target: { type: "pull" } });
    const elsewhere = () => void h.submit([h.job({}, other)], { queues: [other] });
    h.accept();
    h.advance(3_100);
    h.rung();
    h.accept();
    expect(h.rung()).toHaveLength(1);
    h.advance(1_600);
    h.rung();
    elsewhere();
    expect(h.rung()).toEqual([]);
  });

  test("that is answered starts the pace anew", () => {
    const h = new Harness();
    h.submit(h.jobs(2));
    h.advance(100 * SECOND);
    h.succeed(only(h.take(1)).lease);
    h.rung();
    h.advance(3 * SECOND);
    expect(h.rung().length).toBeGreaterThanOrEqual(2);
    expect(h.count("bells")).toBeLessThanOrEqual(1);
  });

  test("is not rung for an executor that took work and comes back", () => {
    const h = new Harness();
    h.submit(h.jobs(300));
    for (let i = 0; i < 3; i++) h.work({ worker: `w${i}`, room: { handler: 10, http: 0 } });
    h.rung();
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 3; i++) h.work({ worker: `w${i}`, room: { handler: 1, http: 0 } });
      h.advance(400);
    }
    expect(h.rung()).toEqual([]);
  });

  test("is rung for another when one that took work does not come back, while work waits", () => {
    const h = new Harness();
    h.submit(h.jobs(50));
    h.take(10);
    h.rung();
    h.advance(2 * SECOND);
    expect(h.rung().length).toBeGreaterThanOrEqual(1);
  });

  test("is not rung when nothing waits any more", () => {
    const h = new Harness();
    h.submit(h.jobs(3));
    h.take();
    h.rung();
    h.advance(10 * SECOND);
    expect(h.rung()).toEqual([]);
  });

  test("is rung again when an executor leaves with work waiting", () => {
    const h = new Harness();
    h.submit(h.jobs(10));
    h.work({ worker: "w", room: { handler: 1, http: 0 } });
    h.rung();
    h.work({ worker: "w", room: { handler: 0, http: 0 } });
    expect(h.rung()).toHaveLength(1);
  });

  test("that an executor could do nothing for is not rung again at once, but soon", () => {
    const h = new Harness();
    h.submit(h.jobs(9));
    h.rung();
    expect(h.work({ room: { handler: 0, http: 5 } }).items).toEqual([]);
    expect(h.rung()).toEqual([]);
    h.advance(2 * SECOND);
    expect(h.rung()).toHaveLength(1);
  });

  test("is not rung for a partition that runs as many as it may: an executor could do nothing", () => {
    const h = new Harness({ concurrency: 2, partitions: 2, timeoutMs: HOUR });
    h.submit(h.jobs(9, { partition: 0 }));
    const { lease } = only(h.take());
    h.extend(lease, HOUR);
    h.rung();
    expect(h.take()).toEqual([]);
    h.advance(MINUTE);
    expect(h.rung()).toEqual([]);
    h.succeed(lease);
    expect(h.rung()).toHaveLength(1);
  });

  test("in one lane says nothing to another", () => {
    const h = new Harness();
    const slow = settingsOf({ name: "slow", lane: "slow" });
    h.submit([h.job(), h.job({ queue: 1 }, slow)], { queues: [h.queue, slow] });
    expect(h.rung().map(({ bell }) => (bell.kind === "work" ? bell.lane : null))).toEqual(["default", "slow"]);
    h.take();
    h.advance(2 * SECOND);
    expect(h.rung().map(({ bell }) => (bell.kind === "work" ? bell.lane : null))).toEqual(["slow"]);
  });

  test("rung and lost, every time, still gets the work done as soon as one is heard", () => {
    const h = new Harness();
    h.submit(h.jobs(10));
    h.advance(HOUR);
    expect(h.take()).toHaveLength(10);
  });
});

describe("a bell for history", () => {
  test("is rung once for what has finished, a moment later", () => {
    const h = new Harness();
    h.submit(h.jobs(3));
    for (const { lease } of h.take()) h.succeed(lease);
    expect(historyBells(h)).toEqual([
      { at: START, bell: { v: 1, kind: "history", shard: "shard-0" }, delaySeconds: 5 },
    ]);
  });

  test("is rung again while history lacks something, and falls silent when it has all", () => {
    const h = new Harness({ target: { type: "pull" } });
    h.cancel(h.accept());
    h.advance(15 * SECOND);
    expect(secondsOf(historyBells(h))).toEqual([0, 10]);
    h.project();
    h.advance(HOUR);
    expect(historyBells(h)).toHaveLength(2);
  });

  test("is rung again after a restart, only when history lacks something", () => {
    const h = new Harness({ target: { type: "pull" } });
    h.cancel(h.accept());
    h.restart();
    expect(historyBells(h)).toHaveLength(2);
    h.project();
    h.restart();
    expect(historyBells(h)).toHaveLength(2);
  });

  test("is rung again when the projector read a page and died", () => {
    const h = new Harness({ target: { type: "pull" } });
    h.cancel(h.accept());
    h.core.finished({ v: 1, epoch: 1, after: 0, skip: 0, limit: 10 });
    h.bells.length = 0;
    h.advance(MINUTE);
    expect(historyBells(h).length).toBeGreaterThanOrEqual(1);
  });
});
