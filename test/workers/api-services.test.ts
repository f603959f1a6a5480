import { listDurableObjectIds } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { serviceObject } from "../../contract/rpc/service.ts";
import { ServiceView } from "../../contract/service-view.ts";
import type { ServiceSettings } from "../../domain/service/settings.ts";
import { call, evict, freshName, makeKey, makeNamespace, must, newQueue } from "./api.ts";
import { passTime, resetClock, runCron } from "./clock.ts";
import { callThrough, replaced } from "./faults.ts";

afterEach(resetClock);

const BODY = { instances: [{ url: "https://mail-1.example.com/" }, { url: "https://mail-2.example.com:8443/base/" }] };
const DEFAULTS = {
  strategy: "p2c",
  healthCheck: null,
  outlier: { consecutiveFailures: 5, baseEjection: 30, maxEjectedPercent: 10 },
  breaker: { failureRate: 0.5, minRequests: 20, window: 10, openFor: 30, halfOpenProbes: 5 },
  bulkhead: { maxInFlight: 1024, maxWaiting: 1024 },
  timeout: 60,
  firstByteTimeout: 30,
  retry: { attempts: 2, perTryTimeout: null, budgetPercent: 20 },
  rate: null,
};

const object = (name: string, namespace = "default") => env.SERVICE.getByName(serviceObject(namespace, name));

/** The settings as the object has them; null where it knows none. */
async function known(name: string, namespace = "default"): Promise<ServiceSettings | null> {
  const reply = await object(name, namespace).observe({ v: 1, reports: [] });
  return reply.type === "unknown" ? null : reply.snapshot.settings;
}

describe("a service", () => {
  it("is created with 201 and its defaults, replaced with 200, read, and deleted with 204", async () => {
    const path = `/v1/services/${freshName("svc")}`;
    const created = await call<ServiceView>("PUT", path, { body: BODY });
    expect(created).toMatchObject({
      status: 201,
      body: {
        ...DEFAULTS,
        instances: [
          { url: "https://mail-1.example.com", weight: 1, zone: null },
          { url: "https://mail-2.example.com:8443/base", weight: 1, zone: null },
        ],
        version: 1,
      },
    });
    expect(ServiceView.safeParse(created.body).success).toBe(true);
    const body = {
      instances: [{ url: "http://mail-3.example.com:8080", weight: 7, zone: "eu-1" }],
      strategy: "hash",
      healthCheck: { path: "/healthz?deep=1", interval: 2.5, timeout: 1, healthyThreshold: 1, unhealthyThreshold: 4 },
      outlier: null,
      breaker: { failureRate: 0.2, minRequests: 5, window: 60, openFor: 5, halfOpenProbes: 1 },
      bulkhead: { maxInFlight: 3, maxWaiting: 0 },
      timeout: 0.5,
      firstByteTimeout: 0.1,
      retry: { attempts: 1, perTryTimeout: 0.2, budgetPercent: 0 },
      rate: { limit: 9, period: 2 },
    };
    const replaced = await call<ServiceView>("PUT", path, { body });
    const { healthCheck, ...rest } = body;
    expect(replaced).toMatchObject({
      status: 200,
      body: { ...rest, healthCheck: { ...healthCheck, expect: { from: 200, to: 299 } }, version: 2 },
    });
    expect(await call("GET", path)).toMatchObject({ status: 200, body: replaced.body });
    expect((await call("DELETE", path)).status).toBe(204);
    expect(await call("GET", path)).toMatchObject({ status: 404, body: { code: "service-not-found" } });
    expect(await call("PUT", path, { body: BODY })).toMatchObject({ status: 201, body: { version: 4 } });
  });

  it("is told to its object before it is answered, and so is that it was deleted", async () => {
    const name = freshName("svc");
    await must("PUT", `/v1/services/${name}`, { body: BODY });
    await evict();
    expect(await known(name)).toMatchObject({ name, version: 1, timeoutMs: 60_000 });
    await must("PATCH", `/v1/services/${name}`, { body: { timeout: 5 } });
    expect(await known(name)).toMatchObject({ version: 2, timeoutMs: 5_000 });
    await must("DELETE", `/v1/services/${name}`);
    await evict();
    expect(await known(name)).toBeNull();
  });

  it("shows how it is at the moment where it is read by itself, and settings alone in a list", async () => {
    const { key } = await makeKey(["admin"], await makeNamespace(freshName("shown")));
    await must("PUT", "/v1/services/a", { key, body: BODY });
    const instance = { state: "healthy", inFlight: 0, latencyMs: null, successRate: null, lastCheck: null, events: [] };
    expect(await must("GET", "/v1/services/a", { key })).toMatchObject({
      state: {
        breaker: { state: "closed", nextProbeAt: null },
        inFlight: 0,
        instances: [
          { ...instance, url: "https://mail-1.example.com", because: "Nothing speaks against it." },
          { ...instance, url: "https://mail-2.example.com:8443/base" },
        ],
        events: [],
      },
    });
    const { items } = await must<{ items: ServiceView[] }>("GET", "/v1/services", { key });
    expect(items.map(({ name, state }) => [name, state])).toEqual([["a", undefined]]);
  });

  it.each<[string, object, string]>([
    ["no instance", { instances: [] }, "/instances"],
    [
      "65 instances",
      { instances: Array.from({ length: 65 }, (_, i) => ({ url: `https://a${i}.example.com` })) },
      "/instances",
    ],
    [
      "an instance twice",
      { instances: [{ url: "https://a.example.com" }, { url: "https://A.example.com:443/" }] },
      "/instances",
    ],
    ["a URL that is none", { instances: [{ url: "mailer" }] }, "/instances/0/url"],
    ["a URL with a password", { instances: [{ url: "https://u:p@a.example.com" }] }, "/instances/0/url"],
    ["a URL with a query", { instances: [{ url: "https://a.example.com/?k=1" }] }, "/instances/0/url"],
    ["a URL with a fragment", { instances: [{ url: "https://a.example.com/#x" }] }, "/instances/0/url"],
    ["a URL with NUL", { instances: [{ url: "https://a.example.com/\0x" }] }, "/instances/0/url"],
    ["a URL with half a character", { instances: [{ url: "https://a.example.com/\ud800" }] }, "/instances/0/url"],
    ["a URL with a line end", { instances: [{ url: "https://a.example.com/x\n" }] }, "/instances/0/url"],
    ["a weight of none", { instances: [{ url: "https://a.example.com", weight: 0 }] }, "/instances/0/weight"],
    ["a strategy that is none", { strategy: "best" }, "/strategy"],
    ["a check of another host", { healthCheck: { path: ".evil.example/" } }, "/healthCheck/path"],
    ["a check above the instance", { healthCheck: { path: "/../../x" } }, "/healthCheck/path"],
    ["a check above it, hidden", { healthCheck: { path: "/x/%2e%2e%2f..%5cx" } }, "/healthCheck/path"],
    ["a check with NUL", { healthCheck: { path: "/x\0" } }, "/healthCheck/path"],
    ["a check with half a character", { healthCheck: { path: "/x\udc00" } }, "/healthCheck/path"],
    ["checks all the time", { healthCheck: { path: "/", interval: 0.1 } }, "/healthCheck/interval"],
    ["no status", { healthCheck: { path: "/", expect: { from: 300, to: 200 } } }, "/healthCheck/expect"],
    ["a rate of failures above all", { breaker: { failureRate: 1.5 } }, "/breaker/failureRate"],
    ["nothing under way", { bulkhead: { maxInFlight: 0 } }, "/bulkhead/maxInFlight"],
    ["a timeout of an hour", { timeout: 3600 }, "/timeout"],
    ["an unknown field", { retry: { tries: 3 } }, "/retry/tries"],
    [
      "a URL that is kept as a longer one",
      { instances: [{ url: `https://a.example.com/${"é".repeat(2_000)}` }] },
      "/instances/0/url",
    ],
    [
      "a zone of half a character",
      { instances: [{ url: "https://a.example.com", zone: "\ud800" }] },
      "/instances/0/zone",
    ],
    ["a zone with a NUL", { instances: [{ url: "https://a.example.com", zone: "a\0b" }] }, "/instances/0/zone"],
    ["more under way than a double counts", { bulkhead: { maxInFlight: 2 ** 63 } }, "/bulkhead/maxInFlight"],
    ["instances that are numbers", { instances: Array(20_000).fill(1) }, "/instances"],
    ["an object in the place of the instances", { instances: { length: 1, 0: BODY.instances[0] } }, "/instances"],
  ])("with %s is refused, and the place is named", async (_, over, pointer) => {
    const answer = await call("PUT", `/v1/services/${freshName("svc")}`, { body: { ...BODY, ...over } });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid-request" } });
    expect(answer.body.errors?.map((error) => error.pointer)).toContain(pointer);
  });

  it.each<[string, string, string]>([
    [
      "a number beyond all doubles",
      '{"instances":[{"url":"https://a.example.com","weight":1e999}]}',
      "/instances/0/weight",
    ],
    [
      "a weight of 2^63",
      '{"instances":[{"url":"https://a.example.com","weight":9223372036854775808}]}',
      "/instances/0/weight",
    ],
    ["a list that nests deep", `{"instances":${"[".repeat(600)}${"]".repeat(600)}}`, ""],
    ["an instance that nests deep", `{"instances":${"[".repeat(300)}${"]".repeat(300)}}`, "/instances/0"],
    ["two lists of instances", '{"instances":[],"instances":[{"url":"https://a.example.com"}]}', "/instances"],
    [
      "a URL that is named twice",
      '{"instances":[{"url":"https://a.example.com","u\\u0072l":"https://b.example.com"}]}',
      "/instances/0/url",
    ],
    [
      "a member that is everybody's",
      '{"instances":[{"url":"https://a.example.com"}],"__proto__":{"timeout":1}}',
      "/__proto__",
    ],
    ["more values than any service has", `{"instances":[${"1,".repeat(60_000)}1]}`, "/instances/49998"],
    ["one of a million bytes", `{"instances":["${"a".repeat(1_000_000)}"]}`, "/instances/0"],
  ])("whose text has %s is refused, and the place is named", async (_, text, pointer) => {
    const name = freshName("svc");
    const answer = await call("PUT", `/v1/services/${name}`, { text });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid-request" } });
    expect(answer.body.errors?.map((error) => error.pointer)).toContain(pointer);
    expect(JSON.stringify(answer.body).length).toBeLessThan(20_000);
    expect((await call("GET", `/v1/services/${name}`)).status).toBe(404);
  });

  it.each(["%E2%98%83", "caf%C3%A9", "A", "a%2Fb", "a%00", "__proto__", "-a", "a".repeat(64)])(
    "has no name like %s",
    async (name) => {
      const answer = await call("PUT", `/v1/services/${name}`, { body: BODY });
      expect(answer).toMatchObject({ status: 400, body: { code: "invalid-request" } });
      expect((await call("GET", `/v1/services/${name}`)).status).toBe(404);
    },
  );

  it("is switched off in parts by null, and back to a default by a patch that is left to it", async () => {
    const path = `/v1/services/${freshName("svc")}`;
    await must("PUT", path, { body: { ...BODY, outlier: null, breaker: null, bulkhead: null } });
    expect(await must("GET", path)).toMatchObject({ outlier: null, breaker: null, bulkhead: null });
    expect(await must("PATCH", path, { body: { breaker: { openFor: 1 } } })).toMatchObject({
      breaker: { ...DEFAULTS.breaker, openFor: 1 },
      outlier: null,
    });
    expect(await must("PUT", path, { body: BODY })).toMatchObject(DEFAULTS);
  });

  it.each([
    ["a private address", "http://10.0.0.1:8080", {}],
    ["a local name", "http://localhost:8080", {}],
    ["the host that the request came to", "https://dure.test.", {}],
    ["another host of the platform", "https://a.dure.example", { PLATFORM_HOSTS: "*.dure.example" }],
    ["a host that is not on the list", "https://example.com", { TARGET_HOSTS: "hooks.example.com" }],
    ["a port of another protocol", "https://example.com:25", {}],
    ["port 0", "https://example.com:0", { ALLOW_PRIVATE_TARGETS: "true" }],
  ])("may have no instance at %s, by PUT or by PATCH", async (_, url, variables) => {
    const bindings = { ...env, ALLOW_PRIVATE_TARGETS: "false", ...variables } as unknown as Env;
    const good = { instances: [{ url: "https://hooks.example.com" }] };
    const bad = { instances: [...good.instances, { url }] };
    const refusal = { status: 422, body: { code: "target-refused", errors: [{ pointer: "/instances/1/url" }] } };
    const path = `/v1/services/${freshName("svc")}`;
    expect(await callThrough(bindings, ["PUT", path], { body: bad })).toMatchObject(refusal);
    expect((await callThrough(bindings, ["PUT", path], { body: good })).status).toBe(201);
    expect(await callThrough(bindings, ["PATCH", path], { body: bad })).toMatchObject(refusal);
  });

  it.each(["/../../x", "/%2e%2e/x", "/..%2fx", "/\\..\\x", "/x\0", "/\ud800"])(
    "is named by no queue with a path that leads out of it: %j",
    async (path) => {
      const service = freshName("svc");
      await must("PUT", `/v1/services/${service}`, { body: BODY });
      const body = { target: { type: "service", service, path } };
      const refused = await call("PUT", `/v1/queues/${freshName()}`, { body });
      expect(refused).toMatchObject({ status: 400, body: { errors: [{ pointer: "/target/path" }] } });
    },
  );

  it("that a queue names cannot be deleted, and can when none names it any more", async () => {
    const name = freshName("svc");
    await must("PUT", `/v1/services/${name}`, { body: BODY });
    const queue = await newQueue();
    const target = (to: object) =>
      env.DB.prepare("UPDATE queues SET settings = json_set(settings, '$.target', json(?)) WHERE name = ?")
        .bind(JSON.stringify(to), queue)
        .run();
    await target({ type: "service", service: name, path: "/send" });
    const refused = await call("DELETE", `/v1/services/${name}`);
    expect(refused).toMatchObject({ status: 409, body: { code: "service-in-use" } });
    expect(refused.body.detail).toContain(queue);
    expect(await known(name)).toMatchObject({ deleted: false });
    // Another namespace's queue names another service.
    const { key } = await makeKey(["admin"], await makeNamespace(freshName("other")));
    await must("PUT", `/v1/services/${name}`, { key, body: BODY });
    expect((await call("DELETE", `/v1/services/${name}`, { key })).status).toBe(204);
    await target({ type: "pull" });
    expect((await call("DELETE", `/v1/services/${name}`)).status).toBe(204);
  });
});

describe("an object that was not reached", () => {
  const away = (name: string) =>
    ({
      ...env,
      SERVICE: replaced(env.SERVICE, {
        getByName: (asked: string) =>
          asked === serviceObject("default", name)
            ? { configure: () => Promise.reject(new Error("Network connection lost.")) }
            : env.SERVICE.getByName(asked),
      }),
    }) as unknown as Env;

  it("is a 503, and hears of the service from the cron", async () => {
    const name = freshName("svc");
    await must("PUT", `/v1/services/${freshName("other")}`, { body: BODY });
    expect((await callThrough(away(name), ["PUT", `/v1/services/${name}`], { body: BODY })).status).toBe(503);
    expect(await known(name)).toBeNull();
    // The cron does nothing for a deployment without shards.
    await newQueue();
    await runCron();
    expect(await known(name)).toMatchObject({ version: 1 });
  });

  it("hears of it when the service is read, however long ago that was", async () => {
    const name = freshName("svc");
    await callThrough(away(name), ["PUT", `/v1/services/${name}`], { body: BODY });
    passTime(24 * 3_600_000);
    expect(await must("GET", `/v1/services/${name}`)).toMatchObject({ state: { inFlight: 0 } });
    expect(await known(name)).toMatchObject({ version: 1 });
  });
});

describe("a namespace that is deleted", () => {
  it("takes its services along, and one of its name begins anew with later ones", async () => {
    const namespace = await makeNamespace(freshName("doomed"));
    const { key } = await makeKey(["admin"], namespace);
    await must("PUT", "/v1/services/a", { key, body: BODY });
    await must("PATCH", "/v1/services/a", { key, body: { timeout: 5 } });
    await must("DELETE", `/v1/namespaces/${namespace}`);
    const isThere = async () => (await call("GET", `/v1/namespaces/${namespace}`)).status !== 404;
    for (let round = 0; await isThere(); round++) {
      expect(round, "rounds of the cron until it has gone").toBeLessThan(30);
      passTime(130_000);
      await runCron();
    }
    expect(await known("a", namespace)).toBeNull();
    await makeNamespace(namespace);
    const again = await makeKey(["admin"], namespace);
    expect(await call("PUT", "/v1/services/a", { key: again.key, body: BODY })).toMatchObject({
      status: 201,
      body: { version: 1, state: { inFlight: 0 } },
    });
    expect(await known("a", namespace)).toMatchObject({ version: 1, deleted: false });
  });
});

it("reading a service that there is not makes no object", async () => {
  const count = async () =>
    (await listDurableObjectIds(env.SERVICE as unknown as DurableObjectNamespace<undefined>)).length;
  const before = await count();
  expect((await call("GET", `/v1/services/${freshName("none")}`)).status).toBe(404);
  expect(await count()).toBe(before);
});
