import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import type { JobListView, JobView } from "../../contract/job.ts";
import type { ClaimView } from "../../contract/pull.ts";
import { implicitDefault } from "../../contract/queue-settings.ts";
import { makeJobId } from "../../domain/job-id.ts";
import { initialMap, ownerOf, slotOf } from "../../domain/slots.ts";
import {
  call,
  claim,
  claimOne,
  evict,
  fail,
  getJob,
  makeKey,
  must,
  newQueue,
  putQueue,
  shard,
  sleep,
  submit,
  succeed,
} from "./api.ts";
import { passTime, resetClock, runAlarms, runCron } from "./clock.ts";
import {
  auditNow,
  brokenCache,
  brokenDatabase,
  CRASHES,
  callThrough,
  crashAt,
  faultyShards,
  replaced,
  sendBellsThrough,
} from "./faults.ts";
import { turn } from "./lane.ts";
import { deliver, PROCESSOR_ENV, project, work } from "./processor.ts";
import { watchConsole } from "./watched-console.ts";

/** In payloads and results of what fails here: nothing of it is logged. One word, as the handler counts them. */
const CANARY = "canaryofthefaults";
watchConsole({ canary: CANARY });

afterEach(resetClock);

const TARGET = { target: { type: "handler", name: "wordcount" } } as const;

async function listOf(queue: string): Promise<JobListView["items"]> {
  return (await must<JobListView>("GET", `/v1/jobs?queue=${queue}&limit=200`)).items;
}

describe("bells", () => {
  const FATES: [name: string, send: (arrived: unknown[]) => (body: unknown) => Promise<unknown>][] = [
    ["refused by the queue", () => () => Promise.reject(new Error("Queue sendBatch failed: Too Many Requests"))],
    [
      "refused after a while",
      () => async () => {
        await sleep(200);
        throw new Error("Queue sendBatch failed: Internal Server Error");
      },
    ],
    ["lost", () => async () => undefined],
    ["doubled", (arrived) => async (body) => void arrived.push(body, body)],
    [
      "sent though the queue said no",
      (arrived) => async (body) => {
        arrived.push(body);
        throw new Error("reply lost");
      },
    ],
    [
      "reordered and half lost",
      (arrived) => {
        let n = 0;
        return async (body) => void (n++ % 2 === 0 && arrived.unshift(body));
      },
    ],
  ];

  it.each(FATES)("%s: every job is accepted, and done once when the queue is back", async (_, fate) => {
    const queue = await newQueue(TARGET);
    const arrived: unknown[] = [];
    await sendBellsThrough(fate(arrived));
    const ids: string[] = [];
    for (let i = 0; i < 12; i++)
      ids.push((await submit({ queue, payload: { text: `${CANARY} b` }, orderingKey: `k${i % 4}` })).id);
    await runAlarms();
    await deliver("dure-default", arrived.splice(0));
    // The queue is back: what is still owed is rung by the alarm.
    await sendBellsThrough(async (body) => void arrived.push(body));
    for (let round = 0; round < 6; round++) {
      passTime(61_000);
      await runAlarms();
      await deliver("dure-default", arrived.splice(0));
    }
    await evict();
    const jobs = await Promise.all(ids.map((id) => getJob(id)));
    expect(jobs.map(({ state, attempts }) => [state, attempts.length])).toEqual(jobs.map(() => ["succeeded", 1]));
  });

  it("a queue that is down for long is not rung at the pace of the first minute", async () => {
    const queue = await newQueue(TARGET);
    let sent = 0;
    await submit({ queue });
    await evict();
    await sendBellsThrough(async () => void sent++);
    for (let minute = 0; minute < 120; minute++) {
      passTime(30_000);
      await runAlarms();
    }
    expect(sent).toBeGreaterThan(10);
    expect(sent).toBeLessThan(80);
    await work();
  });
});

it("a queue that does not answer does not hold up a submission", async () => {
  const queue = await newQueue(TARGET);
  // It answers in the end, and by a timer of the object itself: one with a call under way could not be evicted.
  const bells = { rung: 0, answered: 0 };
  await sendBellsThrough(async () => {
    bells.rung += 1;
    await sleep(4_000);
    bells.answered += 1;
  });
  expect(await submit({ queue, payload: { text: CANARY } })).toMatchObject({ state: "queued" });
  expect(bells.answered).toBe(0);
  await sendBellsThrough(async () => undefined);
  await expect.poll(() => bells, { timeout: 15_000 }).toEqual({ rung: 1, answered: 1 });
});

describe("while KV is down", () => {
  it.each([[["get"]], [["put"]], [["get", "put"]]] as const)(
    "%j fails: queues change and jobs are accepted and read",
    async (broken) => {
      const bindings = { ...env, CACHE: brokenCache(...broken) };
      const queue = await newQueue();
      const through = <T>(method: string, path: string, body?: unknown) =>
        callThrough<T>(bindings, [method, path], { body });
      expect(await through("PUT", `/v1/queues/${queue}`, { timeout: 9 })).toMatchObject({
        status: 200,
        body: { timeout: 9 },
      });
      const accepted = await through<JobView>("POST", "/v1/jobs", { queue, payload: CANARY });
      expect(accepted).toMatchObject({ status: 202, body: { timeout: 9 } });
      expect(await through("GET", `/v1/jobs/${accepted.body.id}`)).toMatchObject({ status: 200 });
      expect(await through("POST", `/v1/queues/${queue}/claim`, {})).toMatchObject({
        status: 200,
        body: { jobs: [{ id: accepted.body.id }] },
      });
      expect(await through("GET", "/readyz")).toMatchObject({ status: 200 });
    },
  );

  it("settings that KV has from before are not acted on once a shard knows newer ones", async () => {
    const queue = await newQueue({ timeout: 1 });
    const old = await env.CACHE.get(`settings:default/${queue}`);
    await putQueue(queue, { timeout: 2 });
    await env.CACHE.put(`settings:default/${queue}`, old ?? "");
    const cold = { ...env };
    expect(await callThrough(cold, ["POST", "/v1/jobs"], { body: { queue, payload: CANARY } })).toMatchObject({
      status: 202,
      body: { timeout: 2 },
    });
  });
});

describe("while D1 is down", () => {
  const down = () => ({ ...env, DB: brokenDatabase() });

  it("jobs of a known queue are accepted, claimed, reported, read, cancelled and explained by a cold isolate", async () => {
    const queue = await newQueue();
    const cold = down();
    const through = <T>(method: string, path: string, body?: unknown) => callThrough<T>(cold, [method, path], { body });
    const accepted = await through<JobView>("POST", "/v1/jobs", { queue, payload: CANARY });
    expect(accepted.status).toBe(202);
    const { id } = accepted.body;
    expect(await through("GET", `/v1/jobs/${id}`)).toMatchObject({ status: 200, body: { state: "queued" } });
    expect(await through("GET", `/v1/jobs/${id}/explain`)).toMatchObject({ status: 200, body: { reason: "ready" } });
    expect(await through("GET", `/v1/jobs?queue=${queue}&state=queued`)).toMatchObject({
      status: 200,
      body: { items: [{ id }] },
    });
    const claimed = await through<ClaimView>("POST", `/v1/queues/${queue}/claim`, {});
    expect(claimed.status).toBe(200);
    const lease = claimed.body.jobs[0]?.lease;
    expect(await through("POST", `/v1/leases/${lease}/succeed`, { result: 2 })).toMatchObject({ status: 200 });
    const other = await through<JobView>("POST", "/v1/jobs", { queue, payload: CANARY });
    expect(await through("POST", `/v1/jobs/${other.body.id}/cancel`)).toMatchObject({ status: 200 });
    await evict();
    expect(await getJob(id)).toMatchObject({ state: "succeeded", result: 2 });
  });

  it("jobs of default are accepted too, though nobody ever put that queue", async () => {
    expect(await callThrough(down(), ["POST", "/v1/jobs"], { body: { payload: CANARY } })).toMatchObject({
      status: 202,
    });
  });

  it("a key that worked a moment ago goes on working", async () => {
    const queue = await newQueue();
    const { key } = await makeKey(["submit", "read"]);
    let away = false;
    const DB = replaced(env.DB, {
      prepare: (sql: string) => (away ? brokenDatabase() : env.DB).prepare(sql),
      withSession: (constraint?: string) => (away ? brokenDatabase() : env.DB).withSession(constraint),
    });
    const isolate = { ...env, DB };
    const send = () => callThrough(isolate, ["POST", "/v1/jobs"], { body: { queue, payload: CANARY }, key });
    expect((await send()).status).toBe(202);
    away = true;
    passTime(3000);
    expect((await send()).status).toBe(202);
  });

  it("what needs it is 503 with Retry-After, never 500 and never a wrong answer", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    await succeed((await claimOne(queue)).lease);
    await project();
    passTime(3_601_000);
    await runAlarms();
    const { key } = await makeKey(["read"]);
    const cold = down();
    for (const [method, path, options] of [
      ["GET", `/v1/jobs/${id}`, {}],
      ["GET", `/v1/jobs?queue=${queue}`, {}],
      ["GET", "/v1/queues", {}],
      ["GET", `/v1/queues/${queue}`, {}],
      ["PUT", `/v1/queues/${queue}`, { body: {} }],
      ["POST", `/v1/queues/${queue}/pause`, {}],
      ["POST", "/v1/keys", { body: { name: "x", scopes: ["read"] } }],
      ["GET", "/v1/jobs", { key }],
      ["PUT", "/v1/namespaces/x", { body: {} }],
      ["GET", "/v1/webhook-secret", {}],
    ] as const) {
      const answer = await callThrough(cold, [method, path], options);
      expect([path, answer.status]).toEqual([path, 503]);
      expect(answer.body).toMatchObject({ code: "unavailable" });
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect(await callThrough(cold, ["GET", "/readyz"])).toMatchObject({ status: 200, body: { status: "degraded" } });
  });

  it("pushed jobs run on, and the cron does its other steps", async () => {
    const queue = await newQueue(TARGET);
    const { id } = await submit({ queue, payload: { text: CANARY } });
    await work("default", { ...PROCESSOR_ENV, DB: brokenDatabase() });
    await runCron(down());
    await evict();
    expect(await getJob(id)).toMatchObject({ state: "succeeded", result: { words: 1, counts: { [CANARY]: 1 } } });
  });
});

describe("calls to a shard", () => {
  it("whose answer was lost: sent again under the same key, the submission is one job", async () => {
    const queue = await newQueue();
    const lost = faultyShards({ method: "submit", when: "after" });
    const body = { queue, payload: CANARY, idempotencyKey: "k" };
    const first = await callThrough({ ...env, SHARD: lost.SHARD }, ["POST", "/v1/jobs"], { body });
    expect(first).toMatchObject({ status: 503, body: { code: "unavailable" } });
    expect(lost.calls()).toBe(1);
    await evict();
    expect(await call("POST", "/v1/jobs", { body })).toMatchObject({ status: 200 });
    expect(await listOf(queue)).toHaveLength(1);
  });

  it("that claimed and were not heard: the jobs come back when their leases end", async () => {
    const queue = await newQueue({ timeout: 10, retry: { delay: 0 } });
    const { id } = await submit({ queue });
    const lost = faultyShards({ method: "claim", when: "after" });
    expect(
      (await callThrough({ ...env, SHARD: lost.SHARD }, ["POST", `/v1/queues/${queue}/claim`], { body: {} })).status,
    ).toBe(503);
    passTime(11_000);
    await runAlarms();
    await evict();
    const claims = await claim(queue);
    expect(claims).toMatchObject([{ id, attempt: expect.any(Number) }]);
    expect(claims[0]?.attempt).toBeLessThanOrEqual(2);
  });

  it("that reported and were not heard: the outcome stands, the second report is stale", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    const { lease } = await claimOne(queue);
    const lost = faultyShards({ method: "report", when: "after" });
    const path = `/v1/leases/${lease}/succeed`;
    expect(
      (await callThrough({ ...env, SHARD: lost.SHARD }, ["POST", path], { body: { result: CANARY } })).status,
    ).toBe(503);
    expect(lost.calls()).toBe(1);
    await evict();
    expect(await succeed(lease, "second")).toMatchObject({ status: 409, body: { code: "stale-lease" } });
    expect(await getJob(id)).toMatchObject({ state: "succeeded", result: CANARY });
  });

  it("of the processor that are not heard run each job to one outcome", async () => {
    const queue = await newQueue({ ...TARGET, retry: { delay: 0 } });
    const ids = [];
    for (let i = 0; i < 6; i++) ids.push((await submit({ queue, payload: { text: CANARY }, orderingKey: `k${i}` })).id);
    const { SHARD } = faultyShards({ method: "work", when: "after", times: 3 });
    await work("default", { ...PROCESSOR_ENV, SHARD });
    passTime(16_000);
    await runAlarms();
    await work();
    await evict();
    const jobs = await Promise.all(ids.map((id) => getJob(id)));
    expect(jobs.map(({ state }) => state)).toEqual(ids.map(() => "succeeded"));
    expect(jobs.every(({ attempts }) => attempts.filter(({ outcome }) => outcome === "succeeded").length === 1)).toBe(
      true,
    );
  });

  it("that never arrived: a read is tried once more, and no further", async () => {
    const { id } = await submit({ queue: await newQueue() });
    const once = faultyShards({ method: "get", when: "before", flags: { retryable: true }, times: 1 });
    expect((await callThrough({ ...env, SHARD: once.SHARD }, ["GET", `/v1/jobs/${id}`])).status).toBe(200);
    expect(once.calls()).toBe(2);
    const always = faultyShards({ method: "get", when: "before", flags: { retryable: true } });
    const answer = await callThrough({ ...env, SHARD: always.SHARD }, ["GET", `/v1/jobs/${id}`]);
    expect([answer.status, always.calls()]).toEqual([503, 2]);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("to an overloaded object are never repeated", async () => {
    const { id } = await submit({ queue: await newQueue() });
    const { SHARD, calls } = faultyShards({
      method: "get",
      when: "before",
      flags: { retryable: true, overloaded: true },
    });
    expect((await callThrough({ ...env, SHARD }, ["GET", `/v1/jobs/${id}`])).status).toBe(503);
    expect(calls()).toBe(1);
  });

  it("a list is never half an answer", async () => {
    const queue = await newQueue();
    await submit({ queue });
    const { SHARD } = faultyShards({ method: "list", when: "before", times: 1 });
    expect((await callThrough({ ...env, SHARD }, ["GET", `/v1/jobs?queue=${queue}`])).status).toBe(503);
  });
});

describe("while the Directory is down", () => {
  const DIRECTORY = replaced(env.DIRECTORY, {
    getByName: () => ({ map: () => Promise.reject(new Error("the Directory is away")) }),
  });

  it("an isolate that knows the map goes on; a cold one says 503", async () => {
    const queue = await newQueue();
    let away = false;
    const warm = {
      ...env,
      DIRECTORY: replaced(env.DIRECTORY, {
        getByName: (name: string) => (away ? DIRECTORY : env.DIRECTORY).getByName(name),
      }),
    };
    const send = (bindings: Env) => callThrough(bindings, ["POST", "/v1/jobs"], { body: { queue, payload: CANARY } });
    expect((await send(warm)).status).toBe(202);
    away = true;
    expect((await send(warm)).status).toBe(202);
    expect(await send({ ...env, DIRECTORY })).toMatchObject({ status: 503, body: { code: "unavailable" } });
    expect(await callThrough({ ...env, DIRECTORY }, ["GET", "/readyz"])).toMatchObject({
      status: 503,
      body: { status: "down" },
    });
  });
});

/** Who gets no answer sends it again: an object that has just died may still have its storage in hand for a moment. */
async function sentAgain<T>(send: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await send();
    } catch (error) {
      if (tries === 5) throw error;
      await new Promise((wake) => setTimeout(wake, 200));
    }
  }
}

describe("a crash at every SQL statement", () => {
  const SETTINGS = { ...implicitDefault("default"), version: 0 };
  const MAP = initialMap(Number(env.SHARDS));
  const SLOT = slotOf("default", "default", 0);
  const stub = () => shard(ownerOf(MAP, SLOT));

  /** Three jobs of one submission, which belong together only by their step. */
  function submission(round: string) {
    const jobs = ["a", "b", "c"].map((name, i) => ({
      id: makeJobId(Date.now(), SLOT, crypto.getRandomValues(new Uint8Array(8))),
      queue: 0,
      partition: 0,
      priority: 4,
      orderingKey: i === 2 ? null : "key",
      concurrencyKey: null,
      dedup: null,
      idempotency: { key: `${round}-${name}`, hash: "h" },
      delayMs: i === 2 ? 5000 : null,
      runAt: null,
      expiresAt: null,
      timeoutMs: null,
      retry: null,
      tags: ["t"],
      payload: "{}",
      createdAt: null,
      parent: null,
    }));
    return { v: 1, epoch: 1, queues: [SETTINGS], jobs, atomic: false };
  }

  async function rowsOf({ jobs }: ReturnType<typeof submission>): Promise<{ jobs: number; keys: number }> {
    await evict();
    return sentAgain(() =>
      runInDurableObject(stub(), (_, { storage }) => {
        const ids = JSON.stringify(jobs.map(({ id }) => id));
        const count = (query: string) => storage.sql.exec<{ n: number }>(query, ids).one().n;
        return {
          jobs: count("SELECT count(*) AS n FROM jobs WHERE id IN (SELECT value FROM json_each(?))"),
          keys: count("SELECT count(*) AS n FROM idempotency WHERE job IN (SELECT value FROM json_each(?))"),
        };
      }),
    );
  }

  it.each(turn(CRASHES))(
    "of a submission that %s leaves all of it or nothing",
    async (crash) => {
      await stub().submit(submission(`${crash}-warm`));
      let survived = 0;
      for (let n = 1; survived === 0; n++) {
        expect(n).toBeLessThan(60);
        const request = submission(`${crash}-${n}`);
        const statements = await crashAt(stub(), n, crash);
        const answer = await stub()
          .submit(request)
          .then(
            () => "accepted",
            () => "lost",
          );
        const rows = await rowsOf(request);
        expect([n, rows]).toEqual([n, rows.jobs === 0 ? { jobs: 0, keys: 0 } : { jobs: 3, keys: 3 }]);
        // What was acknowledged is there; what was not is there after it was sent again, once.
        if (answer === "accepted") expect(rows.jobs).toBe(3);
        else await sentAgain(() => stub().submit(request));
        expect(await rowsOf(request)).toEqual({ jobs: 3, keys: 3 });
        if (statements() < n) survived = n;
      }
      // Three jobs, each looked up and written with its key: fewer points than that would mean that none was hit.
      expect(survived).toBeGreaterThan(9);
      expect((await auditNow()).violations).toEqual([]);
    },
    60_000,
  );

  const CHANGES: [
    name: string,
    before: string,
    change: (id: string, lease: string) => Promise<unknown>,
    after: string[],
  ][] = [
    ["a success", "running", (_, lease) => succeed(lease), ["succeeded"]],
    ["a failure", "running", (_, lease) => fail(lease, { retryable: false }), ["failed"]],
    ["a failure that is retried", "running", (_, lease) => fail(lease), ["scheduled", "queued"]],
    ["a cancellation", "running", (id) => call("POST", `/v1/jobs/${id}/cancel`), ["cancelled"]],
  ];

  it.each(turn(CHANGES))(
    "of %s leaves the job before it or after it, and its ordering key too",
    async (_, before, change, after) => {
      const queue = await newQueue({ partitions: 1 });
      for (let n = 1; ; n++) {
        expect(n).toBeLessThan(40);
        const first = await submit({ queue, orderingKey: "k" });
        const second = await submit({ queue, orderingKey: "k" });
        const { lease } = await claimOne(queue);
        const holder = shard(ownerOf(MAP, slotOf("default", queue, 0)));
        const statements = await crashAt(holder, n, n % 2 === 0 ? "dies" : "throws-after");
        await change(first.id, lease);
        await evict();
        const { state } = await getJob(first.id);
        expect([before, ...after]).toContain(state);
        const waits = (await must<{ reason: string }>("GET", `/v1/jobs/${second.id}/explain`)).reason === "ordering";
        const holds = state === "running" || state === "scheduled" || state === "queued";
        expect([n, state, waits]).toEqual([n, state, holds]);
        expect((await auditNow()).violations).toEqual([]);
        await must("POST", `/v1/queues/${queue}/purge`);
        if (state === "running") await must("POST", `/v1/jobs/${first.id}/cancel`);
        if (statements() < n) {
          expect(n).toBeGreaterThan(3);
          return;
        }
      }
    },
    60_000,
  );
});
