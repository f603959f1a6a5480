import { env } from "cloudflare:workers";
import { afterEach, expect, it } from "vitest";
import type { BatchView } from "../../contract/batch.ts";
import type { JobListView, JobView } from "../../contract/job.ts";
import {
  call,
  claimOne,
  evict,
  fail,
  freshName,
  getJob,
  makeKey,
  makeNamespace,
  must,
  newQueue,
  putQueue,
  submit,
  succeed,
} from "./api.ts";
import { passTime, resetClock, runAlarms, runCron } from "./clock.ts";
import { project } from "./processor.ts";

afterEach(resetClock);

const HOUR_MS = 3_600_000;

function post(body: Record<string, unknown>, headers: Record<string, string> = {}) {
  return call<JobView & { code: string }>("POST", "/v1/jobs", { body, headers });
}

async function countIn(queue: string): Promise<number> {
  return (await must<JobListView>("GET", `/v1/jobs?queue=${queue}`)).items.length;
}

it("the same key and body give the first job, after eviction too", async () => {
  const queue = await newQueue();
  const body = { queue, payload: { a: 1, b: [2] }, idempotencyKey: "k" };
  const first = await post(body);
  expect(first.status).toBe(202);
  expect(first.headers.get("dure-replayed")).toBeNull();
  await evict();
  const second = await post(body);
  expect(second.status).toBe(200);
  expect(second.headers.get("dure-replayed")).toBe("true");
  expect(second.body).toEqual(first.body);
  expect(await countIn(queue)).toBe(1);
});

it("the order of fields and the place of the key do not matter", async () => {
  const queue = await newQueue();
  const first = await post({ queue, payload: { a: 1, b: { c: 2, d: 3 } }, priority: 3, idempotencyKey: "k" });
  const moved = await post({ priority: 3, payload: { b: { d: 3, c: 2 }, a: 1 }, queue }, { "idempotency-key": "k" });
  expect(moved.status).toBe(200);
  expect(moved.body.id).toBe(first.body.id);
  const both = await post(
    { queue, priority: 3, payload: { a: 1, b: { c: 2, d: 3 } }, idempotencyKey: "k" },
    { "idempotency-key": "k" },
  );
  expect(both.body.id).toBe(first.body.id);
});

it("a header and a field that differ are refused", async () => {
  const queue = await newQueue();
  const answer = await post({ queue, payload: 1, idempotencyKey: "a" }, { "idempotency-key": "b" });
  expect(answer).toMatchObject({ status: 400, body: { code: "invalid-request" } });
  expect(await countIn(queue)).toBe(0);
});

it.each([
  ["payload", { payload: 2 }],
  ["the order of an array", { payload: [2, 1] }],
  ["null against nothing", { payload: { a: null } }],
  ["priority", { payload: 1, priority: 5 }],
  ["delay", { payload: 1, delay: 1 }],
  ["tags", { payload: 1, tags: ["x"] }],
])("another body under the same key is refused and makes no job: %s", async (_, other) => {
  const queue = await newQueue();
  const base = _ === "the order of an array" ? [1, 2] : _ === "null against nothing" ? {} : 1;
  const first = await post({ queue, payload: base, idempotencyKey: "k" });
  expect(first.status).toBe(202);
  await evict();
  expect(await post({ queue, idempotencyKey: "k", ...other })).toMatchObject({
    status: 422,
    body: { code: "idempotency-mismatch" },
  });
  expect(await countIn(queue)).toBe(1);
});

it("a key counts within its namespace, queue and ordering key only", async () => {
  const [one, two] = [await newQueue(), await newQueue()];
  const namespace = await makeNamespace("other-tenant");
  const { key } = await makeKey(["admin"], namespace);
  await putQueue(one, {}, key);
  const ids = [
    (await post({ queue: one, payload: 1, idempotencyKey: "k" })).body.id,
    (await post({ queue: two, payload: 1, idempotencyKey: "k" })).body.id,
    (await post({ queue: one, payload: 1, idempotencyKey: "k", orderingKey: "a" })).body.id,
    (await post({ queue: one, payload: 1, idempotencyKey: "k", orderingKey: "b" })).body.id,
    (await submit({ queue: one, payload: 1, idempotencyKey: "k" }, { key })).id,
  ];
  expect(new Set(ids).size).toBe(5);
  const again = await post({ queue: one, payload: 1, idempotencyKey: "k", orderingKey: "b" });
  expect(again.body.id).toBe(ids[3]);
});

it("naming the default queue or leaving it out is the same body", async () => {
  const idempotencyKey = freshName("default-key");
  const first = await post({ payload: 1, idempotencyKey });
  const second = await post({ queue: "default", payload: 1, idempotencyKey });
  expect(second).toMatchObject({ status: 200, body: { id: first.body.id } });
});

it("of many submissions of one key at once one makes a job, the others get it", async () => {
  const queue = await newQueue();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => post({ queue, payload: "same", idempotencyKey: "race" })),
  );
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 202]);
  await evict();
  expect(await countIn(queue)).toBe(1);
});

it.each(["succeeded", "failed", "cancelled", "running"] as const)(
  "a replay finds the first job when it is %s",
  async (state) => {
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    const body = { queue, payload: 1, idempotencyKey: "k" };
    const { id } = (await post(body)).body;
    if (state === "cancelled") await must("POST", `/v1/jobs/${id}/cancel`);
    else {
      const { lease } = await claimOne(queue);
      if (state === "succeeded") await succeed(lease, "r");
      if (state === "failed") await fail(lease);
    }
    await evict();
    const replay = await post(body);
    expect(replay).toMatchObject({ status: 200, body: { id, state } });
    expect(replay.body).toEqual(await getJob(id));
  },
);

it("a replay finds a job that has left its shard for history", async () => {
  const queue = await newQueue();
  const body = { queue, payload: { p: 1 }, idempotencyKey: "k" };
  const { id } = (await post(body)).body;
  await succeed((await claimOne(queue)).lease, { r: 2 });
  await project();
  passTime(HOUR_MS + 1000);
  await runAlarms();
  await evict();
  const replay = await post(body);
  expect(replay).toMatchObject({ status: 200, body: { id, state: "succeeded", payload: { p: 1 }, result: { r: 2 } } });
  expect(replay.headers.get("dure-replayed")).toBe("true");
});

it("a key works for its window from acceptance and no longer", async () => {
  const queue = await newQueue({ idempotencyWindow: 100 });
  const body = { queue, payload: 1, idempotencyKey: "k" };
  const first = await post(body);
  passTime(99_000);
  await runAlarms();
  await evict();
  // A replay does not lengthen the window.
  expect(await post(body)).toMatchObject({ status: 200, body: { id: first.body.id } });
  passTime(1500);
  await evict();
  const second = await post(body);
  expect(second.status).toBe(202);
  expect(second.body.id).not.toBe(first.body.id);
  expect(await post(body)).toMatchObject({ status: 200, body: { id: second.body.id } });
  expect(await countIn(queue)).toBe(2);
});

it("a job outlives its retention while its key can still be replayed", async () => {
  const queue = await newQueue({ retention: 10, idempotencyWindow: 7200 });
  const succeeded = (await post({ queue, payload: 1, idempotencyKey: "s" })).body.id;
  await succeed((await claimOne(queue)).lease);
  const cancelled = (await post({ queue, payload: 1, idempotencyKey: "c" })).body.id;
  await must("POST", `/v1/jobs/${cancelled}/cancel`);
  await project();
  passTime(HOUR_MS + 60_000);
  await runAlarms();
  await runCron();
  await evict();
  expect(await post({ queue, payload: 1, idempotencyKey: "s" })).toMatchObject({
    status: 200,
    body: { id: succeeded },
  });
  expect(await post({ queue, payload: 1, idempotencyKey: "c" })).toMatchObject({
    status: 200,
    body: { id: cancelled },
  });
});

it("in a batch each job has its own key, also the same one twice", async () => {
  const queue = await newQueue();
  const before = await post({ queue, payload: 0, idempotencyKey: "seen" });
  const jobs = [
    { queue, payload: 0, idempotencyKey: "seen" },
    { queue, payload: 1, idempotencyKey: "new" },
    { queue, payload: 1, idempotencyKey: "new" },
    { queue, payload: 2, idempotencyKey: "new" },
    { queue, payload: 3 },
  ];
  const answer = await call<BatchView>("POST", "/v1/batches", { body: { jobs } });
  expect(answer).toMatchObject({
    status: 202,
    body: {
      accepted: 2,
      items: [
        { id: before.body.id, replayed: true },
        { replayed: false },
        { replayed: true },
        { problem: { code: "idempotency-mismatch", status: 422 } },
        { replayed: false },
      ],
    },
  });
  const { items } = answer.body;
  expect(items[2]).toMatchObject({ id: (items[1] as { id: string }).id });
  await evict();
  expect(await countIn(queue)).toBe(3);
});

it("a batch of nothing but replays is 200 with the first jobs", async () => {
  const queue = await newQueue();
  const jobs = Array.from({ length: 12 }, (_, i) => ({ queue, payload: i, idempotencyKey: `k${i}` }));
  const first = await call<BatchView>("POST", "/v1/batches", { body: { jobs } });
  await evict();
  const second = await call<BatchView>("POST", "/v1/batches", { body: { jobs } });
  expect(second).toMatchObject({ status: 200, body: { accepted: 0 } });
  const idOf = (item: BatchView["items"][number]) => ("id" in item ? item.id : null);
  expect(second.body.items.map(idOf)).toEqual(first.body.items.map(idOf));
  expect(await countIn(queue)).toBe(12);
});

it("expired keys are forgotten by the shard", async () => {
  const queue = await newQueue({ idempotencyWindow: 5, partitions: 1 });
  await Promise.all(Array.from({ length: 10 }, (_, i) => post({ queue, payload: i, idempotencyKey: `k${i}` })));
  passTime(6000);
  await runAlarms();
  const name = { v: 1, epoch: 1, namespace: "default", queue, holdMs: 0 };
  const existing = await Promise.all(
    ["shard-0", "shard-1", "shard-2", "shard-3"].map((id) => env.SHARD.getByName(id).hold(name)),
  );
  expect(existing.reduce((sum, { result }) => sum + result.idempotencyKeys, 0)).toBe(0);
});
