import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { limited } from "../limits/bindings.ts";
import { takeBreaches } from "../limits/breaches.ts";
import { event } from "../limits/entry.ts";
import { underLimits } from "../limits/invocation.ts";
import { PLATFORM_LIMITS, type PlatformLimits } from "../limits/platform.ts";
import { evict, newQueue, shard, sleep, submit } from "./api.ts";
import { callThrough, replaced } from "./faults.ts";

/** Each limit of the platform is really refused: an invocation that goes beyond it by one. */

const bindings = limited(env);
const planted = { isolate: "test", event: "planted" };
const inOne = <T>(run: () => Promise<T>) => event(planted, run);
const times = (n: number, run: (i: number) => Promise<unknown>) =>
  inOne(async () => {
    for (let i = 0; i < n; i++) await run(i);
  });

/** The limit that `run` reached, and that it was told so. */
async function refused(run: () => Promise<unknown>): Promise<string[]> {
  // The answer may be large: it is no part of a message.
  const threw = await run().then(
    () => false,
    () => true,
  );
  expect(threw).toBe(true);
  return takeBreaches().map(({ limit }) => limit);
}

afterEach(() => vi.restoreAllMocks());

/** What uses as much as the limit allows, and what uses more. */
type Planted = [limit: keyof PlatformLimits, allowed: () => Promise<unknown>, beyond: () => Promise<unknown>];

const D1 = bindings.DB;
const KV = bindings.CACHE;
const QUEUE = bindings.DEAD;
/** A batch, and then statements by themselves. */
const statements = (inBatch: number, alone: number) =>
  inOne(async () => {
    await D1.batch(Array.from({ length: inBatch }, () => D1.prepare("SELECT 1")));
    for (let i = 0; i < alone; i++) await D1.prepare("SELECT 1").run();
  });
const parameters = (n: number) =>
  D1.prepare(`SELECT ${Array(n).fill("?").join(", ")}`)
    .bind(...Array(n).fill(1))
    .raw();
const body = (bytes: number) => "x".repeat(bytes - PLATFORM_LIMITS.messageOverheadBytes - 2);
const message = (bytes: number) => ({ body: body(bytes) });

const PLANTED: Planted[] = [
  ["d1Queries", () => statements(999, 1), () => statements(1_000, 1)],
  [
    "d1Queries",
    () => inOne(() => D1.batch(Array.from({ length: 1_000 }, () => D1.prepare("SELECT 1")))),
    () => inOne(() => D1.withSession().batch(Array.from({ length: 1_001 }, () => D1.prepare("SELECT 1")))),
  ],
  ["d1Parameters", () => inOne(() => parameters(100)), () => inOne(() => parameters(101))],
  [
    "d1SqlBytes",
    () => inOne(() => D1.prepare(`SELECT 1${" ".repeat(99_992)}`).first()),
    () => inOne(() => D1.prepare(`SELECT 1${" ".repeat(99_993)}`).first()),
  ],
  [
    "d1ValueBytes",
    () => inOne(() => D1.prepare("SELECT length(?)").bind("x".repeat(1_999_900)).all()),
    () => inOne(() => D1.prepare("SELECT length(?)").bind("é".repeat(1_000_001)).all()),
  ],
  ["kvOperations", () => times(1_000, (i) => KV.get(`k${i}`)), () => times(1_001, (i) => KV.get(`k${i}`))],
  ["kvKeyBytes", () => inOne(() => KV.get("k".repeat(512))), () => inOne(() => KV.get("k".repeat(513)))],
  [
    "kvBulkKeys",
    () => inOne(() => KV.get(Array.from({ length: 100 }, (_, i) => `k${i}`))),
    () => inOne(() => KV.get(Array.from({ length: 101 }, (_, i) => `k${i}`))),
  ],
  [
    "kvValueBytes",
    () => inOne(() => KV.put("large", "x".repeat(25 * 1024 * 1024))),
    () => inOne(() => KV.put("larger", "x".repeat(25 * 1024 * 1024 + 1))),
  ],
  ["messageBytes", () => inOne(() => QUEUE.send(body(128_000))), () => inOne(() => QUEUE.send(body(128_001)))],
  [
    "batchBytes",
    () => inOne(() => QUEUE.sendBatch([message(128_000), message(128_000)])),
    () => inOne(() => QUEUE.sendBatch([message(128_000), message(127_900), message(200)])),
  ],
  [
    "batchMessages",
    () => inOne(() => QUEUE.sendBatch(Array.from({ length: 100 }, () => message(200)))),
    () => inOne(() => QUEUE.sendBatch(Array.from({ length: 101 }, () => message(200)))),
  ],
  [
    "delaySeconds",
    () => inOne(() => QUEUE.send(null, { delaySeconds: 86_400 })),
    () => inOne(() => QUEUE.send(null, { delaySeconds: 86_401 })),
  ],
];

describe("an invocation is refused", () => {
  it.each(PLANTED)(
    "more than the platform's %s, and not the last one that it allows",
    async (limit, allowed, beyond) => {
      await allowed();
      expect(takeBreaches()).toEqual([]);
      expect(await refused(beyond)).toEqual([limit]);
    },
  );

  it("more than 10,000 subrequests, of whatever kind", async () => {
    const health = { ...env, SHARD: replaced(env.SHARD, { getByName: () => ({ health: async () => null }) }) };
    const ask = () => limited(health).SHARD.getByName("any").health({ v: 1, epoch: 0 });
    const others = () => Promise.all([KV.get("k"), D1.prepare("SELECT 1").first(), QUEUE.send(1)]);
    await inOne(async () => {
      await others();
      for (let i = 3; i < PLATFORM_LIMITS.subrequests; i++) await ask();
    });
    expect(takeBreaches()).toEqual([]);
    const beyond = () =>
      inOne(async () => {
        await others();
        for (let i = 3; i <= PLATFORM_LIMITS.subrequests; i++) await ask();
      });
    expect(await refused(beyond)).toEqual(["subrequests"]);
  });

  it("the result of a statement that is larger than 50 MB", async () => {
    const query =
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT hex(zeroblob(500000)) FROM n";
    await inOne(() => D1.prepare(query).bind(20).raw());
    expect(takeBreaches()).toEqual([]);
    await underLimits({ d1ResultBytes: 15_000_000 }, async () => {
      expect(await refused(() => inOne(() => D1.prepare(query).bind(16).raw()))).toEqual(["d1ResultBytes"]);
    });
  });

  it("what takes more memory than an isolate has, together with what other invocations have", async () => {
    const half = PLATFORM_LIMITS.aliveBytes / 2;
    const answers = (bytes: number) => ({
      ...env,
      SHARD: replaced(env.SHARD, { getByName: () => ({ health: async () => "x".repeat(bytes) }) }),
    });
    const ask = (bytes: number) => limited(answers(bytes)).SHARD.getByName("any").health({ v: 1, epoch: 0 });
    // One after the other: what the first had is garbage by then.
    await inOne(() => ask(half));
    await inOne(() => ask(half));
    expect(takeBreaches()).toEqual([]);
    const both = () =>
      Promise.all(
        [half, half + 1].map((bytes) =>
          inOne(async () => {
            await ask(bytes);
            await sleep(100);
          }),
        ),
      );
    expect(await refused(both)).toEqual(["aliveBytes"]);
    await sleep(200);
    await inOne(() => ask(half));
  });

  it("steps of an object that take more CPU than one of its events has", async () => {
    const queue = await newQueue();
    await submit({ queue });
    await evict();
    // Less than any step takes: one may end within the tick of the clock in which it began.
    await underLimits({ cpuMs: -1 }, async () => {
      // The shard may go on by itself where the platform would end it.
      await Promise.resolve(shard("shard-0").wake({ v: 1, epoch: 0 })).catch(() => undefined);
    });
    const found = takeBreaches();
    expect(found).toContainEqual({ limit: "cpuMs", invocation: "Shard wake", detail: expect.any(String) });
  });
});

describe("connections", () => {
  /** A network on which every request waits until it is let go; answers the most that waited at once. */
  function slowNetwork(): { most: () => number; answerOne: () => void } {
    let open = 0;
    let most = 0;
    const waiting: (() => void)[] = [];
    vi.spyOn(globalThis, "fetch").mockImplementation(async () => {
      most = Math.max(most, ++open);
      await new Promise<void>((resolve) => waiting.push(resolve));
      open--;
      return new Response();
    });
    return { most: () => most, answerOne: () => waiting.shift()?.() };
  }

  it("a seventh that would wait for headers stands in line, with KV, edge caches and Queues", async () => {
    const { most, answerOne } = slowNetwork();
    const kinds = [
      () => fetch("https://a.test"),
      () => KV.get("k"),
      () => QUEUE.send(1),
      () => caches.default.match("https://a.test"),
    ];
    for (const next of kinds) {
      let came = false;
      const all = inOne(async () => {
        const six = Array.from({ length: 6 }, () => fetch("https://a.test"));
        const seventh = next().then(() => {
          came = true;
        });
        await sleep(50);
        expect(came).toBe(false);
        const letting = setInterval(answerOne, 5);
        await Promise.all([...six, seventh]);
        clearInterval(letting);
      });
      await all;
      expect(came).toBe(true);
      expect(most()).toBe(6);
    }
  });

  it("one that waits for the others of its own invocation for too long is refused", async () => {
    const { answerOne } = slowNetwork();
    await underLimits({ connectionWaitMs: 50 }, async () => {
      const starved = () =>
        inOne(async () => {
          const six = Array.from({ length: 6 }, () => fetch("https://a.test"));
          await KV.get("k").finally(() => six.forEach(answerOne));
        });
      expect(await refused(starved)).toEqual(["connections"]);
    });
  });

  it("D1 has six of its own, and a seventh statement stands in line", async () => {
    let open = 0;
    let most = 0;
    const first = async () => {
      most = Math.max(most, ++open);
      await sleep(5);
      open--;
      return null;
    };
    const DB = { prepare: () => ({ bind: () => null, first }), withSession: () => null };
    const { DB: slow } = limited({ DB: DB as unknown as D1Database });
    await inOne(() => Promise.all(Array.from({ length: 30 }, () => slow.prepare("SELECT 1").first())));
    expect(most).toBe(6);
  });
});

describe("KV", () => {
  it("refuses a second write of a key within a second, also of another invocation, and no write of another key", async () => {
    await inOne(() => KV.put("once", "1"));
    await inOne(() => KV.put("another", "1"));
    await expect(inOne(() => KV.put("once", "2"))).rejects.toThrow("429 Too Many Requests");
    await expect(inOne(() => KV.delete("once"))).rejects.toThrow("429");
    expect(await env.CACHE.get("once")).toBe("1");
    await sleep(1_050);
    await inOne(() => KV.put("once", "3"));
    expect(await env.CACHE.get("once")).toBe("3");
    // Nobody can know of all the others: that is no fault of the writer.
    expect(takeBreaches()).toEqual([]);
  });
});

describe("the suites run under the limits", () => {
  it("calls of the API", async () => {
    await underLimits({ subrequests: 0 }, async () => {
      expect((await callThrough({ ...env }, ["GET", "/readyz"])).status).toBe(503);
    });
    expect(takeBreaches()).toContainEqual(
      expect.objectContaining({ limit: "subrequests", invocation: "gateway fetch" }),
    );
  });

  it("what a test does by itself is no invocation", async () => {
    await underLimits({ kvOperations: 0, d1Queries: 0, subrequests: 0 }, async () => {
      await KV.get("k");
      await D1.prepare("SELECT 1").first();
    });
    expect(takeBreaches()).toEqual([]);
  });
});
