import { describe, expect, test } from "vitest";
import type { NewJob } from "../../../../../contract/rpc.ts";
import { slotOf } from "../../../../../domain/slots.ts";
import { CALL, DAY, HOUR, MINUTE, SECOND, settingsOf } from "../../../../rigs/shard-harness.ts";
import { SpawnRig } from "../../../../rigs/spawn-rig.ts";

/** Of a job that no success brings. */
const ALONE = { createdAt: null, parent: null };

const OK = { ok: true, result: null, resultTruncated: false } as const;

describe("a success brings jobs", () => {
  test("they are accepted by their own shard, name their parent, and leave nothing behind", () => {
    const rig = new SpawnRig();
    const parent = rig.start();
    const ids = rig.succeed(parent.lease, [rig.spawn(), rig.spawn({ tags: ["second"] })]);
    expect(rig.count("shard-0", "spawn_outbox")).toBe(2);
    expect(rig.find(ids[0] ?? "")).toBeNull();
    expect(rig.deliver()).toHaveLength(1);
    expect(ids.map((id) => rig.find(id))).toMatchObject([
      { state: "queued", parent: parent.id, tags: [], payload: '{"child":true}' },
      { state: "queued", parent: parent.id, tags: ["second"] },
    ]);
    expect(rig.count("shard-0", "spawn_outbox")).toBe(0);
    expect(rig.core("shard-0").wake(CALL)).toMatchObject({ undelivered: 0, totals: { spawned: 2 } });
  });

  test("those of a slot of the same shard are there with the report's answer", () => {
    const rig = new SpawnRig();
    const parent = rig.start();
    const [id = ""] = rig.succeed(parent.lease, [rig.spawn({ queue: rig.parents.name, delayMs: 5 * SECOND })]);
    expect(rig.count("shard-0", "spawn_outbox")).toBe(0);
    expect(rig.find(id, "shard-0")).toMatchObject({
      state: "scheduled",
      runAt: rig.now + 5 * SECOND,
      parent: parent.id,
    });
  });

  test("the processor's door takes them too, and may start one of them in the same call", () => {
    const rig = new SpawnRig();
    const { lease } = rig.start();
    const reports = [{ lease, outcome: { ...OK, spawn: [rig.spawn({ queue: rig.parents.name })] } }];
    const reply = rig.core("shard-0").work({
      ...CALL,
      lane: "default",
      worker: "w",
      reports,
      room: { handler: 5, http: 0 },
      leaseMs: 15 * SECOND,
    });
    expect(reply.reports).toMatchObject([{ status: "recorded", spawned: [reply.items[0]?.id] }]);
  });

  test("a queue that nobody has put is known when it is the default one", () => {
    const rig = new SpawnRig();
    const [id = ""] = rig.succeed(rig.start().lease, [rig.spawn({ queue: "default" })]);
    rig.deliver();
    expect(rig.find(id, "shard-0") ?? rig.find(id)).toMatchObject({ queue: "default", state: "queued" });
  });

  test("a failure, a stale report and an unknown one bring none", () => {
    const rig = new SpawnRig();
    const { lease } = rig.start();
    expect(
      rig.report(
        lease.replace(/.$/, (last) => (last === "0" ? "1" : "0")),
        [rig.spawn()],
      ),
    ).toMatchObject({
      results: [{ status: "unknown" }],
    });
    rig.succeed(lease, []);
    expect(rig.report(lease, [rig.spawn()])).toMatchObject({ results: [{ status: "stale" }] });
    expect(rig.report(lease, [rig.spawn({ queue: "nowhere" })])).toMatchObject({ results: [{ status: "stale" }] });
    rig.now += SECOND;
    const late = rig.start();
    rig.now += HOUR;
    expect(rig.report(late.lease, [rig.spawn()])).toMatchObject({ results: [{ status: "stale" }] });
    expect(rig.count("shard-0", "spawn_outbox")).toBe(0);
  });

  test("of two reports of one lease in one call the first counts, with its jobs", () => {
    const rig = new SpawnRig();
    const { lease } = rig.start();
    const report = (tag: string) => ({ lease, outcome: { ...OK, spawn: [rig.spawn({ tags: [tag] })] } });
    const reply = rig.report(lease, [], { reports: [report("a"), report("b")] });
    expect(reply).toMatchObject({ results: [{ status: "recorded" }, { status: "stale" }] });
    expect(rig.count("shard-0", "spawn_outbox")).toBe(1);
  });

  test("what several successes of a call bring is accepted in the order of the reports", () => {
    const rig = new SpawnRig();
    const parents = Array.from({ length: 8 }, () => rig.start());
    const shuffled = [5, 2, 7, 0, 3, 6, 1, 4].flatMap((i) => parents[i] ?? []);
    const child = (i: number) => rig.spawn({ queue: rig.parents.name, orderingKey: "k", tags: [`n${i}`] });
    const reports = shuffled.map(({ lease }, i) => ({ lease, outcome: { ...OK, spawn: [child(i)] } }));
    rig.report("", [], { reports });
    const rows = rig
      .sql("shard-0")
      .all<{ spec: string }>("SELECT spec FROM jobs WHERE ordering_key = 'k' ORDER BY seq")
      .map(({ spec }) => (JSON.parse(spec) as { tags: string[] }).tags[0]);
    expect(rows).toEqual(Array.from({ length: 8 }, (_, i) => `n${i}`));
  });

  test("what must wait on its own shard is not overtaken by what comes after it, of the same success or a later one", () => {
    const rig = new SpawnRig();
    const [first, second] = [rig.start(), rig.start()];
    const child = (tag: string, key: string | null) =>
      rig.spawn({
        queue: rig.parents.name,
        orderingKey: "k",
        tags: [tag],
        idempotency: key === null ? null : { key, hash: key },
      });
    const core = rig.core("shard-0");
    const { queue: _, ...batched } = child("batch", "held");
    const job = { ...batched, id: rig.childId(rig.parents), queue: 0, partition: 0, orderingKey: "k", ...ALONE };
    core.prepare({ ...CALL, txn: "t1", queues: [rig.parents], jobs: [job], expiresAt: rig.now + MINUTE });
    rig.report(first.lease, [child("1", "held"), child("2", null)]);
    rig.report(second.lease, [child("3", null)]);
    expect(rig.count("shard-0", "spawn_outbox")).toBe(3);
    core.decide({ ...CALL, txn: "t1", outcome: "abort", slots: [] });
    rig.pass(5 * SECOND);
    const rows = rig
      .sql("shard-0")
      .all<{ spec: string }>("SELECT spec FROM jobs WHERE ordering_key = 'k' ORDER BY seq")
      .map(({ spec }) => (JSON.parse(spec) as { tags: string[] }).tags[0]);
    expect(rows).toEqual(["1", "2", "3"]);
  });

  test("the jobs of a step that is undone are undone with it", () => {
    const rig = new SpawnRig();
    const { lease } = rig.start();
    const sql = rig.sql("shard-0");
    sql.run("CREATE TRIGGER broken BEFORE INSERT ON finished BEGIN SELECT raise(ABORT, 'broken'); END");
    expect(JSON.stringify(rig.report(lease, [rig.spawn()]))).toContain('"busy"');
    sql.run("DROP TRIGGER broken");
    expect(rig.count("shard-0", "spawn_outbox")).toBe(0);
    expect(rig.succeed(lease, [rig.spawn()])).toHaveLength(1);
  });

  test("a full backlog of another shard and a paused queue keep none of them out", () => {
    const rig = new SpawnRig({ maxBacklog: 1, paused: true });
    const ids = rig.succeed(rig.start().lease, [rig.spawn(), rig.spawn(), rig.spawn()]);
    rig.deliver();
    expect(ids.map((id) => rig.find(id)?.state)).toEqual(["queued", "queued", "queued"]);
  });

  test("jobs of one ordering key stand in line in the order in which they were spawned", () => {
    const rig = new SpawnRig();
    const ids = ["1", "2", "3"].flatMap((payload) => {
      rig.now += SECOND;
      return rig.succeed(rig.start().lease, [rig.spawn({ orderingKey: "k", payload })]);
    });
    rig.deliver();
    const started: string[] = [];
    for (const _ of ids) {
      const [job] = rig.core("shard-1").work({
        ...CALL,
        lane: "default",
        worker: "w",
        reports: [],
        room: { handler: 9, http: 0 },
        leaseMs: MINUTE,
      }).items;
      started.push(job?.id ?? "");
      rig.core("shard-1").report({
        ...CALL,
        namespace: null,
        withJobs: false,
        queues: [],
        waitMs: 0,
        reports: [{ lease: job?.lease ?? "", outcome: OK }],
      });
    }
    expect(started).toEqual(ids);
  });

  test("the parent stays with a job through history and back", () => {
    const rig = new SpawnRig({ retry: { ...settingsOf().retry, maxAttempts: 1 } });
    const parent = rig.start();
    const [id = ""] = rig.succeed(parent.lease, [rig.spawn()]);
    rig.deliver();
    const job = rig.find(id);
    if (job === null) throw new Error("no child");
    const failed = { ...job, state: "failed" as const, finishedAt: rig.now, version: 3 };
    const other = new SpawnRig();
    const reply = other.core("shard-1").revive({
      ...CALL,
      settings: rig.children,
      action: "redrive",
      patch: null,
      movingTo: null,
      jobs: [{ job: failed, delayMs: 0 }],
    });
    expect(reply).toMatchObject({ results: [{ job: { parent: parent.id } }] });
  });
});

describe("a job that its queue cannot take", () => {
  const misfits = (rig: SpawnRig): [string, Partial<ReturnType<SpawnRig["spawn"]>>][] => [
    ["queue-not-found", { queue: "nowhere" }],
    ["timeout-too-long", { timeoutMs: 20 * MINUTE }],
    ["keys-need-one-partition", { queue: rig.nameOn("shard-1", "w"), orderingKey: "a", concurrencyKey: "b" }],
  ];

  test.each([0, 1, 2])("refuses the whole report of a pull worker, whose lease stands (%i)", (n) => {
    const rig = new SpawnRig();
    const wide = settingsOf({ name: rig.nameOn("shard-1", "w"), partitions: 8 });
    rig.core("shard-0").configure({ ...CALL, queues: [wide] });
    const [because = "", over = {}] = misfits(rig)[n] ?? [];
    const { lease, id } = rig.start();
    const reply = rig.report(lease, [rig.spawn(), rig.spawn(over)]);
    expect(reply).toEqual({
      type: "reported",
      results: [{ status: "refused", index: 1, queue: over.queue ?? rig.children.name, because }],
    });
    expect(rig.find(id, "shard-0")?.state).toBe("running");
    expect(rig.succeed(lease, [])).toEqual([]);
  });

  test("fails the attempt where the processor reports", () => {
    const rig = new SpawnRig();
    const { lease, id } = rig.start();
    const outcome = { ...OK, spawn: [rig.spawn(), rig.spawn({ queue: "nowhere" })] };
    expect(rig.work([{ lease, outcome }]).reports).toEqual([{ status: "recorded" }]);
    expect(rig.find(id, "shard-0")).toMatchObject({
      state: "scheduled",
      error: { code: "invalid-spawn", message: "/spawn/1/queue: queue nowhere: queue-not-found", retryable: true },
    });
    expect(rig.count("shard-0", "spawn_outbox")).toBe(0);
  });

  test("settings that come with the report are taken before they are asked for", () => {
    const rig = new SpawnRig();
    const fresh = settingsOf({ name: "fresh" });
    const { lease } = rig.start();
    const outcome = { ...OK, spawn: [rig.spawn({ queue: "fresh" })] };
    const reply = rig.report(lease, [], { queues: [fresh], reports: [{ lease, outcome }] });
    expect(reply).toMatchObject({ results: [{ status: "recorded" }] });
  });
});

describe("a queue that is being changed", () => {
  const hold = (rig: SpawnRig, shard: string, holdMs: number) =>
    rig.core(shard).hold({ ...CALL, namespace: "default", queue: rig.children.name, holdMs });

  test("lets no job be placed: nothing is recorded, and the report comes again", () => {
    const rig = new SpawnRig();
    const { lease, id } = rig.start();
    hold(rig, "shard-0", MINUTE);
    expect(rig.report(lease, [rig.spawn()])).toMatchObject({ type: "busy" });
    expect(rig.work([{ lease, outcome: { ...OK, spawn: [rig.spawn()] } }]).reports).toMatchObject([{ status: "busy" }]);
    expect(rig.find(id, "shard-0")?.state).toBe("running");
    hold(rig, "shard-0", 0);
    expect(rig.succeed(lease, [rig.spawn()])).toHaveLength(1);
  });

  test("jobs on their way count as live, so that it does not change under them", () => {
    const rig = new SpawnRig();
    const { lease } = rig.start();
    rig.succeed(lease, [rig.spawn(), rig.spawn()]);
    expect(hold(rig, "shard-0", MINUTE).live).toBe(2);
    rig.deliver();
    expect(hold(rig, "shard-0", MINUTE).live).toBe(0);
    expect(hold(rig, "shard-1", MINUTE).live).toBe(2);
  });

  test("a receiver that is held takes nothing until it may", () => {
    const rig = new SpawnRig();
    const [id = ""] = rig.succeed(rig.start().lease, [rig.spawn()]);
    hold(rig, "shard-1", 3 * SECOND);
    rig.pass(2 * SECOND);
    expect(rig.find(id)).toBeNull();
    rig.pass(10 * SECOND);
    expect(rig.find(id)?.state).toBe("queued");
  });

  test("a job whose queue was deleted or divided anew all the same becomes a dead letter", () => {
    for (const [over, reason] of [
      [{ deleted: true }, "queue-deleted"],
      [{ partitions: 64 }, "repartitioned"],
    ] as const) {
      const rig = new SpawnRig();
      const parent = rig.start();
      const [id = ""] = rig.succeed(parent.lease, [rig.spawn({ orderingKey: "k", payload: '"precious"' })]);
      rig.configure(over, ["shard-1"]);
      rig.pass(MINUTE);
      expect(rig.find(id)).toBeNull();
      expect(rig.letters).toMatchObject([
        { id, parent: parent.id, queue: rig.children.name, reason, payload: '"precious"' },
      ]);
      expect(rig.core("shard-1").wake(CALL)).toMatchObject({ undelivered: 0, totals: { spawnsRefused: 1 } });
    }
  });
});

describe("a job that its shard refuses for good becomes a dead letter", () => {
  const key = (hash: string) => ({ idempotency: { key: "k", hash } });
  const dedup = (onConflict: "reject" | "return"): NewJob["dedup"] => ({
    key: "d",
    windowMs: DAY,
    onConflict,
    maxDelayMs: null,
  });

  test.each([
    ["mismatch", key("b")],
    ["duplicate", { dedup: dedup("reject") }],
    ["expired", { expiresAt: 1 }],
  ])("%s", (reason, over) => {
    const rig = new SpawnRig();
    rig.submit("shard-1", rig.children, { dedup: dedup("return") });
    rig.submit("shard-1", rig.children, key("a"));
    const [id = ""] = rig.succeed(rig.start().lease, [rig.spawn(over)]);
    rig.deliver();
    expect(rig.find(id)).toBeNull();
    expect(rig.letters).toMatchObject([{ id, reason }]);
    expect(rig.count("shard-1", "spawn_letters")).toBe(0);
  });

  test("one that an earlier job answers is done", () => {
    const rig = new SpawnRig();
    rig.submit("shard-1", rig.children, key("a"));
    const [id = ""] = rig.succeed(rig.start().lease, [rig.spawn(key("a"))]);
    rig.pass(MINUTE);
    expect(rig.find(id)).toBeNull();
    expect(rig.letters).toEqual([]);
    expect(rig.count("shard-0", "spawn_outbox")).toBe(0);
  });

  test("a letter goes out until the queue of dead letters has it, over restarts too", () => {
    const rig = new SpawnRig();
    rig.fate = ({ type }) => (type === "letters" ? "before" : "ok");
    rig.succeed(rig.start().lease, [rig.spawn({ expiresAt: 1 })]);
    rig.pass(10 * MINUTE);
    rig.restart("shard-1");
    expect(rig.count("shard-1", "spawn_letters")).toBe(1);
    rig.fate = () => "ok";
    rig.pass(2 * MINUTE);
    expect(rig.letters).toHaveLength(1);
  });

  test("one that this very shard refuses, too, and the success stands", () => {
    const rig = new SpawnRig();
    const { lease, id } = rig.start();
    rig.succeed(lease, [rig.spawn({ queue: rig.parents.name, expiresAt: 1 })]);
    rig.deliver();
    expect(rig.find(id, "shard-0")?.state).toBe("succeeded");
    expect(rig.letters).toMatchObject([{ reason: "expired", parent: id }]);
  });
});

describe("delivery", () => {
  test.each(["before", "after", "silent"] as const)("goes on until it is answered (%s)", (fate) => {
    const rig = new SpawnRig();
    let calls = 0;
    rig.fate = () => (calls++ < 3 ? fate : "ok");
    const ids = rig.succeed(rig.start().lease, [rig.spawn(), rig.spawn()]);
    rig.pass(MINUTE);
    expect(calls).toBe(4);
    expect(ids.map((id) => rig.find(id)?.state)).toEqual(["queued", "queued"]);
    expect(rig.count("shard-0", "spawn_outbox")).toBe(0);
  });

  test("does not put off a job that was to wait: its delay began with the success", () => {
    const rig = new SpawnRig();
    rig.fate = () => "before";
    const succeededAt = rig.now + SECOND;
    rig.now = succeededAt;
    const [soon = "", late = ""] = rig.succeed(rig.start().lease, [
      rig.spawn({ delayMs: SECOND }),
      rig.spawn({ delayMs: HOUR }),
    ]);
    rig.pass(10 * MINUTE);
    rig.fate = () => "ok";
    rig.pass(MINUTE);
    expect([rig.find(soon)?.runAt, rig.find(late)?.runAt]).toEqual([succeededAt + SECOND, succeededAt + HOUR]);
    expect([rig.find(soon)?.state, rig.find(late)?.state]).toEqual(["queued", "scheduled"]);
  });

  test("one call a receiver at a time, and ever later", () => {
    const rig = new SpawnRig();
    const calls: number[] = [];
    rig.fate = () => {
      calls.push(rig.now);
      return "before";
    };
    rig.succeed(rig.start().lease, [rig.spawn()]);
    rig.succeed(rig.start().lease, [rig.spawn()]);
    rig.pass(HOUR);
    const gaps = calls.slice(1).map((at, i) => at - (calls[i] ?? 0));
    expect(gaps[0]).toBeLessThanOrEqual(SECOND);
    expect(gaps.at(-1)).toBe(MINUTE);
    expect(gaps.every((gap, i) => gap >= (gaps[i - 1] ?? 0))).toBe(true);
  });

  test("a sender that dies right after its commit is woken, and sends", () => {
    const rig = new SpawnRig();
    // Nobody takes finished jobs: the bells that would wake the shard as well ring ever later.
    rig.succeed(rig.start().lease, []);
    rig.pass(HOUR);
    const { lease } = rig.start();
    rig.pass(5 * SECOND);
    const [id = ""] = rig.succeed(lease, [rig.spawn()]);
    expect(rig.alarmAt("shard-0")).toBeLessThanOrEqual(rig.now + 2 * SECOND);
    rig.restart("shard-0");
    rig.pass(3 * SECOND);
    expect(rig.find(id)?.state).toBe("queued");
  });

  test("a job that came, ran and was forgotten does not come again", () => {
    const rig = new SpawnRig({ retentionMs: SECOND });
    const copies: Parameters<SpawnRig["make"]>[0][] = [];
    rig.fate = (delivery) => {
      copies.push(delivery);
      return "ok";
    };
    const [id = ""] = rig.succeed(rig.start().lease, [rig.spawn()]);
    rig.deliver();
    const core = rig.core("shard-1");
    core.cancel({ ...CALL, namespace: "default", id });
    const { cursor } = core.finished({ ...CALL, after: 0, skip: 0, limit: 10 });
    core.projected({ ...CALL, cursor, bookmark: null });
    rig.pass(HOUR);
    expect(rig.count("shard-1", "jobs")).toBe(0);
    rig.restart("shard-1");
    for (const copy of copies) expect(rig.make(copy)).toEqual({ type: "received", left: [], unfit: [] });
    expect(rig.count("shard-1", "jobs")).toBe(0);
  });

  test("a late copy of a larger call brings only what did not come meanwhile", () => {
    const rig = new SpawnRig();
    rig.fate = () => "silent";
    rig.succeed(rig.start().lease, [rig.spawn(), rig.spawn(), rig.spawn()]);
    const [call] = rig.deliver();
    if (call?.type !== "jobs") throw new Error("no call");
    rig.make({ ...call, request: { ...call.request, jobs: call.request.jobs.slice(0, 2) } });
    expect(rig.count("shard-1", "jobs")).toBe(2);
    rig.make(call);
    expect(rig.count("shard-1", "jobs")).toBe(3);
    rig.fate = () => "ok";
    rig.pass(MINUTE);
    expect(rig.count("shard-1", "jobs")).toBe(3);
    expect(rig.count("shard-0", "spawn_outbox")).toBe(0);
  });

  test("a slot has a mark of its own, because slots move one by one", () => {
    const rig = new SpawnRig();
    const other = settingsOf({ name: rig.nameOn("shard-1", "other") });
    for (const id of rig.hosts.keys()) rig.core(id).configure({ ...CALL, queues: [other] });
    rig.fate = () => "silent";
    const [first = "", second = ""] = rig.succeed(rig.start().lease, [rig.spawn(), rig.spawn({ queue: other.name })]);
    const [call] = rig.deliver();
    if (call?.type !== "jobs") throw new Error("no call");
    const only = (queue: string) => {
      const slot = slotOf("default", queue, 0);
      return { ...call, request: { ...call.request, jobs: call.request.jobs.filter((job) => job.slot === slot) } };
    };
    rig.make(only(other.name));
    rig.make(only(rig.children.name));
    expect([first, second].map((id) => rig.find(id)?.state)).toEqual(["queued", "queued"]);
  });

  test("goes to the new owner of a slot that has moved", () => {
    const rig = new SpawnRig();
    const [id = ""] = rig.succeed(rig.start().lease, [rig.spawn()]);
    rig.map = {
      epoch: 2,
      shards: [
        { id: "shard-0", slots: [{ from: 0, to: 4095 }] },
        { id: "shard-1", slots: [] },
      ],
    };
    rig.core("shard-1").adopt(rig.map);
    rig.pass(MINUTE);
    expect(rig.find(id, "shard-0")?.state).toBe("queued");
    expect(rig.count("shard-0", "spawn_outbox")).toBe(0);
  });

  test("a key that an atomic batch holds is waited for, and other slots are not kept waiting", () => {
    const rig = new SpawnRig();
    const other = settingsOf({ name: rig.nameOn("shard-1", "other") });
    for (const id of rig.hosts.keys()) rig.core(id).configure({ ...CALL, queues: [other] });
    const { queue: _, ...fields } = rig.spawn({ idempotency: { key: "k", hash: "h" } });
    const jobs = [{ ...fields, id: rig.childId(), queue: 0, partition: 0, ...ALONE }];
    const request = { ...CALL, txn: "t1", queues: [rig.children], jobs, expiresAt: rig.now + MINUTE };
    expect(rig.core("shard-1").prepare(request).type).toBe("prepared");
    const [held = "", free = "", behind = ""] = rig.succeed(rig.start().lease, [
      rig.spawn({ idempotency: { key: "k", hash: "h" } }),
      rig.spawn({ queue: other.name }),
      rig.spawn(),
    ]);
    rig.pass(SECOND);
    expect([held, free, behind].map((id) => rig.find(id)?.state)).toEqual([undefined, "queued", undefined]);
    expect(rig.count("shard-0", "spawn_outbox")).toBe(2);
    rig.core("shard-1").decide({ ...CALL, txn: "t1", outcome: "abort", slots: [] });
    rig.pass(MINUTE);
    expect([held, behind].map((id) => rig.find(id)?.state)).toEqual(["queued", "queued"]);
  });

  test("a job for this very shard waits for such a key, too, and the success does not", () => {
    const rig = new SpawnRig();
    const parent = rig.start();
    const { queue: _, ...fields } = rig.spawn({ idempotency: { key: "k", hash: "h" } });
    const jobs = [{ ...fields, id: rig.childId(rig.parents), queue: 0, partition: 0, ...ALONE }];
    const core = rig.core("shard-0");
    core.prepare({ ...CALL, txn: "t1", queues: [rig.parents], jobs, expiresAt: rig.now + MINUTE });
    const [id = ""] = rig.succeed(parent.lease, [
      rig.spawn({ queue: rig.parents.name, idempotency: { key: "k", hash: "h" } }),
    ]);
    rig.pass(SECOND);
    expect(rig.find(id, "shard-0")).toBeNull();
    core.decide({ ...CALL, txn: "t1", outcome: "abort", slots: [] });
    rig.pass(MINUTE);
    expect(rig.find(id, "shard-0")?.state).toBe("queued");
  });

  test("many jobs go in bounded calls, and every slot has its turn", () => {
    const rig = new SpawnRig();
    const ids = Array.from({ length: 3 }, () => {
      rig.now += SECOND;
      return rig.succeed(
        rig.start().lease,
        Array.from({ length: 100 }, () => rig.spawn()),
      );
    }).flat();
    const calls = rig.deliver();
    expect(calls.map((call) => (call.type === "jobs" ? call.request.jobs.length : 0))).toEqual([100, 100, 100]);
    expect(ids.filter((id) => rig.find(id) === null)).toEqual([]);
  });

  test("large payloads are sent few at a time", () => {
    const rig = new SpawnRig();
    const payload = JSON.stringify("x".repeat(250_000));
    rig.succeed(
      rig.start().lease,
      Array.from({ length: 40 }, () => rig.spawn({ payload })),
    );
    const sizes = rig.deliver().map((call) => JSON.stringify(call).length);
    expect(Math.max(...sizes)).toBeLessThan(4_500_000);
    expect(rig.count("shard-1", "jobs")).toBe(40);
  });
});

describe("the audit", () => {
  const broken = (rig: SpawnRig, alarmAt: number | null) =>
    rig
      .core("shard-0")
      .audit(CALL, alarmAt)
      .violations.map(({ rule }) => rule);

  test("finds jobs on their way that no alarm would send", () => {
    const rig = new SpawnRig();
    rig.fate = () => "before";
    rig.succeed(rig.start().lease, [rig.spawn()]);
    rig.deliver();
    expect(broken(rig, rig.alarmAt("shard-0"))).toEqual([]);
    expect(broken(rig, null)).toContain("spawned-has-alarm");
    expect(broken(rig, rig.now + HOUR)).toContain("spawned-has-alarm");
  });

  test("finds jobs that have been on their way for long", () => {
    const rig = new SpawnRig();
    rig.fate = () => "before";
    rig.succeed(rig.start().lease, [rig.spawn()]);
    rig.pass(HOUR);
    expect(broken(rig, rig.alarmAt("shard-0"))).toEqual(["spawned-arrives"]);
    rig.fate = () => "ok";
    rig.pass(2 * MINUTE);
    expect(broken(rig, rig.alarmAt("shard-0"))).toEqual([]);
  });
});
