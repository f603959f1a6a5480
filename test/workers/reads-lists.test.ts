import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JobListView } from "../../contract/job.ts";
import type { ExistingIdsRequest, ListRequest } from "../../contract/rpc.ts";
import { claimOne, fail, getJob, must, newQueue, shards, submit, succeed } from "./api.ts";
import { passTime, resetClock } from "./clock.ts";
import { replaced } from "./faults.ts";
import { leaveShards, Reader, ReaderRig, succeededJob } from "./readers.ts";

let rig: ReaderRig;
beforeEach(async () => {
  rig = await ReaderRig.make();
});
afterEach(resetClock);

async function ids(reader: Reader, queue: string, level = "session"): Promise<string[]> {
  const { status, body } = await reader.list(`queue=${queue}`, level);
  expect(status).toBe(200);
  return body.items.map(({ id }) => id);
}

async function states(reader: Reader, query: string): Promise<string[]> {
  return (await reader.list(query)).body.items.map(({ state }) => state);
}

describe("a session list", () => {
  it("takes history from the replica while that has all that has left the shards, and says so", async () => {
    const queue = await newQueue();
    const first = await succeededJob(queue);
    await rig.level();
    await leaveShards([first]);
    const second = await succeededJob(queue);
    await rig.project();
    rig.d1.counts();
    const reader = rig.reader();
    // The replica does not know the second job, and need not: its shard still has it.
    const list = await reader.list(`queue=${queue}`);
    expect(list).toMatchObject({ level: "session", age: null });
    expect(list.body.items.map(({ id }) => id)).toEqual([second, first]);
    // It says what there is, and then what is in the pages.
    expect(rig.d1.counts()).toEqual({ primary: 0, replica: 2 });
    expect((await reader.list(`queue=${queue}`, "strong")).level).toBe("strong");
    expect(rig.d1.counts()).toEqual({ primary: 2, replica: 0 });
  });

  it("asks the primary as soon as a job has left its shard that the replica does not have", async () => {
    const queue = await newQueue();
    const id = await succeededJob(queue);
    await rig.project();
    expect(await ids(rig.reader(), queue)).toEqual([id]);
    await leaveShards([id]);
    rig.d1.counts();
    const list = await rig.reader().list(`queue=${queue}`);
    expect(list).toMatchObject({ level: "strong", body: { items: [{ id }] } });
    expect(rig.d1.counts()).toEqual({ primary: 2, replica: 1 });
    await rig.d1.replicate();
    expect(await rig.reader().list(`queue=${queue}`)).toMatchObject({ level: "session", body: { items: [{ id }] } });
  });

  it("of jobs that are not final asks no history", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    rig.d1.counts();
    const list = await rig.reader().list(`queue=${queue}&state=queued`);
    expect(list).toMatchObject({ level: "strong", body: { items: [{ id }] } });
    expect(rig.d1.counts()).toEqual({ primary: 0, replica: 0 });
  });

  it("shows a redriven job as it is, while the replica has it as failed", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 }, timeout: 86_400 });
    const { id } = await submit({ queue });
    await fail((await claimOne(queue)).lease);
    await rig.level();
    const reader = rig.reader();
    expect(await states(reader, `queue=${queue}`)).toEqual(["failed"]);
    await must("POST", `/v1/jobs/${id}/retry`);
    expect(await states(reader, `queue=${queue}`)).toEqual(["queued"]);
    expect(await states(reader, `queue=${queue}&state=failed`)).toEqual([]);
    await succeed((await claimOne(queue)).lease);
    expect(await states(reader, `queue=${queue}`)).toEqual(["succeeded"]);
    await rig.project();
    await leaveShards([id]);
    // The replica still has it as failed, and no shard has it.
    expect(await states(reader, `queue=${queue}`)).toEqual(["succeeded"]);
    expect(await states(rig.reader(), `queue=${queue}&state=failed`)).toEqual([]);
    expect(await states(rig.reader(), `queue=${queue}&state=succeeded`)).toEqual(["succeeded"]);
  });

  it("shows a failed job of history alone from a replica only where that knows all that its shard has finished", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 }, retention: 60, idempotencyWindow: 1, partitions: 1 });
    const { id } = await submit({ queue });
    await fail((await claimOne(queue)).lease);
    await rig.level();
    await leaveShards([id]);
    const query = `queue=${queue}&state=failed`;
    expect(await rig.reader().list(query)).toMatchObject({ level: "session", body: { items: [{ id }] } });
    await succeededJob(queue);
    expect(await rig.reader().list(query)).toMatchObject({ level: "strong", body: { items: [{ id }] } });
    expect(await rig.reader().list(`queue=${queue}&state=succeeded`)).toMatchObject({ level: "session" });
  });

  it("pages through all of it, whatever the replica has by then", async () => {
    const queue = await newQueue();
    const made: string[] = [];
    for (let i = 0; i < 4; i++) made.push(await succeededJob(queue));
    await rig.level();
    await leaveShards(made);
    for (let i = 0; i < 3; i++) made.push(await succeededJob(queue));
    await rig.project();
    for (let i = 0; i < 2; i++) made.push((await submit({ queue })).id);
    const reader = rig.reader();
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const next: string = cursor === null ? "" : `&cursor=${cursor}`;
      const page: JobListView = (await reader.list(`queue=${queue}&limit=2${next}`)).body;
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
      await rig.d1.replicate(1);
    } while (cursor !== null);
    expect(seen).toEqual(made.toReversed());
  });

  it("is not older than a list that the same reader saw, of whatever replica", async () => {
    const queue = await newQueue({ retention: 7200, idempotencyWindow: 1 });
    const id = await succeededJob(queue);
    await rig.level();
    await leaveShards([id]);
    const reader = rig.reader();
    expect(await ids(reader, queue)).toEqual([id]);
    passTime(3_600_000);
    await rig.cron();
    expect(await ids(reader, queue, "strong")).toEqual([]);
    expect(await ids(reader, queue)).toEqual([]);
    expect(await ids(rig.reader(), queue)).toEqual([id]);
  });
});

describe("a strong list", () => {
  it("misses no job that leaves its shard while the list is read", async () => {
    const queue = await newQueue();
    const id = await succeededJob(queue);
    passTime(3_600_000);
    // History was away for an hour: its first page comes between the list's look at history and its look at the shards.
    const leaving = Promise.withResolvers<void>();
    rig.d1.afterRead(async () => {
      await rig.project();
      await leaveShards([id]);
      leaving.resolve();
    });
    const slowToList = (name: string) => {
      const stub = env.SHARD.getByName(name);
      const list = async (request: ListRequest) => leaving.promise.then(() => stub.list(request));
      return replaced(stub, { list });
    };
    const SHARD = replaced(env.SHARD, { getByName: slowToList });
    expect(await ids(new Reader({ ...rig.bindings, SHARD }), queue, "strong")).toEqual([id]);
  });

  it.each([
    ["", "queued"],
    ["&state=failed", null],
  ])(
    "with %j shows a job that comes back to its shard while the list is read once, as it is",
    async (filter, state) => {
      const queue = await newQueue({ retry: { maxAttempts: 1 }, retention: 60, idempotencyWindow: 1, partitions: 1 });
      const other = (await submit({ queue, delay: 86_400 })).id;
      const { id } = await submit({ queue });
      await fail((await claimOne(queue)).lease);
      await rig.level();
      await leaveShards([id]);
      let pages = 0;
      const revivedBeforeFrozen = (name: string) => {
        const stub = env.SHARD.getByName(name);
        const existingIds = async (request: ExistingIdsRequest) => {
          if (request.ids.includes(id)) await must("POST", `/v1/jobs/${id}/retry`);
          return stub.existingIds(request);
        };
        const list = async (request: ListRequest) => {
          pages += 1;
          return stub.list(request);
        };
        return replaced(stub, { existingIds, list });
      };
      const SHARD = replaced(env.SHARD, { getByName: revivedBeforeFrozen });
      const { body, level } = await new Reader({ ...rig.bindings, SHARD }).list(`queue=${queue}${filter}`, "strong");
      const shown = body.items.map((job) => [job.id, job.state]);
      const expected = state === null ? [] : [[id, state]];
      expect([level, shown]).toEqual(["strong", filter === "" ? [...expected, [other, "scheduled"]] : expected]);
      expect((await getJob(id)).state).toBe("queued");
      expect(pages).toBeLessThanOrEqual(shards().length + 1);
    },
  );
});
