import { describe, expect, test } from "vitest";
import type { QueueSettings } from "../../../../../domain/queue.ts";
import { CALL, Harness, HOUR, idsOf, MINUTE, only, SECOND, settingsOf } from "../../../../rigs/shard-harness.ts";

/** Fills a queue with `count` jobs. */
function fill(h: Harness, queue: QueueSettings, count: number): void {
  for (let left = count; left > 0; left -= 1000) {
    const jobs = Array.from({ length: Math.min(left, 1000) }, () => h.job({}, queue));
    h.submit(jobs, { queues: [queue] });
  }
}

/** Claims of `room` jobs, one after the other: how many each queue got. */
function taken(h: Harness, claims: number, room: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < claims; i++) {
    for (const { namespace, queue } of h.take(room)) {
      const name = `${namespace}/${queue}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
  }
  return counts;
}

describe("two tenants", () => {
  test.each([
    ["one claim of many", 100],
    ["claims of one job each", 1],
  ])("a new job of the one starts in the next claim, though the other has 20,000 waiting: %s", (_name, room) => {
    const h = new Harness();
    const a = settingsOf({ namespace: "a" });
    const b = settingsOf({ namespace: "b" });
    fill(h, a, 20_000);
    for (let i = 0; i < 3; i++) h.take(room);
    for (let round = 0; round < 5; round++) {
      const job = h.job({}, b);
      h.submit([job], { queues: [b] });
      expect(idsOf(h.take(room))).toContain(job.id);
      h.take(room);
    }
  });

  test("both get half, however many queues and whatever weights the one has", () => {
    const h = new Harness();
    for (const name of ["x", "y", "z"]) fill(h, settingsOf({ namespace: "a", name, weight: 100 }), 500);
    fill(h, settingsOf({ namespace: "b", name: "x" }), 500);
    const counts = taken(h, 10, 60);
    expect(counts).toEqual({ "a/x": 100, "a/y": 100, "a/z": 100, "b/x": 300 });
  });

  test("what the one does not use the other gets", () => {
    const h = new Harness();
    fill(h, settingsOf({ namespace: "a" }), 500);
    fill(h, settingsOf({ namespace: "b" }), 10);
    expect(taken(h, 1, 100)).toEqual({ "a/q": 90, "b/q": 10 });
  });

  test("one whose limit is reached, or whose queue is paused, takes no turns from the other", () => {
    const h = new Harness();
    fill(h, settingsOf({ namespace: "a", concurrency: 3 }), 50);
    fill(h, settingsOf({ namespace: "b", paused: true }), 50);
    fill(h, settingsOf({ namespace: "c" }), 50);
    expect(taken(h, 1, 40)).toEqual({ "a/q": 3, "c/q": 37 });
  });
});

describe("the queues of a namespace", () => {
  test("share by weight, in one claim and over many", () => {
    for (const [claims, room] of [
      [1, 80],
      [80, 1],
    ] as const) {
      const h = new Harness();
      for (const [name, weight] of [
        ["x", 1],
        ["y", 2],
        ["z", 5],
      ] as const) {
        fill(h, settingsOf({ name, weight }), 200);
      }
      expect(taken(h, claims, room)).toEqual({ "default/x": 10, "default/y": 20, "default/z": 50 });
    }
  });

  test("a weight that changes acts at once", () => {
    const h = new Harness();
    const [x, y] = [settingsOf({ name: "x" }), settingsOf({ name: "y" })];
    fill(h, x, 500);
    fill(h, y, 500);
    expect(taken(h, 1, 40)).toEqual({ "default/x": 20, "default/y": 20 });
    h.core.configure({ ...CALL, queues: [{ ...x, version: 2, weight: 3 }] });
    expect(taken(h, 1, 40)).toEqual({ "default/x": 30, "default/y": 10 });
  });

  test("start even after a restart", () => {
    const h = new Harness();
    for (const name of ["x", "y"]) fill(h, settingsOf({ name }), 100);
    h.take(5);
    h.restart();
    expect(taken(h, 1, 20)).toEqual({ "default/x": 10, "default/y": 10 });
  });
});

describe("priority that ages", () => {
  const AGING = { priorityAgingMs: MINUTE };

  test("a job waits for later ones of higher priority for at most the aging a step", () => {
    const h = new Harness(AGING);
    const low = h.accept({ priority: 0 });
    h.now += 9 * MINUTE - SECOND;
    const inTime = h.accept({ priority: 9 });
    h.now += 2 * SECOND;
    const tooLate = h.accept({ priority: 9 });
    expect(idsOf(h.take())).toEqual([inTime, low, tooLate]);
  });

  test("under a stream of the highest priority the lowest runs when its time has come", () => {
    const h = new Harness(AGING);
    const low = h.accept({ priority: 0 });
    const accepted = h.now;
    for (let i = 0; i < 200; i++) {
      h.accept({ priority: 9 });
      h.accept({ priority: 9 });
      h.now += 10 * SECOND;
      const item = only(h.take(1));
      if (item.id === low) break;
      h.succeed(item.lease);
    }
    expect(h.state(low)).toBe("running");
    // The jobs of the nine minutes that may go first take a claim each.
    expect(h.now - accepted).toBeLessThanOrEqual(2 * 9 * MINUTE + 10 * SECOND);
  });

  test("without aging it may wait for ever", () => {
    const h = new Harness({ priorityAgingMs: null });
    const low = h.accept({ priority: 3 });
    h.now += 1000 * 24 * HOUR;
    const high = h.accept({ priority: 4 });
    expect(idsOf(h.take())).toEqual([high, low]);
  });

  test.each([
    ["time goes on", (_h: Harness) => undefined],
    [
      "the clock steps back",
      (h: Harness) => {
        h.now -= HOUR;
      },
    ],
    ["the object restarts", (h: Harness) => h.restart()],
    [
      "the object restarts and the clock steps back",
      (h: Harness) => {
        h.restart();
        h.now -= HOUR;
      },
    ],
  ])("jobs of one priority go in the order of acceptance when %s", (_name, between) => {
    for (const priorityAgingMs of [null, MINUTE]) {
      const h = new Harness({ priorityAgingMs });
      const accepted: string[] = [];
      for (let i = 0; i < 5; i++) {
        accepted.push(h.accept(), h.accept());
        between(h);
        h.now += 10;
      }
      expect(idsOf(h.take())).toEqual(accepted);
    }
  });

  test("a job keeps its place through retries and a redrive", () => {
    const h = new Harness(AGING);
    const first = h.accept();
    const second = h.accept();
    h.fail(h.take(1)[0]?.lease ?? "", { retryable: false });
    h.now += 30 * MINUTE;
    h.retry(first);
    expect(idsOf(h.take())).toEqual([first, second]);
  });

  test("a new setting is for jobs from then on", () => {
    const h = new Harness(AGING);
    const old = h.accept({ priority: 1 });
    h.configure({ priorityAgingMs: null });
    h.now += HOUR;
    const fresh = h.accept({ priority: 2 });
    expect(idsOf(h.take())).toEqual([fresh, old]);
  });
});
