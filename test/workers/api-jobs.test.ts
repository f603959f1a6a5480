import { afterEach, describe, expect, it, vi } from "vitest";
import type { BatchView } from "../../contract/batch.ts";
import { ExplainView, JobListView, JobView } from "../../contract/job.ts";
import {
  call,
  claim,
  claimOne,
  evict,
  existingAnywhere,
  fail,
  getJob,
  must,
  newQueue,
  sleep,
  submit,
  succeed,
} from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { project, work } from "./processor.ts";

afterEach(resetClock);

function list(query: string): Promise<JobListView> {
  return must("GET", `/v1/jobs?${query}`);
}

/** Until the queue has a job: whoever comes for work before finds none. */
async function accepted(queue: string): Promise<void> {
  const found = async () => expect((await list(`queue=${queue}`)).items).toHaveLength(1);
  await vi.waitFor(found, { timeout: 15_000 });
}

describe("submitting", () => {
  it("answers 202 with the whole job and its defaults", async () => {
    const answer = await call<JobView>("POST", "/v1/jobs", { body: { payload: null } });
    expect(answer.status).toBe(202);
    expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
    expect(answer.headers.get("dure-bookmark")).toBeTruthy();
    expect(JobView.parse(answer.body)).toEqual(answer.body);
    const { createdAt } = answer.body;
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^job_[0-9a-hjkmnp-tv-z]{26}$/),
      namespace: "default",
      queue: "default",
      state: "queued",
      version: 1,
      attempt: 0,
      delivery: 0,
      maxAttempts: 12,
      priority: 4,
      orderingKey: null,
      concurrencyKey: null,
      dedupKey: null,
      depth: 0,
      progress: null,
      idempotencyKey: null,
      parent: null,
      tags: [],
      traceparent: null,
      timeout: 60,
      retry: { maxAttempts: 12, backoff: "exponential", delay: 10, maxDelay: 3600, jitter: "half" },
      payload: null,
      result: null,
      resultTruncated: false,
      payloadKept: true,
      error: null,
      createdAt,
      runAt: createdAt,
      startedAt: null,
      finishedAt: null,
      expiresAt: null,
      leaseExpiresAt: null,
      attempts: [],
    });
    expect(createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  });

  it("lays retry over the queue's policy", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 9, delay: 7, jitter: "none" }, timeout: 33 });
    const job = await submit({ queue, retry: { backoff: "constant", maxAttempts: 2 } });
    expect(job).toMatchObject({
      maxAttempts: 2,
      timeout: 33,
      retry: { maxAttempts: 2, backoff: "constant", delay: 7, maxDelay: 3600, jitter: "none" },
    });
  });

  it.each([null, 0, "", [], {}, "text", { __proto__: null, a: [1.5, "\u2028"] }])(
    "takes any JSON as payload: %j",
    async (payload) => {
      const { id } = await submit({ payload });
      await evict();
      expect((await getJob(id)).payload).toEqual(payload);
    },
  );

  it("keeps a member named __proto__ in a payload", async () => {
    const text = '{"payload":{"__proto__":{"admin":true},"constructor":1}}';
    const { id } = await must<JobView>("POST", "/v1/jobs", { text });
    const answer = await call<JobView>("GET", `/v1/jobs/${id}`);
    expect(JSON.stringify(answer.body.payload)).toBe('{"__proto__":{"admin":true},"constructor":1}');
  });

  it("gives payload, result and keys back as they were, whatever characters are in them", async () => {
    const queue = await newQueue();
    const odd = [
      "\u0000",
      "\ud800",
      "💥",
      '"\\"',
      "\u2028",
      "[1]",
      "null",
      "1e3",
      "x".repeat(70_000),
      { "": [], "a.b": { $: -0.5 } },
    ];
    const { id } = await submit({
      queue,
      payload: odd,
      orderingKey: '["é\u0001💥',
      idempotencyKey: "'}\t",
      tags: ["%", "{"],
    });
    const { lease } = await claimOne(queue);
    await succeed(lease, { odd });
    await evict();
    const job = await getJob(id);
    expect(job).toMatchObject({ orderingKey: '["é\u0001💥', idempotencyKey: "'}\t", tags: ["%", "{"] });
    expect(job.payload).toEqual(odd);
    expect(job.result).toEqual({ odd });
    await project();
    const [listed] = (
      await list(`queue=${queue}&include=payload,result&orderingKey=${encodeURIComponent('["é\u0001💥')}`)
    ).items;
    expect(listed).toMatchObject({ id, payload: odd, result: { odd } });
  });

  it("takes a time with any offset and answers UTC", async () => {
    const at = Date.now() + 7_200_000;
    const local = new Date(at + 9 * 3_600_000).toISOString().replace("Z", "+09:00");
    const job = await submit({ runAt: local });
    expect(job).toMatchObject({ state: "scheduled", runAt: new Date(at).toISOString() });
  });

  it("runs a job whose runAt has passed at once", async () => {
    expect(await submit({ runAt: "2020-01-01T00:00:00Z" })).toMatchObject({ state: "queued" });
  });

  it("Prefer: wait holds the answer until the job is final", async () => {
    const queue = await newQueue({ target: { type: "handler", name: "wordcount" } });
    const answering = call<JobView>("POST", "/v1/jobs", {
      body: { queue, payload: { text: "Ab ab" } },
      headers: { prefer: "wait=20" },
    });
    await accepted(queue);
    await work();
    const answer = await answering;
    expect(answer).toMatchObject({
      status: 200,
      body: { state: "succeeded", result: { words: 2, counts: { ab: 2 } } },
    });
    expect(answer.headers.get("preference-applied")).toBe("wait=20");
    expect(answer.headers.get("dure-replayed")).toBeNull();
  });

  it("Prefer: wait ends with 202 and the job as it is", async () => {
    const start = Date.now();
    const answer = await call<JobView>("POST", "/v1/jobs", {
      body: { payload: 1, queue: await newQueue() },
      headers: { prefer: "respond-async, wait=1" },
    });
    expect(answer).toMatchObject({ status: 202, body: { state: "queued" } });
    expect(Date.now() - start).toBeGreaterThanOrEqual(990);
  });

  it("clamps a wait to 60 seconds and says so", async () => {
    const queue = await newQueue({ target: { type: "handler", name: "noop" } });
    const answering = call<JobView>("POST", "/v1/jobs", {
      body: { queue, payload: 1 },
      headers: { prefer: "wait=86400" },
    });
    await accepted(queue);
    await work();
    const answer = await answering;
    expect(answer.status).toBe(200);
    expect(answer.headers.get("preference-applied")).toBe("wait=60");
  });

  it.each(["wait=x", "wait", "wait=-1", "wait=1.5", "handling=lenient"])(
    "ignores a preference it cannot read: %s",
    async (prefer) => {
      const answer = await call("POST", "/v1/jobs", { body: { payload: 1 }, headers: { prefer } });
      expect(answer.status).toBe(202);
      expect(answer.headers.get("preference-applied")).toBeNull();
    },
  );
});

describe("reading one job", () => {
  it("waits for it to be final, and answers 200 whatever happens", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    const { lease } = await claimOne(queue);
    const reading = call<JobView>("GET", `/v1/jobs/${id}`, { headers: { prefer: "wait=10" } });
    await sleep(100);
    await succeed(lease, "ok");
    const answer = await reading;
    expect(answer).toMatchObject({ status: 200, body: { state: "succeeded", result: "ok" } });
    expect(answer.headers.get("preference-applied")).toBe("wait=10");
    const waiting = await submit({ queue });
    expect(await call("GET", `/v1/jobs/${waiting.id}`, { headers: { prefer: "wait=1" } })).toMatchObject({
      status: 200,
      body: { state: "queued" },
    });
  });

  it("a job has an entity tag of its version; 304 when it is known, and private once it has succeeded", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    const before = await call("GET", `/v1/jobs/${id}`);
    expect(before.headers.get("etag")).toBe(`"${id}.1"`);
    expect(before.headers.get("cache-control")).toBe("no-store");
    await succeed((await claimOne(queue)).lease, 1);
    const answer = await call("GET", `/v1/jobs/${id}`);
    const etag = answer.headers.get("etag") ?? "";
    expect(etag).toMatch(/^(W\/)?"[^"]+"$/);
    expect(answer.headers.get("cache-control")).toBe("private");
    expect(answer.headers.get("dure-consistency")).toBe("strong");
    for (const known of [etag, `"other", ${etag}`, `W/${etag.replace(/^W\//, "")}`, "*"]) {
      const unchanged = await call("GET", `/v1/jobs/${id}`, { headers: { "if-none-match": known } });
      expect(unchanged).toMatchObject({ status: 304, body: undefined });
      expect(unchanged.headers.get("etag")).toBe(etag);
    }
    expect((await call("GET", `/v1/jobs/${id}`, { headers: { "if-none-match": '"other"' } })).status).toBe(200);
  });

  it("a redrive changes the entity tag of a failed job", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    const { id } = await submit({ queue });
    await fail((await claimOne(queue)).lease);
    const failed = await call("GET", `/v1/jobs/${id}`);
    const headers = { "if-none-match": failed.headers.get("etag") ?? "" };
    expect(failed.headers.get("cache-control")).toBe("no-store");
    expect((await call("GET", `/v1/jobs/${id}`, { headers })).status).toBe(304);
    const redriven = await call("POST", `/v1/jobs/${id}/retry`);
    const again = await call("GET", `/v1/jobs/${id}`, { headers });
    expect(again).toMatchObject({ status: 200, body: { state: "queued" } });
    expect(again.headers.get("etag")).toBe(redriven.headers.get("etag"));
  });

  it.each(["strong", "session", "eventual"])("answers at every level: %s", async (consistency) => {
    const created = await call<JobView>("POST", "/v1/jobs", { body: { payload: 1 } });
    const bookmark = created.headers.get("dure-bookmark") ?? "";
    const answer = await call<JobView>("GET", `/v1/jobs/${created.body.id}?consistency=${consistency}`, {
      headers: { "dure-bookmark": bookmark },
    });
    expect(answer).toMatchObject({ status: 200, body: { id: created.body.id } });
    expect(["strong", consistency]).toContain(answer.headers.get("dure-consistency"));
    expect(answer.headers.get("dure-bookmark")).toBeTruthy();
  });

  it("an eventual read may come from the cache, says how old it is, and no other read does", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    await succeed((await claimOne(queue)).lease, 1);
    passTime(61_000);
    const read = (consistency: string) => call("GET", `/v1/jobs/${id}?consistency=${consistency}`);
    await read("strong");
    passTime(5_000);
    const fromCache = async () => {
      const cached = await read("eventual");
      expect(cached.headers.get("dure-consistency")).toBe("eventual");
      expect(Number(cached.headers.get("age"))).toBeGreaterThanOrEqual(5);
    };
    await vi.waitFor(fromCache, { timeout: 15_000 });
    for (const level of ["strong", "session"]) {
      const answer = await read(level);
      expect(answer.headers.get("dure-consistency")).toBe("strong");
      expect(answer.headers.get("age")).toBeNull();
    }
  });

  it("tells each attempt", async () => {
    const queue = await newQueue({ retry: { delay: 0, maxAttempts: 3 } });
    const { id } = await submit({ queue });
    await fail((await claimOne(queue, { worker: "w1" })).lease, { message: "m".repeat(10) });
    const retrying = await getJob(id);
    expect(retrying).toMatchObject({ state: "queued", attempt: 1, error: { code: "broken", retryable: true } });
    await succeed((await claimOne(queue, { worker: "w2" })).lease, null);
    await evict();
    const job = JobView.parse(await getJob(id));
    expect(job).toMatchObject({ state: "succeeded", attempt: 2, error: null, result: null, leaseExpiresAt: null });
    expect(job.attempts).toMatchObject([
      { number: 1, outcome: "failed", worker: "w1", error: { code: "broken", message: "mmmmmmmmmm", retryable: true } },
      { number: 2, outcome: "succeeded", worker: "w2", error: null },
    ]);
    expect(job.startedAt).toBe(job.attempts[0]?.startedAt);
    expect(job.finishedAt).toBe(job.attempts[1]?.finishedAt);
  });

  it("is the same from history as from its shard", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue, payload: { x: [1] }, tags: ["t"], orderingKey: "k", idempotencyKey: "i" });
    await succeed((await claimOne(queue)).lease, { y: 2 });
    await evict();
    const before = await getJob(id);
    await project();
    passTime(3_601_000);
    await runAlarms();
    await evict();
    expect(await existingAnywhere([id])).toEqual([]);
    // The edge's copy is another colo's business: a name never read before comes from the database.
    expect((await list(`queue=${queue}&include=payload,result,attempts`)).items).toEqual([before]);
    expect(await getJob(id)).toEqual(before);
  });
});

describe("cancelling", () => {
  it.each(["queued", "scheduled", "running"] as const)("stops a %s job for good", async (state) => {
    const queue = await newQueue();
    const { id } = await submit({ queue, ...(state === "scheduled" ? { delay: 100 } : {}) });
    if (state === "running") await claimOne(queue);
    const answer = await call<JobView>("POST", `/v1/jobs/${id}/cancel`);
    expect(answer).toMatchObject({ status: 200, body: { id, state: "cancelled" } });
    expect(answer.body.finishedAt).not.toBeNull();
    expect(answer.headers.get("dure-bookmark")).toBeTruthy();
    await evict();
    expect(await getJob(id)).toEqual(answer.body);
    expect(await claim(queue)).toEqual([]);
    passTime(101_000);
    await runAlarms();
    expect(await claim(queue)).toEqual([]);
  });

  it("refuses a final job with 409, wherever it is", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    await succeed((await claimOne(queue)).lease);
    const cancel = () => call("POST", `/v1/jobs/${id}/cancel`, { body: {} });
    expect(await cancel()).toMatchObject({ status: 409, body: { code: "invalid-state" } });
    await project();
    passTime(3_601_000);
    await runAlarms();
    await evict();
    expect(await cancel()).toMatchObject({ status: 409, body: { code: "invalid-state" } });
  });

  it("releases the ordering key", async () => {
    const queue = await newQueue();
    const [first, second] = [await submit({ queue, orderingKey: "k" }), await submit({ queue, orderingKey: "k" })];
    await claimOne(queue);
    expect(await claim(queue)).toEqual([]);
    await must("POST", `/v1/jobs/${first.id}/cancel`);
    await evict();
    expect((await claimOne(queue)).id).toBe(second.id);
  });
});

describe("retrying by hand", () => {
  it("gives a failed job a new budget while attempts go on counting", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 2, delay: 0 } });
    const { id } = await submit({ queue });
    for (let i = 0; i < 2; i++) await fail((await claimOne(queue)).lease);
    expect((await getJob(id)).state).toBe("failed");
    const answer = await call<JobView>("POST", `/v1/jobs/${id}/retry`);
    expect(answer).toMatchObject({ status: 200, body: { state: "queued", attempt: 2, finishedAt: null } });
    await evict();
    for (const attempt of [3, 4]) {
      const claimed = await claimOne(queue);
      expect(claimed).toMatchObject({ id, attempt });
      await fail(claimed.lease);
    }
    await evict();
    expect(await getJob(id)).toMatchObject({ state: "failed", attempt: 4 });
    expect((await getJob(id)).attempts.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
  });

  it("drops an expiresAt that has passed", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue, expiresAt: new Date(Date.now() + 10_000).toISOString() });
    passTime(11_000);
    await runAlarms();
    expect(await getJob(id)).toMatchObject({ state: "failed", error: { code: "expired" } });
    expect(await must("POST", `/v1/jobs/${id}/retry`)).toMatchObject({ state: "queued", expiresAt: null });
    await evict();
    await runAlarms();
    expect((await claimOne(queue)).id).toBe(id);
  });

  it.each(["queued", "scheduled", "running", "succeeded"])("refuses a %s job with 409", async (state) => {
    const queue = await newQueue();
    const { id } = await submit({ queue, ...(state === "scheduled" ? { delay: 100 } : {}) });
    if (state === "running" || state === "succeeded") {
      const { lease } = await claimOne(queue);
      if (state === "succeeded") await succeed(lease);
    }
    expect(await call("POST", `/v1/jobs/${id}/retry`)).toMatchObject({ status: 409, body: { code: "invalid-state" } });
    await evict();
    expect((await getJob(id)).state).toBe(state);
  });

  it("puts a redriven job back in its old place of the key", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push((await submit({ queue, orderingKey: "k" })).id);
    await fail((await claimOne(queue)).lease);
    await must("POST", `/v1/jobs/${ids[0]}/retry`);
    await evict();
    const order = [];
    for (let i = 0; i < 3; i++) {
      const claimed = await claim(queue, { max: 10 });
      expect(claimed).toHaveLength(1);
      order.push(claimed[0]?.id);
      await succeed(claimed[0]?.lease ?? "");
    }
    expect(order).toEqual(ids);
  });
});

describe("order", () => {
  it("jobs of one ordering key run one at a time, in acceptance order, across retries and evictions", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 5, delay: 5, backoff: "constant", jitter: "none" } });
    const keys = ["a", "b", "c"];
    const sent = new Map<string, string[]>(keys.map((key) => [key, []]));
    for (let i = 0; i < 12; i++) {
      const key = keys[i % 3] ?? "";
      sent.get(key)?.push((await submit({ queue, orderingKey: key, priority: i % 10 })).id);
    }
    const done = new Map<string, string[]>(keys.map((key) => [key, []]));
    for (let round = 0; round < 20; round++) {
      const claimed = await claim(queue, { max: 100 });
      expect(new Set(claimed.map(({ orderingKey }) => orderingKey)).size).toBe(claimed.length);
      for (const [i, { id, lease, orderingKey, attempt }] of claimed.entries()) {
        if (attempt === 1 && (round + i) % 3 === 0) expect((await fail(lease)).status).toBe(200);
        else {
          expect((await succeed(lease)).status).toBe(200);
          done.get(orderingKey ?? "")?.push(id);
        }
      }
      if (round % 2 === 0) await evict();
      passTime(6000);
      await runAlarms();
    }
    expect(done).toEqual(sent);
  });

  it("a delayed head holds the rest of its key", async () => {
    const queue = await newQueue();
    const head = await submit({ queue, orderingKey: "k", delay: 60 });
    const next = await submit({ queue, orderingKey: "k" });
    const other = await submit({ queue, orderingKey: "other" });
    await evict();
    const claimed = await claimOne(queue);
    expect(claimed.id).toBe(other.id);
    // Its lease would end meanwhile, and a retry that comes at once would be claimed beside the head.
    await succeed(claimed.lease);
    passTime(61_000);
    await runAlarms();
    expect((await claim(queue)).map(({ id }) => id)).toEqual([head.id]);
    expect((await getJob(next.id)).state).toBe("queued");
  });

  it("higher priority goes first, then who came first", async () => {
    const queue = await newQueue({ partitions: 1 });
    const sent: { id: string; priority: number }[] = [];
    for (const priority of [0, 9, 4, 9, 0, 4]) sent.push(await submit({ queue, priority }));
    await evict();
    const wanted = [...sent].sort((a, b) => b.priority - a.priority || (a.id < b.id ? -1 : 1));
    expect((await claim(queue, { max: 6 })).map(({ id }) => id)).toEqual(wanted.map(({ id }) => id));
  });
});

describe("listing", () => {
  it("is newest first over all shards, page by page, without gap or repeat", async () => {
    const queue = await newQueue();
    const jobs = Array.from({ length: 37 }, (_, i) => ({ queue, payload: i, orderingKey: `k${i}` }));
    await must("POST", "/v1/batches", { body: { jobs } });
    await evict();
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: JobListView = JobListView.parse(
        await list(`queue=${queue}&limit=5${cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`}`),
      );
      expect(page.items.length).toBeLessThanOrEqual(5);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen).toHaveLength(37);
    expect(seen).toEqual([...new Set(seen)].sort().reverse());
  });

  it("leaves the heavy fields out unless asked", async () => {
    const queue = await newQueue();
    await submit({ queue, payload: { p: 1 } });
    const [plain] = (await list(`queue=${queue}`)).items;
    for (const field of ["payload", "result", "attempts"]) expect(plain).not.toHaveProperty(field);
    const [full] = (await list(`queue=${queue}&include=payload,result,attempts`)).items;
    expect(full).toMatchObject({ payload: { p: 1 }, result: null, attempts: [] });
    const [some] = (await list(`queue=${queue}&include=payload`)).items;
    expect(some).toHaveProperty("payload");
    expect(some).not.toHaveProperty("attempts");
  });

  it("filters by state, tag, ordering key and time, together", async () => {
    const queue = await newQueue();
    const a = await submit({ queue, tags: ["red", "big"], orderingKey: "x" });
    await sleep(5);
    const b = await submit({ queue, tags: ["red"], delay: 100 });
    await sleep(5);
    const c = await submit({ queue, tags: ["blue"] });
    await evict();
    const ids = async (query: string) => (await list(`queue=${queue}&${query}`)).items.map(({ id }) => id);
    expect(await ids("")).toEqual([c.id, b.id, a.id]);
    expect(await ids("state=scheduled")).toEqual([b.id]);
    expect(await ids("tag=red")).toEqual([b.id, a.id]);
    expect(await ids("tag=re")).toEqual([]);
    expect(await ids("orderingKey=x")).toEqual([a.id]);
    expect(await ids("tag=red&state=queued")).toEqual([a.id]);
    expect(await ids(`createdAfter=${a.createdAt}`)).toEqual([c.id, b.id]);
    expect(await ids(`createdBefore=${c.createdAt}`)).toEqual([b.id, a.id]);
    expect(await ids(`createdAfter=${a.createdAt}&createdBefore=${c.createdAt}`)).toEqual([b.id]);
  });

  it.each(["tag", "orderingKey"])("refuses %s alone, which no index has, and says what it needs", async (name) => {
    const answer = await call("GET", `/v1/jobs?${name}=nobodys&state=queued`);
    expect(answer).toMatchObject({
      status: 400,
      body: {
        code: "invalid-request",
        errors: [{ pointer: `/${name}`, detail: `${name} needs queue, createdAfter or createdBefore beside it.` }],
      },
    });
    for (const bound of ["queue=none", "createdAfter=2020-01-01T00:00:00Z", "createdBefore=2020-01-01T00:00:00Z"]) {
      expect(await list(`${name}=nobodys&${bound}`)).toEqual({ items: [], nextCursor: null });
    }
  });

  it("a strong list never misses a job that was just accepted", async () => {
    const queue = await newQueue();
    for (let i = 0; i < 10; i++) {
      const { id } = await submit({ queue });
      expect((await list(`queue=${queue}&limit=1`)).items.map((job) => job.id)).toEqual([id]);
    }
  });

  it("of a queue nobody has is empty", async () => {
    expect(await list("queue=never-was")).toEqual({ items: [], nextCursor: null });
  });
});

describe("batches", () => {
  it("answers 202 with an item for each job, in order", async () => {
    const queue = await newQueue();
    const jobs = Array.from({ length: 5 }, (_, i) => ({ queue, payload: i, ...(i === 2 ? { delay: 9 } : {}) }));
    const answer = await call<BatchView>("POST", "/v1/batches", { body: { jobs } });
    expect(answer).toMatchObject({ status: 202, body: { atomic: false, accepted: 5 } });
    expect(answer.headers.get("dure-bookmark")).toBeTruthy();
    expect(answer.body.items.map((item) => ("id" in item ? item.state : null))).toEqual([
      "queued",
      "queued",
      "scheduled",
      "queued",
      "queued",
    ]);
    await evict();
    const read = await Promise.all(answer.body.items.map((item) => getJob("id" in item ? item.id : "")));
    expect(read.map(({ payload }) => payload)).toEqual([0, 1, 2, 3, 4]);
  });

  it("a bad item costs only itself", async () => {
    const queue = await newQueue();
    const jobs = [
      { queue, payload: 1 },
      { queue, payload: 1, priority: 10 },
      { queue: "never-was", payload: 1 },
      7,
      { queue, payload: 2 },
    ];
    const answer = await call<BatchView>("POST", "/v1/batches", { body: { jobs } });
    expect(answer).toMatchObject({
      status: 202,
      body: {
        accepted: 2,
        items: [
          { state: "queued", replayed: false },
          { problem: { code: "invalid-request", errors: [{ pointer: "/jobs/1/priority" }] } },
          { problem: { code: "queue-not-found", status: 404 } },
          { problem: { code: "invalid-request", errors: [{ pointer: "/jobs/3" }] } },
          { state: "queued", replayed: false },
        ],
      },
    });
    await evict();
    expect((await list(`queue=${queue}`)).items).toHaveLength(2);
  });

  it("422 when nothing was accepted", async () => {
    const answer = await call("POST", "/v1/batches", { body: { jobs: [{ payload: 1, nope: 1 }, {}] } });
    expect(answer.status).toBe(422);
  });

  it("an atomic batch on one shard is accepted whole, or not at all", async () => {
    const queue = await newQueue({ partitions: 1 });
    const good = Array.from({ length: 4 }, (_, i) => ({ queue, payload: i }));
    const whole = await call<BatchView>("POST", "/v1/batches", { body: { atomic: true, jobs: good } });
    expect(whole).toMatchObject({ status: 202, body: { atomic: true, accepted: 4 } });
    const bad = [...good, { queue, payload: 1, priority: 99 }];
    const refused = await call("POST", "/v1/batches", { body: { atomic: true, jobs: bad } });
    expect(refused).toMatchObject({
      status: 422,
      body: { code: "batch-refused", errors: [{ pointer: "/jobs/4/priority" }] },
    });
    await submit({ queue, payload: 0, idempotencyKey: "taken" });
    const clash = [
      { queue, payload: 8 },
      { queue, payload: 9, idempotencyKey: "taken" },
    ];
    expect(await call("POST", "/v1/batches", { body: { atomic: true, jobs: clash } })).toMatchObject({
      status: 422,
      body: { code: "batch-refused", errors: [{ pointer: "/jobs/1" }] },
    });
    await evict();
    expect((await list(`queue=${queue}`)).items).toHaveLength(5);
  });
});

it("explain answers what its contract says", async () => {
  const { id } = await submit({ queue: await newQueue() });
  const answer = await must("GET", `/v1/jobs/${id}/explain`);
  expect(ExplainView.parse(answer)).toEqual(answer);
});
