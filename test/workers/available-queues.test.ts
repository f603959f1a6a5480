import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BatchView } from "../../contract/batch.ts";
import { DeferredMessage } from "../../contract/ingest.ts";
import type { JobView } from "../../contract/job.ts";
import { call, claimOne, freshName, getJob, must, newQueue, type Problem, putQueue, shards, submit } from "./api.ts";
import { resetClock } from "./clock.ts";
import { brokenCache, callThrough, replaced } from "./faults.ts";
import { awayGateway, awayShards, caughtQueue, consume } from "./ingest.ts";

const POST: [string, string] = ["POST", "/v1/jobs"];
const BATCH: [string, string] = ["POST", "/v1/batches"];

let queue = "";
beforeEach(async () => {
  queue = await newQueue({ consistency: "available" });
});
afterEach(resetClock);

test("the setting is told, and strong by default", async () => {
  expect(await must("GET", `/v1/queues/${queue}`)).toMatchObject({ consistency: "available" });
  expect(await putQueue(freshName(), {})).toMatchObject({ consistency: "strong" });
  const answer = await call("PUT", `/v1/queues/${freshName()}`, { body: { consistency: "eventual" } });
  expect(answer.status).toBe(400);
});

describe("a job of an available queue", () => {
  test("whose shard answers is committed as ever", async () => {
    const { INGEST, sent } = caughtQueue();
    const answer = await callThrough<JobView>({ ...env, INGEST }, POST, { body: { queue, payload: 1 } });
    expect(answer.status).toBe(202);
    expect(answer.body.state).toBe("queued");
    expect(answer.headers.get("dure-accepted")).toBeNull();
    expect(sent).toEqual([]);
  });

  test.each(["silent", "broken"] as const)("whose shard is %s is deferred", async (how) => {
    const bindings = awayGateway(how);
    const body = { queue, payload: { a: [1] }, tags: ["t"], delay: 5 };
    const answer = await callThrough<JobView>(bindings, POST, { body });
    expect(answer.status).toBe(202);
    expect(answer.headers.get("dure-accepted")).toBe("deferred");
    expect(answer.body).toMatchObject({ state: "accepted", queue, payload: { a: [1] }, tags: ["t"], attempt: 0 });
    expect(Date.parse(answer.body.runAt) - Date.parse(answer.body.createdAt)).toBe(5000);
    const [message] = bindings.sent;
    expect(DeferredMessage.parse(message).job).toMatchObject({ id: answer.body.id, payload: '{"a":[1]}' });
  });

  test("is committed later under its id, and runs", async () => {
    const bindings = awayGateway("broken");
    const { body } = await callThrough<JobView>(bindings, POST, { body: { queue, payload: "later" } });
    expect(await consume(bindings.sent)).toMatchObject({ acked: 1, retryMessages: [] });
    const { state, ...rest } = await getJob(body.id);
    expect(state).toBe("queued");
    expect({ ...rest, state: "accepted" }).toEqual(body);
    expect(await claimOne(queue)).toMatchObject({ id: body.id, payload: "later" });
  });

  test("whose shard had it after all runs once", async () => {
    const bindings = awayGateway("late");
    const { body } = await callThrough<JobView>(bindings, POST, { body: { queue, payload: 1 } });
    expect(body.state).toBe("accepted");
    await consume([...bindings.sent, ...bindings.sent]);
    expect((await claimOne(queue)).id).toBe(body.id);
    expect(await must("POST", `/v1/queues/${queue}/claim`, { body: {} })).toEqual({ jobs: [] });
  });

  test("is deferred though nobody can say whose it is", async () => {
    const hangs = () => ({ map: () => new Promise(() => undefined) });
    const bindings = { ...env, ...caughtQueue(), DIRECTORY: replaced(env.DIRECTORY, { getByName: hangs }) };
    const { status, body } = await callThrough<JobView>(bindings, POST, { body: { queue, payload: 1 } });
    expect({ status, state: body.state }).toEqual({ status: 202, state: "accepted" });
    await consume(bindings.sent);
    expect((await getJob(body.id)).state).toBe("queued");
  });

  test("is accepted though no record of it can be kept", async () => {
    const bindings = { ...awayGateway("broken"), CACHE: brokenCache("put") };
    const { status, body } = await callThrough<JobView>(bindings, POST, { body: { queue, payload: 1 } });
    expect(status).toBe(202);
    expect((await call("GET", `/v1/jobs/${body.id}`)).status).toBe(404);
    await consume(bindings.sent);
    expect((await getJob(body.id)).state).toBe("queued");
  });
});

describe("503, with Retry-After, and nothing in the Queue", () => {
  const refused = async (bindings: Env & { sent: unknown[] }, body: object) => {
    const answer = await callThrough<Problem>(bindings, POST, { body });
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 503, code: "unavailable" });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(bindings.sent).toEqual([]);
  };

  test("for a job of a strong queue", async () => {
    await refused(awayGateway("broken"), { queue: await newQueue({}), payload: 1 });
  });

  test.each(["fails", "hangs"] as const)("when the Queue %s too", async (fault) => {
    await refused(awayGateway("broken", caughtQueue(fault)), { queue, payload: 1 });
  });

  test("for a job that no message can carry", async () => {
    await refused(awayGateway("broken"), { queue, payload: "x".repeat(130_000) });
  });

  test("for an atomic batch", async () => {
    const bindings = awayGateway("broken");
    const jobs = [{ queue, payload: 1 }];
    const answer = await callThrough<Problem>(bindings, BATCH, { body: { atomic: true, jobs } });
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 503, code: "unavailable" });
    expect(bindings.sent).toEqual([]);
  });
});

describe("a shard that answers is believed", () => {
  test("a full backlog is a 429", async () => {
    const full = await newQueue({ consistency: "available", maxBacklog: 1 });
    const { INGEST, sent } = caughtQueue();
    await submit({ queue: full });
    const answer = await callThrough<Problem>({ ...env, INGEST }, POST, { body: { queue: full, payload: 1 } });
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 429, code: "backlog-full" });
    expect(sent).toEqual([]);
  });

  test("a queue that is held for a change defers nothing", async () => {
    const { INGEST, sent } = caughtQueue();
    await Promise.all(
      shards().map(({ stub }) => stub.hold({ v: 1, epoch: 1, namespace: "default", queue, holdMs: 10_000 })),
    );
    const answer = await callThrough<Problem>({ ...env, INGEST }, POST, { body: { queue, payload: 1 } });
    expect(answer.status).toBe(503);
    expect(sent).toEqual([]);
  });
});

describe("a batch", () => {
  test("that is not atomic defers the jobs of available queues, and refuses the others", async () => {
    const strong = await newQueue({});
    const bindings = awayGateway("broken");
    const jobs = [
      { queue, payload: 1 },
      { queue: strong, payload: 2 },
      { queue: "none", payload: 3 },
      { queue, payload: 4 },
    ];
    const { status, body } = await callThrough<BatchView>(bindings, BATCH, { body: { jobs } });
    expect(status).toBe(202);
    expect(body.accepted).toBe(2);
    expect(body.items).toMatchObject([
      { state: "accepted", replayed: false },
      { problem: { code: "unavailable" } },
      { problem: { code: "queue-not-found" } },
      { state: "accepted", replayed: false },
    ]);
    await consume(bindings.sent);
    for (const item of body.items) if ("id" in item) expect((await getJob(item.id)).state).toBe("queued");
  });

  test("on which one of the shards is away loses nothing to it", async () => {
    const [away = ""] = shards().map(({ id }) => id);
    const bindings = { ...env, ...caughtQueue(), SHARD: awayShards("silent", null, [away]) };
    const jobs = Array.from({ length: 64 }, (_, i) => ({ queue, payload: i, orderingKey: `key-${i}` }));
    const { status, body } = await callThrough<BatchView>(bindings, BATCH, { body: { jobs } });
    expect({ status, accepted: body.accepted }).toEqual({ status: 202, accepted: 64 });
    const states = body.items.map((item) => ("id" in item ? item.state : "refused"));
    expect(new Set(states)).toEqual(new Set(["queued", "accepted"]));
    expect(bindings.sent).toHaveLength(states.filter((state) => state === "accepted").length);
    await consume(bindings.sent);
    const ids = body.items.flatMap((item) => ("id" in item ? [item.id] : []));
    const read = await Promise.all(ids.map((id) => getJob(id)));
    expect(read.map((job) => [job.state, job.payload])).toEqual(jobs.map(({ payload }) => ["queued", payload]));
  });

  test("of a thousand jobs goes in calls that the Queue takes", async () => {
    const calls: { messages: number; bytes: number }[] = [];
    const sendBatch = async (batch: { body: unknown }[]) => {
      calls.push({ messages: batch.length, bytes: batch.reduce((sum, m) => sum + JSON.stringify(m).length, 0) });
    };
    const bindings = { ...env, SHARD: awayShards("broken"), INGEST: replaced(env.INGEST, { sendBatch }) };
    const jobs = Array.from({ length: 1000 }, (_, i) => ({ queue, payload: i % 50 === 0 ? "x".repeat(20_000) : i }));
    const { body } = await callThrough<BatchView>(bindings, BATCH, { body: { jobs } });
    expect(body.accepted).toBe(1000);
    expect(calls.reduce((sum, { messages }) => sum + messages, 0)).toBe(1000);
    expect(Math.max(...calls.map(({ messages }) => messages))).toBeLessThanOrEqual(100);
    expect(Math.max(...calls.map(({ bytes }) => bytes))).toBeLessThan(256_000);
  });
});
