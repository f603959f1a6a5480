import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Scope } from "../../contract/admin.ts";
import { serviceObject } from "../../contract/rpc/service.ts";
import { call, freshName, makeKey, makeNamespace, must, type Problem } from "./api.ts";
import { passTime, resetClock, stopClock } from "./clock.ts";

/** The proxy to services, with instances that are in these tests. What hostile ends do to it is in `test/e2e/proxy.test.ts`. */

interface Sent {
  signal: AbortSignal | null;
  url: string;
  method: string;
  headers: Headers;
  body: string;
}

/** Puts a service whose instances answer so, and has what they were sent. */
async function serviceOf(
  answer: (sent: Sent, count: number) => Response | Promise<Response>,
  settings: object = {},
  urls: readonly string[] = ["https://one.example", "https://two.example/base"],
) {
  const name = freshName("service");
  const sent: Sent[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const own = new Request(input as string, init as RequestInit);
    const { url, method, headers } = own;
    const got = { url, method, headers, body: await own.text(), signal: init?.signal ?? null };
    sent.push(got);
    return answer(got, sent.length);
  });
  const body = { instances: urls.map((url) => ({ url })), strategy: "roundRobin", ...settings };
  await must("PUT", `/v1/services/${name}`, { body });
  return { name, sent, path: `/v1/services/${name}/proxy` };
}

const well = () => new Response("well");
const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));
const object = (name: string) => env.SERVICE.getByName(serviceObject("default", name));

afterEach(resetClock);

describe("a request through the proxy", () => {
  it("goes to an instance as it is, and its answer comes back as it is", async () => {
    const { path, sent } = await serviceOf(
      () => new Response("made", { status: 201, headers: { "x-mine": "1", "cache-control": "max-age=60" } }),
    );
    const answer = await call<string>("POST", `${path}/send/a%20b?x=1&x=2`, {
      text: "hello",
      headers: { "content-type": "text/plain", "x-own": "2" },
    });
    expect([answer.status, answer.body, answer.headers.get("x-mine"), answer.headers.get("dure-attempts")]).toEqual([
      201,
      "made",
      "1",
      "1",
    ]);
    expect(answer.headers.get("cache-control")).toBe("max-age=60");
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ url: "https://one.example/send/a%20b?x=1&x=2", method: "POST", body: "hello" });
    expect(sent[0]?.headers.get("x-own")).toBe("2");
    expect(sent[0]?.headers.get("content-type")).toBe("text/plain");
  });

  it("goes behind the path of the instance's URL, also without a path of its own", async () => {
    const { path, sent } = await serviceOf(well);
    for (const rest of ["", "/", "/x", "?y=1"]) await call("GET", path + rest);
    expect(sent.map(({ url }) => url)).toEqual([
      "https://one.example/",
      "https://two.example/base/",
      "https://one.example/x",
      "https://two.example/base?y=1",
    ]);
  });

  it.each(["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])("may be %s", async (method) => {
    const { path, sent } = await serviceOf(() => new Response(null, { status: 204 }));
    expect((await call(method, `${path}/x`)).status).toBe(204);
    expect(sent[0]?.method).toBe(method);
  });

  it("has no credentials, no cookies and nothing of the platform, and says who passes it on", async () => {
    const { path, sent } = await serviceOf(well);
    const { key } = await makeKey(["invoke"]);
    const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const headers = {
      cookie: "session=1",
      cookie2: "$Version=1",
      dure_namespace: "forged",
      x_forwarded_for: "10.0.0.1",
      "dure-lease": "mine",
      "x-forwarded-for": "10.0.0.1",
      forwarded: "for=10.0.0.1",
      te: "trailers",
      "x-hop": "1",
      connection: "x-hop",
      via: "1.1 other",
      "x-request-id": "mine-1",
      traceparent: trace,
    };
    const { headers: answered } = await call("GET", `${path}/x`, { key, headers });
    const got = Object.fromEntries(sent[0]?.headers ?? []);
    expect(JSON.stringify(got)).not.toContain(key.slice(-20));
    expect(
      Object.keys(got)
        .filter((name) => name.startsWith("dure-"))
        .sort(),
    ).toEqual(["dure-deadline", "dure-namespace", "dure-request-id", "dure-service"]);
    expect(got).toMatchObject({
      via: "1.1 other, 1.1 dure",
      "x-request-id": "mine-1",
      "dure-request-id": answered.get("x-request-id"),
      traceparent: expect.stringMatching(/^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)/),
      "x-forwarded-proto": "https",
      "x-forwarded-host": "dure.test",
    });
    expect(Object.keys(got).filter((name) => name.includes("_"))).toEqual([]);
    for (const name of ["authorization", "cookie", "cookie2", "forwarded", "te", "x-hop", "connection"])
      expect(got).not.toHaveProperty(name);
  });

  it("gets back nothing that would speak for the platform", async () => {
    const { path } = await serviceOf(
      () =>
        new Response("x", {
          headers: {
            "set-cookie": "a=1",
            "set-cookie2": "a=1",
            "set-login": "logged-in",
            "access-control-allow-origin": "*",
            "dure-bookmark": "forged",
            "x-request-id": "forged",
            "strict-transport-security": "max-age=1",
            ratelimit: "forged",
          },
        }),
    );
    const { headers } = await call("GET", path);
    for (const name of ["set-cookie2", "set-login", "access-control-allow-origin"])
      expect(headers.get(name)).toBeNull();
    expect([headers.get("set-cookie"), headers.get("dure-bookmark"), headers.get("strict-transport-security")]).toEqual(
      [null, null, null],
    );
    expect(headers.get("x-request-id")).not.toBe("forged");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("is refused where its path hides what it names, and nothing is asked", async () => {
    const { path, sent } = await serviceOf(well);
    const hidden = path.replace("/proxy", "/%70roxy");
    for (const hides of [
      `${hidden}/a`,
      `${path}/..%2fa`,
      `${path}/a%2F..%2F..`,
      `${path}/..%5ca`,
      `${path}/..%252fa`,
      `${path}/..;/a`,
      `${path}/a/..%3bx`,
    ]) {
      const answer = await call<Problem>("DELETE", hides);
      expect([hides, answer.status, answer.body.code]).toEqual([hides, 400, "invalid-request"]);
    }
    expect(sent).toEqual([]);
    for (const shows of ["/a..", "/..a/%2e/x", "/x?y=/../z", "/...", "/a%2fb"]) await call("GET", path + shows);
    expect(sent).toHaveLength(5);
  });

  it("whose head a server might not take is refused before anybody is asked, and harms no instance", async () => {
    const { path, sent } = await serviceOf(well);
    const large = (size: number) => ({ headers: { "x-large": "a".repeat(size) } });
    const refused = await call<Problem>("GET", path, large(15_500));
    expect([refused.status, refused.body.code]).toEqual([431, "head-too-large"]);
    expect((await call("GET", `${path}/${"a".repeat(15_500)}`)).status).toBe(431);
    expect(sent).toHaveLength(0);
    expect((await call("GET", path, large(14_000))).status).toBe(200);
    expect(sent[0]?.headers.get("x-large")).toHaveLength(14_000);
  });

  it("does not follow a redirect", async () => {
    const { path, sent } = await serviceOf(
      () => new Response(null, { status: 302, headers: { location: "http://169.254.169.254/" } }),
    );
    expect((await call("GET", path)).status).toBe(302);
    expect(sent).toHaveLength(1);
  });

  it("is sent to another instance where that may be", async () => {
    const { path, sent } = await serviceOf((_, count) =>
      count === 1 ? new Response("away", { status: 503 }) : well(),
    );
    const answer = await call<string>("PUT", `${path}/x`, { text: "body" });
    expect([answer.status, answer.headers.get("dure-attempts")]).toEqual([200, "2"]);
    expect(sent.map(({ url, body }) => [url, body])).toEqual([
      ["https://one.example/x", "body"],
      ["https://two.example/base/x", "body"],
    ]);
  });

  it("is not where it may not: the problem says that nobody answered", async () => {
    const { path, sent } = await serviceOf(() => Promise.reject(new Error("Network connection lost.")));
    const answer = await call<Problem>("POST", `${path}/x`, { text: "body" });
    expect([answer.status, answer.body.code]).toEqual([502, "service-unreachable"]);
    expect(sent).toHaveLength(1);
    const keyed = await call<Problem>("POST", `${path}/x`, { text: "body", headers: { "idempotency-key": "k-1" } });
    expect([keyed.status, sent.length]).toEqual([502, 3]);
  });

  it("that has no answer in time is a 504, and its connection is given up", async () => {
    let aborted = false;
    const { path } = await serviceOf(
      async ({ signal }) => {
        while (signal?.aborted === false) await pause(10);
        aborted = true;
        throw new Error("aborted");
      },
      { firstByteTimeout: 0.1, retry: { attempts: 1 } },
    );
    const answer = await call<Problem>("GET", path);
    expect([answer.status, answer.body.code, aborted]).toEqual([504, "service-timeout", true]);
  });

  it("says by when it needs the answer: the instance is told, and a time that is past is a 504", async () => {
    const { path, sent } = await serviceOf(well, { timeout: 10 });
    await call("GET", path, { headers: { "dure-deadline": new Date(Date.now() + 3_000).toISOString() } });
    await call("GET", path);
    const [sooner = 0, usual = 0] = sent.map(
      ({ headers }) => Date.parse(headers.get("dure-deadline") ?? "") - Date.now(),
    );
    expect(sooner).toBeLessThanOrEqual(3_000);
    expect(usual).toBeGreaterThan(8_000);
    expect((await call("GET", path, { headers: { "dure-deadline": "2020-01-01T00:00:00Z" } })).status).toBe(504);
    expect((await call("GET", path, { headers: { "dure-deadline": "soon" } })).status).toBe(400);
    expect(sent).toHaveLength(2);
  });

  it("with an ordering key goes to one instance, where the strategy is hash", async () => {
    const { path, sent } = await serviceOf(well, { strategy: "hash" });
    for (let i = 0; i < 6; i++) await call("GET", path, { headers: { "dure-ordering-key": "user-1" } });
    expect(new Set(sent.map(({ url }) => url)).size).toBe(1);
    expect((await call("GET", path, { headers: { "dure-ordering-key": "" } })).status).toBe(400);
  });
});

describe("who may", () => {
  const status = async (path: string, key: string | null) => (await call("GET", path, { key })).status;

  it("the scopes invoke and admin, and the root key", async () => {
    const { path } = await serviceOf(well);
    const keyWith = async (...scopes: Scope[]) => (await makeKey(scopes)).key;
    expect(await status(path, null)).toBe(401);
    expect(await status(path, await keyWith("submit", "read", "work"))).toBe(403);
    expect(await status(path, await keyWith("invoke"))).toBe(200);
    expect(await status(path, await keyWith("admin"))).toBe(200);
  });

  it("a service of another namespace is a 404, as one that is not there, and makes no object", async () => {
    const { path, sent } = await serviceOf(well);
    const { key } = await makeKey(["invoke"], await makeNamespace("stranger"));
    expect(await status(path, key)).toBe(404);
    expect(await status("/v1/services/nothing/proxy/x", key)).toBe(404);
    expect(await status("/v1/services/NOT%20A%20NAME/proxy/x", key)).toBe(404);
    expect(sent).toHaveLength(0);
  });

  it("TRACE and other methods are a 405", async () => {
    const { path } = await serviceOf(well);
    const answer = await call<Problem>("PROPFIND", path);
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"]);
  });

  it("a service that is deleted is a 404 within two seconds", async () => {
    const { path, name } = await serviceOf(well);
    expect(await status(path, null)).toBe(401);
    await call("GET", path);
    await must("DELETE", `/v1/services/${name}`);
    await vi.waitFor(async () => expect((await call("GET", path)).status).toBe(404), { timeout: 4_000, interval: 200 });
  });
});

describe("a service that fails", () => {
  it("is given a rest: 503 with Retry-After, and one success of a probe lets all pass again", async () => {
    let isWell = false;
    const settings = {
      breaker: { failureRate: 0.5, minRequests: 4, window: 10, openFor: 30, halfOpenProbes: 1 },
      outlier: null,
      retry: { attempts: 1 },
    };
    const { path, sent } = await serviceOf(() => (isWell ? well() : new Response("", { status: 500 })), settings);
    for (let i = 0; i < 4; i++) expect((await call("GET", path)).status).toBe(500);
    const opened = async () => {
      const answer = await call<Problem>("GET", path);
      expect([answer.status, answer.body?.code]).toEqual([503, "service-open"]);
      expect(answer.headers.get("retry-after")).toMatch(/^(2[0-9]|30)$/);
    };
    await vi.waitFor(opened, { timeout: 15_000, interval: 100 });
    const before = sent.length;
    await call("GET", path);
    expect(sent.length - before).toBe(0);
    isWell = true;
    passTime(30_000);
    const within = { timeout: 15_000, interval: 100 };
    await vi.waitFor(async () => expect((await call("GET", path)).status).toBe(200), within);
    await vi.waitFor(async () => {
      const statuses = await Promise.all(Array.from({ length: 5 }, async () => (await call("GET", path)).status));
      expect(statuses).toEqual([200, 200, 200, 200, 200]);
    }, within);
  });

  it("has an instance left out at once that fails, and the object hears of it", async () => {
    const settings = {
      outlier: { consecutiveFailures: 3, baseEjection: 30, maxEjectedPercent: 50 },
      retry: { attempts: 1 },
    };
    const { path, sent, name } = await serviceOf(
      ({ url }) => (url.startsWith("https://one") ? new Response("", { status: 500 }) : well()),
      settings,
    );
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) statuses.push((await call("GET", path)).status);
    expect(statuses.filter((status) => status === 500)).toHaveLength(3);
    expect(sent.slice(-6).every(({ url }) => url.startsWith("https://two"))).toBe(true);
    await vi.waitFor(
      async () => {
        const state = await object(name).state({ v: 1 });
        expect(state?.instances.map((instance) => instance.state)).toEqual(["ejected", "healthy"]);
      },
      { timeout: 15_000, interval: 100 },
    );
  });

  it("costs no call of its object within a second, however many requests come", async () => {
    stopClock();
    const { path, name } = await serviceOf(well);
    await call("GET", path);
    let calls = 0;
    const get = env.SERVICE.getByName.bind(env.SERVICE);
    vi.spyOn(env.SERVICE, "getByName").mockImplementation((...args) => {
      calls++;
      return get(...args);
    });
    const statuses = await Promise.all(Array.from({ length: 50 }, async () => (await call("GET", path)).status));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(calls).toBeLessThanOrEqual(1);
    expect((await object(name).state({ v: 1 }))?.instances).toHaveLength(2);
  });
});

describe("as many as may be under way", () => {
  it("are, others wait for room in their order, and more than may wait are a 503", async () => {
    let released = 0;
    const { path, sent } = await serviceOf(
      async (_, count) => {
        while (released < count) await pause(5);
        return well();
      },
      { bulkhead: { maxInFlight: 2, maxWaiting: 1 } },
    );
    const first = [call("GET", path), call("GET", path)];
    await vi.waitFor(() => expect(sent).toHaveLength(2), { timeout: 15_000 });
    const waits = call("GET", path);
    await pause(50);
    const refused = await call<Problem>("GET", path);
    expect([refused.status, refused.body.code, refused.headers.get("retry-after")]).toEqual([503, "service-full", "1"]);
    expect(sent).toHaveLength(2);
    released = 1;
    await vi.waitFor(() => expect(sent).toHaveLength(3), { timeout: 15_000 });
    released = 3;
    expect((await Promise.all([...first, waits])).map(({ status }) => status)).toEqual([200, 200, 200]);
  });
});
