import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type ServiceWorkRequest, serviceObject } from "../../contract/rpc/service.ts";
import { emptyReport } from "../../domain/service/report.ts";
import { evict, freshName, must } from "./api.ts";
import { passTime, resetClock } from "./clock.ts";

/** The object of a service on the real runtime: what it remembers over evictions, and its checks. */

afterEach(() => {
  resetClock();
  vi.restoreAllMocks();
});

const URLS = ["https://mail-1.example.com", "https://mail-2.example.com"];

async function made(over: object = {}): Promise<string> {
  const name = freshName("svc");
  const instances = URLS.map((url) => ({ url }));
  await must("PUT", `/v1/services/${name}`, {
    body: { instances, outlier: { maxEjectedPercent: 50 }, bulkhead: { maxInFlight: 10 }, ...over },
  });
  return name;
}

const object = (name: string) => env.SERVICE.getByName(serviceObject("default", name));

async function work(name: string, holder: string, over: Partial<ServiceWorkRequest> = {}) {
  const reply = await object(name).work({
    v: 1,
    holder,
    need: 0,
    used: 0,
    permits: 0,
    startsLeft: 0,
    reports: [],
    ...over,
  });
  if (reply.type !== "permits") throw new Error(`there is no service ${name}`);
  return reply;
}

const failures = (url: string, failed: number) => ({ ...emptyReport(url), failed, failedSinceSuccess: failed });

const stateOf = async (name: string) => (await must<{ state: object }>("GET", `/v1/services/${name}`)).state;

/** Rows that calls to the object have written. */
async function rowsWritten(name: string, run: () => Promise<unknown>): Promise<number> {
  let rows = 0;
  await runInDurableObject(object(name), (_, { storage }) => {
    const exec = storage.sql.exec.bind(storage.sql);
    vi.spyOn(storage.sql, "exec").mockImplementation((...call: Parameters<typeof exec>) => {
      const cursor = exec(...call);
      const found = cursor.toArray();
      rows += cursor.rowsWritten;
      return { toArray: () => found, rowsWritten: cursor.rowsWritten } as never;
    });
  });
  await run();
  return rows;
}

describe("permits", () => {
  it("are remembered over evictions, and come back with the end of a lease", async () => {
    const name = await made();
    expect((await work(name, "a", { need: 7 })).permits).toBe(7);
    await evict();
    expect(await work(name, "b", { need: 10 })).toMatchObject({
      permits: 3,
      refusal: { reason: "bulkhead", inUse: 10, limit: 10 },
    });
    expect(await stateOf(name)).toMatchObject({ inFlight: 10 });
    passTime(30_000);
    await evict();
    expect((await work(name, "c", { need: 10 })).permits).toBe(10);
  });

  it("asked for by forty at once are never more than there are", async () => {
    const name = await made();
    const replies = await Promise.all(Array.from({ length: 40 }, (_, i) => work(name, `h${i}`, { need: 3 })));
    expect(replies.reduce((sum, { permits }) => sum + permits, 0)).toBe(10);
  });
});

describe("what is known of the service", () => {
  it("is remembered over evictions: who is ejected, that the breaker is open, and why", async () => {
    const name = await made({ breaker: { minRequests: 10 } });
    const before = await work(name, "a", { reports: [failures("https://mail-1.example.com", 6)] });
    expect(before.snapshot.instances.map(({ state }) => state)).toEqual(["ejected", "healthy"]);
    await work(name, "a", { reports: [failures("https://mail-2.example.com", 4)] });
    await evict();
    expect(await stateOf(name)).toMatchObject({
      breaker: { state: "open", nextProbeAt: expect.any(String) },
      instances: [
        { state: "ejected", because: "6 requests in a row failed.", events: [{ from: "healthy", to: "ejected" }] },
        { state: "healthy" },
      ],
      events: [{ from: "closed", to: "open" }],
    });
    expect(await work(name, "b", { need: 5 })).toMatchObject({
      permits: 0,
      starts: 0,
      refusal: { reason: "service-open" },
    });
    passTime(30_000);
    await evict();
    expect(await work(name, "b", { need: 9 })).toMatchObject({ permits: 5, starts: 5 });
    await evict();
    expect(await work(name, "c", { need: 9 })).toMatchObject({ permits: 0, starts: 0 });
  });

  it("costs no row where reports are all that comes", async () => {
    const name = await made();
    await work(name, "a", { need: 2 });
    const rows = await rowsWritten(name, async () => {
      for (let i = 0; i < 20; i++) {
        await work(name, "a", {
          need: 2,
          used: 2,
          permits: 2,
          reports: [{ ...emptyReport(URLS[0] ?? ""), succeeded: 5 }],
        });
        await object(name).observe({ v: 1, holder: "p", reports: [{ ...emptyReport(URLS[1] ?? ""), succeeded: 5 }] });
      }
    });
    expect(rows).toBe(0);
  });
});

it("a deleted service is forgotten an hour later, and its object serves another of its name", async () => {
  const name = await made();
  await work(name, "a", { need: 7 });
  await must("DELETE", `/v1/services/${name}`);
  expect(await object(name).state({ v: 1 })).toBeNull();
  passTime(3_600_001);
  expect(await runDurableObjectAlarm(object(name))).toBe(true);
  await runInDurableObject(object(name), (_, { storage }) => {
    expect(
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray(),
    ).toEqual([]);
  });
  await must("PUT", `/v1/services/${name}`, { body: { instances: [{ url: "https://mail-3.example.com" }] } });
  expect((await work(name, "b", { need: 7 })).permits).toBe(7);
});

describe("checks", () => {
  const healthCheck = { path: "/healthz", interval: 5, timeout: 0.2, healthyThreshold: 1, unhealthyThreshold: 1 };

  function answering(answer: (url: string, init?: RequestInit) => Promise<Response>) {
    const asked: string[] = [];
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      asked.push(String(input));
      return answer(String(input), init);
    });
    return asked;
  }

  /** Resolves when the object has looked at all of its instances, as its alarm goes off by itself. */
  const checked = (name: string) =>
    vi.waitFor(
      async () => {
        const state = (await stateOf(name)) as { instances: { lastCheck: object | null }[] };
        expect(state.instances.every(({ lastCheck }) => lastCheck !== null)).toBe(true);
        return state;
      },
      { timeout: 15_000 },
    );

  it("begin when somebody uses the service, and end with its use", async () => {
    const asked = answering(async () => new Response("well"));
    const name = await made({ healthCheck });
    expect(await runDurableObjectAlarm(object(name))).toBe(false);
    expect(asked).toEqual([]);
    await work(name, "a");
    await checked(name);
    expect(asked.sort()).toEqual(URLS.map((url) => `${url}/healthz`));
    // In use still: the next is due, after an eviction too.
    await evict();
    expect(await runDurableObjectAlarm(object(name))).toBe(true);
    expect(asked).toHaveLength(4);
    passTime(61_000);
    await evict();
    expect(await runDurableObjectAlarm(object(name))).toBe(true);
    expect(await runDurableObjectAlarm(object(name))).toBe(false);
    expect(asked).toHaveLength(4);
  });

  it("take an instance out that redirects, answers another status, or does not answer in time", async () => {
    answering(async (url, init) => {
      if (url.startsWith("https://mail-1")) {
        return new Promise((_, reject) => {
          init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
        });
      }
      expect(init?.redirect).toBe("manual");
      return new Response(null, { status: 302, headers: { location: "https://mail-1.example.com/" } });
    });
    const name = await made({ healthCheck });
    await work(name, "a");
    expect(await checked(name)).toMatchObject({
      instances: [
        {
          state: "unhealthy",
          because: "It fails its health checks. It did not answer within 200 ms.",
          lastCheck: { ok: false },
        },
        { state: "unhealthy", because: "It fails its health checks. It answered 302." },
      ],
    });
  });

  it("ask nobody whom the rules of targets do not let be called by now", async () => {
    const asked = answering(async () => new Response("well"));
    const name = await made({ healthCheck });
    await runInDurableObject(object(name), async (_, state) => {
      const { Service } = await import("../limits/gateway.ts");
      const other = new Service(state, { ...env, ALLOW_PRIVATE_TARGETS: "false", TARGET_HOSTS: "mail-2.example.com" });
      await state.blockConcurrencyWhile(async () => undefined);
      await other.work({ v: 1, holder: "a", need: 1, used: 0, permits: 0, startsLeft: 0, reports: [] });
      await other.alarm();
      expect((await other.state({ v: 1 }))?.instances[0]).toMatchObject({
        state: "unhealthy",
        lastCheck: { ok: false, detail: expect.stringContaining("may not be called") },
      });
    });
    expect(asked).toEqual(["https://mail-2.example.com/healthz"]);
  });

  it("of many instances that hang are made six at a time", async () => {
    let atOnce = 0;
    let most = 0;
    answering(async (_, init) => {
      most = Math.max(most, ++atOnce);
      await new Promise((resolve) => init?.signal?.addEventListener("abort", resolve));
      atOnce--;
      throw init?.signal?.reason;
    });
    const instances = Array.from({ length: 20 }, (_, i) => ({ url: `https://m${i}.example.com` }));
    const name = await made({ instances, healthCheck });
    await work(name, "a");
    await checked(name);
    expect(most).toBe(6);
  });
});
