import { createExecutionContext, env, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { JobView } from "../../contract/job.ts";
import type { ClaimView } from "../../contract/pull.ts";
import gateway from "../limits/gateway.ts";
import {
  answerOf,
  type CallOptions,
  claim,
  makeKey,
  makeNamespace,
  must,
  newQueue,
  request,
  shards,
  submit,
} from "./api.ts";
import { passTime, resetClock } from "./clock.ts";

afterEach(resetClock);

/** A gateway that lets each key wait once at a time. */
const small = { ...env, WAITS_PER_KEY: "1" };
const ask = async <T>(method: string, path: string, options: CallOptions = {}) =>
  answerOf<T & { code?: string }>(await gateway.fetch(request(method, path, options), small, createExecutionContext()));

/** Until a request waits at every shard. */
async function untilOneWaits(): Promise<void> {
  const watches = () =>
    Promise.all(shards().map(({ stub }) => runInDurableObject(stub, (_, state) => state.getWebSockets().length)));
  await expect.poll(watches, { timeout: 15_000 }).toEqual(shards().map(() => 1));
}

describe("a key that is revoked while it waits", () => {
  it("is given no job", async () => {
    const namespace = await makeNamespace("revoked");
    const { key: admin } = await makeKey(["admin"], namespace);
    const { id, key } = await makeKey(["work"], namespace);
    const queue = await newQueue({}, admin);
    const waiting = ask<ClaimView>("POST", `/v1/queues/${queue}/claim`, { key, body: { wait: 30 } });
    await untilOneWaits();
    await must("DELETE", `/v1/keys/${id}`, { key: admin });
    // What an isolate knows of a key is forgotten within five seconds.
    passTime(5_000);
    const job = await submit({ queue, payload: 1 }, { key: admin });
    expect((await waiting).body.jobs).toEqual([]);
    expect((await must<JobView>("GET", `/v1/jobs/${job.id}`, { key: admin })).state).toBe("queued");
  });
});

describe("a key that waits as often as it may", () => {
  it("is refused another wait of any kind with Retry-After, and nothing else", async () => {
    const namespace = await makeNamespace("waits");
    const { key } = await makeKey(["admin", "submit", "read", "work"], namespace);
    const queue = await newQueue({}, key);
    const { id } = await submit({ queue, payload: 1 }, { key });
    await claim(queue, {}, key);
    const waiting = ask<ClaimView>("POST", `/v1/queues/${queue}/claim`, { key, body: { wait: 30 } });
    await untilOneWaits();
    const prefer = { prefer: "wait=1" };
    const claimed = await ask("POST", `/v1/queues/${queue}/claim`, { key, body: { wait: 1 } });
    expect(claimed).toMatchObject({ status: 429, body: { code: "too-many-waiting" } });
    expect(claimed.headers.get("retry-after")).toBe("5");
    expect((await ask("GET", `/v1/jobs/${id}`, { key, headers: prefer })).status).toBe(429);
    const refused = await ask("POST", "/v1/jobs", { key, headers: prefer, body: { queue, payload: 2 } });
    expect(refused.status).toBe(429);
    const lease = { lease: "none", ok: true, result: null };
    const reported = await ask("POST", "/v1/reports", { key, body: { reports: [lease], claim: { queue, wait: 1 } } });
    expect(reported.status).toBe(429);
    // Without a wait all of it goes on, and what was refused was not done.
    expect((await ask<JobView>("GET", `/v1/jobs/${id}`, { key })).body.state).toBe("running");
    expect((await ask<ClaimView>("POST", `/v1/queues/${queue}/claim`, { key })).body.jobs).toEqual([]);
    const next = await submit({ queue, payload: 3 }, { key });
    expect((await waiting).body.jobs).toMatchObject([{ id: next.id }]);
    // The wait has ended, and another may begin.
    expect((await ask("POST", `/v1/queues/${queue}/claim`, { key, body: { wait: 0.1 } })).status).toBe(200);
  });

  it("may wait again at once after a request that was refused for another reason", async () => {
    const { key } = await makeKey(["read"], await makeNamespace("refused"));
    const prefer = { prefer: "wait=1" };
    const missing = await ask("GET", "/v1/jobs/job_01kaxnzv00000000000000000g", { key, headers: prefer });
    expect(missing.status).toBe(404);
    const again = await ask("GET", "/v1/jobs/job_01kaxnzv00000000000000000g", { key, headers: prefer });
    expect(again.status).toBe(404);
  });
});
