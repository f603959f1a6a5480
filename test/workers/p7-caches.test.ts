import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { KeyCreatedView } from "../../contract/admin.ts";
import type { JobView } from "../../contract/job.ts";
import type { ClaimView } from "../../contract/pull.ts";
import type { QueueInput } from "../../contract/queue.ts";
import {
  type Answer,
  type CallOptions,
  claimOne,
  fail,
  freshName,
  makeKey,
  must,
  newQueue,
  type Problem,
  putQueue,
  submit,
} from "./api.ts";
import { passTime, resetClock } from "./clock.ts";
import { callThrough, replaced } from "./faults.ts";
import { leaveShards, ReaderRig, succeededJob } from "./readers.ts";

/** Nothing that can change is ever kept as if it could not. */

afterEach(resetClock);

const LEVELS = ["eventual", "session", "strong"] as const;
type Request = [method: string, path: string];

/** A gateway isolate whose caches know nothing of any other's. */
function isolate(bindings: Env = env): <T = Problem>(request: Request, options?: CallOptions) => Promise<Answer<T>> {
  const own = { ...bindings };
  return (request, options) => callThrough(own, request, options);
}

describe("a job that can be retried is kept by nobody", () => {
  let rig: ReaderRig;
  beforeEach(async () => {
    rig = await ReaderRig.make();
  });

  const ends: [string, (id: string, queue: string) => Promise<unknown>][] = [
    ["failed", async (_, queue) => fail((await claimOne(queue)).lease)],
    ["cancelled", (id) => must("POST", `/v1/jobs/${id}/cancel`)],
  ];
  const places: [string, (id: string) => Promise<unknown>][] = [
    ["in its shard alone", () => Promise.resolve()],
    ["in its shard, history and the replica", () => rig.level()],
    ["in history and the replica, long ago", (id) => rig.level().then(() => leaveBehind(id))],
  ];
  /** Time passes; what did not succeed stays in its shard. */
  const leaveBehind = (_: string) => Promise.resolve(passTime(3_700_000));

  it.each(ends.flatMap(([state, end]) => places.map(([where, go]) => [state, where, end, go] as const)))(
    "%s, %s: read at every level, and queued at every level once it is retried",
    async (state, _, end, go) => {
      const queue = await newQueue({ retry: { maxAttempts: 1 }, timeout: 86_400 });
      const { id } = await submit({ queue });
      await end(id, queue);
      passTime(61_000);
      await go(id);
      const [one, other] = [rig.reader(), rig.reader()];
      for (const level of [...LEVELS, ...LEVELS]) expect((await one.get(id, level)).body.state).toBe(state);
      await one.call("POST", `/v1/jobs/${id}/retry`);
      for (const reader of [one, other, rig.reader()])
        for (const level of LEVELS) {
          const read = await reader.get(id, level);
          expect([level, read.body.state]).toEqual([level, "queued"]);
          expect(read.headers.get("etag")).toBe(`"${id}.${read.body.version}"`);
        }
      expect((await one.list(`queue=${queue}`)).body.items).toMatchObject([{ state: "queued" }]);
    },
  );
});

describe("a succeeded job that was deleted", () => {
  const cached = (id: string) => `https://cache.dure.invalid/jobs/2/default/${id}`;

  it("is gone for strong and for the session that knows at once, and from the cache within a minute", async () => {
    const rig = await ReaderRig.make();
    const queue = await newQueue();
    const id = await succeededJob(queue, { tags: [queue] });
    await rig.level();
    const reader = rig.reader();
    await reader.get(id, "strong");
    const eventual = await reader.get(id, "eventual");
    expect(eventual).toMatchObject({ status: 200, level: "eventual" });
    const etag = eventual.headers.get("etag") ?? "";
    await reader.operate({ action: "delete", filter: { tag: queue } });
    for (const level of ["strong", "session"]) {
      expect((await reader.get(id, level)).status).toBe(404);
      const headers = { "if-none-match": etag };
      expect((await reader.call("GET", `/v1/jobs/${id}?consistency=${level}`, { headers })).status).toBe(404);
    }
    expect((await rig.reader().get(id, "strong")).status).toBe(404);
    // The cache may say what was, and says how long ago: the platform keeps it for a minute.
    const late = await reader.get(id, "eventual");
    expect(late).toMatchObject({ status: 200, level: "eventual" });
    expect(late.age).toBeLessThanOrEqual(60);
    const entry = await caches.default.match(cached(id));
    expect(entry?.headers.get("cache-control")).toBe("max-age=60");
    await entry?.body?.cancel();
    await caches.default.delete(cached(id));
    await rig.level();
    expect((await rig.reader().get(id, "eventual")).status).toBe(404);
    expect(await caches.default.match(cached(id))).toBeUndefined();
  });

  it("is not put back into the cache by a reader who is told that it is gone", async () => {
    const rig = await ReaderRig.make();
    const queue = await newQueue();
    const id = await succeededJob(queue, { tags: [queue] });
    await rig.level();
    await leaveShards([id]);
    await rig.reader().operate({ action: "delete", filter: { tag: queue } });
    for (const level of ["strong", "eventual", "strong"]) await rig.reader().get(id, level);
    await rig.level();
    for (const level of LEVELS) expect((await rig.reader().get(id, level)).status).toBe(404);
    expect(await caches.default.match(cached(id))).toBeUndefined();
  });
});

describe("a key that was revoked", () => {
  it("is refused at once where that was done, and everywhere within five seconds, for every call", async () => {
    const [here, there] = [isolate(), isolate()];
    const queue = await newQueue();
    const made: KeyCreatedView = await makeKey(["submit", "read", "work"]);
    const { key } = made;
    const calls: [Request, CallOptions][] = [
      [["GET", "/v1/jobs"], { key }],
      [["POST", "/v1/jobs"], { key, body: { queue, payload: 1 } }],
      [["POST", `/v1/queues/${queue}/claim`], { key, body: {} }],
    ];
    const statuses = (at: typeof here) => Promise.all(calls.map(async (call) => (await at(...call)).status));
    expect(await statuses(here)).toEqual([200, 202, 200]);
    expect(await statuses(there)).toEqual([200, 202, 200]);
    expect((await here(["DELETE", `/v1/keys/${made.id}`])).status).toBe(204);
    expect(await statuses(here)).toEqual([401, 401, 401]);
    passTime(5_000);
    expect(await statuses(there)).toEqual([401, 401, 401]);
    expect(await statuses(isolate())).toEqual([401, 401, 401]);
  });

  it("is not known for longer because it is used all the time", async () => {
    const [here, there] = [isolate(), isolate()];
    const { id, key } = await makeKey(["read"]);
    const use = async () => (await there(["GET", "/v1/jobs"], { key })).status;
    expect(await use()).toBe(200);
    await here(["DELETE", `/v1/keys/${id}`]);
    const told: number[] = [];
    for (let i = 0; i < 5; i++) {
      passTime(1_000);
      told.push(await use());
    }
    expect(told.at(-1)).toBe(401);
    expect(told).toEqual([...told].sort());
  });
});

describe("a gateway isolate that has old settings of a queue", () => {
  /** Its copy is of this moment, for as long as isolates keep one, and KV never hears of a change. */
  async function staleIsolate(settings: QueueInput) {
    const queue = await newQueue(settings);
    const frozen = await env.CACHE.get(`settings:default/${queue}`);
    expect(frozen).not.toBeNull();
    const stale = {
      get: async (key: string, options?: { type?: string }) => {
        const kept = key === `settings:default/${queue}` ? frozen : null;
        return kept === null || options?.type !== "json" ? kept : JSON.parse(kept);
      },
      put: async () => undefined,
    };
    const at = isolate({ ...env, CACHE: replaced(env.CACHE, stale) });
    const send = (i: number) =>
      at<JobView & Problem>(["POST", "/v1/jobs"], { body: { queue, payload: i, orderingKey: `k${i}` } });
    expect((await send(0)).status).toBe(202);
    return { queue, at, send };
  }
  const many = Array.from({ length: 24 }, (_, i) => i + 1);

  it.each([
    ["in its memory", 0],
    ["in its memory no longer, but in KV", 6_000],
  ])("%s: goes by the new ones with the first job that it submits to any shard", async (_, laterMs) => {
    const { queue, send } = await staleIsolate({ partitions: 64, timeout: 30 });
    await putQueue(queue, { partitions: 64, timeout: 77, retry: { maxAttempts: 9 } });
    passTime(laterMs);
    const answers = await Promise.all(many.map(send));
    expect(new Set(answers.map(({ body }) => `${body.timeout}/${body.maxAttempts}`))).toEqual(new Set(["77/9"]));
  });

  it("starts nothing of a queue that is paused, and everything once it is resumed", async () => {
    const { queue, at, send } = await staleIsolate({});
    const claim = async () => (await at<ClaimView>(["POST", `/v1/queues/${queue}/claim`], { body: {} })).body.jobs;
    await must("POST", `/v1/queues/${queue}/pause`);
    await Promise.all(many.slice(0, 4).map(send));
    expect(await claim()).toEqual([]);
    await must("POST", `/v1/queues/${queue}/resume`);
    expect((await claim()).length).toBe(5);
  });

  it("leases nothing of a queue that is pushed now", async () => {
    const { queue, at } = await staleIsolate({});
    await putQueue(queue, { target: { type: "handler", name: "noop" } });
    const claimed = await at<ClaimView & Problem>(["POST", `/v1/queues/${queue}/claim`], { body: {} });
    expect([claimed.status, claimed.body.jobs ?? []]).toEqual([expect.any(Number), []]);
  });

  it("accepts nothing for a queue that was deleted", async () => {
    const { queue, at, send } = await staleIsolate({ partitions: 64 });
    expect((await at<ClaimView>(["POST", `/v1/queues/${queue}/claim`], { body: {} })).body.jobs).toMatchObject([{}]);
    await must("POST", `/v1/queues/${queue}/purge`);
    await settle(queue);
    expect((await isolate()(["DELETE", `/v1/queues/${queue}`])).status).toBe(204);
    const answers = await Promise.all(many.map(send));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.code}`))).toEqual(
      new Set(["404 queue-not-found"]),
    );
    const batch = { atomic: true, jobs: many.map((i) => ({ queue, payload: i, orderingKey: `k${i}` })) };
    expect((await at(["POST", "/v1/batches"], { body: batch })).status).toBe(422);
  });

  it("goes by the settings of a queue that was deleted and made anew under its name", async () => {
    const { queue, at, send } = await staleIsolate({ partitions: 64, timeout: 30 });
    await at(["POST", `/v1/queues/${queue}/claim`], { body: {} });
    await settle(queue);
    await must("DELETE", `/v1/queues/${queue}`);
    await putQueue(queue, { partitions: 64, timeout: 55 });
    const answers = await Promise.all(many.map(send));
    expect(new Set(answers.map(({ body }) => body.timeout))).toEqual(new Set([55]));
  });

  /** Nothing of the queue is unfinished. */
  async function settle(queue: string): Promise<void> {
    const { items } = await must<{ items: JobView[] }>("GET", `/v1/jobs?queue=${queue}&limit=200`);
    for (const { id, state } of items)
      if (!["succeeded", "failed", "cancelled"].includes(state)) await must("POST", `/v1/jobs/${id}/cancel`);
  }
});

describe("what does not exist is not remembered as that", () => {
  it("a namespace that one isolate has looked for in vain is there as soon as another has made it", async () => {
    const [here, there] = [isolate(), isolate()];
    const name = freshName("ns");
    const headers = { "dure-namespace": name };
    expect((await there(["GET", "/v1/jobs"], { headers })).status).toBe(404);
    expect((await here(["PUT", `/v1/namespaces/${name}`], { body: {} })).status).toBe(201);
    expect((await there(["GET", "/v1/jobs"], { headers })).status).toBe(200);
    expect((await there(["POST", "/v1/jobs"], { headers, body: { payload: 1 } })).status).toBe(202);
  });

  it("a queue that one isolate has looked for in vain, too", async () => {
    const [here, there] = [isolate(), isolate()];
    const queue = freshName();
    const send = async () => (await there(["POST", "/v1/jobs"], { body: { queue, payload: 1 } })).status;
    expect(await send()).toBe(404);
    expect((await here(["PUT", `/v1/queues/${queue}`], { body: {} })).status).toBe(201);
    expect(await send()).toBe(202);
  });
});

describe("what answers say of keeping them", () => {
  it("each job has an entity tag, a succeeded one alone is private, and nothing else may be stored", async () => {
    const rig = await ReaderRig.make();
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    const reader = rig.reader();
    const said = async (id: string) => {
      const { headers } = await reader.get(id, "strong");
      return [headers.get("cache-control"), headers.get("etag") === null ? "none" : "tagged"];
    };
    const { id } = await submit({ queue });
    expect(await said(id)).toEqual(["no-store", "tagged"]);
    const { lease } = await claimOne(queue);
    expect(await said(id)).toEqual(["no-store", "tagged"]);
    await fail(lease);
    expect(await said(id)).toEqual(["no-store", "tagged"]);
    const cancelled = (await submit({ queue })).id;
    await must("POST", `/v1/jobs/${cancelled}/cancel`);
    expect(await said(cancelled)).toEqual(["no-store", "tagged"]);
    const done = await succeededJob(queue);
    for (const level of LEVELS) {
      const answer = await reader.get(done, level);
      expect([level, answer.headers.get("cache-control")]).toEqual([level, "private"]);
      expect(answer.headers.get("etag")).toMatch(new RegExp(`^"${done}\\.[0-9]+"$`));
    }
    for (const path of [`/v1/jobs?queue=${queue}`, `/v1/jobs/${done}/explain`]) {
      const answer = await reader.call("GET", path);
      expect([answer.headers.get("cache-control"), answer.headers.get("etag")]).toEqual(["no-store", null]);
    }
  });
});
