import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeJobId } from "../../../../../domain/job-id.ts";
import { slotOf } from "../../../../../domain/slots.ts";
import type { ShardLimits } from "../../../../../durable-objects/shard/lifecycle/admission.ts";
import { STORED_BYTES } from "../../../../../durable-objects/shard/namespaces/stored-bytes.ts";
import { dedup } from "../../../../rigs/dedup-calls.ts";
import { firesOf, push, scheduleOf } from "../../../../rigs/schedule-harness.ts";
import { ANY_FAILED, CALL, Harness, MINUTE, only, PLAIN, SECOND } from "../../../../rigs/shard-harness.ts";
import { SpawnRig } from "../../../../rigs/spawn-rig.ts";

/** The shard is started anew with these limits. */
function limit(h: Harness, limits: Partial<ShardLimits>): void {
  h.limits = limits;
  h.restart();
}

const BIG = JSON.stringify("x".repeat(5_000));

/** Each way in which a job, or more of one, comes to a shard: `prepare` before the shard is full, `come` after. */
const WAYS: Record<string, { prepare?: (h: Harness) => void; come: (h: Harness) => unknown; full: unknown }> = {
  "a submission": { come: (h) => only(h.submit([h.job()])), full: { type: "full", scope: "shard" } },
  "an atomic batch": { come: (h) => h.submit(h.jobs(1), { atomic: true })[0], full: { type: "full", scope: "shard" } },
  "a part of a transaction": {
    come: (h) => h.core.prepare({ ...CALL, txn: "t", queues: [h.queue], jobs: [h.job()], expiresAt: h.now + MINUTE }),
    full: { type: "refused", verdicts: [{ type: "full", scope: "shard" }] },
  },
  "a deferred job": { come: (h) => h.send([h.job()], { deferred: true }), full: { type: "busy" } },
  "a fire": {
    prepare: (h) => push(h, scheduleOf()),
    come(h) {
      h.advance(MINUTE);
      return firesOf(h)[0];
    },
    full: { outcome: "skipped", reason: expect.stringMatching(/^full: /) },
  },
  "a job of another shard": {
    come: (h) => {
      const handover = { seq: 1, slot: slotOf("default", "q", 0), job: h.job() };
      return h.core.receive({ ...CALL, source: "shard-9", queues: [h.queue], jobs: [handover] });
    },
    full: { type: "received", left: [1] },
  },
};

describe.each([
  ["jobs", { maxJobs: 5 }],
  ["bytes", { maxBytes: 1 }],
] as const)("a shard that is full of %s", (_what, limits) => {
  test.each(Object.entries(WAYS))("takes nothing by %s", (_name, { prepare, come, full }) => {
    const h = new Harness();
    prepare?.(h);
    h.submit(h.jobs(5));
    limit(h, limits);
    expect(come(h)).toMatchObject(full as object);
    expect(h.count("jobs")).toBe(5);
    expect(h.broken()).toEqual([]);
  });
});

describe("what comes back in line", () => {
  const failedOne = () => {
    const h = new Harness();
    h.accept();
    const id = h.failOne();
    h.submit(h.jobs(5));
    limit(h, { maxJobs: 5 });
    return { h, id };
  };

  test("by a retry is refused by a shard that is full of jobs, and taken once there is room", () => {
    const { h, id } = failedOne();
    const name = { ...CALL, namespace: "default", id };
    expect(h.core.retry(name)).toMatchObject({ type: "conflict", because: "shard-full" });
    h.succeed(h.take(1)[0]?.lease ?? "");
    expect(h.core.retry(name)).toMatchObject({ type: "job", job: { state: "queued" } });
  });

  test("by a redrive is skipped", () => {
    const { h } = failedOne();
    const request = { ...CALL, namespace: "default", queue: "q", filter: ANY_FAILED, after: null, limit: 10 };
    expect(h.core.redrive({ ...request, patch: null, spacing: null, dryRun: false })).toMatchObject({
      redriven: 0,
      skipped: 1,
    });
  });

  test("from history is refused, and a job that comes only to go is not", () => {
    const h = new Harness();
    // Its id is none of the other shard's.
    h.now += SECOND;
    h.accept();
    const id = h.failOne();
    const job = h.get(id);
    const other = new Harness();
    other.submit(other.jobs(5));
    limit(other, { maxBytes: 1 });
    const how = { ...CALL, settings: other.queue, patch: null, movingTo: null, jobs: [{ job, delayMs: 0 }] };
    expect(other.core.revive({ ...how, action: "redrive" })).toMatchObject({
      results: [{ type: "refused", because: "shard-full" }],
    });
    expect(other.core.revive({ ...how, action: "discard" })).toMatchObject({ results: [{ type: "revived" }] });
  });
});

test("a payload that replaces another may not grow on a full shard, and may shrink", () => {
  const h = new Harness();
  h.accept({ ...dedup("return"), payload: '"some"' });
  limit(h, { maxBytes: 1 });
  expect(only(h.submit([h.job({ ...dedup("replace"), payload: BIG })]))).toMatchObject({ type: "full" });
  expect(only(h.submit([h.job({ ...dedup("replace"), payload: "1" })]))).toMatchObject({ type: "replayed" });
});

test("of a shard without its last reserve an outcome is kept and its result is not", () => {
  const h = new Harness();
  const id = h.accept();
  const { lease } = h.takeOne();
  limit(h, { maxBytes: 1, maxResultBytes: 1 });
  expect(h.succeed(lease, BIG)).toBe("recorded");
  expect(h.get(id)).toMatchObject({ state: "succeeded", result: null, resultTruncated: true });
});

describe("jobs that a success brings", () => {
  const rigWith = (limits: Partial<ShardLimits>, shard = "shard-0") => {
    const rig = new SpawnRig();
    const parent = rig.start();
    rig.limits = limits;
    rig.restart(shard);
    return { rig, parent };
  };

  test("are refused where their parent's shard is full; the report is not recorded and may come again", () => {
    const { rig, parent } = rigWith({ maxJobs: 2 });
    const many = [rig.spawn(), rig.spawn(), rig.spawn()];
    expect(rig.report(parent.lease, many)).toMatchObject({ results: [{ status: "refused", because: "shard-full" }] });
    expect(rig.find(parent.id, "shard-0")?.state).toBe("running");
    expect(rig.succeed(parent.lease, many.slice(1))).toHaveLength(2);
  });

  describe("of a queue that has its backlog on the shard of the success", () => {
    const rigOf = (parents: number) => {
      const rig = new SpawnRig();
      const started = Array.from({ length: parents }, () => rig.start());
      const { parents: queue } = rig;
      const queues = [{ ...queue, maxBacklog: 2, version: queue.version + 1 }];
      rig.core("shard-0").configure({ ...CALL, queues });
      return { rig, started, own: rig.spawn({ queue: queue.name }) };
    };

    test("are refused beyond it, with which of them, and those that fit are taken later", () => {
      const { rig, started, own } = rigOf(2);
      const [first, second] = started;
      const refused = { status: "refused", index: 3, queue: rig.parents.name, because: "backlog-full" };
      const jobs = [own, rig.spawn(), own, own];
      expect(rig.report(first?.lease ?? "", jobs)).toEqual({ type: "reported", results: [refused] });
      expect(rig.find(first?.id ?? "", "shard-0")?.state).toBe("running");
      expect(rig.succeed(first?.lease ?? "", jobs.slice(0, 3))).toHaveLength(3);
      const over = { results: [{ index: 0, because: "backlog-full" }] };
      expect(rig.report(second?.lease ?? "", [own])).toMatchObject(over);
      expect(rig.succeed(second?.lease ?? "", [rig.spawn()])).toHaveLength(1);
    });

    test("count from report to report of one call, and the attempt beyond it fails and says so", () => {
      const { rig, started, own } = rigOf(3);
      const outcome = { ok: true as const, result: null, resultTruncated: false, spawn: [own] };
      rig.work(started.map(({ lease }) => ({ lease, outcome })));
      const jobs = started.map(({ id }) => rig.find(id, "shard-0"));
      expect(jobs.map((job) => job?.state)).toEqual(["succeeded", "succeeded", "scheduled"]);
      const message = `/spawn/0: queue ${rig.parents.name}: backlog-full`;
      const error = { code: "invalid-spawn", message, retryable: true };
      expect(jobs[2]?.attempts).toMatchObject([{ outcome: "failed", error }]);
    });

    test("of low priority are refused first", () => {
      const { rig, started, own } = rigOf(2);
      const low = { ...own, priority: 0 };
      const [first, second] = started;
      expect(rig.report(first?.lease ?? "", [low, low])).toMatchObject({ results: [{ index: 1 }] });
      expect(rig.succeed(second?.lease ?? "", [low, own])).toHaveLength(2);
    });
  });

  test("a chain goes on in the place that its last job leaves", () => {
    const { rig, parent } = rigWith({ maxJobs: 1 });
    expect(rig.succeed(parent.lease, [rig.spawn()])).toHaveLength(1);
  });

  test("fail the attempt of a handler or a URL, and another may follow", () => {
    const { rig, parent } = rigWith({ maxJobs: 1 });
    const outcome = { ok: true, result: null, resultTruncated: false, spawn: [rig.spawn(), rig.spawn()] } as const;
    rig.work([{ lease: parent.lease, outcome: { ...outcome, spawn: [...outcome.spawn] } }]);
    expect(rig.find(parent.id, "shard-0")).toMatchObject({ error: { code: "invalid-spawn", retryable: true } });
  });

  test("wait in the outbox while their own shard is full, are counted there, and arrive once it is not", () => {
    const rig = new SpawnRig();
    rig.submit("shard-1", rig.children);
    const parent = rig.start();
    rig.limits = { maxJobs: 1 };
    rig.restart("shard-1");
    const [id = ""] = rig.succeed(parent.lease, [rig.spawn()]);
    rig.pass(MINUTE);
    expect(rig.find(id)).toBeNull();
    expect(rig.count("shard-0", "spawn_outbox")).toBe(1);
    rig.limits = {};
    rig.restart("shard-1");
    rig.pass(2 * MINUTE);
    expect(rig.find(id)?.state).toBe("queued");
    expect(rig.count("shard-0", "spawn_outbox")).toBe(0);
  });

  test("no more wait in the outbox than it may hold, of one namespace a quarter, over a restart too", () => {
    const rig = new SpawnRig();
    rig.limits = { maxOutgoing: 8 };
    rig.restart("shard-0");
    rig.fate = () => "before";
    const first = rig.start();
    rig.succeed(first.lease, [rig.spawn(), rig.spawn()]);
    rig.restart("shard-0");
    const second = rig.start();
    expect(rig.report(second.lease, [rig.spawn()])).toMatchObject({ results: [{ because: "shard-full" }] });
    rig.fate = () => "ok";
    rig.pass(SECOND);
    expect(rig.succeed(second.lease, [rig.spawn()])).toHaveLength(1);
  });

  test("say how deep they are, and one beyond the namespace's depth is refused", () => {
    const rig = new SpawnRig();
    const parent = rig.start();
    const [id = ""] = rig.succeed(parent.lease, [rig.spawn({ queue: rig.parents.name })]);
    expect(rig.find(id, "shard-0")?.depth).toBe(1);
    rig.namespace({ spawnDepth: 1 });
    const child = only(rig.work([]).items);
    expect(rig.report(child.lease, [rig.spawn()])).toMatchObject({ results: [{ because: "spawned-too-deep" }] });
    expect(rig.find(id, "shard-0")?.state).toBe("running");
    expect(rig.succeed(child.lease, [])).toEqual([]);
  });
});

test("no history of submissions, fires, spawned jobs and redrives goes over the ceiling", () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant("submit" as const), n: fc.integer({ min: 1, max: 8 }) }),
    fc.record({ type: fc.constant("fire" as const) }),
    fc.record({ type: fc.constant("spawn" as const), n: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ type: fc.constant("fail" as const) }),
    fc.record({ type: fc.constant("redrive" as const) }),
    fc.record({ type: fc.constant("restart" as const) }),
  );
  const most = 12;
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 20 }), (steps) => {
      const h = new Harness();
      push(h, scheduleOf());
      limit(h, { maxJobs: most });
      for (const one of steps) {
        h.now += SECOND;
        if (one.type === "submit") h.submit(h.jobs(one.n, { priority: 9 }));
        if (one.type === "fire") h.advance(MINUTE);
        if (one.type === "restart") h.restart();
        if (one.type === "fail") for (const { lease } of h.take(2)) h.fail(lease, { retryable: false });
        if (one.type === "redrive") {
          const request = { ...CALL, namespace: "default", queue: "q", filter: ANY_FAILED, after: null, limit: 100 };
          h.core.redrive({ ...request, patch: null, spacing: null, dryRun: false });
        }
        if (one.type === "spawn") {
          const spawn = Array.from({ length: one.n }, () => ({ ...PLAIN, queue: "q", payload: "1" }));
          for (const { lease } of h.take(1)) h.report(lease, { ok: true, result: null, resultTruncated: false, spawn });
        }
        expect(h.core.wake(CALL).live).toBeLessThanOrEqual(most);
      }
      expect(h.broken()).toEqual([]);
    }),
    { numRuns: 12 },
  );
}, 120_000);

describe("a namespace", () => {
  test("has its share of unfinished jobs, and another is not touched", () => {
    const h = new Harness();
    h.namespace({ unfinishedJobs: 3 });
    expect(h.submit(h.jobs(4)).map(({ type }) => type)).toEqual(["accepted", "accepted", "accepted", "full"]);
    expect(only(h.submit([h.job()]))).toEqual({ type: "full", scope: "namespace", retryAfterMs: 60_000 });
    const other = { ...h.queue, namespace: "other" };
    expect(only(h.submit([h.job({}, other)], { queues: [other] })).type).toBe("accepted");
    h.succeed(h.take(1)[0]?.lease ?? "");
    h.restart();
    expect(h.submit(h.jobs(2)).map(({ type }) => type)).toEqual(["accepted", "full"]);
  });

  test("has its share of bytes, of which results, replaced payloads and forgotten jobs are counted", () => {
    const h = new Harness();
    h.namespace({ bytes: 20_000 });
    const big = () => only(h.submit([h.job({ payload: BIG })])).type;
    expect([big(), big(), big(), big()]).toEqual(["accepted", "accepted", "accepted", "full"]);
    const [one, two] = h.take(2);
    h.succeed(one?.lease ?? "", BIG);
    h.succeed(two?.lease ?? "");
    expect(big()).toBe("full");
    // The third waits in the pack of these two: they go to history without it when a minute is over.
    h.advance(2 * MINUTE);
    h.project();
    h.advance(2 * 60 * MINUTE);
    expect([big(), big(), big()]).toEqual(["accepted", "accepted", "full"]);
  });

  test("knows its bytes after a restart, as they were at the last alarm ten seconds on", () => {
    const h = new Harness();
    h.namespace({ bytes: 6_000 });
    h.submit([h.job({ payload: BIG })]);
    h.now += 11 * SECOND;
    h.core.wake(CALL);
    h.restart();
    expect(only(h.submit([h.job({ payload: BIG })]))).toMatchObject({ type: "full", scope: "namespace" });
    // Whoever counts the rows is believed.
    h.core.engine.step((step) => step.get(STORED_BYTES).noteCounted(step, "default", 0));
    expect(only(h.submit([h.job({ payload: BIG })])).type).toBe("accepted");
  });

  test("whose limits are lifted has none; older settings that come late change nothing", () => {
    const h = new Harness();
    h.namespace({ unfinishedJobs: 1 });
    h.namespace({ unfinishedJobs: null });
    h.namespace({ unfinishedJobs: 1 }, { version: 1 });
    expect(h.submit(h.jobs(3)).every(({ type }) => type === "accepted")).toBe(true);
  });

  test("has so many fires a second; the others wait for their turn, within their window", () => {
    const h = new Harness();
    h.namespace({ firesPerSecond: 2 });
    for (let n = 0; n < 5; n++) push(h, scheduleOf({ name: `s${n}` }));
    const fired = () => h.count("jobs");
    h.advance(MINUTE - (h.now % MINUTE));
    expect(fired()).toBe(2);
    h.advance(SECOND);
    expect(fired()).toBe(4);
    h.advance(SECOND);
    expect(fired()).toBe(5);
    expect(h.broken()).toEqual([]);
  });

  test("that was made anew takes no job of the one before", () => {
    const h = new Harness();
    h.namespace({}, { createdAt: h.now });
    const id = makeJobId(h.now - 2 * MINUTE, slotOf("default", "q", 0), new Uint8Array(8));
    expect(only(h.submit([h.job({ id })])).type).toBe("refused");
    expect(only(h.submit([h.job({ id })], { deferred: true })).type).toBe("refused");
    expect(h.count("jobs")).toBe(0);
  });
});
