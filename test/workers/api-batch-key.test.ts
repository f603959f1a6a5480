import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { BatchView } from "../../contract/batch.ts";
import { ownerOf, slotOf } from "../../domain/slots.ts";
import { call, evict, freshName, newQueue } from "./api.ts";
import { callThrough, faultyShards } from "./faults.ts";

const jobs = (queue: string, n = 12) => ({ jobs: Array.from({ length: n }, (_, i) => ({ queue, payload: { i } })) });
const send = (key: string, body: object) =>
  call<BatchView>("POST", "/v1/batches", { body, headers: { "idempotency-key": key } });
const idsOf = ({ items }: BatchView) => items.map((item) => ("id" in item ? item.id : "refused"));

afterEach(() => vi.restoreAllMocks());

describe("an Idempotency-Key on a batch", () => {
  it("replays the batch whole, after eviction too", async () => {
    const batch = jobs(await newQueue());
    const key = freshName();
    const first = await send(key, batch);
    expect(first).toMatchObject({ status: 202, body: { accepted: 12 } });
    await evict();
    const again = await send(key, batch);
    expect(again.status).toBe(200);
    expect(again.headers.get("dure-replayed")).toBe("true");
    expect(again.body).toMatchObject({ id: first.body.id, accepted: 0 });
    expect(idsOf(again.body)).toEqual(idsOf(first.body));
  });

  it("is one batch when many send it at once", async () => {
    const queue = await newQueue({ concurrency: 64, partitions: 64 });
    const key = freshName();
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(key, jobs(queue))));
    expect(new Set(answers.map(({ body }) => idsOf(body).join())).size).toBe(1);
    const stats = await call("GET", `/v1/queues/${queue}/stats`);
    expect(stats.body).toMatchObject({ counts: { queued: 12 } });
  });

  it("refuses another batch with 422", async () => {
    const queue = await newQueue();
    const key = freshName();
    await send(key, jobs(queue));
    expect(await send(key, jobs(queue, 3))).toMatchObject({ status: 422, body: { code: "idempotency-mismatch" } });
  });

  it("completes a batch whose answer was never noted under the same ids", async () => {
    const queue = await newQueue({ concurrency: 64, partitions: 64 });
    const key = freshName();
    const first = await send(key, jobs(queue));
    await forgetAnswer(key);
    const again = await send(key, jobs(queue));
    expect(idsOf(again.body)).toEqual(idsOf(first.body));
    expect((await call("GET", `/v1/queues/${queue}/stats`)).body).toMatchObject({ counts: { queued: 12 } });
  });

  it("completes a batch under the same ids when every shard's answer was lost", async () => {
    const batch = jobs(await newQueue());
    const key = freshName();
    const { SHARD } = faultyShards({ method: "submit", when: "after" });
    const options = { body: batch, headers: { "idempotency-key": key } };
    const lost = await callThrough({ ...env, SHARD }, ["POST", "/v1/batches"], options);
    expect(lost.status).toBe(503);
    const again = await send(key, batch);
    expect(again).toMatchObject({ status: 202, body: { accepted: 12 } });
    const { queue } = batch.jobs[0] ?? { queue: "" };
    expect((await call("GET", `/v1/queues/${queue}/stats`)).body).toMatchObject({ counts: { queued: 12 } });
  });

  it("is undecided (409) once nobody can tell how far the batch came", async () => {
    const queue = await newQueue();
    const key = freshName();
    await send(key, jobs(queue));
    await forgetAnswer(key);
    const now = Date.now();
    vi.spyOn(Date, "now").mockImplementation(() => now + 60_000);
    expect(await send(key, jobs(queue))).toMatchObject({ status: 409, body: { code: "idempotency-undecided" } });
  });

  it("is free again when nothing of the batch was accepted", async () => {
    const key = freshName();
    const gone = freshName();
    expect((await send(key, jobs(gone))).status).toBe(422);
    expect((await send(key, jobs(await newQueue()))).status).toBe(202);
  });

  it("may not be empty", async () => {
    expect((await send("", jobs(await newQueue()))).status).toBe(400);
  });
});

/** As if the gateway had died between the jobs and the note of the answer. */
async function forgetAnswer(key: string): Promise<void> {
  const map = await env.DIRECTORY.getByName("directory").map();
  const slot = slotOf("default", `batch-key/${key}`, 0);
  await runInDurableObject(env.SHARD.getByName(ownerOf(map, slot)), (_, state) => {
    state.storage.sql.exec("UPDATE batches SET answer = NULL WHERE key = ?", key);
  });
}
