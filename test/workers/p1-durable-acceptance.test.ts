import { abortAllDurableObjects } from "cloudflare:test";
import { expect, it } from "vitest";
import type { JobView } from "../../contract/job.ts";
import { call, claim, evict, getJob, must, newQueue, submit, succeed } from "./api.ts";

it("an accepted job is read back whole after its shard was evicted", async () => {
  const queue = await newQueue();
  const body = {
    queue,
    payload: { to: "a@b", nested: [1, null, "ü\u0001", { deep: true }], big: 2 ** 53 },
    orderingKey: "user-42",
    idempotencyKey: "order-991",
    priority: 7,
    expiresAt: "2027-06-01T02:00:00+02:00",
    timeout: 12.5,
    retry: { maxAttempts: 3, backoff: "linear", delay: 0.5 },
    tags: ["welcome", "ü"],
  };
  const accepted = await call<JobView>("POST", "/v1/jobs", { body });
  expect(accepted.status).toBe(202);
  await evict();
  const job = await getJob(accepted.body.id);
  expect(job).toEqual(accepted.body);
  expect(job).toMatchObject({
    namespace: "default",
    queue,
    state: "queued",
    attempt: 0,
    maxAttempts: 3,
    priority: 7,
    orderingKey: "user-42",
    idempotencyKey: "order-991",
    tags: ["welcome", "ü"],
    timeout: 12.5,
    retry: { maxAttempts: 3, backoff: "linear", delay: 0.5, maxDelay: 3600, jitter: "half" },
    payload: body.payload,
    result: null,
    error: null,
    startedAt: null,
    finishedAt: null,
    expiresAt: "2027-06-01T00:00:00.000Z",
    attempts: [],
  });
});

it("a job accepted for later is scheduled after an eviction too", async () => {
  const queue = await newQueue();
  const job = await submit({ queue, delay: 3600 });
  expect(job.state).toBe("scheduled");
  await evict();
  const read = await getJob(job.id);
  expect(read).toEqual(job);
  expect(Date.parse(read.runAt) - Date.parse(read.createdAt)).toBe(3_600_000);
  expect(await claim(queue)).toEqual([]);
});

it("every job of a batch is read back after eviction, whatever shard it is on", async () => {
  const queue = await newQueue();
  const jobs = Array.from({ length: 40 }, (_, i) => ({ queue, payload: i, orderingKey: `key-${i}` }));
  const batch = await must<{ accepted: number; items: { id: string }[] }>("POST", "/v1/batches", { body: { jobs } });
  expect(batch.accepted).toBe(40);
  await evict();
  const read = await Promise.all(batch.items.map(({ id }) => getJob(id)));
  expect(read.map((job) => job.payload)).toEqual(jobs.map((job) => job.payload));
  expect(new Set(read.map((job) => job.state))).toEqual(new Set(["queued"]));
});

it("jobs acknowledged while every object is killed again and again are all there", async () => {
  const queue = await newQueue();
  const acknowledged: string[] = [];
  let refused = 0;
  for (let round = 0; round < 8; round++) {
    const sent = Array.from({ length: 12 }, (_, i) =>
      call<{ id: string }>("POST", "/v1/jobs", { body: { queue, payload: [round, i] } }),
    );
    // The kill meets the calls at a different point each round.
    await new Promise((resolve) => setTimeout(resolve, round));
    await abortAllDurableObjects();
    for (const answer of await Promise.all(sent)) {
      if (answer.status === 202) acknowledged.push(answer.body.id);
      else {
        refused += 1;
        expect(answer.status).toBe(503);
        expect(answer.headers.get("retry-after")).toMatch(/^[1-9]/);
      }
    }
  }
  await evict();
  const read = await Promise.all(acknowledged.map((id) => getJob(id)));
  expect(read.map((job) => job.id)).toEqual(acknowledged);
  expect(acknowledged.length + refused).toBe(96);
  expect(acknowledged.length).toBeGreaterThan(0);
});

it("an outcome that was answered survives eviction", async () => {
  const queue = await newQueue();
  const { id } = await submit({ queue });
  const [claimed] = await claim(queue);
  await evict();
  expect((await getJob(id)).state).toBe("running");
  expect((await succeed(claimed?.lease ?? "", { sum: 3 })).status).toBe(200);
  await evict();
  expect(await getJob(id)).toMatchObject({ state: "succeeded", result: { sum: 3 }, error: null, attempt: 1 });
});

it("a change of a queue's settings is known to every shard after eviction", async () => {
  const queue = await newQueue();
  await submit({ queue });
  await must("POST", `/v1/queues/${queue}/pause`);
  await evict();
  expect(await claim(queue)).toEqual([]);
  await must("POST", `/v1/queues/${queue}/resume`);
  await evict();
  expect(await claim(queue)).toHaveLength(1);
});
