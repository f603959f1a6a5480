import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LeaseReply, LeaseRequest } from "../../../../../contract/rpc.ts";
import { RateLedger } from "../../../../../durable-objects/rate-limiter/ledger.ts";
import { BucketStore } from "../../../../../durable-objects/rate-limiter/store.ts";
import { RateBudgets, type Spender } from "../../../../../workers/gateway/access/rate-budgets.ts";
import type { RateVerdict } from "../../../../../workers/gateway/access/rate-verdict.ts";
import { runLoad } from "../../../../rigs/rate-isolates.ts";
import { openSql } from "../../../../simulation/node-sqlite.ts";

const T = Date.UTC(2026, 10, 30);
const WINDOW = 10_000;

beforeEach(() => vi.useFakeTimers({ now: T }));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

type Network = (serve: () => LeaseReply) => Promise<LeaseReply>;

/** One object, and isolates that ask it through a network of the test's making. */
class Rig {
  /** The questions that were asked. */
  readonly asked: LeaseRequest[] = [];
  network: Network = async (serve) => serve();
  readonly #ledger = new RateLedger(new BucketStore(openSql()), T - 60_000);
  readonly #later: Promise<unknown>[] = [];

  isolate(): RateBudgets {
    return new RateBudgets({
      limiter: () => ({
        lease: (request) => {
          this.asked.push(request);
          return this.network(() => this.#ledger.lease(request, Date.now()));
        },
      }),
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    });
  }

  /** One request, with what goes on behind its answer. */
  async take(isolate: RateBudgets, spender: Partial<Spender> = {}, cost = 1) {
    const whole = { limiter: "ns", key: "k", quota: { units: 10_000, windowMs: WINDOW }, namespaceQuota: null };
    const asker = { clock: () => Date.now(), later: (work: Promise<unknown>) => void this.#later.push(work) };
    const verdict = await isolate.take(asker, { ...whole, ...spender }, cost);
    // What is asked for behind the answer is answered, unless that takes time.
    await vi.advanceTimersByTimeAsync(0);
    return verdict;
  }

  /** How many of `n` requests that come one after the other are let through. */
  async admitted(isolate: RateBudgets, n: number, spender: Partial<Spender> = {}): Promise<number> {
    let count = 0;
    for (let i = 0; i < n; i++) if ((await this.take(isolate, spender)).refused === null) count++;
    return count;
  }
}

const FIVE = { quota: { units: 5, windowMs: WINDOW } };

function logged(): string[] {
  const lines: string[] = [];
  for (const level of ["info", "error"] as const)
    vi.spyOn(console, level).mockImplementation((line) => lines.push(line));
  return lines;
}

describe("a small budget", () => {
  test("is exact in one isolate and over several, and is told", async () => {
    const rig = new Rig();
    const [a, b] = [rig.isolate(), rig.isolate()];
    const first = await rig.take(a, FIVE);
    expect(first.policies).toEqual([{ name: "default", quota: FIVE.quota, left: 4, resetSeconds: 2 }]);
    const rest = (await rig.admitted(b, 7, FIVE)) + (await rig.admitted(a, 7, FIVE));
    expect(rest).toBe(4);
    const refused = await rig.take(a, FIVE);
    expect(refused.refused).toEqual({ by: "key", seconds: expect.any(Number) });
    expect(refused.policies[0]).toMatchObject({ resetSeconds: refused.refused?.seconds });
    vi.setSystemTime(T + 30_000);
    expect(await rig.admitted(b, 8, FIVE)).toBe(5);
  });

  test("takes a call that costs more than it has, when it is whole", async () => {
    const rig = new Rig();
    const isolate = rig.isolate();
    expect((await rig.take(isolate, FIVE, 10)).refused).toBeNull();
    expect((await rig.take(isolate, FIVE, 10)).refused).toMatchObject({ by: "key", seconds: 10 });
  });

  test("that is spent asks nobody until there may be more", async () => {
    const rig = new Rig();
    const isolate = rig.isolate();
    await rig.admitted(isolate, 6, FIVE);
    const asked = rig.asked.length;
    expect(await rig.admitted(isolate, 100, FIVE)).toBe(0);
    expect(rig.asked).toHaveLength(asked);
    vi.setSystemTime(T + 2_000);
    expect(await rig.admitted(isolate, 1, FIVE)).toBe(1);
  });
});

describe("the namespace's budget", () => {
  const shared = { namespaceQuota: { units: 6, windowMs: WINDOW } };

  test("holds over keys and isolates, and is told beside the key's", async () => {
    const rig = new Rig();
    const [a, b] = [rig.isolate(), rig.isolate()];
    const total =
      (await rig.admitted(a, 5, { ...shared, key: "one" })) + (await rig.admitted(b, 5, { ...shared, key: "two" }));
    expect(total).toBeLessThanOrEqual(6);
    expect(total).toBeGreaterThanOrEqual(5);
    const { refused, policies } = await rig.take(b, { ...shared, key: "three" });
    expect(refused).toMatchObject({ by: "namespace" });
    expect(policies).toMatchObject([
      { name: "default", left: 10_000 },
      { name: "namespace", quota: shared.namespaceQuota, left: 0, resetSeconds: refused?.seconds },
    ]);
  });
});

describe("what a caller is told", () => {
  const step = fc.record({
    /** Null: as long as the last answer says. */
    afterMs: fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 1_500 }), fc.integer({ min: 0, max: 12_000 })),
    /** Parts of the budget: a call that takes a unit is a small one. */
    cost: fc.constantFrom(0, 0, 0, 0.1, 0.4, 1),
    times: fc.integer({ min: 1, max: 4 }),
  });

  /** Seconds after which a caller that heard this may send again: a call like the refused one, or one unit. */
  function toldToWait({ refused, policies }: RateVerdict): number {
    if (refused !== null) return refused.seconds;
    return Math.max(0, ...policies.filter(({ left }) => left === 0).map(({ resetSeconds }) => resetSeconds));
  }

  test.each([
    ["a key's budget", null],
    ["a key's budget, and one of its namespace that is smaller", 0.6],
  ])("of %s: whoever waits for so long is let through, and before that no two answers disagree", async (_, part) => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 3, 5, 20, 100, 10_000),
        fc.array(step, { maxLength: 25 }),
        async (units, steps) => {
          vi.setSystemTime(T);
          const rig = new Rig();
          const isolate = rig.isolate();
          const quota = { units, windowMs: WINDOW };
          const namespaceQuota = part === null ? null : { units: Math.ceil(units * part), windowMs: WINDOW };
          let last: { verdict: RateVerdict; cost: number } | null = null;
          for (const { afterMs, cost: share, times } of steps) {
            for (let i = 0; i < times; i++) {
              const follows = afterMs === null && last !== null;
              const waitedMs: number = i > 0 ? 0 : follows && last ? toldToWait(last.verdict) * 1_000 : (afterMs ?? 0);
              vi.setSystemTime(Date.now() + waitedMs);
              const asLast: boolean = follows && last !== null && last.verdict.refused !== null;
              const cost: number =
                asLast && last !== null ? last.cost : Math.max(1, follows ? 1 : Math.ceil(units * share));
              const verdict: RateVerdict = await rig.take(isolate, { quota, namespaceQuota }, cost);
              if (follows && i === 0) expect(verdict.refused, "what was told was followed").toBeNull();
              if (
                verdict.refused !== null &&
                last !== null &&
                last.cost === cost &&
                waitedMs <= toldToWait(last.verdict) * 1_000
              ) {
                const before = toldToWait(last.verdict);
                if (last.verdict.refused !== null || (cost === 1 && before > 0)) {
                  expect(Math.abs(verdict.refused.seconds - (before - waitedMs / 1_000))).toBeLessThanOrEqual(1.001);
                } else expect(cost, "a unit that was said to be there").toBeGreaterThan(1);
              }
              last = { verdict, cost };
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test("is what comes back next, and not when all is back", async () => {
    const rig = new Rig();
    const isolate = rig.isolate();
    const quota = { units: 20, windowMs: WINDOW };
    expect((await rig.take(isolate, { quota }, 20)).policies).toMatchObject([{ left: 0, resetSeconds: 1 }]);
    vi.setSystemTime(T + 20_000);
    await rig.take(isolate, { quota });
    vi.setSystemTime(T + 25_001);
    expect((await rig.take(isolate, { quota }, 19)).policies).toMatchObject([{ left: 1, resetSeconds: 1 }]);
  });

  test("of a list that is refused keeps nobody from a read", async () => {
    const rig = new Rig();
    const isolate = rig.isolate();
    const quota = { units: 20, windowMs: WINDOW };
    await rig.take(isolate, { quota }, 17);
    expect((await rig.take(isolate, { quota }, 10)).refused).toMatchObject({ by: "key" });
    const read = await rig.take(isolate, { quota });
    expect(read).toMatchObject({ refused: null, policies: [{ left: 2 }] });
  });

  test("without the object is what a tenth of the budget lets through", async () => {
    logged();
    const rig = new Rig();
    rig.network = async () => {
      throw new Error("away");
    };
    const isolate = rig.isolate();
    const first = await rig.take(isolate, FIVE);
    expect(first.policies).toMatchObject([{ left: 0, resetSeconds: 10 }]);
    expect((await rig.take(isolate, FIVE)).refused).toEqual({ by: "key", seconds: 10 });
    vi.setSystemTime(T + 10_000);
    expect((await rig.take(isolate, FIVE)).refused).toBeNull();
  });
});

describe("a large budget", () => {
  test("costs a caller of one request a second a report in fifty seconds, for which nobody waits", async () => {
    const rig = new Rig();
    const isolate = rig.isolate();
    for (let second = 0; second < 600; second++) {
      vi.setSystemTime(T + second * 1_000);
      expect((await rig.take(isolate)).refused).toBeNull();
    }
    const reports = rig.asked.map(({ needed, owed }) => ({ needed, owed }));
    expect(reports.length).toBeGreaterThan(8);
    expect(reports.length).toBeLessThanOrEqual(12);
    expect(reports).toEqual(reports.map(() => ({ needed: 0, owed: 50 })));
  });

  test("charges what needed no asking with the next question, once", async () => {
    const rig = new Rig();
    const isolate = rig.isolate();
    await rig.admitted(isolate, 11);
    expect(rig.asked[0]).toMatchObject({ owed: 10, needed: 1 });
    await rig.admitted(isolate, 1_000);
    expect(rig.asked.slice(1).every(({ owed }) => owed === 0)).toBe(true);
  });

  test("is let through in one burst, but for what is nearly spent", async () => {
    const rig = new Rig();
    const admitted = await rig.admitted(rig.isolate(), 12_000);
    expect(admitted).toBeGreaterThan(9_800);
    expect(admitted).toBeLessThanOrEqual(10_000);
    expect(rig.asked.length).toBeLessThan(40);
  });

  test("asks for the next chunk behind an answer, so that no request waits for it", async () => {
    const rig = new Rig();
    const isolate = rig.isolate();
    await rig.admitted(isolate, 200);
    rig.network = (serve) => new Promise((resolve) => setTimeout(() => resolve(serve()), 100));
    let waited = 0;
    for (let i = 0; i < 2_000; i++) {
      await vi.advanceTimersByTimeAsync(10);
      const before = Date.now();
      await rig.take(isolate);
      waited += Date.now() - before;
    }
    expect(waited).toBe(0);
    expect(rig.asked.filter(({ needed }) => needed > 0).length).toBeLessThan(5);
  });

  test("is divided over requests that come at once without a question for each", async () => {
    const rig = new Rig();
    rig.network = (serve) => new Promise((resolve) => setTimeout(() => resolve(serve()), 20));
    const isolate = rig.isolate();
    const all = Promise.all(Array.from({ length: 300 }, () => rig.take(isolate)));
    await vi.advanceTimersByTimeAsync(2_000);
    expect((await all).filter(({ refused }) => refused !== null)).toEqual([]);
    expect(rig.asked.length).toBeLessThan(10);
  });

  test("voids what lies unused in a chunk, also where the clock steps back", async () => {
    for (const then of [T + 5_001, T - 3_600_000]) {
      const rig = new Rig();
      const isolate = rig.isolate();
      vi.setSystemTime(T);
      await rig.admitted(isolate, 20);
      const asked = rig.asked.length;
      vi.setSystemTime(then);
      await rig.admitted(isolate, 30);
      // What it has of the free share goes first, and then it has to ask.
      expect(rig.asked.slice(asked).filter(({ needed, owed }) => needed > 0 || owed > 0)).not.toEqual([]);
    }
  });
});

describe("an object that does not answer", () => {
  const fails: Network = async () => {
    throw new Error("the object is away, of which dure_secret must not be told");
  };
  const hangs: Network = () => new Promise(() => undefined);

  test.each([
    ["fails", fails, 0],
    ["hangs", hangs, 500],
  ])(
    "and %s holds a request up for half a second at most, and a tenth of the budget is let through",
    async (_, network, ms) => {
      const lines = logged();
      const rig = new Rig();
      rig.network = network;
      const isolate = rig.isolate();
      await rig.admitted(isolate, 10);
      const first = rig.take(isolate);
      await vi.advanceTimersByTimeAsync(ms);
      expect((await first).refused).toBeNull();
      const began = Date.now();
      expect(await rig.admitted(isolate, 2_000)).toBe(999);
      expect(Date.now()).toBe(began);
      expect((await rig.take(isolate)).refused).toEqual({ by: "key", seconds: 1 });
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain("rate-limiter-away");
      expect(lines[0]).not.toContain("dure_secret");
      // Asked once, and then once a second at most.
      expect(rig.asked.length).toBeLessThanOrEqual(2);
    },
  );

  test("and comes back is told what was let through without it", async () => {
    logged();
    const rig = new Rig();
    const isolate = rig.isolate();
    rig.network = fails;
    await rig.admitted(isolate, 300);
    rig.network = async (serve) => serve();
    vi.setSystemTime(T + 1_500);
    await rig.admitted(isolate, 2);
    expect(rig.asked.at(-1)).toMatchObject({ owed: 301 });
    expect(await rig.admitted(isolate, 2_000)).toBe(2_000);
  });

  test("gives a tenth back evenly, also where the clock steps back", async () => {
    logged();
    const rig = new Rig();
    rig.network = fails;
    const isolate = rig.isolate();
    await rig.admitted(isolate, 2_000);
    vi.setSystemTime(T - 3_600_000);
    expect(await rig.admitted(isolate, 10)).toBe(0);
    vi.setSystemTime(T - 3_600_000 + 5_000);
    // What needs no asking comes back too.
    expect(await rig.admitted(isolate, 2_000)).toBe(505);
  });

  test("keeps a namespace's keys within a tenth of its budget together", async () => {
    logged();
    const rig = new Rig();
    rig.network = fails;
    const isolate = rig.isolate();
    const namespaceQuota = { units: 100, windowMs: WINDOW };
    let sum = 0;
    for (let key = 0; key < 20; key++) sum += await rig.admitted(isolate, 5, { key: `k${key}`, namespaceQuota });
    expect(sum).toBe(10);
  });
});

test("keys and namespaces of an isolate are bounded, and what is forgotten is asked for again", async () => {
  const rig = new Rig();
  const isolate = rig.isolate();
  await rig.admitted(isolate, 20, { key: "first" });
  for (let i = 0; i < 10_001; i++) await rig.take(isolate, { key: `k${i}` });
  const asked = rig.asked.length;
  await rig.admitted(isolate, 11, { key: "first" });
  expect(rig.asked.length).toBe(asked + 1);
});

describe("beside an exact limiter", () => {
  beforeEach(() => vi.useRealTimers());
  const quota = { units: 2_000, windowMs: WINDOW };

  test.each([
    ["one isolate, half of the budget", { isolates: 1, perSecond: 100 }],
    ["twenty isolates, twice the budget", { isolates: 20, perSecond: 400 }],
    ["two hundred isolates, twice the budget", { isolates: 200, perSecond: 400 }],
  ])("%s: what is let through too much or too little is bounded", async (_, { isolates, perSecond }) => {
    const one = perSecond / isolates;
    const result = await runLoad({ seed: 1, isolates, seconds: 30, quota, rate: () => one });
    // Late by the life of a chunk, and what each isolate may let through without asking.
    const chunks = (5_000 / WINDOW) * quota.units;
    expect(result.over).toBeLessThanOrEqual(chunks + isolates * (quota.units / 1_000) * 2);
    expect(result.admitted).toBeGreaterThan(0.9 * result.exact);
    expect(result.slowestMs).toBeLessThanOrEqual(500);
  });
});
