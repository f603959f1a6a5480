import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimOne, fail, newQueue, submit } from "./api.ts";
import { passTime, resetClock } from "./clock.ts";
import { faultyShards } from "./faults.ts";
import { leaveShards, Reader, ReaderRig, succeededJob } from "./readers.ts";

let rig: ReaderRig;
beforeEach(async () => {
  rig = await ReaderRig.make();
});
afterEach(resetClock);

const NOTHING = { primary: 0, replica: 0 };

describe("an eventual read of a job", () => {
  it("comes from the replica, and is as old as the replica last heard of the job's shard", async () => {
    const id = await succeededJob(await newQueue());
    await rig.level();
    const reader = rig.reader();
    const first = await reader.get(id, "eventual");
    expect(first).toMatchObject({ status: 200, level: "eventual", body: { state: "succeeded", result: "done" } });
    expect(first.age).toBeLessThan(5);
    passTime(100_000);
    const second = await reader.get(id, "eventual");
    expect(second.level).toBe("eventual");
    expect(second.age).toBeGreaterThanOrEqual(100);
    expect(second.age).toBeLessThan(105);
  });

  it("needs no shard, and no primary", async () => {
    const id = await succeededJob(await newQueue());
    await rig.level();
    const { SHARD, calls } = faultyShards({ method: "get", when: "before" });
    const reader = new Reader({ ...rig.bindings, SHARD });
    rig.d1.counts();
    expect(await reader.get(id, "eventual")).toMatchObject({ status: 200, level: "eventual" });
    expect([calls(), rig.d1.counts()]).toEqual([0, { primary: 0, replica: 1 }]);
  });

  it("of a shard with nothing to do stays young by the cron trigger, once that is in the replica", async () => {
    const id = await succeededJob(await newQueue());
    await rig.level();
    passTime(200_000);
    await rig.cron();
    expect((await rig.reader().get(id, "eventual")).age).toBeGreaterThanOrEqual(200);
    await rig.d1.replicate();
    const read = await rig.reader().get(id, "eventual");
    expect(read).toMatchObject({ level: "eventual" });
    expect(read.age).toBeLessThan(10);
  });

  it("is not made younger by the cron trigger while history lacks something of the shard", async () => {
    const queue = await newQueue({ partitions: 1 });
    const id = await succeededJob(queue, { tags: [queue] });
    await rig.level();
    passTime(100_000);
    await rig.reader().operate({ action: "delete", filter: { tag: queue } });
    await rig.cron();
    await rig.d1.replicate();
    // Deleted a moment ago, and so it was not at the time that the answer speaks of.
    const read = await rig.reader().get(id, "eventual");
    expect(read).toMatchObject({ status: 200, level: "eventual" });
    expect(read.age).toBeGreaterThanOrEqual(100);
    await rig.level();
    expect(await rig.reader().get(id, "eventual")).toMatchObject({ status: 404 });
  });

  it.each([
    ["when the replica has not heard of it for long", 301_000],
    ["when a clock was wrong, and nobody knows how old the copy is", -100_000],
  ])("asks the shard %s", async (_, ms) => {
    const id = await succeededJob(await newQueue());
    passTime(100_000);
    await rig.level();
    passTime(ms);
    expect(await rig.reader().get(id, "eventual")).toMatchObject({ status: 200, level: "strong", age: null });
  });

  it("asks the shard for whatever has not succeeded, and is never 404 without it", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    const { id } = await submit({ queue });
    await fail((await claimOne(queue)).lease);
    passTime(61_000);
    await rig.level();
    expect(await rig.reader().get(id, "eventual")).toMatchObject({ level: "strong", body: { state: "failed" } });
    const done = await succeededJob(queue);
    await rig.project();
    await leaveShards([done]);
    // The replica knows nothing of it, and no shard has it.
    expect(await rig.reader().get(done, "eventual")).toMatchObject({ level: "strong", status: 200 });
  });

  it("from the cache is as old as when its shard was asked, not as when the answer was kept", async () => {
    const id = await succeededJob(await newQueue());
    const reader = rig.reader();
    await reader.get(id, "strong");
    await reader.afterwards();
    passTime(30_000);
    rig.d1.counts();
    const read = await rig.reader().get(id, "eventual");
    expect(read.level).toBe("eventual");
    expect(read.age).toBeGreaterThanOrEqual(30);
    expect(read.headers.get("dure-bookmark")).toBeTruthy();
    expect(rig.d1.counts()).toEqual(NOTHING);
  });

  it("does not take a session back: what is read next in it is as new as what was seen before", async () => {
    const queue = await newQueue();
    const id = await succeededJob(queue, { tags: [queue] });
    await rig.level();
    const reader = rig.reader();
    await rig.reader().operate({ action: "delete", filter: { tag: queue } });
    expect((await reader.get(id, "strong")).status).toBe(404);
    expect(await reader.get(id, "eventual")).toMatchObject({ status: 200, level: "eventual" });
    expect((await reader.get(id)).status).toBe(404);
  });
});

describe("an eventual list", () => {
  it("is kept for a few seconds, tells its age, and its readers' sessions are no younger than it", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    const reader = rig.reader();
    expect(await reader.list(`queue=${queue}`, "eventual")).toMatchObject({ body: { items: [{ id }] } });
    await reader.afterwards();
    const second = (await submit({ queue })).id;
    passTime(3000);
    const { SHARD, calls } = faultyShards({ method: "list", when: "before" });
    const other = new Reader({ ...rig.bindings, SHARD });
    const kept = await other.list(`queue=${queue}`, "eventual");
    expect(kept).toMatchObject({ level: "eventual", body: { items: [{ id }] } });
    expect(kept.age).toBeGreaterThanOrEqual(3);
    expect(calls()).toBe(0);
    expect(kept.headers.get("dure-bookmark")).toBeTruthy();
    const [fresh, now] = [await rig.reader().list(`queue=${queue}`), [second, id]];
    expect(fresh.body.items.map((job) => job.id)).toEqual(now);
  });

  it("of another namespace, filter or page is another", async () => {
    const [queue, other] = [await newQueue(), await newQueue()];
    const { id } = await submit({ queue });
    const reader = rig.reader();
    for (const query of [`queue=${queue}`, `queue=${other}`, `queue=${queue}&limit=1`]) {
      await reader.list(query, "eventual");
      await reader.afterwards();
    }
    expect((await reader.list(`queue=${queue}`, "eventual")).body.items).toHaveLength(1);
    expect((await reader.list(`queue=${other}`, "eventual")).body.items).toHaveLength(0);
    expect((await reader.list(`queue=${queue}&limit=1`, "eventual")).body.items[0]?.id).toBe(id);
  });

  it("of the replica is as old as the replica's newest write", async () => {
    const queue = await newQueue();
    const id = await succeededJob(queue);
    await rig.level();
    await leaveShards([id]);
    await rig.cron();
    await rig.d1.replicate();
    passTime(50_000);
    await rig.cron();
    rig.d1.counts();
    const list = await rig.reader().list(`queue=${queue}`, "eventual");
    expect(list).toMatchObject({ level: "eventual", body: { items: [{ id }] } });
    expect(list.age).toBeGreaterThanOrEqual(50);
    expect(list.age).toBeLessThan(60);
    expect(rig.d1.counts()).toEqual({ primary: 0, replica: 2 });
  });

  it("misses no job between the replica and the shards", async () => {
    const queue = await newQueue();
    const id = await succeededJob(queue);
    await rig.project();
    await leaveShards([id]);
    await rig.cron();
    expect(await rig.reader().list(`queue=${queue}`, "eventual")).toMatchObject({ body: { items: [{ id }] } });
  });
});

it("the cron trigger notes once a minute how far history is with each shard: one row each", async () => {
  await succeededJob(await newQueue());
  await rig.level();
  const heard = () =>
    env.DB.prepare("SELECT shard, cursor, heard_at FROM projections ORDER BY shard").all<{
      shard: string;
      cursor: number;
      heard_at: number;
    }>();
  const { results: before } = await heard();
  passTime(60_000);
  await rig.cron();
  const { results: after } = await heard();
  expect(after.map(({ shard, cursor }) => [shard, cursor])).toEqual(before.map(({ shard, cursor }) => [shard, cursor]));
  for (const { heard_at } of after) expect(Math.abs(Date.now() - heard_at)).toBeLessThan(5000);
});
