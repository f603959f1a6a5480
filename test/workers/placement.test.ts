import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import type { ClusterView } from "../../contract/admin.ts";
import { Directory } from "../limits/gateway.ts";
import { type Answer, evict, freshName, getJob, must, newQueue, shards, submit } from "./api.ts";
import { passTime, resetClock, runCron } from "./clock.ts";
import { callThrough, replaced } from "./faults.ts";
import { PROCESSOR_ENV, work } from "./processor.ts";

/** Where objects are made, by whom, and how many. */

afterEach(() => {
  resetClock();
  vi.restoreAllMocks();
});

async function objects(): Promise<Record<string, number>> {
  const { DIRECTORY, SERVICE, SHARD, TRANSACTION } = env;
  const counted = Object.entries({ DIRECTORY, SERVICE, SHARD, TRANSACTION }).map(
    async ([name, namespace]) =>
      [name, (await listDurableObjectIds(namespace as unknown as DurableObjectNamespace<undefined>)).length] as const,
  );
  return Object.fromEntries(await Promise.all(counted));
}

/** Rounds enough that all that is done now and then is done. */
async function rounds(count: number): Promise<void> {
  for (let round = 0; round < count; round++) {
    await runCron();
    passTime(60_000);
  }
}

it("the cron of a deployment that nobody has used makes no object", async () => {
  await rounds(31);
  expect(await objects()).toEqual({ DIRECTORY: 0, SERVICE: 0, SHARD: 0, TRANSACTION: 0 });
});

it("the cron visits the shards that are there, and makes no other", { timeout: 60_000 }, async () => {
  const { id } = await submit({ queue: "default", delay: 3_600 });
  expect(await objects()).toEqual({ DIRECTORY: 1, SERVICE: 0, SHARD: 1, TRANSACTION: 0 });
  await rounds(31);
  expect(await objects()).toEqual({ DIRECTORY: 1, SERVICE: 0, SHARD: 1, TRANSACTION: 0 });
  // It was woken: without its alarm it would not have gone on.
  expect((await getJob(id)).state).toBe("scheduled");
  const directory = env.DIRECTORY.getByName("directory");
  expect(await directory.usedShards({ v: 1 })).toHaveLength(1);
  await evict();
  expect(await env.DIRECTORY.getByName("directory").usedShards({ v: 1 })).toHaveLength(1);
});

it("what is told to every shard makes them all, and the cron visits them then", async () => {
  await newQueue();
  const used = await env.DIRECTORY.getByName("directory").usedShards({ v: 1 });
  expect(used.sort()).toEqual(shards().map(({ id }) => id));
  const woken = vi.fn();
  const SHARD = replaced(env.SHARD, {
    getByName: (id: string) =>
      replaced(env.SHARD.getByName(id), {
        wake: (request: { v: number; epoch: number }) => {
          woken(id);
          return env.SHARD.getByName(id).wake(request);
        },
      }),
  });
  await runCron({ ...env, SHARD });
  expect(woken.mock.calls.flat().sort()).toEqual(used);
});

it("LOCATION and JURISDICTION reach the stub of every object that either Worker calls", async () => {
  const queue = await newQueue({ target: { type: "handler", name: "noop" } });
  const seen: { binding: string; jurisdiction: string | null; hint: unknown }[] = [];
  const watched = <T extends object>(binding: string, namespace: T, jurisdiction: string | null = null): T =>
    replaced(namespace, {
      // workerd knows no jurisdictions: the same namespace stands for that of the jurisdiction.
      jurisdiction: (name: string) => watched(binding, namespace, name),
      getByName: (name: string, options?: { locationHint?: string }) => {
        seen.push({ binding, jurisdiction, hint: options?.locationHint });
        return (namespace as unknown as DurableObjectNamespace<undefined>).getByName(name);
      },
    } as Partial<Record<keyof T, unknown>>);
  const placed = {
    LOCATION: "weur",
    JURISDICTION: "eu",
    SHARD: watched("SHARD", env.SHARD),
    DIRECTORY: watched("DIRECTORY", env.DIRECTORY),
  };
  const bindings = {
    ...env,
    ...placed,
    TRANSACTION: watched("TRANSACTION", env.TRANSACTION),
    SERVICE: watched("SERVICE", env.SERVICE),
  };
  await callThrough(bindings, ["PUT", "/v1/services/placed"], {
    body: { instances: [{ url: "https://mail-1.example.com" }] },
  });
  const jobs = Array.from({ length: 20 }, (_, i) => ({ queue, payload: i, orderingKey: `k${i}` }));
  const atomic: Answer<unknown> = await callThrough(bindings, ["POST", "/v1/batches"], {
    body: { atomic: true, jobs },
  });
  expect(atomic.status).toBe(202);
  const { id } = await must<{ id: string }>("POST", "/v1/keys", { body: { name: "k", scopes: ["read"] } });
  await callThrough(bindings, ["DELETE", `/v1/keys/${id}`]);
  await callThrough(bindings, ["GET", "/readyz"]);
  await runCron(bindings);
  await work("default", { ...PROCESSOR_ENV, ...placed, SWEEP_MS: "0" });
  expect(new Set(seen.map(({ binding }) => binding))).toEqual(
    new Set(["SHARD", "DIRECTORY", "TRANSACTION", "SERVICE"]),
  );
  expect(seen.filter(({ jurisdiction, hint }) => jurisdiction !== "eu" || hint !== "weur")).toEqual([]);
});

it("a place that is none is refused before anything is made", async () => {
  const bindings = { ...env, LOCATION: "mars" };
  expect(await callThrough(bindings, ["GET", "/healthz"])).toMatchObject({ status: 503 });
});

it("a variable SHARDS that is not what the map has is told in the cluster's view, and in the log when the Directory starts", async () => {
  const view = (bindings: object) => callThrough<ClusterView>({ ...env, ...bindings } as Env, ["GET", "/v1/cluster"]);
  const { body } = await view({});
  expect(body).toMatchObject({ configuredShards: 4, warning: null });
  const other = (await view({ SHARDS: "64" })).body;
  expect(other).toMatchObject({ configuredShards: 64 });
  expect(other.warning).toContain("SHARDS says 64 and the slot map has 4 shards");
  const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const stub = env.DIRECTORY.getByName(freshName("directory"));
  await stub.map();
  await runInDurableObject(stub, async (_, state) => {
    const again = new Directory(state, { ...env, SHARDS: "64" });
    expect((await again.map()).shards).toHaveLength(4);
  });
  expect(warned.mock.calls.flat().join("\n")).toContain("SHARDS says 64");
});

it("a shard of another name than the map has is not noted as used", async () => {
  const stub = env.DIRECTORY.getByName("directory");
  const before = await stub.usedShards({ v: 1 });
  await stub.map({ shard: "shard-99" });
  expect(await stub.usedShards({ v: 1 })).toEqual(before);
});
