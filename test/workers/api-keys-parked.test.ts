import { afterEach, describe, expect, it } from "vitest";
import { OrderingKeyListView, OrderingKeyView } from "../../contract/ordering-keys.ts";
import type { QueueInput, QueueStatsView } from "../../contract/queue.ts";
import {
  call,
  claim,
  claimOne,
  evict,
  fail,
  getJob,
  makeKey,
  makeNamespace,
  must,
  newQueue,
  putQueue,
  submit,
  succeed,
} from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { project } from "./processor.ts";

afterEach(resetClock);

const BLOCK: QueueInput = { retry: { maxAttempts: 1 }, onFailure: "block", partitions: 3 };

/** A key with a failed job and `waiting` jobs behind it: the ids, the failed one first. */
async function blocked(queue: string, key: string, waiting = 1): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i <= waiting; i++) ids.push((await submit({ queue, orderingKey: key })).id);
  const { lease, ...job } = await claimOne(queue);
  expect(job.id).toBe(ids[0]);
  await fail(lease, { message: "no" });
  return ids;
}

const change = (queue: string, what: string, body: Record<string, unknown>) =>
  call<OrderingKeyView>("POST", `/v1/queues/${queue}/keys/${what}`, { body });

async function keys(queue: string, query = ""): Promise<KeyPage> {
  const page = await must<KeyPage>("GET", `/v1/queues/${queue}/keys${query}`);
  expect(OrderingKeyListView.parse(page)).toEqual(page);
  return page;
}

type KeyPage = { items: OrderingKeyView[]; nextCursor: string | null };

async function drain(queue: string): Promise<string[]> {
  const order: string[] = [];
  for (let jobs = await claim(queue); jobs.length > 0; jobs = await claim(queue)) {
    for (const { lease, ...job } of jobs) {
      order.push(job.id);
      await succeed(lease);
    }
  }
  return order;
}

describe("a key that a failure blocks", () => {
  it("starts nothing, is listed and explained, also by a fresh object", async () => {
    const queue = await newQueue(BLOCK);
    const [failed = "", first = "", second = ""] = await blocked(queue, "k/1 ü", 2);
    await evict();
    expect(await claim(queue)).toEqual([]);
    const { items, nextCursor } = await keys(queue);
    expect(nextCursor).toBeNull();
    expect(items).toEqual([
      {
        key: "k/1 ü",
        state: "blocked",
        jobId: failed,
        error: { code: "broken", message: "no", retryable: true },
        since: expect.any(String),
        waiting: 2,
      },
    ]);
    expect(await must("GET", `/v1/jobs/${first}/explain`)).toMatchObject({ reason: "parked", blockedBy: failed });
    expect(await must("GET", `/v1/jobs/${second}/explain`)).toMatchObject({ reason: "ordering", blockedBy: first });
    expect((await must<QueueStatsView>("GET", `/v1/queues/${queue}/stats`)).parkedKeys).toBe(1);
  });

  it.each([
    ["retry", 3],
    ["skip", 2],
    ["discard", 2],
  ])("goes on by %s", async (action, count) => {
    const queue = await newQueue(BLOCK);
    const ids = await blocked(queue, "k", 2);
    const answer = await change(queue, "unblock", { key: "k", action, jobId: ids[0] });
    expect(answer).toMatchObject({ status: 200, body: { key: "k", state: "open", jobId: null, waiting: count } });
    expect(OrderingKeyView.parse(answer.body)).toEqual(answer.body);
    await evict();
    expect(await drain(queue)).toEqual(ids.slice(3 - count));
    expect((await keys(queue)).items).toEqual([]);
    const state = action === "retry" ? "succeeded" : "failed";
    if (action === "discard") expect((await call("GET", `/v1/jobs/${ids[0]}`)).status).toBe(404);
    else expect((await getJob(ids[0] ?? "")).state).toBe(state);
  });

  it("goes on by an ordinary retry of the failed job", async () => {
    const queue = await newQueue(BLOCK);
    const ids = await blocked(queue, "k");
    await must("POST", `/v1/jobs/${ids[0]}/retry`);
    expect(await drain(queue)).toEqual(ids);
  });

  it("is let go by new settings, and holds a change of the partitions until then", async () => {
    const queue = await newQueue({ ...BLOCK, idempotencyWindow: 1 });
    const [, waiting = ""] = await blocked(queue, "k");
    await must("POST", `/v1/jobs/${waiting}/cancel`);
    const refused = await call("PUT", `/v1/queues/${queue}`, { body: { ...BLOCK, partitions: 5 } });
    expect(refused).toMatchObject({ status: 409, body: { code: "queue-has-keys" } });
    const { id } = await submit({ queue, orderingKey: "k" });
    expect(await claim(queue)).toEqual([]);
    await putQueue(queue, { ...BLOCK, onFailure: "continue" });
    await runAlarms();
    expect((await claimOne(queue)).id).toBe(id);
  });

  it("refuses a decision when nothing blocks it, or another job than was meant", async () => {
    const queue = await newQueue(BLOCK);
    expect(await change(queue, "unblock", { key: "k", action: "skip" })).toMatchObject({
      status: 409,
      body: { code: "key-not-blocked" },
    });
    const [failed, next] = await blocked(queue, "k");
    expect(await change(queue, "unblock", { key: "k", action: "skip", jobId: next })).toMatchObject({
      status: 409,
      body: { code: "key-not-blocked", detail: expect.stringContaining(failed ?? "") },
    });
    expect(await claim(queue)).toEqual([]);
  });

  it("is retried when its failed job is in history alone", async () => {
    const queue = await newQueue({ ...BLOCK, retention: 1 });
    const ids = await blocked(queue, "k");
    await project();
    passTime(90_000);
    for (let i = 0; i < 3; i++) await runAlarms();
    expect((await keys(queue)).items).toMatchObject([{ jobId: ids[0], error: null }]);
    const answer = await change(queue, "unblock", { key: "k", action: "retry" });
    expect(answer).toMatchObject({ status: 200, body: { state: "open", waiting: 2 } });
    expect(await drain(queue)).toEqual(ids);
  });
});

describe("a key that is paused by hand", () => {
  it("starts nothing until it is resumed; a running job goes on", async () => {
    const queue = await newQueue({ partitions: 3 });
    const { id } = await submit({ queue, orderingKey: "k" });
    const running = await claimOne(queue);
    const next = await submit({ queue, orderingKey: "k" });
    expect(await change(queue, "pause", { key: "k" })).toMatchObject({ status: 200, body: { state: "paused" } });
    expect(await change(queue, "pause", { key: "k" })).toMatchObject({ status: 200, body: { state: "paused" } });
    expect((await succeed(running.lease)).status).toBe(200);
    await evict();
    expect(await claim(queue)).toEqual([]);
    expect(await must("GET", `/v1/jobs/${next.id}/explain`)).toMatchObject({ reason: "parked", blockedBy: null });
    expect(await change(queue, "resume", { key: "k" })).toMatchObject({ status: 200, body: { state: "open" } });
    expect([running.id, ...(await drain(queue))]).toEqual([id, next.id]);
  });
});

describe("the list of keys", () => {
  it("goes by page and by state over all shards", async () => {
    const queue = await newQueue(BLOCK);
    const names = ["a", "b", "c/x", "d"];
    for (const key of names) await change(queue, "pause", { key });
    await blocked(queue, "z", 0);
    expect((await keys(queue, "?state=blocked")).items.map(({ key }) => key)).toEqual(["z"]);
    const found: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page: KeyPage = await keys(queue, `?state=paused&limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`);
      found.push(...page.items.map(({ key }) => key));
      cursor = page.nextCursor;
    }
    expect(found.sort()).toEqual(names);
    expect((await keys(queue)).items).toHaveLength(5);
    expect((await call("GET", `/v1/queues/${queue}/keys?state=open`)).status).toBe(400);
  });

  it("and changes need scopes, and belong to a namespace", async () => {
    const queue = await newQueue(BLOCK);
    const read = (await makeKey(["read"])).key;
    expect((await call("GET", `/v1/queues/${queue}/keys`, { key: read })).status).toBe(200);
    for (const [what, body] of [
      ["pause", { key: "k" }],
      ["resume", { key: "k" }],
      ["unblock", { key: "k", action: "skip" }],
    ] as const) {
      const path = `/v1/queues/${queue}/keys/${what}`;
      expect((await call("POST", path, { body, key: read })).status).toBe(403);
      expect((await call("POST", path, { body: { ...body, extra: 1 } })).status).toBe(400);
    }
    const stranger = (await makeKey(["admin", "read"], await makeNamespace("keys-stranger"))).key;
    expect((await call("GET", `/v1/queues/${queue}/keys`, { key: stranger })).status).toBe(404);
    const pause = await call("POST", `/v1/queues/${queue}/keys/pause`, { body: { key: "k" }, key: stranger });
    expect(pause.status).toBe(404);
  });
});
