import { describe, expect, test } from "vitest";
import type { ServiceWorkRequest } from "../../../../../contract/rpc/service.ts";
import { ServiceWorld } from "../../../../rigs/service-world.ts";
import { settingsOf } from "../../../../rigs/shard-harness.ts";

/** A whole processor beside a shard and a service: what its loops claim, and with which permits. */

const ONCE = { maxAttempts: 1, backoff: "constant", delayMs: 0, maxDelayMs: 0, jitter: "none" } as const;
const FULL = { bulkhead: { maxInFlight: 2, maxWaiting: 0 }, breaker: null };

/** Another isolate has all permits of the service, and keeps them until it is told to give them back. */
function fill(world: ServiceWorld, permits = 2): { giveBack(): void } {
  let on = true;
  const say = (over: Partial<ServiceWorkRequest>) => {
    world.service.now = world.clock.now();
    world.service.work("another", { need: permits, used: permits, permits, ...over });
  };
  const renew = () => {
    if (!on) return;
    say({});
    world.clock.after(5_000, renew);
  };
  say({ used: 0, permits: 0 });
  renew();
  return {
    giveBack: () => {
      on = false;
      say({ need: 0, used: 0 });
    },
  };
}

const deliveries = (world: ServiceWorld) =>
  world.shard.rows().map(({ attempt, returned }) => Number(attempt) + Number(returned));
const states = (world: ServiceWorld) => new Set(world.shard.rows().map(({ state }) => state));

describe("a job that waits for a full bulkhead", () => {
  test("is delivered once, when its permit is there, and its shard asks once a second at most", async () => {
    const world = new ServiceWorld(FULL);
    const other = fill(world);
    world.at((shard) => shard.submit(shard.jobs(20)));
    await world.run(60_000);
    expect(deliveries(world)).toEqual(Array(20).fill(0));
    expect(world.sent).toEqual([]);
    // Each visit is two calls: one that says whom to ask, and one that says what came of it.
    expect(world.calls.length).toBeLessThanOrEqual(60);
    expect(world.shardCalls.length).toBeLessThanOrEqual(122);
    other.giveBack();
    await world.run(10_000);
    expect(states(world)).toEqual(new Set(["succeeded"]));
    expect(deliveries(world)).toEqual(Array(20).fill(1));
    expect(world.most).toBe(2);
  });

  test("is delivered once too where jobs of its own shard fill it", async () => {
    const world = new ServiceWorld(FULL);
    world.answer = { ms: 700, ok: true };
    world.at((shard) => shard.submit(shard.jobs(40)));
    await world.run(20_000);
    expect(states(world)).toEqual(new Set(["succeeded"]));
    expect(deliveries(world)).toEqual(Array(40).fill(1));
    expect(world.heldInHand).toEqual([]);
  });
});

describe("jobs of a service that has a bulkhead and a rate", () => {
  test.each([
    { maxInFlight: 2, jobs: 24, ms: 1_500 },
    { maxInFlight: 1, jobs: 12, ms: 1_500 },
    { maxInFlight: 20, jobs: 100, ms: 2_500 },
  ])("go as fast as permits come back, where the rate has room: %o", async ({ maxInFlight, jobs, ms }) => {
    const rate = { limit: 1_000, periodMs: 1_000 };
    const world = new ServiceWorld({ bulkhead: { maxInFlight, maxWaiting: 0 }, breaker: null, rate });
    world.answer = { ms: 60, ok: true };
    world.at((shard) => shard.submit(shard.jobs(jobs)));
    await world.run(ms);
    expect(world.sent).toHaveLength(jobs);
    expect(world.most).toBeLessThanOrEqual(maxInFlight);
    expect(world.calls.length).toBeLessThan(jobs);
  });

  test("keep within the rate where it is what there is less of", async () => {
    const rate = { limit: 5, periodMs: 1_000 };
    const world = new ServiceWorld({ bulkhead: { maxInFlight: 4, maxWaiting: 0 }, breaker: null, rate });
    const at: number[] = [];
    world.answer = { ms: 60, ok: true };
    world.at((shard) => shard.submit(shard.jobs(30)));
    for (let round = 0; round < 100; round++) {
      const before = world.sent.length;
      await world.run(100);
      for (let i = before; i < world.sent.length; i++) at.push(world.clock.now());
    }
    expect(at).toHaveLength(30);
    // Times are known to a tenth of a second.
    for (let i = 5; i < at.length; i++) expect((at[i] ?? 0) - (at[i - 5] ?? 0)).toBeGreaterThanOrEqual(900);
  });
});

describe("a job that waits for an open breaker", () => {
  test("is delivered when a probe is due, and not before", async () => {
    const breaker = { failureRate: 0.5, minRequests: 2, windowMs: 10_000, openForMs: 50_000, halfOpenProbes: 1 };
    const world = new ServiceWorld(
      { outlier: null, breaker },
      { retry: { ...ONCE, maxAttempts: 9, delayMs: 3_600_000, maxDelayMs: 3_600_000 } },
    );
    world.answer = { ms: 5, ok: false };
    world.at((shard) => shard.submit(shard.jobs(4)));
    await world.run(5_000);
    expect(world.service.state().breaker.state).toBe("open");
    const [tried, calls] = [world.sent.length, world.calls.length];
    world.at((shard) => shard.submit(shard.jobs(20)));
    await world.run(40_000);
    expect(world.sent).toHaveLength(tried);
    expect(world.calls.length - calls).toBeLessThanOrEqual(4);
    world.answer = { ms: 5, ok: true };
    await world.run(30_000);
    expect(deliveries(world).filter((count) => count > 1)).toEqual([]);
    expect(world.heldInHand).toEqual([]);
    expect(new Set(world.sent).size).toBe(world.sent.length);
    expect(world.sent).toHaveLength(24);
  });
});

describe("a processor that is killed", () => {
  test("costs jobs that wait for a permit nothing, however often", async () => {
    const world = new ServiceWorld(FULL, { retry: ONCE });
    const other = fill(world);
    world.at((shard) => shard.submit(shard.jobs(12)));
    for (let kill = 0; kill < 10; kill++) {
      await world.run(1_037 + kill * 13);
      world.kill();
      if (kill % 2 === 0) world.restartShard();
    }
    expect(deliveries(world)).toEqual(Array(12).fill(0));
    other.giveBack();
    await world.run(20_000);
    expect(states(world)).toEqual(new Set(["succeeded"]));
  });

  test("costs those that were sent an attempt each, and no others", async () => {
    const world = new ServiceWorld(FULL, { retry: ONCE });
    world.answer = { ms: 60_000, ok: true };
    world.at((shard) => shard.submit(shard.jobs(12)));
    await world.run(3_000);
    expect(world.sent).toHaveLength(2);
    world.kill();
    world.answer = { ms: 10, ok: true };
    // The lease of the jobs, and that of the permits.
    await world.run(60_000);
    const failed = world.shard.rows().filter(({ state }) => state === "failed");
    expect(failed.map(({ id }) => id).sort()).toEqual(world.sent.slice(0, 2).sort());
    expect(world.shard.rows().filter(({ state }) => state === "succeeded")).toHaveLength(10);
  });
});

describe("permits", () => {
  test("are asked for once by a loop, go from job to job, and a thousand jobs take few calls", async () => {
    const world = new ServiceWorld({ bulkhead: null });
    world.at((shard) => shard.submit(shard.jobs(1_000)));
    await world.run(60_000);
    expect(states(world)).toEqual(new Set(["succeeded"]));
    expect(deliveries(world)).toEqual(Array(1_000).fill(1));
    expect(world.calls.length).toBeLessThanOrEqual(12);
    expect(world.heldInHand).toEqual([]);
    expect(world.service.state().inFlight).toBe(0);
  });

  test("that a loop was given and does not need are given back", async () => {
    const world = new ServiceWorld({ bulkhead: { maxInFlight: 6, maxWaiting: 0 } });
    world.answer = { ms: 5_000, ok: true };
    world.at((shard) => shard.submit(shard.jobs(1)));
    await world.run(1_500);
    expect(world.sent).toHaveLength(1);
    expect(world.service.state().inFlight).toBe(1);
  });

  test("that a job did not use go back with its end", async () => {
    const world = new ServiceWorld({ bulkhead: { maxInFlight: 2, maxWaiting: 0 } }, { retry: ONCE });
    world.failsEarly = true;
    world.at((shard) => shard.submit(shard.jobs(12)));
    await world.run(10_000);
    expect(states(world)).toEqual(new Set(["failed"]));
    expect(world.service.state().inFlight).toBe(0);
  });

  test("of a service that does not answer hold up no job of another queue", async () => {
    const world = new ServiceWorld();
    world.fault = () => "never";
    const hook = settingsOf({ name: "hooks", target: { type: "http", url: "https://a.example/", headers: {} } });
    world.at((shard) => shard.submit(shard.jobs(30)));
    world.at((shard) => shard.submit([shard.job({}, hook), shard.job({}, hook)], { queues: [hook] }));
    await world.run(200);
    expect(world.others).toHaveLength(2);
    expect(world.sent).toEqual([]);
    world.fault = () => null;
    await world.run(60_000);
    expect(world.sent).toHaveLength(30);
  });

  test("and news of a shard that cannot be reached any more are given up with it", async () => {
    const world = new ServiceWorld();
    world.at((shard) => shard.submit(shard.jobs(1)));
    await world.run(23);
    expect(world.shardCalls).toHaveLength(1);
    world.reachable = false;
    await world.run(20_000);
    expect(world.loops).toBe(0);
    expect(world.service.state().inFlight).toBe(0);
    world.reachable = true;
    await world.run(120_000);
    expect(world.sent).toHaveLength(1);
  });

  test("a lost answer of the shard gives its permits back, and the jobs come again", async () => {
    const world = new ServiceWorld({ bulkhead: { maxInFlight: 3, maxWaiting: 0 } });
    world.at((shard) => shard.submit(shard.jobs(6)));
    await world.run(25);
    world.kill();
    await world.run(120_000);
    expect(states(world)).toEqual(new Set(["succeeded"]));
    expect(world.most).toBeLessThanOrEqual(3);
  });
});
