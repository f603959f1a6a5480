import { describe, expect, test } from "vitest";
import { implicitDefault } from "../../../../../contract/queue-settings.ts";
import { SettingsCache } from "../../../../../workers/gateway/routing/settings-cache.ts";

/** A cache over a KV store with `stored` in it and a database that is down. */
function cacheOver(stored: unknown, kvDown = false) {
  let reads = 0;
  const kv = {
    get: async () => {
      reads++;
      if (kvDown) throw new Error("KV is down");
      return stored;
    },
    put: async () => undefined,
  };
  const database = {
    withSession: () => {
      throw new Error("D1 is down");
    },
  };
  const cache = new SettingsCache(database as unknown as D1Database, kv as unknown as KVNamespace);
  return { cache, reads: () => reads };
}

const emails = { ...implicitDefault("default"), name: "emails", version: 4 };

describe("queue settings while D1 is down", () => {
  test("come from KV", async () => {
    expect(await cacheOver(emails).cache.get("default", "emails", 0)).toEqual(emails);
  });

  test("come from memory, however old, when KV has none", async () => {
    const { cache } = cacheOver(null);
    cache.learn(emails, 0);
    expect(await cache.get("default", "emails", 3_600_000)).toEqual(emails);
  });

  test("are the defaults for `default`: a shard that knows better says so", async () => {
    expect(await cacheOver(null, true).cache.get("default", "default", 0)).toEqual(implicitDefault("default"));
  });

  test("cannot be had for a queue nobody here has heard of", async () => {
    const { cache } = cacheOver(null, true);
    expect(await cache.get("default", "emails", 0)).toMatchObject({ code: "unavailable" });
  });
});

describe("copies of settings", () => {
  test("the highest version wins, wherever it is", async () => {
    const { cache } = cacheOver({ ...emails, version: 3 });
    cache.learn(emails, 0);
    cache.learn({ ...emails, version: 2 }, 0);
    expect(await cache.get("default", "emails", 1000)).toMatchObject({ version: 4 });
    expect(await cache.get("default", "emails", 60_000)).toMatchObject({ version: 4 });
  });

  test("are used for five seconds without asking", async () => {
    const { cache, reads } = cacheOver(emails);
    await cache.get("default", "emails", 0);
    await cache.get("default", "emails", 4999);
    expect(reads()).toBe(1);
    await cache.get("default", "emails", 5000);
    expect(reads()).toBe(2);
  });

  test("a deleted queue is a 404, and is not remembered as anything else", async () => {
    const { cache } = cacheOver(null);
    cache.learn({ ...emails, deleted: true }, 0);
    expect(await cache.get("default", "emails", 1)).toMatchObject({ code: "queue-not-found" });
  });
});
