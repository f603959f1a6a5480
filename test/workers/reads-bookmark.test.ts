import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JobView } from "../../contract/job.ts";
import { isProblem } from "../../contract/problems.ts";
import type { ClaimView } from "../../contract/pull.ts";
import type { VersionVector } from "../../domain/version-vector.ts";
import { Signer } from "../../workers/gateway/access/signing.ts";
import { Bookmarks } from "../../workers/gateway/sessions/bookmark.ts";
import { masterKeys } from "../rigs/master-key.ts";
import { call, claimOne, makeKey, makeNamespace, newQueue, type Problem, submit } from "./api.ts";
import { passTime, resetClock } from "./clock.ts";
import { type Read, ReaderRig, succeededJob } from "./readers.ts";

let rig: ReaderRig;
beforeEach(async () => {
  rig = await ReaderRig.make();
});
afterEach(resetClock);

/** What a bookmark says, which nobody but the gateway can read. */
async function inside(bookmark: string | null): Promise<VersionVector> {
  const bookmarks = new Bookmarks(new Signer(masterKeys()));
  const vector = await bookmarks.read("default", bookmark ?? "", Date.now());
  if (isProblem(vector)) throw new Error(vector.detail);
  return vector;
}

describe("a bookmark", () => {
  it("comes with every read and write of jobs, refused ones too", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    const send = async <T>(method: string, path: string, body?: unknown): Promise<Read<T>> => {
      const answer = await rig.reader().call<T>(method, path, body === undefined ? {} : { body });
      expect([method, path, answer.status, answer.headers.get("dure-bookmark") !== null]).toEqual([
        method,
        path,
        answer.status,
        true,
      ]);
      return answer;
    };
    const { body: job } = await send<JobView>("POST", "/v1/jobs", { queue, payload: 1, idempotencyKey: "k" });
    await send("POST", "/v1/jobs", { queue, payload: 1, idempotencyKey: "k" });
    expect((await send("POST", "/v1/jobs", { queue, payload: 2, idempotencyKey: "k" })).status).toBe(422);
    await send("POST", "/v1/batches", {
      jobs: [
        { queue, payload: 1 },
        { queue, payload: 2 },
      ],
    });
    for (const level of ["strong", "session", "eventual"]) {
      await send("GET", `/v1/jobs/${job.id}?consistency=${level}`);
      await send("GET", `/v1/jobs?queue=${queue}&consistency=${level}`);
    }
    await send("GET", `/v1/jobs/${job.id}/explain`);
    const { body } = await send<ClaimView>("POST", `/v1/queues/${queue}/claim`, { max: 3 });
    const [a, b, c] = body.jobs.map(({ lease }) => lease);
    await send("POST", `/v1/leases/${a}/succeed`, {});
    expect((await send("POST", `/v1/leases/${a}/succeed`, {})).status).toBe(409);
    await send("POST", `/v1/leases/${b}/fail`, { error: { code: "x" } });
    await send("POST", "/v1/reports", { reports: [{ lease: c, ok: true }] });
    const failed = body.jobs[1]?.id;
    await send("POST", `/v1/jobs/${failed}/retry`, {});
    await send("POST", `/v1/jobs/${failed}/cancel`, {});
    expect((await send("POST", `/v1/jobs/${failed}/cancel`, {})).status).toBe(409);
    expect((await send("GET", `/v1/jobs/${failed?.slice(0, -4)}zzzz`)).status).toBe(404);
  });

  it("of an answer is the one that was sent, and what the answer saw: it never shrinks", async () => {
    const queue = await newQueue({ partitions: 16 });
    const reader = rig.reader();
    let before = await inside((await reader.list("limit=1")).headers.get("dure-bookmark"));
    for (let i = 0; i < 6; i++) {
      const id = await succeededJob(queue);
      await rig.level();
      // One shard answers; what was seen of the others stays.
      const { headers } = await reader.get(id, i % 2 === 0 ? "strong" : "session");
      const after = await inside(headers.get("dure-bookmark"));
      for (const [shard, seq] of Object.entries(before.shards)) {
        expect(after.shards[shard]).toBeGreaterThanOrEqual(seq);
      }
      expect((after.d1 ?? "") >= (before.d1 ?? "")).toBe(true);
      before = after;
    }
    expect(Object.keys(before.shards)).toHaveLength(4);
    expect(before.d1).not.toBeNull();
  });

  it("goes on with a write: the reader that only hands on the last one has all of its session", async () => {
    const queue = await newQueue();
    const id = await succeededJob(queue, { tags: [queue] });
    await rig.level();
    const reader = rig.reader();
    await rig.reader().operate({ action: "delete", filter: { tag: queue } });
    expect((await reader.get(id, "strong")).status).toBe(404);
    // Each write is told by one shard, which need not be the job's.
    for (const key of ["a", "b", "c", "d", "e"]) {
      await reader.call("POST", "/v1/jobs", { body: { queue, payload: 1, orderingKey: key } });
      expect((await reader.get(id)).status).toBe(404);
    }
  });

  it("stands beside others: together they are all that was seen in any", async () => {
    const queue = await newQueue();
    const id = await succeededJob(queue, { tags: [queue] });
    await rig.level();
    await rig.reader().operate({ action: "delete", filter: { tag: queue } });
    const [one, other] = [rig.reader(), rig.reader()];
    await one.get(id, "strong");
    await other.call("POST", "/v1/jobs", { body: { queue, payload: 1 } });
    const both = rig.reader();
    both.bookmark = `${other.bookmark}, ${one.bookmark}`;
    expect((await both.get(id)).status).toBe(404);
    expect(both.bookmark).not.toContain(",");
    expect((await both.get(id)).status).toBe(404);
  });
});

describe("a bookmark that is not ours", () => {
  async function bookmark(key?: string): Promise<string> {
    const answer = await call("GET", "/v1/jobs?limit=1", key === undefined ? {} : { key });
    return answer.headers.get("dure-bookmark") ?? "";
  }

  const forged = [
    ["tampered", async () => `A${(await bookmark()).slice(1)}`],
    ["no bookmark at all", async () => "abc"],
    ["empty", async () => ","],
    ["another namespace's", async () => bookmark((await makeKey(["read"], await makeNamespace("elsewhere"))).key)],
  ] as const;

  it.each(forged)("(%s) is refused on reads and writes, before anything is done", async (_, make) => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    const { lease } = await claimOne(queue);
    const headers = { "dure-bookmark": await make() };
    const calls: [string, string, unknown?][] = [
      ["GET", `/v1/jobs/${id}?consistency=session`],
      ["GET", `/v1/jobs/${id}`],
      ["GET", "/v1/jobs?consistency=eventual"],
      ["POST", "/v1/jobs", { queue, payload: 1 }],
      ["POST", "/v1/batches", { jobs: [{ queue, payload: 1 }] }],
      ["POST", `/v1/jobs/${id}/cancel`, {}],
      ["POST", `/v1/leases/${lease}/succeed`, {}],
    ];
    for (const [method, path, body] of calls) {
      const answer = await call<Problem>(method, path, body === undefined ? { headers } : { headers, body });
      expect([path, answer.status, answer.body.code]).toEqual([path, 400, "invalid-request"]);
      expect(answer.body.errors?.[0]?.pointer).toBe("/dure-bookmark");
    }
    passTime(61_000);
    const { body } = await rig.reader().list(`queue=${queue}`);
    expect(body.items.map((item) => item.id)).toEqual([id]);
  });

  it("is another namespace's also for the root key", async () => {
    await makeNamespace("theirs");
    const own = await bookmark();
    const namespace = { "dure-namespace": "theirs" };
    const answer = await call("GET", "/v1/jobs", { headers: { ...namespace, "dure-bookmark": own } });
    expect(answer.status).toBe(400);
    expect((await call("GET", "/v1/jobs", { headers: { "dure-bookmark": own } })).status).toBe(200);
  });
});
