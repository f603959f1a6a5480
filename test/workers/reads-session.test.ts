import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimOne, fail, must, newQueue, submit, succeed } from "./api.ts";
import { passTime, resetClock } from "./clock.ts";
import { HOUR_MS, leaveShards, ReaderRig, succeededJob } from "./readers.ts";

let rig: ReaderRig;
beforeEach(async () => {
  rig = await ReaderRig.make();
});
afterEach(resetClock);

const longLeases = { timeout: 86_400 };

describe("a session read of a job", () => {
  it("comes from the replica when that has it, and says so", async () => {
    const id = await succeededJob(await newQueue());
    const reader = rig.reader();
    expect(await reader.get(id)).toMatchObject({ level: "strong", body: { state: "succeeded" } });
    await rig.level();
    rig.d1.counts();
    expect(await reader.get(id)).toMatchObject({ level: "session", age: null, body: { id, result: "done" } });
    expect(await rig.reader().get(id)).toMatchObject({ level: "session", body: { id, result: "done" } });
    expect(rig.d1.counts()).toEqual({ primary: 0, replica: 2 });
    expect(await reader.get(id, "strong")).toMatchObject({ level: "strong", body: { id } });
  });

  it("has the same entity tag wherever it comes from", async () => {
    const id = await succeededJob(await newQueue());
    const strong = await rig.reader().get(id, "strong");
    await rig.level();
    const copy = await rig.reader().get(id);
    expect([copy.level, copy.body]).toEqual(["session", strong.body]);
    const etag = strong.headers.get("etag") ?? "";
    expect(copy.headers.get("etag")).toBe(etag);
    const headers = { "if-none-match": etag };
    const known = await rig.reader().call("GET", `/v1/jobs/${id}?consistency=session`, { headers });
    expect(known).toMatchObject({ status: 304, level: "session" });
    expect(known.headers.get("dure-bookmark")).toBeTruthy();
  });

  it("comes from the shard when the replica lags, or history does", async () => {
    const id = await succeededJob(await newQueue());
    const reader = rig.reader();
    for (const step of [() => Promise.resolve(), () => rig.project()]) {
      await step();
      expect(await reader.get(id)).toMatchObject({ status: 200, level: "strong", body: { state: "succeeded" } });
    }
  });

  it("comes from the shard while the job is young: nobody looks in vain elsewhere", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    await succeed((await claimOne(queue)).lease);
    await rig.level();
    rig.d1.counts();
    expect(await rig.reader().get(id)).toMatchObject({ level: "strong" });
    expect(rig.d1.counts()).toEqual({ primary: 0, replica: 0 });
  });

  it("of a failed or cancelled job asks its shard, however level the replica is: it may have been redriven", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 }, ...longLeases });
    const failed = (await submit({ queue })).id;
    await fail((await claimOne(queue)).lease);
    const cancelled = (await submit({ queue })).id;
    await must("POST", `/v1/jobs/${cancelled}/cancel`);
    passTime(61_000);
    await rig.level();
    for (const id of [failed, cancelled]) {
      const reader = rig.reader();
      expect(await reader.get(id)).toMatchObject({ level: "strong", body: { id } });
      await must("POST", `/v1/jobs/${id}/retry`);
      expect(await rig.reader().get(id)).toMatchObject({ body: { state: "queued" } });
      expect(await reader.get(id)).toMatchObject({ body: { state: "queued" } });
    }
  });

  it("reads its own writes, whatever the replica has", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 }, ...longLeases });
    const reader = rig.reader();
    const { body: job } = await reader.call<{ id: string }>("POST", "/v1/jobs", { body: { queue, payload: 1 } });
    passTime(61_000);
    const state = async () => (await reader.get(job.id)).body.state;
    expect(await state()).toBe("queued");
    await reader.call("POST", `/v1/jobs/${job.id}/cancel`);
    expect(await state()).toBe("cancelled");
    await rig.level();
    expect(await state()).toBe("cancelled");
    await reader.call("POST", `/v1/jobs/${job.id}/retry`);
    expect(await state()).toBe("queued");
    const { lease } = await claimOne(queue);
    await reader.call("POST", `/v1/leases/${lease}/fail`, { body: { error: { code: "broken" } } });
    expect(await state()).toBe("failed");
    await rig.project();
    expect(await state()).toBe("failed");
    await reader.call("POST", `/v1/jobs/${job.id}/retry`);
    const again = await claimOne(queue);
    await reader.call("POST", `/v1/leases/${again.lease}/succeed`, { body: {} });
    expect(await state()).toBe("succeeded");
    await rig.level();
    expect(await reader.get(job.id)).toMatchObject({ level: "session", body: { state: "succeeded" } });
  });

  it("goes on when the replica cannot be read", async () => {
    const id = await succeededJob(await newQueue());
    await rig.level();
    rig.d1.broken = true;
    expect(await rig.reader().get(id)).toMatchObject({ status: 200, level: "strong" });
    expect(await rig.reader().list("limit=1")).toMatchObject({ status: 200, level: "strong" });
  });

  it("is 404 only when the shard and the primary know nothing of the job, and says how far that was", async () => {
    const queue = await newQueue();
    const id = await succeededJob(queue);
    await rig.project();
    await leaveShards([id]);
    // Neither the replica has it nor its shard.
    expect(await rig.reader().get(id)).toMatchObject({ status: 200, body: { state: "succeeded" } });
    const absent = await rig.reader().get(`${id.slice(0, -4)}zzzz`);
    expect(absent.status).toBe(404);
    expect(absent.headers.get("dure-bookmark")).toBeTruthy();
  });

  it("of a job that left its shard opens the replica at the projector's own bookmark", async () => {
    const queue = await newQueue();
    const id = await succeededJob(queue);
    const reader = rig.reader();
    expect((await reader.get(id)).level).toBe("strong");
    await rig.project();
    // The bookmark says more of the shard than the replica has: the shard is asked, and says where history has it.
    await leaveShards([id]);
    rig.d1.counts();
    expect(await reader.get(id)).toMatchObject({ status: 200, level: "session" });
    expect(rig.d1.counts()).toEqual({ primary: 1, replica: 1 });
    await rig.d1.replicate();
    expect(await rig.reader().get(id)).toMatchObject({ status: 200, level: "session" });
    expect(rig.d1.counts()).toEqual({ primary: 0, replica: 1 });
  });
});

describe("a deleted job stays deleted for whoever has seen that", () => {
  const gone = { status: 404 };

  async function deletedInShard() {
    const queue = await newQueue();
    const id = await succeededJob(queue, { tags: [queue] });
    await rig.level();
    return { queue, id, filter: { action: "delete", filter: { tag: queue } } };
  }

  it("by reading it", async () => {
    const { id, filter } = await deletedInShard();
    const [reader, other] = [rig.reader(), rig.reader()];
    expect(await reader.get(id)).toMatchObject({ status: 200, level: "session" });
    await other.operate(filter);
    expect(await reader.get(id, "strong")).toMatchObject(gone);
    expect(await reader.get(id)).toMatchObject(gone);
    // Nobody has told this one, and it did not ask: the copy was true once.
    expect(await rig.reader().get(id)).toMatchObject({ status: 200, level: "session" });
    await rig.project();
    expect(await reader.get(id)).toMatchObject(gone);
    await rig.d1.replicate();
    expect(await reader.get(id)).toMatchObject(gone);
    expect(await rig.reader().get(id)).toMatchObject(gone);
  });

  it("by having deleted it", async () => {
    const { id, filter } = await deletedInShard();
    const reader = rig.reader();
    await reader.operate(filter);
    expect(await reader.get(id)).toMatchObject(gone);
    await rig.level();
    expect(await reader.get(id)).toMatchObject(gone);
  });

  it("by a list that it is not in", async () => {
    const { queue, id, filter } = await deletedInShard();
    const reader = rig.reader();
    await rig.reader().operate(filter);
    expect((await reader.list(`queue=${queue}`)).body.items).toEqual([]);
    expect(await reader.get(id)).toMatchObject(gone);
  });

  it("also when any other job of the shard told it", async () => {
    const { queue, id, filter } = await deletedInShard();
    const reader = rig.reader();
    await rig.reader().operate(filter);
    // Jobs with keys are spread: as many as it takes to hear of the shard.
    for (let i = 0; i < 24; i++) {
      await reader.call("POST", "/v1/jobs", { body: { queue, payload: i, idempotencyKey: `key ${i}` } });
    }
    expect(await reader.get(id)).toMatchObject(gone);
  });

  it("when history alone had it", async () => {
    const { queue, id, filter } = await deletedInShard();
    await leaveShards([id]);
    const reader = rig.reader();
    expect(await reader.get(id)).toMatchObject({ status: 200, level: "session" });
    await rig.reader().operate(filter);
    expect(rig.d1.lag).toBeGreaterThan(0);
    expect(await reader.get(id, "strong")).toMatchObject(gone);
    expect(await reader.get(id)).toMatchObject(gone);
    expect((await reader.list(`queue=${queue}`)).body.items).toEqual([]);
    expect(await rig.reader().get(id)).toMatchObject({ status: 200, level: "session" });
  });

  it("and its own deletion of what history alone had is read", async () => {
    const { queue, id, filter } = await deletedInShard();
    await leaveShards([id]);
    const reader = rig.reader();
    await reader.operate(filter);
    expect(await reader.get(id)).toMatchObject(gone);
    expect((await reader.list(`queue=${queue}`)).body.items).toEqual([]);
  });

  it("when its retention has ended", async () => {
    const queue = await newQueue({ retention: 7200, idempotencyWindow: 1 });
    const id = await succeededJob(queue);
    await rig.level();
    await leaveShards([id]);
    passTime(HOUR_MS);
    await rig.cron();
    const reader = rig.reader();
    expect(await rig.reader().get(id)).toMatchObject({ status: 200, level: "session" });
    expect(await reader.get(id, "strong")).toMatchObject(gone);
    expect(await reader.get(id)).toMatchObject(gone);
  });
});
