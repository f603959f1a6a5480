import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type KeyCreatedView, type KeyListView, SCOPES, type Scope } from "../../contract/admin.ts";
import { CALL_LIST } from "../../contract/http/calls.ts";
import type { JobListView } from "../../contract/job.ts";
import type { OperationView } from "../../contract/operation.ts";
import gateway from "../limits/gateway.ts";
import {
  answerOf,
  call,
  claim,
  claimOne,
  freshName,
  makeKey,
  makeNamespace,
  must,
  newQueue,
  putQueue,
  ROOT,
  request,
  submit,
  succeed,
} from "./api.ts";
import { passTime, resetClock, stopClock } from "./clock.ts";

afterEach(resetClock);

type Route = (typeof CALL_LIST)[number];

const REVOCATION_MS = 5000;

/** A request to a route, well-formed enough to reach the check of its scope. `place` names things of one namespace. */
interface Place {
  queue: string;
  job: string;
  lease: string;
  key: string;
  schedule: string;
  subscription: string;
  service: string;
  operation: string;
}

const BODIES: Partial<Record<string, (place: Place) => unknown>> = {
  submitJob: ({ queue }) => ({ queue, payload: 1 }),
  submitBatch: ({ queue }) => ({ jobs: [{ queue, payload: 1 }] }),
  putQueue: () => ({}),
  reportJobs: ({ lease }) => ({ reports: [{ lease, ok: true }] }),
  succeedLease: () => ({ result: 1 }),
  failLease: () => ({ error: { code: "x" } }),
  releaseLease: () => ({ reason: "moved" }),
  extendLease: () => ({ leaseSeconds: 10 }),
  succeedByLease: ({ lease }) => ({ lease, result: 1 }),
  failByLease: ({ lease }) => ({ lease, error: { code: "x" } }),
  releaseByLease: ({ lease }) => ({ lease }),
  extendByLease: ({ lease }) => ({ lease, leaseSeconds: 10 }),
  createKey: () => ({ name: "made", scopes: ["read"] }),
  unblockKey: () => ({ key: "k", action: "skip" }),
  pauseKey: () => ({ key: "k" }),
  resumeKey: () => ({ key: "k" }),
  putSchedule: ({ queue }) => scheduleOf(queue),
  putSubscription: () => SUBSCRIPTION,
  putService: () => SERVICE,
  startOperation: () => ({ action: "retry", dryRun: true }),
};

/** What the scope `admin` stands for too. */
const IMPLIED: readonly Scope[] = SCOPES.filter((scope) => scope !== "admin" && scope !== "metrics");

const scheduleOf = (queue: string) => ({ cron: "0 0 1 1 *", job: { queue, payload: 1 } });

const SERVICE = { instances: [{ url: "https://mail-1.example.com" }] };

const SUBSCRIPTION = { events: ["job.failed"], target: { type: "queue", binding: "OUT" } };

/** What a caller who may do it gets, where that is not 200. Things are made and taken in the order of the routes. */
const DONE: Partial<Record<string, number>> = {
  submitJob: 202,
  submitBatch: 202,
  createKey: 201,
  revokeKey: 204,
  deleteQueue: 204,
  deleteSchedule: 204,
  deleteSubscription: 204,
  deleteService: 204,
  startOperation: 202,
  patchJob: 409,
  runJobNow: 409,
  retryJob: 409,
  succeedLease: 409,
  failLease: 409,
  releaseLease: 409,
  extendLease: 409,
  succeedByLease: 409,
  failByLease: 409,
  releaseByLease: 409,
  extendByLease: 409,
  unblockKey: 409,
};

/** Routes that leave nothing for a second call. */
const CHANGES = new Set([
  "cancelJob",
  "retryJob",
  "deleteQueue",
  "deleteSchedule",
  "deleteSubscription",
  "deleteService",
  "succeedLease",
  "failLease",
  "releaseLease",
  "extendLease",
  "succeedByLease",
  "failByLease",
  "releaseByLease",
  "extendByLease",
  "reportJobs",
]);

const KEYED = CALL_LIST.filter(({ scope }) => scope !== "public" && scope !== "root");

function send(route: Route, place: Place, key: string | null, headers: Record<string, string> = {}) {
  const path = route.path
    .replace("{queue}", place.queue)
    .replace("{lease}", place.lease)
    .replace("{schedule}", place.schedule)
    .replace("{subscription}", place.subscription)
    .replace("{service}", place.service)
    .replace("{name}", "some-namespace")
    .replace("{id}", idFor(route, place));
  const body = route.body === undefined ? undefined : (BODIES[route.id]?.(place) ?? {});
  return call(route.method.toUpperCase(), path, { key, headers, body });
}

function idFor({ path }: Route, place: Place): string {
  if (path.startsWith("/v1/keys/")) return place.key;
  return path.startsWith("/v1/operations/") ? place.operation : place.job;
}

async function newPlace(key: string): Promise<Place> {
  const queue = freshName("auth");
  await putQueue(queue, {}, key);
  // Longer than the whole file takes where the machine is busy.
  await submit({ queue, timeout: 3600 }, { key });
  const { id, lease } = await claimOne(queue, {}, key);
  const schedule = freshName("auth");
  await must("PUT", `/v1/schedules/${schedule}`, { key, body: scheduleOf(queue) });
  const body = { action: "retry", dryRun: true };
  const { id: operation } = await must<OperationView>("POST", "/v1/operations", { key, body });
  const subscription = freshName("auth");
  await must("PUT", `/v1/subscriptions/${subscription}`, { key, body: SUBSCRIPTION });
  const service = freshName("auth");
  await must("PUT", `/v1/services/${service}`, { key, body: SERVICE });
  return { queue, job: id, lease, key: "none", schedule, subscription, service, operation };
}

let place: Place;
/** A key of each single scope, and one of all but that scope and `admin`, which implies most. */
const only = new Map<Scope, string>();
const allBut = new Map<Scope, string>();
let revoked: string;
let expired: string;

beforeAll(async () => {
  // Made long ago, to end long ago.
  passTime(-3_600_000);
  expired = await keyThatExpires(60_000);
  resetClock();
  place = await newPlace(ROOT);
  for (const scope of SCOPES) {
    only.set(scope, (await makeKey([scope])).key);
    allBut.set(scope, (await makeKey(SCOPES.filter((other) => other !== scope && other !== "admin"))).key);
  }
  const { id, key } = await makeKey(["admin"]);
  revoked = key;
  await must("DELETE", `/v1/keys/${id}`);
});

describe("every route under /v1", () => {
  it("is in the table with a scope", () => {
    expect(CALL_LIST.filter(({ path }) => path.startsWith("/v1/")).every(({ scope }) => scope !== "public")).toBe(true);
    expect(KEYED.length).toBeGreaterThan(20);
  });

  it.each(KEYED)("$method $path: 401 without a working key", async (route) => {
    // Each route from an address of its own: an address has a budget of bad keys.
    const headers = { "cf-connecting-ip": `198.51.100.${KEYED.indexOf(route)}` };
    const wrongSecret = `${(only.get("admin") ?? "").slice(0, -1)}-`;
    const unknown = `dure_${"a".repeat(20)}_${"a".repeat(43)}`;
    const bad = [null, "x", "dure_x_y", `${ROOT}x`, revoked, expired, wrongSecret, unknown];
    for (const key of bad) {
      const answer = await send(route, place, key, headers);
      expect([key, answer.status, answer.body.code]).toEqual([key, 401, "unauthorized"]);
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
      expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer/);
    }
  });

  it.each(KEYED)("$method $path: 403 without its scope", async (route) => {
    const wrong = [
      ...SCOPES.filter((scope) => scope !== route.scope && scope !== "admin").map((scope) => only.get(scope)),
      ...(route.scope === "metrics" ? [only.get("admin")] : []),
    ];
    for (const key of [...wrong, allBut.get(route.scope as Scope)]) {
      expect(await send(route, place, key ?? "")).toMatchObject({ status: 403, body: { code: "forbidden" } });
    }
  });

  it.each(KEYED)("$method $path: works with its own scope, and with admin where that implies it", async (route) => {
    const own = route.scope as Scope;
    for (const scope of IMPLIED.includes(own) ? [own, "admin" as const] : [own]) {
      const where = CHANGES.has(route.id) ? await newPlace(ROOT) : { ...place };
      // A job that is over is what a retry, a late report and a deletion of its queue find.
      if (route.path.startsWith("/v1/leases/") || route.id === "retryJob" || route.id === "deleteQueue")
        await succeed(where.lease);
      if (route.id === "revokeKey") where.key = (await makeKey(["read"])).id;
      const { status, body } = await send(route, where, only.get(scope) ?? "");
      expect([scope, status, status === 409 ? "refused" : body?.code]).toEqual([
        scope,
        DONE[route.id] ?? 200,
        DONE[route.id] === 409 ? "refused" : undefined,
      ]);
    }
  });

  it.each(KEYED)("$method $path: only the root key may name a namespace", async (route) => {
    const key = only.get("admin") ?? "";
    for (const name of ["default", "anything"]) {
      expect(await send(route, place, key, { "dure-namespace": name })).toMatchObject({
        status: 403,
        body: { code: "forbidden" },
      });
    }
    for (const name of ["never-made", "Not A Name", "../x"]) {
      expect(await send(route, place, ROOT, { "dure-namespace": name })).toMatchObject({
        status: 404,
        body: { code: "namespace-not-found" },
      });
    }
  });

  it("another namespace's things are 404, never 403", async () => {
    const { key } = await makeKey(["admin"], await makeNamespace("bola"));
    for (const route of KEYED.filter(({ path }) => path.includes("{") || path.startsWith("/v1/leases/"))) {
      if (["putQueue", "putSchedule", "putSubscription", "putService"].includes(route.id)) continue;
      const stranger = { ...place, key: (await makeKey(["read"])).id };
      const answer = await send(route, stranger, key);
      expect([route.id, answer.status]).toEqual([route.id, 404]);
      expect(JSON.stringify(answer.body)).not.toContain('"default"');
    }
    expect(await must("GET", `/v1/jobs/${place.job}`)).toMatchObject({ state: "running" });
  });
});

async function keyThatExpires(ms: number): Promise<string> {
  const expiresAt = new Date(Date.now() + ms).toISOString();
  return (await must<KeyCreatedView>("POST", "/v1/keys", { body: { name: "brief", scopes: ["admin"], expiresAt } }))
    .key;
}

describe("keys", () => {
  it("work until they expire, also when they were just used", async () => {
    const key = await keyThatExpires(30_000);
    expect((await call("GET", "/v1/jobs", { key })).status).toBe(200);
    passTime(30_001);
    expect((await call("GET", "/v1/jobs", { key })).status).toBe(401);
  });

  it("cannot be made with an end that has passed", async () => {
    const expiresAt = new Date(Date.now() - 1).toISOString();
    const answer = await call("POST", "/v1/keys", { body: { name: "late", scopes: ["read"], expiresAt } });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid-request" } });
  });

  it("that are revoked stop everywhere within five seconds", async () => {
    const { id, key } = await makeKey(["read"]);
    // An isolate of its own, which has just seen the key work.
    const elsewhere = { ...env };
    const ask = async () =>
      (await answerOf(await gateway.fetch(request("GET", "/v1/queues", { key }), elsewhere, createExecutionContext())))
        .status;
    expect(await ask()).toBe(200);
    await must("DELETE", `/v1/keys/${id}`);
    expect((await call("GET", "/v1/queues", { key })).status).toBe(401);
    passTime(REVOCATION_MS);
    expect(await ask()).toBe(401);
    expect(await call("DELETE", `/v1/keys/${id}`)).toMatchObject({ status: 404, body: { code: "key-not-found" } });
  });

  it("are shown once and stored nowhere", async () => {
    const made = await makeKey(["read", "work"]);
    expect(made.key).toMatch(new RegExp(`^dure_${made.id}_[0-9A-Za-z]{43}-[0-9a-f]{24}$`));
    const { results } = await env.DB.prepare("SELECT * FROM api_keys").all();
    expect(JSON.stringify(results)).not.toContain(made.key.split("_")[2]);
    const { items } = await must<KeyListView>("GET", "/v1/keys?limit=200");
    expect(JSON.stringify(items)).not.toContain(made.key.split("_")[2]);
    expect(items.find(({ id }) => id === made.id)).toEqual({
      id: made.id,
      name: "test",
      namespace: "default",
      scopes: ["read", "work"],
      createdAt: made.createdAt,
      expiresAt: null,
      parent: null,
      lastUsedAt: null,
    });
  });

  it("belong to the namespace of whoever makes them; only root may name another", async () => {
    const namespace = await makeNamespace("owner");
    const { key } = await makeKey(["admin"], namespace);
    const own = await must<KeyCreatedView>("POST", "/v1/keys", { body: { name: "own", scopes: ["read"] }, key });
    expect(own.namespace).toBe(namespace);
    for (const named of ["default", namespace]) {
      const body = { name: "x", scopes: ["read"], namespace: named };
      expect(await call("POST", "/v1/keys", { body, key })).toMatchObject({ status: 403, body: { code: "forbidden" } });
    }
    const body = { name: "x", scopes: ["read"], namespace: "never-made" };
    expect(await call("POST", "/v1/keys", { body })).toMatchObject({
      status: 404,
      body: { code: "namespace-not-found" },
    });
    const { items } = await must<KeyListView>("GET", "/v1/keys", { key });
    expect(items.map(({ namespace: of }) => of)).toEqual([namespace, namespace]);
  });

  it("a key of one namespace sees no job, queue or count of another", async () => {
    const secret = await newQueue();
    await submit({ queue: secret, tags: ["secret-tag"], idempotencyKey: "shared" });
    const namespace = await makeNamespace("blind");
    const { key } = await makeKey(["admin"], namespace);
    for (const path of [
      "/v1/jobs",
      `/v1/jobs?queue=${secret}`,
      "/v1/jobs?tag=secret-tag&createdAfter=2020-01-01T00:00:00Z",
    ]) {
      expect((await must<JobListView>("GET", path, { key })).items).toEqual([]);
    }
    await putQueue(secret, {}, key);
    expect(await claim(secret, {}, key)).toEqual([]);
    expect(await must("GET", `/v1/queues/${secret}/stats`, { key })).toMatchObject({
      counts: { queued: 0 },
      inFlight: 0,
    });
    expect(await must("POST", `/v1/queues/${secret}/purge`, { key })).toEqual({ cancelled: 0 });
    expect(
      (await call("POST", "/v1/jobs", { body: { queue: secret, payload: 2, idempotencyKey: "shared" }, key })).status,
    ).toBe(202);
    expect(await must("GET", `/v1/queues/${secret}/stats`)).toMatchObject({ counts: { queued: 1, cancelled: 0 } });
  });

  it("a cursor of one namespace is refused in another", async () => {
    await submit({});
    await submit({});
    const { nextCursor } = await must<JobListView>("GET", "/v1/jobs?limit=1");
    const { key } = await makeKey(["read"], await makeNamespace("cursor-thief"));
    const answer = await call("GET", `/v1/jobs?limit=1&cursor=${encodeURIComponent(nextCursor ?? "")}`, { key });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid-request" } });
  });
});

describe("the root key", () => {
  it("acts in the namespace that the header names", async () => {
    const namespace = await makeNamespace("tenant-b");
    const headers = { "dure-namespace": namespace };
    const job = await submit({}, { headers });
    expect(job.namespace).toBe(namespace);
    expect((await call("GET", `/v1/jobs/${job.id}`)).status).toBe(404);
    expect((await call("GET", `/v1/jobs/${job.id}`, { headers })).status).toBe(200);
    const { key } = await makeKey(["read"], namespace);
    expect((await call("GET", `/v1/jobs/${job.id}`, { key })).status).toBe(200);
  });

  it("alone makes namespaces: 201, then 200 with the same", async () => {
    const { key } = await makeKey(["admin"]);
    expect(await call("PUT", "/v1/namespaces/mine", { body: {}, key })).toMatchObject({ status: 403 });
    const first = await call("PUT", "/v1/namespaces/mine", { body: {} });
    expect(first).toMatchObject({ status: 201, body: { name: "mine" } });
    expect(await call("PUT", "/v1/namespaces/mine", { body: {} })).toMatchObject({ status: 200, body: first.body });
  });

  it("may be sent with any case of the scheme and spaces, nothing else", async () => {
    const status = async (authorization: string) =>
      (await call("GET", "/v1/jobs", { key: null, headers: { authorization } })).status;
    expect(await status(`bearer ${ROOT}`)).toBe(200);
    for (const wrong of [ROOT, `Basic ${ROOT}`, `Bearer ${ROOT} x`, "Bearer", `Bearer${ROOT}`])
      expect(await status(wrong)).toBe(401);
  });
});

/** A token that was never made, of the shape that tokens had before they were sealed. */
const bareToken = (i: number) => `dure_${"g".repeat(20)}_${String(i).padStart(43, "0")}`;

describe("without a key", () => {
  it.each(CALL_LIST.filter(({ scope }) => scope === "public"))(
    "$path answers, and tells nothing of any namespace",
    async ({ path, parameters = {} }) => {
      const queue = await newQueue();
      await submit({ queue, tags: ["hush"], orderingKey: "hush" });
      const named = path.replace(/\{(\w+)\}/g, (_, name: string) => parameters[name]?.example ?? "");
      const answer = await call("GET", named, { key: null });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("x-request-id")).toBeTruthy();
      const text = JSON.stringify(answer.body);
      for (const secret of [`"${queue}"`, "hush", ROOT]) expect(text).not.toContain(secret);
    },
  );

  it("an address that guesses keys is cut short with 429", async () => {
    let headers = {};
    let statuses: number[] = [];
    // The window of a minute may turn once while this runs, and then counts anew.
    for (const address of ["203.0.113.9", "203.0.113.10"]) {
      headers = { "cf-connecting-ip": address };
      statuses = [];
      for (let i = 0; i < 120; i++) {
        statuses.push((await call("GET", "/v1/jobs", { key: bareToken(i), headers })).status);
      }
      if (statuses.lastIndexOf(401) < statuses.indexOf(429)) break;
    }
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
    expect(statuses.lastIndexOf(401)).toBeLessThan(statuses.indexOf(429));
    const answer = await call("GET", "/v1/jobs", { key: "dure_guess_again", headers });
    expect(answer).toMatchObject({ status: 429, body: { code: "rate-limited" } });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    // A good key from there still works.
    expect((await call("GET", "/v1/jobs", { headers })).status).toBe(200);
  });
});

describe("the budget of a key", () => {
  it("is told on every answer, and its end is 429 with Retry-After", async () => {
    stopClock();
    const { key } = await makeKey(["read"]);
    const small = { ...env, RATE_LIMIT: "5" };
    const ask = async () =>
      answerOf<{ code?: string }>(
        await gateway.fetch(request("GET", "/v1/queues/default", { key }), small, createExecutionContext()),
      );
    const answers = [];
    for (let i = 0; i < 8; i++) answers.push(await ask());
    for (const { headers } of answers) {
      expect(headers.get("ratelimit-policy")).toBe('"default";q=5;w=10, "namespace";q=100000;w=10');
      expect(headers.get("ratelimit")).toMatch(/^"default";r=[0-5];t=([1-9]|10), "namespace";r=\d+;t=\d+$/);
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
    expect(answers[7]?.body.code).toBe("rate-limited");
    expect(answers[7]?.headers.get("retry-after")).toMatch(/^([1-9]|10)$/);
  });
});
