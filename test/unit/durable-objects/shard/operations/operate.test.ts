import { describe, expect, test } from "vitest";
import type { OperationProgress, ShardOperation } from "../../../../../contract/rpc.ts";
import { fingerprintOf } from "../../../../../domain/fingerprint.ts";
import type { OperationAction, OperationFilter } from "../../../../../domain/operation.ts";
import { ANY_JOB, BOOM, CALL, DAY, Harness, MINUTE, only, SECOND } from "../../../../rigs/shard-harness.ts";

let made = 0;

function operation(h: Harness, action: OperationAction, over: Partial<ShardOperation> = {}): ShardOperation {
  made += 1;
  const { namespace } = h.queue;
  return {
    id: `op_${made}`,
    namespace,
    action,
    filter: ANY_JOB,
    createdAt: h.now,
    dryRun: false,
    everyMs: null,
    ...over,
  };
}

function start(h: Harness, action: OperationAction, filter: Partial<OperationFilter> = {}): ShardOperation {
  const started = operation(h, action, { filter: { ...ANY_JOB, ...filter } });
  h.core.operate({ ...CALL, operation: started });
  return started;
}

function progress(h: Harness, { id }: { id: string }): OperationProgress {
  return only(h.core.operationProgress({ ...CALL, ids: [id] }));
}

/** Runs the operation to its end and says how many jobs it changed. */
function run(h: Harness, action: OperationAction, filter: Partial<OperationFilter> = {}): number {
  const started = start(h, action, filter);
  h.advance(0);
  const { done, matched, changed } = progress(h, started);
  expect(done).toBe(true);
  expect(matched).toBe(changed);
  return changed;
}

/** One job in each state there is, by state. Those that failed or run were tried once. */
function oneOfEach(h: Harness): Record<string, string> {
  const succeeded = h.accept();
  h.succeed(h.takeOne().lease);
  const failed = h.accept();
  h.failOne();
  const running = h.accept();
  h.takeOne();
  const [queued, scheduled, cancelled] = [h.accept(), h.accept({ delayMs: DAY }), h.accept({ delayMs: DAY })];
  h.cancel(cancelled);
  return { succeeded, failed, running, queued, scheduled, cancelled };
}

function stateOf(h: Harness, id: string): string {
  const reply = h.core.get({ ...CALL, namespace: h.queue.namespace, id, waitMs: 0 });
  return reply.type === "job" ? reply.job.state : reply.type;
}

const statesOf = (h: Harness, jobs: Record<string, string>) =>
  Object.fromEntries(Object.entries(jobs).map(([was, id]) => [was, stateOf(h, id)]));

const SAME = {
  succeeded: "succeeded",
  failed: "failed",
  running: "running",
  queued: "queued",
  scheduled: "scheduled",
  cancelled: "cancelled",
};

describe("an operation", () => {
  test.each([
    ["cancel", { ...SAME, running: "cancelled", queued: "cancelled", scheduled: "cancelled" }],
    ["retry", { ...SAME, failed: "queued", cancelled: "queued" }],
    ["delete", { ...SAME, succeeded: "gone", failed: "gone", cancelled: "gone" }],
  ] as const)("to %s acts on the states that allow it", (action, after) => {
    const h = new Harness();
    const jobs = oneOfEach(h);
    run(h, action);
    expect(statesOf(h, jobs)).toEqual(after);
    expect(h.broken()).toEqual([]);
  });

  test("of another namespace sees nothing", () => {
    const h = new Harness();
    const jobs = oneOfEach(h);
    const foreign = operation(h, "delete", { namespace: "other" });
    h.core.operate({ ...CALL, operation: foreign });
    h.advance(0);
    expect(progress(h, foreign)).toEqual({ id: foreign.id, scanned: 0, matched: 0, changed: 0, done: true });
    expect(statesOf(h, jobs)).toEqual(SAME);
  });

  test("counts what it looked at, selected and changed", () => {
    const h = new Harness();
    oneOfEach(h);
    const started = start(h, "delete", { state: "failed" });
    h.advance(0);
    expect(progress(h, started)).toEqual({ id: started.id, scanned: 6, matched: 1, changed: 1, done: true });
  });

  test("as a dry run changes nothing", () => {
    const h = new Harness();
    const jobs = oneOfEach(h);
    const dry = operation(h, "delete", { dryRun: true });
    h.core.operate({ ...CALL, operation: dry });
    const before = h.rows();
    h.advance(0);
    expect(progress(h, dry)).toMatchObject({ matched: 3, changed: 0, done: true });
    expect(h.rows()).toEqual(before);
    expect(statesOf(h, jobs)).toEqual(SAME);
  });

  test("leaves alone what was accepted after it was created", () => {
    const h = new Harness();
    const before = h.accept();
    const late = operation(h, "cancel");
    h.advance(1);
    const after = h.accept();
    h.core.operate({ ...CALL, operation: late });
    h.advance(0);
    expect([h.state(before), h.state(after)]).toEqual(["cancelled", "queued"]);
  });

  test("that the shard knows is not begun anew", () => {
    const h = new Harness();
    const failed = h.accept();
    h.failOne();
    const retry = start(h, "retry");
    h.advance(0);
    h.failOne();
    expect(h.core.operate({ ...CALL, operation: retry })).toMatchObject({ changed: 1, done: true });
    h.advance(MINUTE);
    expect(h.state(failed)).toBe("failed");
    expect(progress(h, retry)).toMatchObject({ scanned: 1, changed: 1 });
  });

  test("does a bounded amount a step, and serves claims in between", () => {
    const h = new Harness();
    h.submit(h.jobs(1000, { delayMs: DAY }));
    const ready = h.accept();
    const cancelAll = start(h, "cancel", { createdBefore: h.now + 1, state: "scheduled" });
    const steps: number[] = [];
    while (!progress(h, cancelAll).done) {
      h.alarmAt = null;
      h.core.alarm();
      steps.push(progress(h, cancelAll).changed);
      expect(h.alarmAt).toBe(h.now);
      if (steps.length === 2) expect(h.takeOne().id).toBe(ready);
    }
    expect(steps.slice(0, 5)).toEqual([200, 400, 600, 800, 1000]);
    expect(h.broken()).toEqual([]);
  });

  test("takes turns with others", () => {
    const h = new Harness();
    h.submit(h.jobs(600));
    const first = start(h, "cancel");
    h.now += 1;
    const second = operation(h, "cancel", { dryRun: true });
    h.core.operate({ ...CALL, operation: second });
    const scanned: number[][] = [];
    for (let i = 0; i < 3; i++) {
      h.now += 1;
      h.core.alarm();
      scanned.push([progress(h, first).scanned, progress(h, second).scanned]);
    }
    expect(scanned).toEqual([
      [200, 0],
      [200, 500],
      [400, 500],
    ]);
  });

  test("goes on where it was when the object dies at any step", () => {
    const h = new Harness();
    h.submit(h.jobs(700, { orderingKey: "k" }));
    const cancelAll = start(h, "cancel");
    for (let steps = 0; !progress(h, cancelAll).done; steps++) {
      expect(steps).toBeLessThan(10);
      h.restart();
      expect(h.alarmAt).toBe(h.now);
      h.core.alarm();
    }
    expect(progress(h, cancelAll)).toMatchObject({ scanned: 700, matched: 700, changed: 700 });
    expect(h.stats().counts).toMatchObject({ queued: 0, cancelled: 700 });
    expect(h.broken()).toEqual([]);
  });

  test("whose step is undone does it again, once", () => {
    const h = new Harness();
    h.submit(h.jobs(50));
    const cancelAll = start(h, "cancel");
    const { run: write } = h.sql;
    h.sql.run = (query, ...params) => {
      if (query.includes("UPDATE operations")) throw new Error("database or disk is full");
      write.call(h.sql, query, ...params);
    };
    expect(() => h.core.alarm()).toThrow("disk is full");
    expect(h.stats().counts).toMatchObject({ queued: 50, cancelled: 0 });
    h.sql.run = write;
    h.advance(MINUTE);
    expect(progress(h, cancelAll)).toMatchObject({ changed: 50, done: true });
    expect(h.project()).toHaveLength(50);
  });

  test("is forgotten seven days after its end", () => {
    const h = new Harness();
    start(h, "cancel");
    h.advance(7 * DAY - SECOND);
    expect(h.count("operations")).toBe(1);
    h.advance(SECOND);
    expect(h.count("operations")).toBe(0);
  });

  test("to retry puts jobs back at its pace", () => {
    const h = new Harness();
    const ids = Array.from({ length: 4 }, () => h.accept());
    for (const { lease } of h.take()) h.fail(lease, { retryable: false });
    const paced = operation(h, "retry", { everyMs: 500 });
    h.core.operate({ ...CALL, operation: paced });
    h.advance(0);
    expect(ids.map((id) => h.get(id).runAt - h.now)).toEqual([0, 500, 1000, 1500]);
    expect(h.take()).toHaveLength(1);
    h.advance(SECOND);
    expect(h.take()).toHaveLength(2);
  });

  test("to retry matches what can never come back, and leaves it", () => {
    const h = new Harness();
    h.accept();
    h.failOne();
    h.configure({ deleted: true });
    const retry = start(h, "retry");
    h.advance(0);
    expect(progress(h, retry)).toMatchObject({ matched: 1, changed: 0, done: true });
  });
});

describe("a filter selects by", () => {
  test("queue", () => {
    const h = new Harness();
    h.accept();
    expect(run(h, "cancel", { queue: "other" })).toBe(0);
    expect(run(h, "cancel", { queue: "q" })).toBe(1);
  });

  test("state", () => {
    const h = new Harness();
    const jobs = oneOfEach(h);
    expect(run(h, "delete", { state: "cancelled" })).toBe(1);
    expect(statesOf(h, jobs)).toEqual({ ...SAME, cancelled: "gone" });
  });

  test("tag", () => {
    const h = new Harness();
    const [tagged, other] = [h.accept({ tags: ["a", "b"] }), h.accept({ tags: ["c"] })];
    expect(run(h, "cancel", { tag: "b" })).toBe(1);
    expect([h.state(tagged), h.state(other)]).toEqual(["cancelled", "queued"]);
  });

  test("ordering key", () => {
    const h = new Harness();
    const [a, b] = [h.accept({ orderingKey: "a" }), h.accept({ orderingKey: "b" })];
    expect(run(h, "cancel", { orderingKey: "b" })).toBe(1);
    expect([h.state(a), h.state(b)]).toEqual(["queued", "cancelled"]);
  });

  test("error code, and by fingerprint", () => {
    const h = new Harness();
    const [boom, bang] = [h.accept(), h.accept()];
    const [first, second] = h.take();
    h.fail(first?.lease ?? "", { retryable: false });
    h.fail(second?.lease ?? "", { code: "bang", retryable: false });
    expect(run(h, "delete", { errorCode: "whimper" })).toBe(0);
    expect(run(h, "delete", { errorCode: "bang" })).toBe(1);
    expect([stateOf(h, boom), stateOf(h, bang)]).toEqual(["failed", "gone"]);
    expect(run(h, "retry", { fingerprint: "ffff" })).toBe(0);
    expect(run(h, "retry", { fingerprint: fingerprintOf(BOOM) })).toBe(1);
    expect(stateOf(h, boom)).toBe("queued");
  });

  test("the time it was accepted, bounds left out", () => {
    const h = new Harness();
    const ids: string[] = [];
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      ids.push(h.accept());
      times.push(h.now);
      h.advance(SECOND);
    }
    const [first = 0, , last = 0] = times;
    expect(run(h, "cancel", { createdAfter: first, createdBefore: last })).toBe(1);
    expect(ids.map((id) => h.state(id))).toEqual(["queued", "cancelled", "queued"]);
  });

  test("the time it finished, bound left out", () => {
    const h = new Harness();
    const [early, late] = [h.accept(), h.accept()];
    h.cancel(early);
    h.advance(SECOND);
    h.cancel(late);
    expect(run(h, "delete", { finishedBefore: h.now })).toBe(1);
    expect([stateOf(h, early), stateOf(h, late)]).toEqual(["gone", "cancelled"]);
  });
});

test("an operation goes on at once after the clock has stepped back", () => {
  const h = new Harness();
  h.submit(h.jobs(1000, { delayMs: DAY }));
  const started = start(h, "cancel");
  h.core.alarm();
  expect(progress(h, started)).toMatchObject({ done: false });
  h.now -= 60 * MINUTE;
  for (let n = 0; n < 10 && !progress(h, started).done; n++) h.core.wake({ ...CALL });
  expect(progress(h, started)).toMatchObject({ done: true, changed: 1000 });
});
