import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import type { NamespaceListView, NamespaceView } from "../../contract/namespace.ts";
import { primary } from "../../workers/db/client.ts";
import { beginDeletion } from "../../workers/db/namespace-deletion.ts";
import { driveDeletion } from "../../workers/gateway/namespaces/namespace-deletion.ts";
import { servicesOf } from "../../workers/gateway/services.ts";
import {
  call,
  claimOne,
  evict,
  freshName,
  makeKey,
  makeNamespace,
  must,
  putQueue,
  shards,
  sleep,
  submit,
  succeed,
} from "./api.ts";
import { resetClock } from "./clock.ts";
import { replaced } from "./faults.ts";

afterEach(resetClock);

const read = (name: string) => must<NamespaceView>("GET", `/v1/namespaces/${name}`);

describe("limits of a namespace", () => {
  it("have defaults, are set by PUT, patched, and listed; only the root key may", async () => {
    const name = freshName("ns");
    const made = await call<NamespaceView>("PUT", `/v1/namespaces/${name}`, { body: { limits: { queues: 3 } } });
    expect(made).toMatchObject({
      status: 201,
      body: { limits: { queues: 3, keys: 1000 }, version: 1, deletion: null },
    });
    expect(made.headers.get("etag")).toBe('"1"');
    const body = { limits: { unfinishedJobs: null, queues: null } };
    const patch = await call<NamespaceView>("PATCH", `/v1/namespaces/${name}`, {
      body,
      headers: { "if-match": '"1"' },
    });
    expect(patch).toMatchObject({
      status: 200,
      body: { limits: { unfinishedJobs: null, queues: 10_000 }, version: 2 },
    });
    const late = await call("PATCH", `/v1/namespaces/${name}`, { body, headers: { "if-match": '"1"' } });
    expect(late).toMatchObject({ status: 412, body: { code: "version-mismatch" } });
    expect(await call("PUT", `/v1/namespaces/${name}`, { body: {} })).toMatchObject({ status: 200, body: patch.body });
    const { items } = await must<NamespaceListView>("GET", "/v1/namespaces?limit=200");
    expect(items).toContainEqual(patch.body);
    const { key } = await makeKey(["admin"], name);
    expect(await call("GET", `/v1/namespaces/${name}`, { key })).toMatchObject({ status: 403 });
    expect(await call("GET", "/v1/namespaces/nowhere")).toMatchObject({ status: 404 });
    expect(await call("DELETE", "/v1/namespaces/default")).toMatchObject({ body: { code: "namespace-protected" } });
  });

  it("of unfinished jobs and of depth reach every shard with the answer", async () => {
    const name = await makeNamespace(freshName("ns"));
    const { key } = await makeKey(["admin"], name);
    await putQueue("q", { partitions: 1 }, key);
    await must("PATCH", `/v1/namespaces/${name}`, { body: { limits: { unfinishedJobs: 1, spawnDepth: 0 } } });
    await submit({ queue: "q" }, { key });
    const full = await call("POST", "/v1/jobs", { key, body: { queue: "q", payload: 1 } });
    expect(full).toMatchObject({ status: 429, body: { code: "namespace-full" } });
    expect(full.headers.get("retry-after")).toBe("60");
    const batch = { jobs: [{ queue: "q", payload: 1 }] };
    expect(await call("POST", "/v1/batches", { key, body: batch })).toMatchObject({
      status: 429,
      body: { code: "namespace-full" },
    });
    const { lease, depth } = await claimOne("q", {}, key);
    expect(depth).toBe(0);
    const spawn = await call("POST", `/v1/leases/${lease}/succeed`, {
      key,
      body: { result: 1, spawn: [{ queue: "q", payload: 1 }] },
    });
    expect(spawn).toMatchObject({ status: 422, body: { code: "spawned-too-deep" } });
    expect((await call("POST", `/v1/leases/${lease}/succeed`, { key, body: { result: 1 } })).status).toBe(200);
  });

  it.each([
    ["queues", "PUT", "/v1/queues/", () => ({}), "limit-reached"],
    ["schedules", "PUT", "/v1/schedules/", () => ({ cron: "0 0 1 1 *", job: { payload: 1 } }), "limit-reached"],
    [
      "subscriptions",
      "PUT",
      "/v1/subscriptions/",
      () => ({ events: ["job.failed"], target: { type: "queue", binding: "OUT" } }),
      "too-many-subscriptions",
    ],
    [
      "services",
      "PUT",
      "/v1/services/",
      () => ({ instances: [{ url: "https://mail-1.example.com" }] }),
      "limit-reached",
    ],
    ["keys", "POST", "/v1/keys", () => ({ name: "k", scopes: ["read"] }), "limit-reached"],
  ] as const)("of %s hold for creates that come at once", async (what, method, path, bodyOf, code) => {
    const name = await makeNamespace(freshName("ns"));
    const { key } = await makeKey(["admin"], name);
    await must("PATCH", `/v1/namespaces/${name}`, { body: { limits: { [what]: 3 } } });
    const one = (n: number) => call(method, method === "PUT" ? `${path}x${n}` : path, { key, body: bodyOf() });
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => one(n)));
    // The key that makes them is one of the keys.
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(what === "keys" ? 2 : 3);
    for (const { status, body } of answers.filter(({ status }) => status !== 201)) {
      expect(status).toBe(422);
      expect(body).toMatchObject({ code, detail: expect.stringMatching(/has 3 .* may have 3/) });
    }
    if (method === "POST") return;
    const n = answers.findIndex(({ status }) => status === 201);
    expect((await one(n)).status).toBe(200);
    expect((await call("DELETE", `${path}x${n}`, { key })).status).toBe(204);
    expect((await one(99)).status).toBe(201);
  });
});

describe("a namespace that is deleted", () => {
  it("is quiet though its shards look once more, and is gone when they have found nothing", async () => {
    const name = await makeNamespace(freshName("quiet"));
    const now = Date.now();
    // Begun without the call, behind whose answer the real shards would be asked too.
    await beginDeletion(primary(env.DB), name, now);
    const services = servicesOf(env);
    let looked: unknown = null;
    // Each time that they are told of a new version they look again, and are not done at first.
    const all = async (_: unknown, ask: (shard: unknown, head: unknown) => unknown) => {
      let looks = false;
      const shard = {
        namespaceDeletion: () => {
          looks = true;
        },
        configureNamespaces: () => undefined,
      };
      ask(shard, {});
      if (!looks) return [];
      const version = await env.DB.prepare("SELECT version FROM namespaces WHERE name = ?").bind(name).first("version");
      const done = version === looked;
      looked = version;
      return [{ jobs: 0, done }];
    };
    const slow = { ...services, shards: replaced(services.shards, { all, pause: async () => undefined }) };
    await driveDeletion(slow, name, now);
    for (let later = 1; later < 4; later++) await driveDeletion(slow, name, now + later * 130_000);
    expect((await call("GET", `/v1/namespaces/${name}`)).status).toBe(404);
  });

  const TABLES = [
    "jobs",
    "history_pages",
    "queues",
    "schedules",
    "subscriptions",
    "services",
    "operations",
    "api_keys",
  ];

  async function rowsOf(name: string): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const table of TABLES) {
      const query = env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE namespace = ?`).bind(name);
      counts[table] = (await query.first<{ n: number }>())?.n ?? -1;
    }
    for (const { id, stub } of shards()) {
      counts[id] = await runInDurableObject(stub, (_, { storage }) =>
        Number(
          storage.sql
            .exec(
              `SELECT (SELECT count(*) FROM jobs WHERE queue IN (SELECT ref FROM queues WHERE namespace = ?1))
                 + (SELECT count(*) FROM queues WHERE namespace = ?1) + (SELECT count(*) FROM schedules WHERE namespace = ?1)
                 + (SELECT count(*) FROM subscriptions WHERE namespace = ?1) AS n`,
              name,
            )
            .one().n,
        ),
      );
    }
    return counts;
  }

  async function furnished(): Promise<{ name: string; key: string }> {
    const name = await makeNamespace(freshName("doomed"));
    const { key } = await makeKey(["admin"], name);
    await putQueue("q", {}, key);
    await must("PUT", "/v1/schedules/s", { key, body: { cron: "0 0 1 1 *", job: { queue: "q", payload: 1 } } });
    const subscription = { events: ["job.failed"], target: { type: "queue", binding: "OUT" } };
    await must("PUT", "/v1/subscriptions/s", { key, body: subscription });
    await must("PUT", "/v1/services/s", { key, body: { instances: [{ url: "https://mail-1.example.com" }] } });
    await must("POST", "/v1/operations", { key, body: { action: "retry", dryRun: true } });
    const jobs = Array.from({ length: 60 }, (_, n) => ({
      queue: "q",
      payload: n,
      ...(n % 3 === 0 ? { delay: 60 } : {}),
    }));
    await must("POST", "/v1/batches", { key, body: { jobs } });
    const { lease } = await claimOne("q", {}, key);
    await succeed(lease);
    // As if history had had it for long.
    await env.DB.prepare(
      `INSERT INTO jobs (id, namespace, queue, state, version, finished_at, record, payload, attempts)
       SELECT 'job_' || value || ?1, ?1, 'q', 'succeeded', 1, 1, '{}', '1', '[]' FROM json_each(?2)`,
    )
      .bind(name, JSON.stringify(Array.from({ length: 1200 }, (_, n) => n)))
      .run();
    return { name, key };
  }

  it("stops at once, goes with all it has over evictions, and its neighbour stays", async () => {
    const neighbour = await furnished();
    const before = await rowsOf(neighbour.name);
    const { name, key } = await furnished();
    const deleted = await call<NamespaceView>("DELETE", `/v1/namespaces/${name}`);
    expect(deleted).toMatchObject({ status: 202, body: { name, state: "deleting", deletion: { done: false } } });
    expect((await call("GET", "/v1/queues", { key })).status).toBe(401);
    const inside = { headers: { "dure-namespace": name } };
    expect(await call("GET", "/v1/queues", inside)).toMatchObject({ body: { code: "namespace-not-found" } });
    expect(await call("PUT", `/v1/namespaces/${name}`, { body: {} })).toMatchObject({
      status: 409,
      body: { code: "namespace-deleting" },
    });
    const services = servicesOf(env);
    const now = Date.now();
    for (let guard = 0; (await read(name)).deletion?.done !== true; guard++) {
      expect(guard).toBeLessThan(60);
      await evict();
      await driveDeletion(services, name, now);
      await sleep(50);
    }
    expect((await read(name)).deletion).toMatchObject({ jobsDeleted: 60, historyDeleted: 1200 });
    expect(Object.values(await rowsOf(name)).every((n) => n === 0)).toBe(true);
    for (let tries = 0; tries < 20 && (await call("GET", `/v1/namespaces/${name}`)).status === 200; tries++) {
      await driveDeletion(services, name, now + 200_000);
      await sleep(50);
    }
    expect(await call("GET", `/v1/namespaces/${name}`)).toMatchObject({ status: 404 });
    expect(await rowsOf(neighbour.name)).toEqual(before);
    expect((await call("GET", "/v1/queues", { key: neighbour.key })).status).toBe(200);
    await makeNamespace(name);
    const again = await makeKey(["admin"], name);
    expect(await must("GET", "/v1/queues", { key: again.key })).toMatchObject({ items: [{ name: "default" }] });
    await putQueue("q", {}, again.key);
    await submit({ queue: "q" }, { key: again.key });
    expect(await claimOne("q", {}, again.key)).toMatchObject({ namespace: name, attempt: 1 });
  }, 120_000);
});
