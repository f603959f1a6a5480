import { describe, expect, it } from "vitest";
import type { BatchView } from "../../contract/batch.ts";
import type { DureBinding, Meta } from "../../contract/binding.ts";
import type { ExplainView, JobView } from "../../contract/job.ts";
import type { ProblemView } from "../../contract/problem.ts";
import type { ClaimView, ReportsView } from "../../contract/pull.ts";
import { call, claimOne, fail, freshName, getJob, must, newQueue, ROOT, sleep, submit } from "./api.ts";
import { bound, thrownBy } from "./binding.ts";

/** A call of the binding is the HTTP call of the same name: the same view, the same problem. */

/** The views alone. What stands in `meta` is a header over HTTP, and what stands in texts beside values is text there anyway. */
const dure = viewsOf(bound({ key: ROOT }));

/** The value without the texts in it, each of which has to say what the value beside it is. */
function withoutTexts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTexts);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value);
  for (const [name, text] of members.filter(([name]) => /^(payload|result|checkpoint)Text$/.test(name))) {
    expect(JSON.parse(String(text))).toEqual(Reflect.get(value, name.slice(0, -"Text".length)));
  }
  return Object.fromEntries(
    members.filter(([name]) => !name.endsWith("Text")).map(([name, member]) => [name, withoutTexts(member)]),
  );
}

function viewsOf(binding: DureBinding): DureBinding {
  return new Proxy(binding, {
    get:
      (target, method: keyof DureBinding) =>
      async (...args: unknown[]) => {
        const { meta, ...view } = await (target[method] as (...args: unknown[]) => Promise<{ meta?: Meta }>)(...args);
        expect(meta).toBeDefined();
        return withoutTexts(view);
      },
  });
}

/** A job that a worker has; and its lease. */
async function leased(): Promise<{ id: string; queue: string; lease: string }> {
  const queue = await newQueue({ retry: { maxAttempts: 1 } });
  const { id } = await submit({ queue });
  const { lease } = await claimOne(queue);
  return { id, queue, lease };
}

describe("a view over the binding is the view over HTTP", () => {
  it("submit", async () => {
    const queue = await newQueue();
    const job = { queue, payload: { deep: [1, null, "é", { x: true }] }, idempotencyKey: "k", tags: ["a"], delay: 100 };
    const overBinding = await dure.submit(job);
    const overHttp = await call<JobView>("POST", "/v1/jobs", { body: job });
    expect(overHttp.headers.get("dure-replayed")).toBe("true");
    expect(overBinding).toEqual(overHttp.body);
    expect(await dure.submit(job)).toEqual(overHttp.body);
  });

  it("submitBatch, with an idempotency key of the batch", async () => {
    const queue = await newQueue();
    const batch = { atomic: true, jobs: [1, 2, 3].map((payload) => ({ queue, payload })) };
    const overBinding = await dure.submitBatch(batch, { idempotencyKey: queue });
    expect(overBinding).toMatchObject({ atomic: true, accepted: 3 });
    const again = await dure.submitBatch(batch, { idempotencyKey: queue });
    const headers = { "idempotency-key": queue };
    expect(again).toEqual(await must<BatchView>("POST", "/v1/batches", { body: batch, headers }));
    expect(again.id).toBe(overBinding.id);
  });

  it("get, wait and explain", async () => {
    const { id, lease } = await leased();
    expect(await dure.get(id)).toEqual(await getJob(id));
    expect(await dure.get(id, { consistency: "eventual" })).toEqual(await getJob(id));
    expect(await dure.explain(id)).toEqual(await must<ExplainView>("GET", `/v1/jobs/${id}/explain`));
    expect(await dure.wait(id, { timeoutSeconds: 0 })).toEqual(await getJob(id));
    await must("POST", `/v1/leases/${lease}/succeed`, { body: { result: [1] } });
    expect(await dure.wait(id)).toEqual(await getJob(id));
  });

  it("a bookmark goes from HTTP to the binding and back, and no other is taken", async () => {
    const { id } = await leased();
    const overHttp = await call<JobView>("GET", `/v1/jobs/${id}`);
    const bookmark = overHttp.headers.get("dure-bookmark") ?? "";
    const { meta, ...view } = await bound({ key: ROOT }).get(id, { consistency: "session", bookmark });
    expect(withoutTexts(view)).toEqual(overHttp.body);
    const headers = { "dure-bookmark": meta?.bookmark ?? "" };
    expect((await call("GET", `/v1/jobs/${id}?consistency=session`, { headers })).status).toBe(200);
    expect((await thrownBy(() => dure.get(id, { bookmark: "x" }))).code).toBe("invalid-request");
  });

  it("what HTTP says in headers stands in meta", async () => {
    const queue = await newQueue();
    const job = { queue, payload: 1, idempotencyKey: "k" };
    const binding = bound({ key: ROOT });
    const first = await binding.submit(job);
    expect(first.meta).toEqual({ bookmark: expect.any(String) });
    expect((await binding.submit(job)).meta).toEqual({ bookmark: expect.any(String), replayed: true });
    expect((await binding.get(first.id)).meta).toMatchObject({ bookmark: expect.any(String), consistency: "strong" });
  });

  it("cancel and retry", async () => {
    const { id } = await submit({ queue: await newQueue() });
    const cancelled = await dure.cancel(id);
    expect(cancelled.state).toBe("cancelled");
    expect(cancelled).toEqual(await getJob(id));
    const retried = await dure.retry(id);
    expect(retried.state).toBe("queued");
    expect(retried).toEqual(await getJob(id));
  });

  it("claim", async () => {
    const queue = await newQueue({ partitions: 1 });
    await submit({ queue, payload: "one" });
    const { jobs } = await dure.claim(queue, { max: 5, worker: "w", leaseSeconds: 60 });
    const [job] = jobs;
    if (job === undefined) throw new Error("nothing was claimed");
    const { lease, checkpoint, ...view } = job;
    expect(lease).toEqual(expect.any(String));
    expect(checkpoint).toBeNull();
    expect(view).toEqual(await getJob(job.id));
    expect(await dure.claim(queue)).toEqual(await must<ClaimView>("POST", `/v1/queues/${queue}/claim`, { body: {} }));
  });

  it("report, with the next claim in the same call, and extend", async () => {
    const { id, queue, lease } = await leased();
    const { id: next } = await submit({ queue });
    const extended = await dure.extend(lease, { leaseSeconds: 50, progress: { percent: 30 }, checkpoint: { at: 3 } });
    const seen = await getJob(id);
    expect(extended).toEqual({ leaseExpiresAt: seen.leaseExpiresAt, cancelled: false });
    expect(seen.progress).toMatchObject({ percent: 30 });
    const reported = await dure.report([{ lease, ok: true, result: { n: 1 } }], { claim: { queue } });
    expect(reported).toMatchObject({
      items: [{ status: "recorded" }],
      jobs: [{ id: next, lease: expect.any(String) }],
    });
    expect(await getJob(id)).toMatchObject({ state: "succeeded", result: { n: 1 } });
    const again = { reports: [{ lease, ok: true as const }] };
    const overHttp = await must<ReportsView>("POST", "/v1/reports", { body: again });
    expect(overHttp.items).toMatchObject([{ status: "stale" }]);
    expect(await dure.report(again.reports)).toEqual(overHttp);
  });
});

describe("a wait over the binding is the wait over HTTP", () => {
  it("submit and wait answer as soon as the job is final, or when the time is up", async () => {
    const queue = await newQueue();
    const submitted = dure.submit({ queue, payload: 1 }, { waitSeconds: 20 });
    const job = await claimOne(queue, { wait: 10 });
    const waited = dure.wait(job.id, { timeoutSeconds: 20 });
    await fail(job.lease, { retryable: false });
    expect((await submitted).state).toBe("failed");
    expect((await waited).error?.code).toBe("broken");
    const unfinished = await dure.submit({ queue, payload: 2 }, { waitSeconds: 0.2 });
    expect(unfinished.state).toBe("queued");
  });

  it("a claim waits for work, and answers none when none came", async () => {
    const queue = await newQueue();
    const claimed = dure.claim(queue, { wait: 10 });
    await sleep(300);
    const { id } = await submit({ queue });
    expect((await claimed).jobs.map((job) => job.id)).toEqual([id]);
    expect(await dure.claim(queue, { wait: 0.3 })).toEqual({ jobs: [] });
  });
});

describe("a problem over the binding is the problem over HTTP", () => {
  interface Case {
    over: (dure: DureBinding) => Promise<unknown>;
    method: string;
    path: string;
    body?: unknown;
  }
  const queue = freshName("problems");
  const unknown = "job_01jd0000000000000000000000";
  const cases: Record<string, Case> = {
    "a field that is unknown": post({ payload: 1, nope: 1 }),
    "a field of the wrong type": post({ payload: 1, priority: "high" }),
    "a queue that is not there": post({ payload: 1, queue: "nowhere" }),
    "a payload that is too large": post({ payload: "x".repeat(300_000) }),
    "a body that is too large": post({ payload: "x".repeat(5_000_000) }),
    "a batch none of which is accepted": {
      over: (dure) => dure.submitBatch({ jobs: [{ queue: "nowhere", payload: 1 }] }),
      method: "POST",
      path: "/v1/batches",
      body: { jobs: [{ queue: "nowhere", payload: 1 }] },
    },
    "a job that is not there": { over: (dure) => dure.get(unknown), method: "GET", path: `/v1/jobs/${unknown}` },
    "an id that is none": { over: (dure) => dure.wait("a/../b c"), method: "GET", path: "/v1/jobs/a%2F..%2Fb%20c" },
    "a claim of a pushed queue": {
      over: (dure) => dure.claim(queue),
      method: "POST",
      path: `/v1/queues/${queue}/claim`,
    },
    "a lease that is none": {
      over: (dure) => dure.extend("nothing"),
      method: "POST",
      path: "/v1/leases/nothing/extend",
    },
    "a consistency that is none": {
      over: (dure) => dure.report([{ lease: "", ok: true }]),
      method: "POST",
      path: "/v1/reports",
      body: { reports: [{ lease: "", ok: true }] },
    },
  };

  function post(job: Record<string, unknown>): Case {
    return { over: (dure) => dure.submit(job as never), method: "POST", path: "/v1/jobs", body: job };
  }

  it.each(Object.entries(cases))("%s", async (_, { over, method, path, body }) => {
    await must("PUT", `/v1/queues/${queue}`, { body: { target: { type: "handler", name: "noop" } } });
    const answer = await call<ProblemView>(method, path, body === undefined ? {} : { body });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    const error = await thrownBy(() => over(dure));
    const { name, stack, message, remote, ...problem } = Object.fromEntries(
      Object.getOwnPropertyNames(error).map((member) => [member, error[member]]),
    );
    expect({ name, message }).toEqual({ name: "DureError", message: answer.body.detail });
    // A batch's own id differs from call to call.
    expect({ ...problem, id: null }).toEqual({ ...answer.body, id: null });
  });

  it("a refusal that may pass says when to come again", async () => {
    const full = await newQueue({ maxBacklog: 1 });
    await submit({ queue: full });
    const answer = await call<ProblemView>("POST", "/v1/jobs", { body: { queue: full, payload: 1 } });
    expect(answer).toMatchObject({ status: 429, body: { code: "backlog-full" } });
    const error = await thrownBy(() => dure.submit({ queue: full, payload: 1 }));
    expect(error).toMatchObject({ code: "backlog-full", status: 429 });
    expect(error.retryAfter).toBeGreaterThanOrEqual(1);
  });
});
