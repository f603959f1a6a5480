import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import type { SubscriptionListView, SubscriptionView } from "../../contract/subscription.ts";
import { SubscriptionView as View } from "../../contract/subscription.ts";
import { call, evict, freshName, makeKey, makeNamespace, must, submit } from "./api.ts";
import { passTime, resetClock, runAlarms, runCron } from "./clock.ts";
import { auditNow, callThrough, faultyShards } from "./faults.ts";
import { getSubscription, putSubscription, subscribe } from "./subscriber.ts";

afterEach(resetClock);

const BODY = { events: ["job.succeeded"], target: { type: "queue", binding: "OUT" } };
const IDLE = {
  delivered: 0,
  dropped: 0,
  pending: 0,
  oldestPendingAt: null,
  failures: 0,
  lastError: null,
  lastDeliveredAt: null,
};

describe("a subscription", () => {
  it("is created with 201 and its defaults, replaced with 200, read, and deleted with 204", async () => {
    const path = `/v1/subscriptions/${freshName("sub")}`;
    const created = await call<SubscriptionView>("PUT", path, { body: BODY });
    expect(created).toMatchObject({
      status: 201,
      body: { ...BODY, filter: { queue: null, tag: null }, paused: false, version: 1, delivery: IDLE },
    });
    expect(View.safeParse(created.body).success).toBe(true);
    const body = {
      events: ["job.failed", "job.cancelled"],
      filter: { queue: "emails", tag: "vip" },
      target: { type: "http", url: "https://a.example/hook", headers: { "x-key": "1" } },
      paused: true,
    };
    const replaced = await call<SubscriptionView>("PUT", path, { body });
    const shown = { ...body, target: { ...body.target, headers: { "x-key": "***" } } };
    expect(replaced).toMatchObject({ status: 200, body: { ...shown, version: 2, createdAt: created.body.createdAt } });
    expect(await call("GET", path)).toMatchObject({ status: 200, body: replaced.body });
    expect((await call("DELETE", path)).status).toBe(204);
    expect(await call("GET", path)).toMatchObject({ status: 404, body: { code: "subscription-not-found" } });
    expect(await call("DELETE", path)).toMatchObject({ status: 404, body: { code: "subscription-not-found" } });
    expect(await call("PUT", path, { body: BODY })).toMatchObject({ status: 201, body: { version: 4 } });
  });

  it.each([
    ["no event", { events: [] }, "/events"],
    ["an event twice", { events: ["job.failed", "job.failed"] }, "/events"],
    ["an unknown event", { events: ["job.due"] }, "/events/0"],
    ["a target of another kind", { target: { type: "pull" } }, "/target/type"],
    ["a binding that is none", { target: { type: "queue", binding: "out queue" } }, "/target/binding"],
    ["a URL that is none", { target: { type: "http", url: "hook" } }, "/target/url"],
    [
      "a header that Dure sets",
      { target: { type: "http", url: "https://a.example", headers: { "webhook-id": "x" } } },
      "/target/headers",
    ],
    ["an unknown field", { filter: { state: "failed" } }, "/filter/state"],
  ])("with %s is refused, and the place is named", async (_, over, pointer) => {
    const answer = await call("PUT", `/v1/subscriptions/${freshName("sub")}`, { body: { ...BODY, ...over } });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid-request" } });
    expect(answer.body.errors?.map((error) => error.pointer)).toContain(pointer);
  });

  it("of a name that is none is refused at PUT and not found elsewhere", async () => {
    expect((await call("PUT", "/v1/subscriptions/Not%20One", { body: BODY })).status).toBe(400);
    expect((await call("GET", "/v1/subscriptions/Not%20One")).status).toBe(404);
  });

  it("may not lead into a private network, unless that is allowed", async () => {
    const body = { ...BODY, target: { type: "http", url: "http://127.0.0.1:1/hook" } };
    const path = `/v1/subscriptions/${freshName("sub")}`;
    const bindings = { ...env, ALLOW_PRIVATE_TARGETS: "false" } as unknown as Env;
    expect(await callThrough(bindings, ["PUT", path], { body })).toMatchObject({
      status: 422,
      body: { code: "target-refused", errors: [{ pointer: "/target/url" }] },
    });
    expect((await call("PUT", path, { body })).status).toBe(201);
  });

  it.each(["1", " true", "TRUE"])("may lead into one where ALLOW_PRIVATE_TARGETS is %j", async (text) => {
    const body = { ...BODY, target: { type: "http", url: "http://127.0.0.1:1/hook" } };
    const bindings = { ...env, ALLOW_PRIVATE_TARGETS: text } as unknown as Env;
    const answer = await callThrough(bindings, ["PUT", `/v1/subscriptions/${freshName("sub")}`], { body });
    expect(answer.status).toBe(201);
  });

  it.each(["yes", "on"])("no call is served where ALLOW_PRIVATE_TARGETS is %j, and it says why", async (text) => {
    const bindings = { ...env, ALLOW_PRIVATE_TARGETS: text } as unknown as Env;
    const detail = expect.stringContaining(
      `ALLOW_PRIVATE_TARGETS is \`true\` (or \`1\`) or \`false\` (or \`0\`), not "${text}".`,
    );
    expect(await callThrough(bindings, ["GET", "/v1/subscriptions"])).toMatchObject({ status: 503, body: { detail } });
  });

  it.each([
    ["the host that the request came to", "https://dure.test./hook", {}],
    ["another host of the platform", "https://a.dure.example/hook", { PLATFORM_HOSTS: "*.dure.example" }],
    ["a host that is not on the list", "https://example.com/hook", { TARGET_HOSTS: "hooks.example.com" }],
    ["a port of another protocol", "https://example.com:25/hook", {}],
  ])("may not lead to %s, and nor may a queue, by PUT or by PATCH", async (_, url, variables) => {
    const bindings = { ...env, ALLOW_PRIVATE_TARGETS: "false", ...variables } as unknown as Env;
    const target = { type: "http", url };
    const refusal = { status: 422, body: { code: "target-refused", errors: [{ pointer: "/target/url" }] } };
    const good = { type: "http", url: "https://hooks.example.com/" };
    for (const [path, body] of [
      [`/v1/subscriptions/${freshName("sub")}`, BODY],
      [`/v1/queues/${freshName("queue")}`, {}],
    ] as const) {
      expect(await callThrough(bindings, ["PUT", path], { body: { ...body, target } })).toMatchObject(refusal);
      expect(await callThrough(bindings, ["PUT", path], { body: { ...body, target: good } })).toMatchObject({
        status: 201,
      });
      expect(await callThrough(bindings, ["PATCH", path], { body: { target } })).toMatchObject(refusal);
    }
  });
});

describe("a namespace's subscriptions", () => {
  it("are listed newest first, in pages", async () => {
    const { key } = await makeKey(["admin"], await makeNamespace("listed"));
    const names = ["a", "b", "c"];
    for (const name of names) {
      passTime(1000);
      await putSubscription(name, {}, key);
    }
    const first = await must<SubscriptionListView>("GET", "/v1/subscriptions?limit=2", { key });
    expect(first.items.map(({ name }) => name)).toEqual(["c", "b"]);
    const rest = await must<SubscriptionListView>("GET", `/v1/subscriptions?cursor=${first.nextCursor}`, { key });
    expect(rest.items.map(({ name }) => name)).toEqual(["a"]);
    expect(rest.nextCursor).toBeNull();
    expect((await call("GET", "/v1/subscriptions?cursor=made-up", { key })).status).toBe(400);
  });

  it("are as many as the namespace may have, however many come at once; a deleted one leaves its place", async () => {
    const { key } = await makeKey(["admin"], await makeNamespace("many"));
    await must("PATCH", "/v1/namespaces/many", { body: { limits: { subscriptions: 32 } } });
    const put = (i: number) => call("PUT", `/v1/subscriptions/s-${i}`, { body: BODY, key });
    const answers = await Promise.all(Array.from({ length: 34 }, (_, i) => put(i)));
    const refused = answers.filter(({ status }) => status === 422);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(32);
    expect(refused.map(({ body }) => body.code)).toEqual(["too-many-subscriptions", "too-many-subscriptions"]);
    const { items } = await must<SubscriptionListView>("GET", "/v1/subscriptions?limit=200", { key });
    expect(items).toHaveLength(32);
    expect((await call("PUT", `/v1/subscriptions/${items[0]?.name}`, { body: BODY, key })).status).toBe(200);
    await call("DELETE", `/v1/subscriptions/${items[0]?.name}`, { key });
    expect((await put(99)).status).toBe(201);
  });

  it("are its own: another of the same name is another subscription", async () => {
    const { key } = await makeKey(["admin"], await makeNamespace("theirs"));
    const name = await subscribe();
    expect((await call("GET", `/v1/subscriptions/${name}`, { key })).status).toBe(404);
    await putSubscription(name, {}, key);
    await submit({}, { key });
    expect((await getSubscription(name)).delivery.pending).toBe(0);
    expect((await getSubscription(name, key)).delivery.pending).toBe(1);
    await must("DELETE", `/v1/subscriptions/${name}`, { key });
    expect((await getSubscription(name)).version).toBe(1);
  });
});

describe("once a PUT is answered", () => {
  it("every job that is accepted is told of, on every shard, over an eviction", async () => {
    const name = await subscribe({ events: ["job.accepted"] });
    await Promise.all(Array.from({ length: 40 }, () => submit({})));
    await evict();
    expect((await getSubscription(name)).delivery).toMatchObject({
      ...IDLE,
      pending: 40,
      oldestPendingAt: expect.any(String),
    });
    await must("DELETE", `/v1/subscriptions/${name}`);
  });

  it("with 503, the cron tells the shards that have not heard", async () => {
    const { key } = await makeKey(["admin"], await makeNamespace("unheard"));
    const faulty = faultyShards({ method: "configureSubscriptions", when: "before" });
    const bindings = { ...env, SHARD: faulty.SHARD };
    const answer = await callThrough(bindings, ["PUT", "/v1/subscriptions/s"], {
      body: { ...BODY, events: ["job.accepted"] },
      key,
    });
    expect(answer.status).toBe(503);
    await submit({}, { key });
    expect((await getSubscription("s", key)).delivery.pending).toBe(0);
    await runCron();
    await submit({}, { key });
    expect((await getSubscription("s", key)).delivery.pending).toBe(1);
  });

  it("nothing that was collected for a deleted one is left, and the audit is clean", async () => {
    const { key } = await makeKey(["admin"], await makeNamespace("gone"));
    await putSubscription("s", {}, key);
    await Promise.all(Array.from({ length: 20 }, () => submit({}, { key })));
    await must("DELETE", "/v1/subscriptions/s", { key });
    await runAlarms();
    expect((await auditNow()).violations).toEqual([]);
    await putSubscription("s", {}, key);
    expect((await getSubscription("s", key)).delivery).toEqual(IDLE);
  });
});
