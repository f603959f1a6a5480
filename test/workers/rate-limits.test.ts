import { createExecutionContext, evictAllDurableObjects, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import gateway from "../limits/gateway.ts";
import { type Answer, answerOf, freshName, makeKey, makeNamespace, must, type Problem, ROOT, request } from "./api.ts";
import { resetClock, stopClock } from "./clock.ts";
import { replaced } from "./faults.ts";

afterEach(resetClock);

/** Gateway isolates of their own, of one deployment whose keys may spend so much. */
function deployment(units: number, bindings: Partial<Env> = {}) {
  return () => {
    const own = { ...env, RATE_LIMIT: String(units), ...bindings };
    return async (key: string, path = "/v1/queues/default", headers = {}): Promise<Answer<Problem>> =>
      answerOf(await gateway.fetch(request("GET", path, { key, headers }), own, createExecutionContext()));
  };
}

type Asking = ReturnType<ReturnType<typeof deployment>>;

/** How many of `n` calls are let through. Those that are not are refused as they should be. */
async function admitted(ask: Asking, n: number, key: string): Promise<number> {
  let count = 0;
  for (let i = 0; i < n; i++) {
    const { status, headers, body } = await ask(key);
    if (status === 200) count++;
    else {
      expect(body.code).toBe("rate-limited");
      expect(headers.get("retry-after")).toMatch(/^([1-9]|10)$/);
      expect(headers.get("ratelimit")).toContain(`;t=${headers.get("retry-after")}`);
    }
  }
  return count;
}

const rows = (limiter: string) =>
  runInDurableObject(env.RATE_LIMITER.getByName(limiter), (_, { storage }) =>
    storage.sql.exec("SELECT saved FROM buckets").toArray(),
  );

async function keyIn(namespace: string): Promise<string> {
  return (await makeKey(["read"], namespace)).key;
}

describe("the budget of a key", () => {
  it("holds over isolates, is told on each answer, and is its own", async () => {
    stopClock();
    const isolate = deployment(6);
    const namespace = await makeNamespace(freshName("ns"));
    const [mine, other] = [await keyIn(namespace), await keyIn(namespace)];
    const [a, b] = [isolate(), isolate()];
    const first = await a(mine);
    expect(first.headers.get("ratelimit-policy")).toBe('"default";q=6;w=10, "namespace";q=100000;w=10');
    expect(first.headers.get("ratelimit")).toBe('"default";r=5;t=2, "namespace";r=99999;t=1');
    // What one isolate has in its chunk the other cannot spend.
    const both = 1 + (await admitted(b, 4, mine)) + (await admitted(a, 8, mine));
    expect(both).toBeGreaterThanOrEqual(4);
    expect(both).toBeLessThanOrEqual(6);
    expect(await admitted(b, 8, other)).toBe(6);
  });

  it("takes more for a list, also for one that is refused, and all it has at most", async () => {
    stopClock();
    const key = await keyIn(await makeNamespace(freshName("ns")));
    const ask = deployment(25)();
    const left = async (path: string) => {
      const told = (await ask(key, path)).headers.get("ratelimit");
      return Number(/"default";r=(\d+)/.exec(told ?? "")?.[1]);
    };
    expect(await left("/v1/queues/default")).toBe(24);
    expect(await left("/v1/queues")).toBe(22);
    expect(await left("/v1/jobs")).toBe(12);
    expect(await left("/v1/jobs?limit=no")).toBe(2);
    expect((await ask(key, "/v1/jobs")).status).toBe(429);
    expect(await left("/v1/nothing")).toBe(1);
    const poor = deployment(3)();
    const second = await keyIn(await makeNamespace(freshName("ns")));
    expect((await poor(second, "/v1/jobs")).status).toBe(200);
    expect((await poor(second)).status).toBe(429);
  });

  it("outlives the object that keeps it", async () => {
    stopClock();
    const namespace = await makeNamespace(freshName("ns"));
    const key = await keyIn(namespace);
    const isolate = deployment(50);
    expect(await admitted(isolate(), 60, key)).toBe(50);
    expect(await rows(namespace)).toHaveLength(1);
    await evictAllDurableObjects();
    expect(await admitted(isolate(), 5, key)).toBe(0);
  });

  it("is not asked about by a key that asks little", async () => {
    const namespace = await makeNamespace(freshName("ns"));
    const key = await keyIn(namespace);
    let asked = 0;
    const counted = replaced(env.RATE_LIMITER, {
      getByName: (name: string) => {
        asked++;
        return env.RATE_LIMITER.getByName(name);
      },
    });
    const ask = deployment(10_000, { RATE_LIMITER: counted })();
    expect(await admitted(ask, 10, key)).toBe(10);
    expect(asked).toBe(0);
    expect(await admitted(ask, 90, key)).toBe(90);
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThan(10);
  });
});

describe("the budget of a namespace", () => {
  it("is set by the root key, shared by its keys, and not spent by the root key", async () => {
    stopClock();
    const namespace = await makeNamespace(freshName("ns"));
    await must("PATCH", `/v1/namespaces/${namespace}`, { body: { limits: { rateLimit: 8 } } });
    const [one, two] = [await keyIn(namespace), await keyIn(namespace)];
    const isolate = deployment(6);
    const ask = isolate();
    const spent = (await admitted(ask, 6, one)) + (await admitted(isolate(), 6, two));
    expect(spent).toBeGreaterThanOrEqual(6);
    expect(spent).toBeLessThanOrEqual(8);
    const refused = await ask(await keyIn(namespace));
    expect(refused.status).toBe(429);
    expect(refused.body.detail).toContain("All keys of the namespace together may spend 8 units");
    expect(refused.headers.get("ratelimit-policy")).toBe('"default";q=6;w=10, "namespace";q=8;w=10');
    const asRoot = await ask(ROOT, "/v1/queues/default", { "dure-namespace": namespace });
    expect(asRoot.status).toBe(200);
    expect(asRoot.headers.get("ratelimit-policy")).toBe('"default";q=6;w=10');
    expect(await admitted(ask, 1, await keyIn(await makeNamespace(freshName("ns"))))).toBe(1);
  });

  it.each([0, -1, 1.5, 10_000_001, "8"])("is no %j", async (rateLimit) => {
    const namespace = await makeNamespace(freshName("ns"));
    const patch = must("PATCH", `/v1/namespaces/${namespace}`, { body: { limits: { rateLimit } } });
    await expect(patch).rejects.toThrow(/limits\/rateLimit/);
  });

  it("may be left away", async () => {
    const namespace = await makeNamespace(freshName("ns"));
    await must("PATCH", `/v1/namespaces/${namespace}`, { body: { limits: { rateLimit: null } } });
    const { headers } = await deployment(6)()(await keyIn(namespace));
    expect(headers.get("ratelimit-policy")).toBe('"default";q=6;w=10');
  });

  it("is forgotten with what was spent of it", async () => {
    const namespace = await makeNamespace(freshName("ns"));
    await admitted(deployment(20)(), 20, await keyIn(namespace));
    expect(await rows(namespace)).toHaveLength(1);
    await env.RATE_LIMITER.getByName(namespace).forget({ v: 1 });
    expect(await rows(namespace)).toEqual([]);
  });
});

describe("an object that is away", () => {
  const fails = async () => {
    throw new Error("away");
  };
  const hangs = () => new Promise(() => undefined);

  it.each([
    ["fails", fails],
    ["hangs", hangs],
  ])("and %s stops nobody: a tenth of the budget is let through in each isolate", async (_, lease) => {
    const key = await keyIn(await makeNamespace(freshName("ns")));
    const away = replaced(env.RATE_LIMITER, { getByName: () => ({ lease }) });
    const ask = deployment(100, { RATE_LIMITER: away })();
    const began = Date.now();
    // Some come back while this runs.
    const count = await admitted(ask, 20, key);
    expect(Date.now() - began).toBeLessThan(5_000);
    expect(count).toBeGreaterThanOrEqual(10);
    expect(count).toBeLessThan(20);
  });
});

it("no limit at all is one too", async () => {
  const key = await keyIn(await makeNamespace(freshName("ns")));
  const { status, headers } = await deployment(0)()(key);
  expect(status).toBe(200);
  expect(headers.has("ratelimit")).toBe(false);
});
