import { describe, expect, test } from "vitest";
import { Bells } from "../../../../../durable-objects/shard/doorbells/bells.ts";
import { NO_HTTP } from "../../../../../durable-objects/shard/doorbells/demand.ts";
import { Executors } from "../../../../../durable-objects/shard/flow/executors.ts";
import {
  at,
  CALL,
  Harness,
  HOUR,
  idsOf,
  MINUTE,
  only,
  SECOND,
  START,
  settingsOf,
} from "../../../../rigs/shard-harness.ts";

const CONSUMER = { target: { type: "consumer" }, lane: "bulk" } as const;
const lanesOf = (h: Harness) => h.rung().map(({ bell }) => (bell.kind === "work" ? bell.lane : null));
const secondsOf = (bells: { at: number }[]) => bells.map((bell) => (bell.at - START) / SECOND);

/** Another consumer queue of the same lane, with `jobs` waiting. */
function withOther(h: Harness, jobs: number, over: Parameters<typeof settingsOf>[0] = {}) {
  const other = settingsOf({ name: "other", ...CONSUMER, ...over });
  h.submit(
    Array.from({ length: jobs }, () => h.job({}, other)),
    { queues: [other] },
  );
  return other;
}

describe("a consumer queue", () => {
  test("is claimed from through the pull door, and never by the processor", () => {
    const h = new Harness(CONSUMER);
    const ids = idsOf(h.jobs(3));
    h.submit(ids.map((id) => h.job({ id })));
    expect(h.work({ lane: "bulk" }).items).toEqual([]);
    const claimed = h.claim({ worker: "consumer/1" });
    expect(claimed.map(({ job }) => job.id)).toEqual(ids);
    for (const { lease } of claimed) expect(h.succeed(lease)).toBe("recorded");
  });

  test("runs a job again whose consumer died, once its lease has ended, and refuses the late report", () => {
    const h = new Harness(CONSUMER);
    const id = h.accept();
    const { lease } = only(h.claim({ worker: "consumer/1", leaseMs: 30 * SECOND }));
    h.rung();
    h.advance(30 * SECOND + SECOND);
    expect(lanesOf(h)).toContain("bulk");
    const again = only(h.claim({ worker: "consumer/2" }));
    expect(again.job).toMatchObject({ id, attempt: 2 });
    expect(h.succeed(lease)).toBe("stale");
    expect(h.succeed(again.lease)).toBe("recorded");
  });

  test("that becomes one rings, and one that becomes a pull queue falls silent", () => {
    const h = new Harness({ target: { type: "pull" }, lane: "bulk" });
    h.accept();
    h.advance(MINUTE);
    expect(lanesOf(h)).toEqual([]);
    h.configure(CONSUMER);
    expect(lanesOf(h)).toEqual(["bulk"]);
    h.configure({ target: { type: "pull" } });
    h.advance(HOUR);
    expect(lanesOf(h)).toEqual([]);
  });

  test("breaks no rule of the audit while it waits, and is found when no alarm would ring", () => {
    const h = new Harness(CONSUMER);
    h.accept();
    expect(h.broken()).toEqual([]);
    expect(h.broken(START + HOUR)).toEqual(["waiting-has-alarm"]);
  });
});

describe("a bell for a consumer", () => {
  test("that nobody answers for one queue keeps no other queue of the lane waiting", () => {
    const h = new Harness(CONSUMER);
    withOther(h, 3, { namespace: "elsewhere" });
    h.advance(5 * MINUTE);
    h.rung();
    const before = h.now;
    h.accept();
    expect(h.rung().map((bell) => bell.at - before)).toEqual([0]);
    // Nor is the line rung more often than that for what nobody serves.
    h.advance(SECOND);
    expect(h.rung()).toEqual([]);
  });

  test("is rung as for the processor: at once, and again more and more seldom while nobody comes", () => {
    const h = new Harness(CONSUMER);
    h.accept();
    h.advance(5 * MINUTE);
    expect(secondsOf(h.rung())).toEqual([0, 1.5, 4.5, 10.5, 22.5, 46.5, 94.5, 154.5, 214.5, 274.5]);
  });

  test("remembers over a restart for how long nobody has come", () => {
    const h = new Harness(CONSUMER);
    h.accept();
    h.advance(100 * SECOND);
    h.rung();
    h.restart();
    expect(h.rung()).toHaveLength(1);
    h.advance(MINUTE - 1);
    expect(h.rung()).toEqual([]);
  });

  test.each([
    [1, 1],
    [100, 1],
    [101, 2],
    [1000, 4],
  ])("of %i jobs: as many as the lane allows (%i)", (jobs, expected) => {
    const h = new Harness(CONSUMER);
    h.submit(h.jobs(jobs));
    expect(h.rung()).toHaveLength(expected);
  });

  test("is answered by a claim: no more are rung while its consumer takes work and comes back", () => {
    const h = new Harness(CONSUMER);
    h.submit(h.jobs(80));
    h.rung();
    for (let round = 0; round < 7; round++) {
      expect(h.claim({ worker: "consumer/1" })).toHaveLength(10);
      h.advance(400);
    }
    expect(h.rung()).toEqual([]);
  });

  test("is rung for another consumer when the one that took work is busy with it", () => {
    const h = new Harness(CONSUMER);
    h.submit(h.jobs(50));
    h.rung();
    h.claim({ worker: "consumer/1" });
    h.advance(499);
    expect(h.rung()).toEqual([]);
    h.advance(1);
    expect(h.rung()).toHaveLength(1);
  });

  test("is rung no more when nothing waits any more", () => {
    const h = new Harness(CONSUMER);
    h.submit(h.jobs(3));
    h.claim();
    h.rung();
    h.advance(10 * SECOND);
    expect(h.rung()).toEqual([]);
  });

  test("is answered by a visit once, however many queues the visitor asks", () => {
    const h = new Harness(CONSUMER);
    h.submit(h.jobs(350));
    withOther(h, 1);
    expect(h.rung()).toHaveLength(4);
    for (let round = 0; round < 5; round++) {
      for (const queue of ["other", "q", "never-was"]) h.claim({ worker: "consumer/1", queue, max: 2 });
    }
    expect(h.rung()).toEqual([]);
  });

  test("is not answered by a claim from an empty queue: the bell may be for a queue that nobody handles", () => {
    const h = new Harness(CONSUMER);
    withOther(h, 1);
    h.core.configure({ v: 1, epoch: 1, queues: [h.queue] });
    const heard: number[] = [];
    for (let second = 0; second < 300; second++) {
      const bells = h.rung();
      heard.push(...secondsOf(bells));
      if (bells.length > 0) expect(h.claim({ worker: `consumer/${second}` })).toEqual([]);
      h.advance(SECOND / 2);
    }
    expect(heard.length).toBeLessThan(10);
  });

  test("is not rung for jobs that a limit holds, and is rung when a place is free", () => {
    const h = new Harness({ ...CONSUMER, concurrency: 1, timeoutMs: HOUR });
    h.submit(h.jobs(9));
    const { lease } = only(h.claim({ worker: "consumer/1", leaseMs: HOUR }));
    h.rung();
    expect(h.claim({ worker: "consumer/1" })).toEqual([]);
    h.advance(MINUTE);
    expect(h.rung()).toEqual([]);
    h.succeed(lease);
    expect(h.rung()).toHaveLength(1);
  });

  test.each<[string, seconds: number, waiting: [queue: number, jobs: number][], bells: number]>([
    ["is not rung at once", 1, [[1, 90]], 0],
    ["is rung soon", 1.5, [[1, 90]], 1],
    ["is rung when more wait", 1, [[1, 101]], 2],
    [
      "is no part of what others deserve",
      1,
      [
        [1, 90],
        [2, 150],
      ],
      2,
    ],
  ])("for jobs that a claim asked for and could not take %s", (_, seconds, waiting, expected) => {
    const bells = new Bells(new Harness().sql, "shard-0", new Executors());
    const known = new Map<number, number>();
    const due = (now: number, queues: [number, number][]) => {
      const jobs = queues.reduce((sum, [, n]) => sum + n, 0);
      for (const [queue, after] of queues) {
        const before = known.get(queue) ?? 0;
        if (before !== after) bells.noteChange({ line: "bulk/consumer", queue, before, after }, now);
        known.set(queue, after);
      }
      return bells.due(new Map([["bulk/consumer", { jobs, http: NO_HTTP, queues: known }]]), now).bells.length;
    };
    expect(due(START, [[1, 90]])).toBe(1);
    bells.answered("bulk/consumer", { who: "consumer/1", stays: true, limited: new Map([[1, 90]]), now: START });
    expect(due(START, [[1, 90]])).toBe(0);
    expect(due(START + seconds * SECOND, waiting)).toBe(expected);
  });

  test("and one for the processor in the same lane say nothing to each other", () => {
    const h = new Harness(CONSUMER);
    const pushed = settingsOf({ name: "pushed", lane: "bulk" });
    h.submit([h.job(), h.job({ queue: 1 }, pushed)], { queues: [h.queue, pushed] });
    expect(lanesOf(h)).toEqual(["bulk", "bulk"]);
    const { lease } = only(h.work({ lane: "bulk" }).items);
    h.succeed(lease);
    h.advance(2 * SECOND);
    expect(lanesOf(h)).toEqual(["bulk"]);
    h.claim();
    h.rung();
    h.advance(10 * SECOND);
    expect(lanesOf(h)).toEqual([]);
  });

  test("rung and lost, every time, still gets the work done as soon as one is heard", () => {
    const h = new Harness(CONSUMER);
    h.submit(h.jobs(10));
    h.advance(HOUR);
    expect(h.claim()).toHaveLength(10);
  });
});

describe("explain says of a job of a consumer queue that", () => {
  test("it is ready; and after 10 s without a claim, since when none came, and whose consumer is missing", () => {
    const h = new Harness(CONSUMER);
    const [first, second] = [h.accept(), h.accept()];
    expect(h.explain(first)).toMatchObject({ reason: "ready", ahead: 0 });
    expect(h.explain(second)).toMatchObject({ reason: "priority", ahead: 1 });
    h.advance(10 * SECOND - 1);
    expect(h.explain(first)).toMatchObject({ reason: "ready", since: null });
    h.advance(1);
    expect(h.explain(first)).toMatchObject({
      reason: "no-executor",
      ahead: 0,
      since: START,
      detail:
        "Nobody has claimed from queue q for 10 s, since 2027-01-15T08:00:00.000Z. The Queue of lane bulk needs a Worker as its consumer that has a handler for q.",
    });
    h.work({ lane: "bulk" });
    expect(h.explain(first)).toMatchObject({ reason: "no-executor" });
    at(h.claim({ max: 1, worker: "consumer/1" }), 0);
    expect(h.explain(first)).toMatchObject({ reason: "running", detail: "Attempt 1 runs on consumer/1." });
    expect(h.explain(second)).toMatchObject({ reason: "ready" });
  });

  test("nobody asks for its queue, though the consumer comes for others of the line", () => {
    const h = new Harness(CONSUMER);
    const served = settingsOf({ ...CONSUMER, name: "served" });
    const id = h.accept();
    for (let i = 0; i < 10; i++) {
      h.submit([h.job({}, served)], { queues: [served] });
      h.advance(SECOND);
      expect(h.claim({ queue: "served" })).toHaveLength(1);
    }
    expect(h.explain(id)).toMatchObject({ reason: "no-executor", since: START });
    const job = h.job({}, served);
    h.submit([job], { queues: [served] });
    expect(h.explain(job.id)).toMatchObject({ reason: "ready" });
  });

  test("it is not behind other queues of the lane: a claim asks for one queue", () => {
    const h = new Harness(CONSUMER);
    withOther(h, 50);
    expect(h.explain(h.accept())).toMatchObject({ reason: "ready", ahead: 0 });
  });
});

describe("who waits for work of a lane", () => {
  const PUSHED = { target: { type: "handler", name: "noop" }, lane: "bulk" } as const;

  /** Whether the lane has work, and how often those who wait for it have been woken. */
  function waiting(h: Harness) {
    let woken = 0;
    h.core.engine.listen((step) => {
      for (const [key] of step.woken) if (key === "lane:bulk") woken += 1;
    });
    const has = (lane: "bulk" | "slow" = "bulk") => h.core.awaitLane({ ...CALL, lane, waitMs: 0 });
    return { has, woken: () => woken };
  }

  test("is woken by a job that comes, and by no job of another lane or of a pull queue", () => {
    const h = new Harness(PUSHED);
    const { has, woken } = waiting(h);
    withOther(h, 1, { lane: "slow", target: PUSHED.target });
    withOther(h, 1, { name: "pulled", target: { type: "pull" } });
    expect([has(), has("slow"), woken()]).toEqual([false, true, 0]);
    h.accept();
    expect([has(), woken()]).toEqual([true, 1]);
  });

  test("is woken when a retry is due and when its queue goes on, and is told nothing of what it may not take", () => {
    const h = new Harness({ ...PUSHED, paused: true });
    const { has, woken } = waiting(h);
    h.accept();
    expect(has()).toBe(false);
    const paused = woken();
    h.configure({ ...PUSHED, paused: false });
    expect([has(), woken() > paused]).toEqual([true, true]);
    const [item] = h.work({ lane: "bulk" }).items;
    h.fail(item?.lease ?? "");
    const failed = woken();
    expect(has()).toBe(false);
    h.advance(HOUR);
    expect([has(), woken() > failed]).toEqual([true, true]);
  });
});
