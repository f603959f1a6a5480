import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { EventView } from "../../contract/event.ts";
import type { JobView } from "../../contract/job.ts";
import type { SubscriptionListView } from "../../contract/subscription.ts";
import { ownerOf, slotOf } from "../../domain/slots.ts";
import {
  call,
  claim,
  claimOne,
  evict,
  getJob,
  makeKey,
  makeNamespace,
  must,
  newQueue,
  shard as shardOf,
  submit,
} from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { auditNow, CRASHES, crashAt, faultyShards } from "./faults.ts";
import { turn } from "./lane.ts";
import {
  ENDPOINT,
  endpoint,
  fakeQueue,
  getSubscription,
  putSubscription,
  secrets,
  subscribe,
  tell,
  typesOf,
  verify,
} from "./subscriber.ts";

let namespaces = 0;
/** The key of a namespace of the test's own. */
let key: string;

beforeEach(async () => {
  namespaces += 1;
  ({ key } = await makeKey(["admin"], await makeNamespace(`events-${namespaces}`)));
});
afterEach(async () => {
  resetClock();
  vi.restoreAllMocks();
  const { items } = await must<SubscriptionListView>("GET", "/v1/subscriptions", { key });
  for (const { name } of items) await must("DELETE", `/v1/subscriptions/${name}`, { key });
});

function finish(lease: string, how: "succeed" | "fail", body: unknown): Promise<JobView> {
  return must("POST", `/v1/leases/${lease}/${how}`, { body, key });
}

/** One job through failure and redrive to success; answers its id. */
async function eventfulJob(queue: string): Promise<string> {
  const { id } = await submit({ queue, tags: ["t"], retry: { maxAttempts: 1 } }, { key });
  const error = { code: "broken", message: "It broke." };
  await finish((await claimOne(queue, {}, key)).lease, "fail", { error });
  await must("POST", `/v1/jobs/${id}/retry`, { key });
  await finish((await claimOne(queue, {}, key)).lease, "succeed", { result: { answer: 42 } });
  return id;
}

const LIFE = ["job.accepted", "job.started", "job.failed", "job.redriven", "job.started", "job.succeeded"];

describe("an HTTP subscriber", () => {
  it("is told of a job's whole life in order, signed, each event once", async () => {
    const seen = endpoint();
    const name = await subscribe({}, key);
    const queue = await newQueue({}, key);
    const id = await eventfulJob(queue);
    await tell();
    expect(
      typesOf(
        seen.map(({ event }) => event),
        id,
      ),
    ).toEqual(LIFE);
    const { current } = await secrets(key);
    for (const got of seen) {
      verify(got, current);
      expect(got.headers).toMatchObject({
        "content-type": "application/json",
        "webhook-id": got.event.id,
        "dure-event": got.event.type,
        "dure-subscription": name,
        "dure-namespace": `events-${namespaces}`,
      });
    }
    expect(new Set(seen.map(({ event }) => event.id)).size).toBe(LIFE.length);
    expect(seen[2]?.event).toEqual({
      id: `evt_${id.slice(4)}_3`,
      type: "job.failed",
      at: expect.any(String),
      subscription: name,
      job: {
        id,
        namespace: `events-${namespaces}`,
        queue,
        state: "failed",
        version: 3,
        attempt: 1,
        orderingKey: null,
        tags: ["t"],
        error: { code: "broken", message: "It broke.", retryable: true },
        traceparent: null,
      },
    });
    const { delivery } = await getSubscription(name, key);
    expect(delivery).toMatchObject({ delivered: 6, pending: 0, failures: 0, dropped: 0, lastError: null });
    expect(Date.parse(delivery.lastDeliveredAt ?? "")).toBeGreaterThan(Date.now() - 60_000);
  });

  it("gets the events of many jobs on all shards, each job's in order, six at a time at most", async () => {
    let open = 0;
    let most = 0;
    const seen = endpoint(async () => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve, 1));
      open -= 1;
      return new Response(null, { status: 204 });
    });
    const name = await subscribe({}, key);
    const queue = await newQueue({}, key);
    const { items } = await must<{ items: { id: string }[] }>("POST", "/v1/batches", {
      key,
      body: { jobs: Array.from({ length: 60 }, (_, i) => ({ queue, payload: i, orderingKey: `k${i}` })) },
    });
    for (let left = 60; left > 0; ) {
      const jobs = await claim(queue, { max: 100 }, key);
      await Promise.all(jobs.map(({ lease }) => finish(lease, "succeed", {})));
      left -= jobs.length;
    }
    await tell();
    const events = seen.map(({ event }) => event);
    for (const { id } of items) expect(typesOf(events, id)).toEqual(["job.accepted", "job.started", "job.succeeded"]);
    expect(events).toHaveLength(180);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(6);
    expect((await getSubscription(name, key)).delivery).toMatchObject({ delivered: 180, pending: 0 });
  });

  it("that fails gets the same event later, with the same id and a new signature; what is behind it waits", async () => {
    let broken = true;
    const seen = endpoint(() => (broken ? new Response("no", { status: 503 }) : new Response("ok")));
    const name = await subscribe({}, key);
    const { id } = await submit({}, { key });
    await must("POST", `/v1/jobs/${id}/cancel`, { key });
    await tell();
    expect(seen.map(({ event }) => event.type)).toEqual(["job.accepted"]);
    const failing = (await getSubscription(name, key)).delivery;
    expect(failing).toMatchObject({
      delivered: 0,
      pending: 2,
      failures: 1,
      lastError: { code: "http-503", message: expect.stringContaining("503") },
    });
    await tell();
    expect(seen).toHaveLength(1);
    broken = false;
    passTime(10_000);
    await tell();
    expect(seen.map(({ event }) => event.type)).toEqual(["job.accepted", "job.accepted", "job.cancelled"]);
    expect(seen[1]?.event).toEqual(seen[0]?.event);
    expect(seen[1]?.headers["webhook-timestamp"]).not.toBe(seen[0]?.headers["webhook-timestamp"]);
    expect((await getSubscription(name, key)).delivery).toMatchObject({ delivered: 2, pending: 0, failures: 0 });
  });

  it("is asked no sooner than its Retry-After says", async () => {
    const seen = endpoint(() => new Response("", { status: 429, headers: { "retry-after": "7200" } }));
    await subscribe({}, key);
    await submit({}, { key });
    await tell();
    passTime(7_100_000);
    await tell();
    expect(seen).toHaveLength(1);
    passTime(100_000);
    await tell();
    expect(seen).toHaveLength(2);
  });

  it.each([
    ["410", () => new Response("", { status: 410 })],
    ["dure-retry: no", () => new Response("", { status: 400, headers: { "dure-retry": "no" } })],
  ])("that answers %s is not asked for that event again", async (_, answer) => {
    const seen = endpoint(({ event }) => (event.type === "job.accepted" ? answer() : new Response("ok")));
    const name = await subscribe({}, key);
    const { id } = await submit({}, { key });
    await must("POST", `/v1/jobs/${id}/cancel`, { key });
    await tell();
    expect(seen.map(({ event }) => event.type)).toEqual(["job.accepted", "job.cancelled"]);
    expect((await getSubscription(name, key)).delivery).toMatchObject({
      delivered: 1,
      dropped: 1,
      pending: 0,
      failures: 0,
    });
  });

  it("does not lead anywhere else: a redirect is a failure", async () => {
    const seen = endpoint(() => Response.redirect("https://elsewhere.test/", 307));
    const name = await subscribe({}, key);
    await submit({}, { key });
    await tell();
    expect(seen).toHaveLength(1);
    expect((await getSubscription(name, key)).delivery.lastError?.code).toBe("http-307");
  });

  it("at a private address is not called where that is not allowed", async () => {
    const seen = endpoint();
    const name = await subscribe({ target: { type: "http", url: "http://10.0.0.1/hook" } }, key);
    await submit({}, { key });
    await tell({ ALLOW_PRIVATE_TARGETS: "false" });
    expect(seen).toHaveLength(0);
    expect((await getSubscription(name, key)).delivery).toMatchObject({
      pending: 1,
      lastError: { code: "target-refused" },
    });
  });

  it.each(["1", " true", "TRUE"])("at a private address is called where ALLOW_PRIVATE_TARGETS is %j", async (text) => {
    endpoint();
    const name = await subscribe({ target: { type: "http", url: "http://10.0.0.1/hook" } }, key);
    await submit({}, { key });
    await tell({ ALLOW_PRIVATE_TARGETS: text });
    // The request was made, and nobody is there.
    expect((await getSubscription(name, key)).delivery.lastError?.code).toBe("network-error");
  });

  it.each(["yes", "on"])(
    "nobody is told where ALLOW_PRIVATE_TARGETS is %j: that is said, and not taken for false",
    async (text) => {
      const seen = endpoint();
      const name = await subscribe({}, key);
      await submit({}, { key });
      const sentence = `ALLOW_PRIVATE_TARGETS is \`true\` (or \`1\`) or \`false\` (or \`0\`), not "${text}".`;
      await expect(tell({ ALLOW_PRIVATE_TARGETS: text })).rejects.toThrow(sentence);
      expect(seen).toHaveLength(0);
      expect((await getSubscription(name, key)).delivery).toMatchObject({ delivered: 0, pending: 1 });
    },
  );

  it("that cannot be reached fails, and others are told all the same", async () => {
    endpoint(() => {
      throw new TypeError("connection refused");
    });
    const bad = await subscribe({}, key);
    const { queue, sent } = fakeQueue();
    const good = await subscribe({ target: { type: "queue", binding: "OUT" } }, key);
    await submit({}, { key });
    await tell({ OUT: queue });
    expect((await getSubscription(bad, key)).delivery.lastError?.code).toBe("network-error");
    expect((await getSubscription(good, key)).delivery).toMatchObject({ delivered: 1, pending: 0 });
    expect(sent).toHaveLength(1);
  });

  it("can verify through a rotation of the secret: both sign, and then the new one", async () => {
    const seen = endpoint();
    await subscribe({ events: ["job.accepted"] }, key);
    const before = await secrets(key);
    await must("POST", "/v1/webhook-secret/rotate", { key });
    const { current } = await secrets(key);
    await submit({}, { key });
    await tell();
    const [got] = seen;
    if (got === undefined) throw new Error("nothing came");
    verify(got, current);
    verify(got, before.current);
    expect(got.headers["webhook-signature"]?.split(" ")).toHaveLength(2);
  });

  it("gets its own headers with each event", async () => {
    const seen = endpoint();
    await subscribe({ target: { type: "http", url: ENDPOINT, headers: { "x-own": "yes" } } }, key);
    await submit({}, { key });
    await tell();
    expect(seen[0]?.headers["x-own"]).toBe("yes");
  });
});

describe("a Queue as subscriber", () => {
  it("gets the events in order, under a binding of the processor's", async () => {
    const { queue, sent } = fakeQueue();
    const name = await subscribe({ target: { type: "queue", binding: "OUT" } }, key);
    const id = await eventfulJob(await newQueue({}, key));
    await tell({ OUT: queue });
    expect(typesOf(sent, id)).toEqual(LIFE);
    expect((await getSubscription(name, key)).delivery).toMatchObject({ delivered: 6, pending: 0 });
  });

  it.each([
    ["nothing", {}],
    ["a service", { OUT: { fetch: () => null, sendBatch: () => null } }],
    ["a variable", { OUT: "text" }],
  ])("waits while the binding is %s, and the view says so", async (_, bindings) => {
    const name = await subscribe({ target: { type: "queue", binding: "OUT" } }, key);
    await submit({}, { key });
    await tell(bindings);
    expect((await getSubscription(name, key)).delivery).toMatchObject({
      pending: 1,
      failures: 1,
      lastError: { code: "binding-not-found", message: "the processor has no producer binding OUT" },
    });
    const { queue, sent } = fakeQueue();
    passTime(10_000);
    await tell({ OUT: queue });
    expect(sent).toHaveLength(1);
  });

  it("that fails gets everything later", async () => {
    let away = true;
    const { queue, sent } = fakeQueue(() => away);
    const name = await subscribe({ target: { type: "queue", binding: "OUT" } }, key);
    const id = await eventfulJob(await newQueue({}, key));
    await tell({ OUT: queue });
    expect((await getSubscription(name, key)).delivery.lastError?.code).toBe("queue-error");
    away = false;
    passTime(10_000);
    await tell({ OUT: queue });
    expect(typesOf(sent, id)).toEqual(LIFE);
  });
});

describe("events are delivered at least once", () => {
  it("over the loss of every object's memory between change and delivery", async () => {
    const seen = endpoint();
    await subscribe({}, key);
    const id = await eventfulJob(await newQueue({}, key));
    await evict();
    await tell();
    expect(
      typesOf(
        seen.map(({ event }) => event),
        id,
      ),
    ).toEqual(LIFE);
  });

  it.each(["before", "after"] as const)(
    "when the report is lost %s it was taken; repetitions carry the same ids, and first deliveries keep their order",
    async (when) => {
      const seen = endpoint();
      const name = await subscribe({}, key);
      const id = await eventfulJob(await newQueue({}, key));
      // Pages are handed out; their reports, and every try of them, are lost.
      await tell({ SHARD: reportsLost(when) });
      await evict();
      passTime(31_000);
      await tell();
      const first = new Map<string, EventView>();
      for (const { event } of seen) if (!first.has(event.id)) first.set(event.id, event);
      expect(typesOf([...first.values()], id)).toEqual(LIFE);
      expect((await getSubscription(name, key)).delivery).toMatchObject({ pending: 0, delivered: LIFE.length });
      if (when === "before") expect(seen.length).toBe(2 * LIFE.length);
    },
  );

  it.each(turn(CRASHES))(
    "whichever statement of a change %s: what is committed is told, and nothing else",
    async (crash) => {
      const seen = endpoint();
      const name = await subscribe({ events: ["job.cancelled"] }, key);
      const queue = await newQueue({ partitions: 1 }, key);
      for (let n = 1; ; n++) {
        expect(n).toBeLessThan(40);
        const { id } = await submit({ queue }, { key });
        const statements = await crashAt(await homeOf(queue), n, crash);
        await call("POST", `/v1/jobs/${id}/cancel`, { key });
        await evict();
        const { state } = await getJob(id, { key });
        const { pending } = (await getSubscription(name, key)).delivery;
        expect([n, pending]).toEqual([n, state === "cancelled" ? 1 : 0]);
        await tell();
        const told = seen.filter(({ event }) => event.job.id === id);
        expect([n, told.length > 0]).toEqual([n, state === "cancelled"]);
        expect((await getSubscription(name, key)).delivery.pending).toBe(0);
        expect((await auditNow()).violations).toEqual([]);
        if (statements() < n) break;
      }
    },
    60_000,
  );

  it("by two processors at once, each event once while both live", async () => {
    const seen = endpoint(async () => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      return new Response("ok");
    });
    await subscribe({}, key);
    const id = await eventfulJob(await newQueue({}, key));
    await Promise.all([tell(), tell(), tell()]);
    expect(
      typesOf(
        seen.map(({ event }) => event),
        id,
      ),
    ).toEqual(LIFE);
  });

  it("with the audit clean and the counters told, whatever happened", async () => {
    endpoint(() => new Response("", { status: 500 }));
    await subscribe({}, key);
    await eventfulJob(await newQueue({}, key));
    await tell();
    await runAlarms();
    expect((await auditNow()).violations).toEqual([]);
    const metrics = await call<string>("GET", "/metrics");
    expect(metrics.body).toMatch(/dure_events_failed_total [1-9]/);
    expect(metrics.body).toMatch(/dure_events_pending [1-9]/);
  });
});

it("a paused subscription collects, and delivers when it goes on", async () => {
  const seen = endpoint();
  const name = await subscribe({ paused: true }, key);
  const { id } = await submit({}, { key });
  await tell();
  expect(seen).toHaveLength(0);
  expect((await getSubscription(name, key)).delivery.pending).toBe(1);
  await putSubscription(name, { paused: false }, key);
  await tell();
  expect(seen.map(({ event }) => event.job.id)).toEqual([id]);
  expect((await getJob(id, { key })).state).toBe("queued");
});

/** Shards that hand out pages and never hear of what became of them. */
function reportsLost(when: "before" | "after"): Env["SHARD"] {
  const { SHARD } = faultyShards({ method: "deliver", when, times: 0 });
  return new Proxy(SHARD, {
    get: (real, name) => {
      if (name !== "getByName") return Reflect.get(real, name);
      return (id: string) => {
        const stub = env.SHARD.getByName(id);
        return {
          deliver: async (request: Parameters<typeof stub.deliver>[0]) => {
            if (request.report === null) return stub.deliver(request);
            if (when === "after") await stub.deliver(request);
            throw new Error("the answer was lost");
          },
        };
      };
    },
  });
}

/** The shard that has the jobs of a queue of one partition. */
async function homeOf(queue: string) {
  const map = await env.DIRECTORY.getByName("directory").map();
  const slot = slotOf(`events-${namespaces}`, queue, 0);
  return shardOf(ownerOf(map, slot));
}
