import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { JobView } from "../../contract/job.ts";
import { MAX_PAYLOAD_BYTES } from "../../contract/limits.ts";
import type { ReportsView, SucceededView } from "../../contract/pull.ts";
import type { QueueView } from "../../contract/queue.ts";
import { primary } from "../../workers/db/client.ts";
import { findJob } from "../../workers/db/history.ts";
import {
  call,
  claimOne,
  evict,
  existingAnywhere,
  getJob,
  makeKey,
  makeNamespace,
  must,
  newQueue,
  type Problem,
  shards,
  submit,
} from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { deliver, PROCESSOR_ENV, project, work } from "./processor.ts";

afterEach(resetClock);

/** A job that runs: its lease. */
async function started(queue: string, key?: string): Promise<{ id: string; lease: string }> {
  const { id } = await submit({ queue }, key === undefined ? {} : { key });
  const { lease } = await claimOne(queue, {}, key);
  return { id, lease };
}

function report(reports: unknown[], key?: string) {
  return call<ReportsView>("POST", "/v1/reports", { body: { reports }, ...(key === undefined ? {} : { key }) });
}

describe("a success brings jobs", () => {
  it("in a report, and they can be read at once", async () => {
    const [from, to] = [await newQueue(), await newQueue()];
    const parent = await started(from);
    const spawn = Array.from({ length: 12 }, (_, n) => ({ queue: to, payload: { n }, orderingKey: `k${n}` }));
    const { status, body } = await report([{ lease: parent.lease, ok: true, result: 1, spawn }]);
    expect(status).toBe(200);
    const [item] = body.items;
    const ids = item?.status === "recorded" ? (item.spawned ?? []) : [];
    expect(new Set(ids).size).toBe(12);
    const jobs = await Promise.all(ids.map((id) => getJob(id)));
    expect(jobs.map(({ payload }) => payload)).toEqual(spawn.map(({ payload }) => payload));
    expect(new Set(jobs.map(({ parent: id }) => id))).toEqual(new Set([parent.id]));
    expect(
      jobs.every(({ state, queue, namespace }) => state === "queued" && queue === to && namespace === "default"),
    ).toBe(true);
    expect((await getJob(parent.id)).parent).toBeNull();
    await evict();
    expect((await getJob(ids[0] ?? "")).parent).toBe(parent.id);
  });

  it("in a lease's success, whose answer names them", async () => {
    const queue = await newQueue();
    const { id, lease } = await started(queue);
    const spawn = [{ payload: 1 }, { queue, payload: 2, delay: 60, tags: ["later"] }];
    const { status, body } = await call<SucceededView>("POST", `/v1/leases/${lease}/succeed`, { body: { spawn } });
    expect([status, body.id, body.state, body.spawned?.length]).toEqual([200, id, "succeeded", 2]);
    const [first, second] = await Promise.all((body.spawned ?? []).map((child) => getJob(child)));
    expect(first).toMatchObject({ queue: "default", payload: 1, parent: id });
    expect(second).toMatchObject({ queue, state: "scheduled", tags: ["later"], parent: id });
    const again = await call("POST", `/v1/leases/${lease}/succeed`, { body: { spawn } });
    expect([again.status, again.body.code]).toEqual([409, "stale-lease"]);
  });

  it("none of which is named where there are none", async () => {
    const queue = await newQueue();
    const { lease } = await started(queue);
    const { body } = await report([{ lease, ok: true, spawn: [] }]);
    expect(body.items).toEqual([{ status: "recorded" }]);
    const other = await started(queue);
    const one = await must("POST", `/v1/leases/${other.lease}/succeed`, { body: {} });
    expect(one).not.toHaveProperty("spawned");
  });

  it("which keep their parent in lists and in history", async () => {
    const queue = await newQueue();
    const { id, lease } = await started(queue);
    const { spawned = [] } = await must<SucceededView>("POST", `/v1/leases/${lease}/succeed`, {
      body: { spawn: [{ queue, payload: null }] },
    });
    const child = await claimOne(queue);
    expect([child.id, child.parent]).toEqual([spawned[0], id]);
    await must("POST", `/v1/leases/${child.lease}/succeed`, { body: {} });
    await project();
    expect(await findJob(primary(env.DB), "default", child.id)).toMatchObject({ parent: id });
    const listed = await must<{ items: JobView[] }>("GET", `/v1/jobs?queue=${queue}`);
    expect(listed.items.map(({ parent }) => parent).sort()).toEqual([id, null].sort());
  });

  it("in its own namespace", async () => {
    await makeNamespace("acme");
    const { key } = await makeKey(["submit", "read", "work", "admin"], "acme");
    const queue = await newQueue({}, key);
    const { lease } = await started(queue, key);
    const { body } = await report([{ lease, ok: true, spawn: [{ payload: 1 }] }], key);
    const [item] = body.items;
    const id = item?.status === "recorded" ? item.spawned?.[0] : undefined;
    expect((await getJob(id ?? "", { key })).namespace).toBe("acme");
    expect((await call("GET", `/v1/jobs/${id}`)).status).toBe(404);
  });

  it("with the scope to submit beside that to work", async () => {
    const queue = await newQueue();
    const { key: worker } = await makeKey(["work"]);
    const { key: both } = await makeKey(["work", "submit"]);
    const { lease } = await started(queue);
    const refused = await report([{ lease, ok: true, spawn: [{ payload: 1 }] }], worker);
    expect(refused.status).toBe(403);
    expect((await report([{ lease, ok: true, spawn: [{ payload: 1 }] }], both)).status).toBe(200);
    const other = await started(queue);
    expect((await report([{ lease: other.lease, ok: true, spawn: [] }], worker)).status).toBe(200);
  });
});

describe("a job that is none refuses the whole call", () => {
  const good = { payload: 1 };
  const cases: [number, string, unknown, string][] = [
    [400, "invalid-request", { queue: "default" }, "/payload"],
    [400, "invalid-request", { payload: 1, colour: "red" }, "/colour"],
    [400, "invalid-request", { payload: 1, expiresAt: "2001-01-01T00:00:00Z" }, "/expiresAt"],
    [404, "queue-not-found", { payload: 1, queue: "nowhere" }, "/queue"],
    [413, "payload-too-large", { payload: "x".repeat(MAX_PAYLOAD_BYTES) }, "/payload"],
    [422, "timeout-too-long", { payload: 1, queue: "spawn-pushed", timeout: 3600 }, "/timeout"],
    [422, "keys-need-one-partition", { payload: 1, orderingKey: "a", concurrencyKey: "b" }, "/concurrencyKey"],
  ];

  it.each(cases)("%i %s", async (status, code, bad, pointer) => {
    await must("PUT", "/v1/queues/spawn-pushed", { body: { target: { type: "handler", name: "noop" } } });
    const queue = await newQueue();
    const [first, second] = [await started(queue), await started(queue)];
    const answer = await call<Problem>("POST", "/v1/reports", {
      body: {
        reports: [
          { lease: first.lease, ok: true, spawn: [good] },
          { lease: second.lease, ok: true, spawn: [good, bad] },
        ],
      },
    });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.body.errors?.map((error) => error.pointer)).toEqual([`/reports/1/spawn/1${pointer}`]);
    const one = await call<Problem>("POST", `/v1/leases/${first.lease}/succeed`, { body: { spawn: [bad] } });
    expect([one.status, one.body.errors?.[0]?.pointer]).toEqual([status, `/spawn/0${pointer}`]);
    expect([(await getJob(first.id)).state, (await getJob(second.id)).state]).toEqual(["running", "running"]);
    expect((await report([{ lease: first.lease, ok: true }])).body.items).toEqual([{ status: "recorded" }]);
  });

  it("and so does one too many, and a failure that brings any", async () => {
    const queue = await newQueue();
    const { lease } = await started(queue);
    const many = Array.from({ length: 101 }, () => good);
    expect((await report([{ lease, ok: true, spawn: many }])).status).toBe(400);
    const failing = await report([{ lease, ok: false, error: { code: "x" }, spawn: [good] }]);
    expect(failing.status).toBe(400);
    expect(
      (await call("POST", `/v1/leases/${lease}/fail`, { body: { error: { code: "x" }, spawn: [good] } })).status,
    ).toBe(400);
    expect((await report([{ lease, ok: true, spawn: many.slice(1) }])).body.items[0]).toMatchObject({
      status: "recorded",
    });
  });
});

describe("what the processor runs brings jobs, too", () => {
  /** A target that answers 200 with `body`. */
  function answering(body: unknown): void {
    vi.spyOn(globalThis, "fetch").mockImplementation(async () => Response.json(body));
  }

  /** A target whose answers may submit to `queues`. */
  function allowing(...queues: string[]) {
    return { type: "http" as const, url: "https://target.example/", spawn: { queues } };
  }

  it("an HTTP target by its answer", async () => {
    const [to, other] = [await newQueue(), await newQueue()];
    const queue = await newQueue({ target: allowing(to) });
    answering({
      "dure-spawn": [
        { queue: other, payload: 0 },
        { queue: to, payload: { next: true } },
      ],
      result: { did: 1 },
    });
    const { id } = await submit({ queue });
    await work();
    const warning = { code: "spawn-refused", message: expect.stringContaining(`does not name ${other}`) };
    const attempts = [{ outcome: "succeeded", error: null, warning }];
    const done = { state: "succeeded", result: { did: 1 }, error: null, attempts };
    expect(await getJob(id)).toMatchObject(done);
    await evict();
    expect(await getJob(id)).toMatchObject(done);
    const came = async () => {
      const { items } = await must<{ items: JobView[] }>("GET", `/v1/jobs?queue=${to}&include=payload`);
      expect(items).toMatchObject([{ payload: { next: true }, parent: id }]);
    };
    await vi.waitFor(came, { timeout: 15_000 });
    expect((await must<{ items: JobView[] }>("GET", `/v1/jobs?queue=${other}`)).items).toEqual([]);
    await project();
    passTime(3_700_000);
    await runAlarms();
    await evict();
    expect(await getJob(id)).toMatchObject(done);
  });

  it("and none by the answer of a target that does not say it may, whose result it is", async () => {
    const to = await newQueue();
    const queue = await newQueue({ target: { type: "http", url: "https://echo.example/" } });
    vi.spyOn(globalThis, "fetch").mockImplementation(async (_, init) => {
      return new Response(init?.body as string, { headers: { "content-type": "application/json" } });
    });
    const payload = { "dure-spawn": [{ queue: to, payload: "a million" }], result: 1 };
    const { id } = await submit({ queue, payload });
    const plain = await submit({ queue, payload: { to } });
    await work();
    const warning = { code: "spawn-refused", message: expect.stringContaining("no `spawn`") };
    const attempts = [{ outcome: "succeeded", error: null, warning }];
    expect(await getJob(id)).toMatchObject({ state: "succeeded", result: payload, error: null, attempts });
    const [attempt] = (await getJob(plain.id)).attempts;
    expect(attempt).toMatchObject({ outcome: "succeeded" });
    expect(attempt).not.toHaveProperty("warning");
    expect((await must<{ items: JobView[] }>("GET", `/v1/jobs?queue=${to}`)).items).toEqual([]);
  });

  it("to the queues that its target names, which is kept, shown and changed as any setting", async () => {
    const queue = await newQueue({ target: allowing("a", "b") });
    const path = `/v1/queues/${queue}`;
    const shown = async () => (await must<QueueView>("GET", path)).target;
    expect(await shown()).toEqual({ ...allowing("a", "b"), headers: {} });
    await must("PATCH", path, { body: { target: { url: "https://other.example/" } } });
    expect(await shown()).toMatchObject({ url: "https://other.example/", spawn: { queues: ["a", "b"] } });
    await must("PATCH", path, { body: { target: { spawn: { queues: ["c"] } } } });
    expect(await shown()).toMatchObject({ spawn: { queues: ["c"] } });
    await must("PATCH", path, { body: { target: { spawn: null } } });
    expect(await shown()).not.toHaveProperty("spawn");
    const many = Array.from({ length: 33 }, (_, n) => `q${n}`);
    for (const queues of [[], ["a", "a"], ["Not A Name"], many, "a", undefined]) {
      const body = { target: { ...allowing(), spawn: { queues } } };
      expect((await call("PUT", path, { body })).status).toBe(400);
    }
    const wide = { target: { ...allowing("a"), spawn: { queues: ["a"], all: true } } };
    expect((await call("PUT", path, { body: wide })).status).toBe(400);
  });

  it.each([
    ["is none", [{ queue: "default" }], "/dure-spawn/0/payload: "],
    ["has no queue", [{ queue: "nowhere", payload: 1 }], "/dure-spawn/0/queue: queue nowhere: queue-not-found"],
  ])("a job that %s fails the attempt", async (_, spawn, message) => {
    const queue = await newQueue({ target: allowing("default", "nowhere"), retry: { maxAttempts: 1 } });
    answering({ "dure-spawn": spawn });
    const { id } = await submit({ queue });
    await work();
    const { state, error } = await getJob(id);
    expect([state, error?.code]).toEqual(["failed", "invalid-spawn"]);
    expect(error?.message).toContain(message);
  });

  it("a job for which its queue has no room is refused, and told", async () => {
    const queue = await newQueue({ partitions: 1, maxBacklog: 1, retry: { maxAttempts: 1 } });
    const { lease } = await started(queue);
    const jobs = [
      { queue, payload: 1 },
      { queue, payload: 2 },
    ];
    const body = { lease, spawn: jobs };
    const full = await call<Problem>("POST", "/v1/leases/succeed", { body });
    expect([full.status, full.body.code, full.headers.has("retry-after")]).toEqual([429, "backlog-full", true]);
    expect(full.body.errors?.map(({ pointer }) => pointer)).toEqual(["/spawn/1"]);
    expect((await call("POST", "/v1/leases/succeed", { body: { lease, spawn: jobs.slice(1) } })).status).toBe(200);
    await claimOne(queue);
    await must("PATCH", `/v1/queues/${queue}`, { body: { target: allowing(queue) } });
    answering({ "dure-spawn": jobs });
    const { id } = await submit({ queue });
    await work();
    const error = { code: "invalid-spawn", message: `/dure-spawn/1: queue ${queue}: backlog-full`, retryable: true };
    expect(await getJob(id)).toMatchObject({ state: "failed", error, attempts: [{ error }] });
  });

  it("a job that its shard refuses for good becomes a dead letter", async () => {
    const queue = await newQueue();
    await submit({ payload: "other", idempotencyKey: "spawned-key" });
    const { id, lease } = await started(queue);
    const letters: unknown[] = [];
    vi.spyOn(env.DEAD, "sendBatch").mockImplementation(async (messages) => {
      letters.push(...[...messages].map(({ body }) => body));
      return { metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } } } as never;
    });
    const { spawned = [] } = await must<SucceededView>("POST", `/v1/leases/${lease}/succeed`, {
      body: { spawn: [{ payload: "mine", idempotencyKey: "spawned-key" }] },
    });
    const buried = async () => {
      await runAlarms();
      expect(letters.length).toBeGreaterThan(0);
    };
    await vi.waitFor(buried, { timeout: 15_000 });
    expect(letters[0]).toMatchObject({ id: spawned[0], parent: id, reason: "mismatch", payload: '"mine"' });
    await deliver("dure-dead", [letters[0], letters[0]], PROCESSOR_ENV);
    const rows = await env.DB.prepare("SELECT reason FROM dead_letters WHERE id = ?").bind(`spawn/${spawned[0]}`).all();
    expect(rows.results).toEqual([{ reason: "spawned job refused: mismatch" }]);
  });
});

describe("the trace of a submission belongs to the job", () => {
  const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  const headers = { traceparent: TRACE };

  it("and goes on to the claim, to jobs that it brings, to their target and to its events", async () => {
    const seen: { url: string; traceparent: string | null; body: string }[] = [];
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      const sent = new Request(input, init);
      seen.push({ url: sent.url, traceparent: sent.headers.get("traceparent"), body: await sent.text() });
      return new Response("1", { headers: { "content-type": "application/json" } });
    });
    const queue = await newQueue();
    const to = await newQueue({ target: { type: "http", url: "https://target.example/" } });
    const subscription = { events: ["job.succeeded"], target: { type: "http", url: "https://events.example/" } };
    await must("PUT", `/v1/subscriptions/traced`, { body: { ...subscription, filter: { queue } } });
    const { id, traceparent } = await submit({ queue }, { headers });
    expect([traceparent, (await getJob(id)).traceparent]).toEqual([TRACE, TRACE]);
    const claimed = await claimOne(queue);
    expect(claimed.traceparent).toBe(TRACE);
    const [item] = (await report([{ lease: claimed.lease, ok: true, spawn: [{ queue: to, payload: 1 }] }])).body.items;
    const [child = ""] = item?.status === "recorded" ? (item.spawned ?? []) : [];
    expect(await getJob(child)).toMatchObject({ parent: id, traceparent: TRACE });
    await work();
    await deliver(
      "dure-events",
      shards().map(({ id: shard }) => ({ v: 1, kind: "events", shard })),
      PROCESSOR_ENV,
    );
    const spans = seen.map(({ url, traceparent: header }) => [url, header?.slice(0, 36), header?.slice(-3)]);
    expect(spans).toEqual([
      ["https://target.example/", TRACE.slice(0, 36), "-00"],
      ["https://events.example/", TRACE.slice(0, 36), "-00"],
    ]);
    for (const { traceparent: header } of seen) expect(header).not.toBe(TRACE);
    expect(JSON.parse(seen[1]?.body ?? "{}")).toMatchObject({ job: { id, traceparent: TRACE } });
    await must("DELETE", `/v1/subscriptions/traced`);
    await project();
    passTime(3_700_000);
    await runAlarms();
    await evict();
    expect((await getJob(id)).traceparent).toBe(TRACE);
  });

  it("also when it comes back from history, to its queue or to another", async () => {
    const to = await newQueue();
    for (const redrive of [{}, { queue: to }]) {
      const queue = await newQueue({ retention: 60, idempotencyWindow: 1, retry: { maxAttempts: 1 } });
      const { id } = await submit({ queue }, { headers });
      const { lease } = await claimOne(queue);
      await must("POST", `/v1/leases/${lease}/fail`, { body: { error: { code: "x" } } });
      await project();
      passTime(90_000);
      for (let alarms = 0; alarms < 3; alarms++) await runAlarms();
      expect(await existingAnywhere([id])).toEqual([]);
      expect((await getJob(id)).traceparent).toBe(TRACE);
      await must("POST", `/v1/queues/${queue}/redrive`, { body: redrive });
      expect((await claimOne("queue" in redrive ? to : queue)).traceparent).toBe(TRACE);
    }
  });

  it("in a batch too, through a redrive, and one that is not valid is none", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    const body = { jobs: [{ queue, payload: 1 }] };
    const { items } = await must<{ items: { id: string }[] }>("POST", "/v1/batches", { body, headers });
    const { lease } = await claimOne(queue);
    await must("POST", `/v1/leases/${lease}/fail`, { body: { error: { code: "x" } } });
    await must("POST", `/v1/jobs/${items[0]?.id}/retry`);
    expect((await claimOne(queue)).traceparent).toBe(TRACE);
    const wrong = await submit({ queue }, { headers: { traceparent: `${TRACE}0` } });
    expect([wrong.traceparent, (await submit({ queue })).traceparent]).toEqual([null, null]);
  });
});
