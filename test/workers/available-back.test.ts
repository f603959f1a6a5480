import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ShardApi } from "../../contract/rpc.ts";
import { type Answer, call, claimOne, must, newQueue, type Problem, putQueue, sleep, succeed } from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { brokenCache, brokenDatabase, callThrough, replaced } from "./faults.ts";
import { type Away, awayGateway, awayShards, consume } from "./ingest.ts";
import { project } from "./processor.ts";

/** A job that was deferred is never told of as `accepted` again when it is known to have gone on. */

const LEVELS = ["strong", "session", "eventual"];

let queue = "";
beforeEach(async () => {
  queue = await newQueue({ consistency: "available", retention: 1 });
});
afterEach(resetClock);

const read = (id: string, level: string): [string, string] => ["GET", `/v1/jobs/${id}?consistency=${level}`];
const explain = (id: string): [string, string] => ["GET", `/v1/jobs/${id}/explain`];
const BROKEN: Env = { ...env, SHARD: awayShards("broken") };

async function deferred(how: Away = "broken"): Promise<{ id: string; sent: unknown[] }> {
  const bindings = awayGateway(how);
  const { body } = await callThrough<{ id: string; state: string }>(bindings, ["POST", "/v1/jobs"], {
    body: { queue, payload: 1 },
  });
  expect(body.state).toBe("accepted");
  return { id: body.id, sent: bindings.sent };
}

/** Deferred, committed by its message, and done. */
async function done(): Promise<string> {
  const { id, sent } = await deferred();
  expect(await consume(sent)).toMatchObject({ acked: 1 });
  await succeed((await claimOne(queue)).lease, "done");
  return id;
}

async function deleteAll(): Promise<void> {
  const { id } = await must<{ id: string }>("POST", "/v1/operations", {
    body: { action: "delete", filter: { queue } },
  });
  const state = async () => (await must<{ state: string }>("GET", `/v1/operations/${id}`)).state;
  await expect.poll(state, { timeout: 10_000 }).toBe("done");
}

async function forgetOld(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await project();
    await runAlarms();
  }
}

function expectAway({ status, body, headers }: Answer<unknown>): void {
  expect({ status, code: (body as Problem).code }).toEqual({ status: 503, code: "unavailable" });
  expect(headers.get("retry-after")).not.toBeNull();
}

/** Shards that answer, and take longer for it than a submission waits. */
function slowShards() {
  const getByName = (name: string) => {
    const stub = env.SHARD.getByName(name);
    return new Proxy(stub, {
      get:
        (real, method: keyof ShardApi) =>
        async (...args: unknown[]) => {
          await sleep(2500);
          return Reflect.apply(real[method] as (...all: unknown[]) => Promise<unknown>, real, args);
        },
    });
  };
  return replaced(env.SHARD, { getByName });
}

describe("a deferred job that was committed", () => {
  test.each(LEVELS)("is a 503 while its shard is away, as any job (%s)", async (level) => {
    const { id, sent } = await deferred();
    await consume(sent);
    const seen = await call<{ state: string }>(...read(id, level));
    expect(seen.body.state).toBe("queued");
    const headers = { "dure-bookmark": seen.headers.get("dure-bookmark") ?? "" };
    expectAway(await callThrough(BROKEN, read(id, level), { headers }));
    expectAway(await callThrough(BROKEN, explain(id)));
  });

  test.each(LEVELS)("and is done is not accepted again (%s)", async (level) => {
    const id = await done();
    const answer = await callThrough<{ state?: string }>(BROKEN, read(id, level));
    if (answer.status !== 200) expectAway(answer);
    else expect(answer.body.state).toBe("succeeded");
  });

  test("and was deleted does not come back", async () => {
    const id = await done();
    await deleteAll();
    for (const level of LEVELS) expectAway(await callThrough(BROKEN, read(id, level)));
    expect((await call(...read(id, "strong"))).status).toBe(404);
  });

  test("and left its shard is a 503 while history is away", async () => {
    const id = await done();
    await forgetOld();
    passTime(100_000);
    await forgetOld();
    expectAway(await callThrough({ ...env, DB: brokenDatabase() }, read(id, "strong")));
    expectAway(await callThrough({ ...env, DB: brokenDatabase() }, explain(id)));
    expect((await call<{ state: string }>(...read(id, "strong"))).body.state).toBe("succeeded");
  });

  test("whose record cannot be closed keeps its message, and is committed once", async () => {
    const { id, sent } = await deferred();
    const bindings = { ...env, CACHE: brokenCache("put") };
    const first = await consume(sent, { bindings });
    expect({ acked: first.acked, retries: first.retryMessages.length }).toEqual({ acked: 0, retries: 1 });
    await succeed((await claimOne(queue)).lease);
    expect(await consume(sent, { attempts: 2 })).toMatchObject({ acked: 1, retryMessages: [] });
    expect((await call<{ attempt: number }>(...read(id, "strong"))).body.attempt).toBe(1);
    expectAway(await callThrough(BROKEN, read(id, "strong")));
  });
});

describe("a shard that is slow", () => {
  test.each(["strong", "session"])("is waited for by a %s read, whatever the record says", async (level) => {
    // The shard has it, and the message has not come yet.
    const { id } = await deferred("lost");
    const { body } = await callThrough<{ state: string }>({ ...env, SHARD: slowShards() }, read(id, level));
    expect(body.state).toBe("queued");
  });

  test("is waited for by explain", async () => {
    // KV takes one write of a key a second: settings from before would send the job, which the shard then does not take.
    await sleep(1_100);
    await putQueue(queue, { consistency: "available", paused: true });
    const { id } = await deferred("lost");
    const { body } = await callThrough<{ reason: string }>({ ...env, SHARD: slowShards() }, explain(id));
    expect(body.reason).toBe("paused");
  });

  test("is not waited for by an eventual read: that says how old its answer is", async () => {
    const { id } = await deferred("lost");
    const answer = await callThrough<{ state: string }>({ ...env, SHARD: slowShards() }, read(id, "eventual"));
    expect(answer.body.state).toBe("accepted");
    expect(answer.headers.get("dure-consistency")).toBe("eventual");
    expect(Number(answer.headers.get("age"))).toBeGreaterThanOrEqual(2);
  });

  test("to the point of silence is out of reach at last", async () => {
    const { id } = await deferred();
    const silent = { ...env, SHARD: awayShards("silent") };
    const answer = await callThrough<{ state: string }>(silent, read(id, "strong"));
    expect(answer.body.state).toBe("accepted");
    expect(Number(answer.headers.get("age"))).toBeGreaterThanOrEqual(10);
  });
});
