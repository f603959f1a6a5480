import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { isProblem, type Result } from "../../../../../contract/problems.ts";
import { implicitDefault } from "../../../../../contract/queue-settings.ts";
import type { ClaimedJob } from "../../../../../contract/rpc.ts";
import { WaitingClient } from "../../../../../workers/gateway/answered.ts";
import { DrainedQueues } from "../../../../../workers/gateway/routing/drained-queues.ts";
import { ENOUGH, WaitingClaims } from "../../../../../workers/gateway/routing/waiting-claims.ts";
import { claimNow, claimWaiting, shares } from "../../../../../workers/gateway/work/claiming.ts";
import { servicesWith } from "../../../../rigs/gateway-parts.ts";
import { WatchedShards } from "../../../../rigs/watched-shards.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const settings = implicitDefault("default");

/** Four shards with the given numbers of ready jobs. */
function fake(ready: number[]) {
  const shards = new WatchedShards(ready);
  const drained = new DrainedQueues();
  const waitingClaims = new WaitingClaims();
  const services = servicesWith({ shards: shards.client, drained, waitingClaims });
  const line = { isUp: true };
  const client = new WaitingClient(async () => {
    if (!line.isUp) throw new Error("The connection was lost.");
  });
  const key = { works: () => true };
  const now = (max: number) => claimNow(services, { begins: false, max, wait: 0, settings }, Date.now());
  const waiting = (max: number, wait: number) =>
    claimWaiting(
      services,
      { begins: false, max, wait, settings },
      { clock: () => Date.now(), client, mayGoOn: async () => key.works() },
    );
  const isDrained = () => drained.has(settings, Date.now());
  return { shards, now, waiting, client, line, key, isDrained };
}

async function given(claimed: Promise<Result<ClaimedJob[]>>): Promise<ClaimedJob[]> {
  const jobs = await claimed;
  if (isProblem(jobs)) throw new Error(jobs.detail);
  return jobs;
}

/** What was claimed, and after how many milliseconds more. */
async function ended(claimed: Promise<Result<ClaimedJob[]>>): Promise<{ jobs: number; ms: number }> {
  const began = Date.now();
  let over: { jobs: number; ms: number } | null = null;
  void given(claimed).then((jobs) => {
    over = { jobs: jobs.length, ms: Date.now() - began };
  });
  while (over === null) await vi.advanceTimersByTimeAsync(5);
  return over;
}

describe("claiming over shards", () => {
  test.each<[string, number[], number, number]>([
    ["takes from all", [3, 3, 3, 3], 10, 10],
    ["takes all of one that has them all", [0, 20, 0, 0], 10, 10],
    ["takes what there is", [1, 0, 2, 0], 10, 3],
    ["finds the one job wherever it is", [0, 0, 0, 1], 1, 1],
    ["never takes more than asked for", [50, 50, 50, 50], 3, 3],
  ])("%s", async (_, ready, max, got) => {
    const { shards, now } = fake(ready);
    const before = ready.reduce((sum, n) => sum + n, 0);
    const jobs = await given(now(max));
    expect(jobs).toHaveLength(got);
    expect(before - [...shards.ready.values()].reduce((sum, n) => sum + n, 0)).toBe(got);
  });

  test("without a wait, empty shards are asked once each, and it is remembered that there was nothing", async () => {
    const { shards, now, isDrained } = fake([0, 0, 0, 0]);
    expect(await now(10)).toEqual([]);
    expect(shards.asked).toHaveLength(4);
    expect(isDrained()).toBe(true);
    shards.comes("shard-1");
    expect(await now(10)).toHaveLength(1);
    expect(isDrained()).toBe(false);
  });

  test("a shard that is away does not lose the others' jobs", async () => {
    const { shards, now, isDrained } = fake([0, 5, 5, 5]);
    shards.manners.set("shard-0", "away");
    expect((await given(now(12))).length).toBeGreaterThan(0);
    expect(isDrained()).toBe(false);
  });

  test("all away is 503, and nobody knows whether there is nothing", async () => {
    const { shards, now, isDrained } = fake([0, 0, 0, 0]);
    for (const id of shards.ready.keys()) shards.manners.set(id, "away");
    expect(await now(10)).toMatchObject({ code: "unavailable" });
    expect(isDrained()).toBe(false);
  });
});

describe("a claim that waits", () => {
  test("for which nothing comes asks each shard once, and ends with its time", async () => {
    const { shards, waiting, isDrained } = fake([0, 0, 0, 0]);
    const { jobs, ms } = await ended(waiting(10, 60));
    expect([jobs, Math.round(ms / 100)]).toEqual([0, 600]);
    expect(shards.asked.toSorted()).toEqual(["watch shard-0", "watch shard-1", "watch shard-2", "watch shard-3"]);
    expect(shards.watches.size).toBe(0);
    expect(isDrained()).toBe(true);
  });

  test("takes what is there already, and work that comes where it came and nowhere else", async () => {
    const there = fake([0, 0, 2, 0]);
    expect(await ended(there.waiting(10, 30))).toMatchObject({ jobs: 2, ms: expect.closeTo(0, -2) });
    const { shards, waiting, isDrained } = fake([0, 0, 0, 0]);
    const claimed = waiting(10, 30);
    await vi.advanceTimersByTimeAsync(1_000);
    shards.comes("shard-2", 2);
    expect((await ended(claimed)).jobs).toBe(2);
    expect(shards.count("claim")).toBe(1);
    expect(shards.watches.size).toBe(0);
    expect(isDrained()).toBe(false);
  });

  test("goes on waiting, on the same watches, where another was quicker", async () => {
    const { shards, waiting } = fake([0, 0, 0, 0]);
    const claimed = waiting(10, 30);
    await vi.advanceTimersByTimeAsync(1_000);
    shards.onClaim = (id) => shards.ready.set(id, 0);
    for (let i = 0; i < 3; i++) {
      shards.comes("shard-2");
      await vi.advanceTimersByTimeAsync(3_000);
    }
    expect(shards.count("claim")).toBe(3);
    expect(shards.count("watch")).toBe(4);
    shards.onClaim = () => undefined;
    // While one shard is left in peace for a moment the others are heard.
    shards.comes("shard-2");
    shards.comes("shard-3");
    expect((await ended(claimed)).jobs).toBe(1);
  });

  test("watches again where a shard died, and hears what came meanwhile", async () => {
    const { shards, waiting } = fake([0, 0, 0, 0]);
    const claimed = waiting(10, 30);
    await vi.advanceTimersByTimeAsync(1_000);
    shards.ends("shard-1");
    shards.ready.set("shard-1", 1);
    expect(await ended(claimed)).toMatchObject({ jobs: 1 });
    expect(shards.count("watch shard-1")).toBe(2);
  });

  test("comes back late, and not at once, where others have its place", async () => {
    const { shards, waiting } = fake([0, 0, 0, 0]);
    const claimed = waiting(10, 30);
    await vi.advanceTimersByTimeAsync(1_000);
    shards.ends("shard-1", "displaced");
    await vi.advanceTimersByTimeAsync(4_000);
    expect(shards.count("watch shard-1")).toBe(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(shards.count("watch shard-1")).toBe(2);
    shards.comes("shard-1");
    expect((await ended(claimed)).jobs).toBe(1);
  });

  test("asks a shard that holds no watch by a call that it holds", async () => {
    const { shards, waiting } = fake([0, 0, 0, 0]);
    shards.manners.set("shard-3", "old");
    const claimed = waiting(10, 60);
    await vi.advanceTimersByTimeAsync(31_000);
    expect(shards.count("ask shard-3")).toBeLessThanOrEqual(3);
    shards.comes("shard-3");
    expect((await ended(claimed)).jobs).toBe(1);
  });

  test("of shards that are all away finds nothing, and does not say so", async () => {
    const { shards, waiting, isDrained } = fake([0, 0, 0, 0]);
    for (const id of shards.ready.keys()) shards.manners.set(id, "away");
    expect((await ended(waiting(10, 10))).jobs).toBe(0);
    expect(isDrained()).toBe(false);
    // Tried again once a second at last.
    expect(shards.count("watch shard-0")).toBeLessThan(20);
  });

  test("ends at once with its client, whose watches close", async () => {
    const { shards, waiting, client } = fake([0, 0, 0, 0]);
    const claimed = waiting(10, 30);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(shards.watches.size).toBe(4);
    client.leave();
    expect((await ended(claimed)).ms).toBeLessThan(100);
    expect(shards.watches.size).toBe(0);
    shards.comes("shard-1");
    expect(shards.count("claim")).toBe(0);
  });

  test("leases nothing for a client that has gone without a word, and leaves the job to others", async () => {
    const { shards, waiting, line } = fake([0, 0, 0, 0]);
    const claimed = waiting(10, 30);
    await vi.advanceTimersByTimeAsync(1_000);
    line.isUp = false;
    shards.comes("shard-2", 2);
    expect(await ended(claimed)).toMatchObject({ jobs: 0 });
    expect(shards.count("claim")).toBe(0);
    expect(shards.watches.size).toBe(0);
  });

  test("leases nothing under a key that was revoked meanwhile", async () => {
    const { shards, waiting, key } = fake([0, 0, 0, 0]);
    const claimed = waiting(10, 30);
    await vi.advanceTimersByTimeAsync(1_000);
    key.works = () => false;
    shards.comes("shard-2", 2);
    expect((await ended(claimed)).jobs).toBe(0);
    expect(shards.count("claim")).toBe(0);
  });

  test("ends though its client left before it could watch anything", async () => {
    const { shards, waiting, client } = fake([0, 0, 0, 0]);
    client.leave();
    expect((await ended(waiting(10, 30))).ms).toBeLessThan(100);
    expect(shards.watches.size).toBe(0);
  });

  test("answers with what it claimed as its client left, for whoever gives it back", async () => {
    const { shards, waiting, client } = fake([0, 0, 0, 0]);
    const claimed = waiting(10, 30);
    await vi.advanceTimersByTimeAsync(1_000);
    shards.onClaim = () => client.leave();
    shards.comes("shard-2", 2);
    expect((await ended(claimed)).jobs).toBe(2);
  });
});

describe("many claims that wait", () => {
  const MANY = ENOUGH + 24;

  /** How many watch each of the four shards. */
  function watching({ watches, ready }: WatchedShards): number[] {
    return [...ready.keys()].map((id) => [...watches].filter(({ shard }) => shard === id).length);
  }
  const EACH_ENOUGH = Array.from({ length: 4 }, () => ENOUGH);

  /** First those that watch, then those that stand by. */
  async function begun({ watchersWait = 60 } = {}) {
    const rig = fake([0, 0, 0, 0]);
    const wait = (many: number, seconds: number) => Array.from({ length: many }, () => given(rig.waiting(1, seconds)));
    const watchers = wait(ENOUGH, watchersWait);
    const claims = [...watchers, ...wait(MANY - ENOUGH, 60)];
    await vi.advanceTimersByTimeAsync(100);
    expect(watching(rig.shards)).toEqual(EACH_ENOUGH);
    for (const claim of claims) claim.catch(() => undefined);
    return { ...rig, claims };
  }

  test("leave the shards to some of them", async () => {
    const { shards } = await begun();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(watching(shards)).toEqual(EACH_ENOUGH);
    expect(shards.asked).toHaveLength(4 * ENOUGH);
  });

  /** By then each of those that stand by has looked. */
  const ALL_LOOKED_MS = 300;

  test("all have work that comes to one shard, those that left it to others too, within a look", async () => {
    const { shards, claims } = await begun();
    shards.comes("shard-2", MANY);
    await vi.advanceTimersByTimeAsync(ALL_LOOKED_MS);
    expect(shards.ready.get("shard-2")).toBe(0);
    expect((await Promise.all(claims)).flat()).toHaveLength(MANY);
    expect(shards.watches.size).toBe(0);
    expect(shards.count("claim")).toBe(MANY);
  });

  test("all have work that comes to several shards, within a look", async () => {
    const { shards } = await begun();
    shards.comes("shard-1", MANY / 2);
    shards.comes("shard-2", MANY / 2);
    await vi.advanceTimersByTimeAsync(ALL_LOOKED_MS);
    expect([...shards.ready.values()]).toEqual([0, 0, 0, 0]);
  });

  test("go on watching every shard when those who watched have found work", async () => {
    const { shards } = await begun();
    shards.comes("shard-2", 1);
    await vi.advanceTimersByTimeAsync(ALL_LOOKED_MS);
    expect(watching(shards)).toEqual(EACH_ENOUGH);
    expect(shards.count("claim")).toBe(1);
    shards.comes("shard-0", ENOUGH);
    await vi.advanceTimersByTimeAsync(ALL_LOOKED_MS);
    expect(watching(shards)).toEqual(EACH_ENOUGH);
  });

  test("take over from those whose time is over, and know that there was nothing", async () => {
    const { shards, isDrained } = await begun({ watchersWait: 10 });
    await vi.advanceTimersByTimeAsync(10_000 + ALL_LOOKED_MS);
    expect(watching(shards)).toEqual(EACH_ENOUGH);
    expect(isDrained()).toBe(true);
  });

  test("that only stood by say nothing of whether there is work", async () => {
    const { claims, isDrained, shards, waiting } = await begun();
    await vi.advanceTimersByTimeAsync(60_000);
    await Promise.all(claims);
    expect(isDrained()).toBe(true);
    void waiting(1, 60);
    await vi.advanceTimersByTimeAsync(100);
    expect(watching(shards)).toEqual([1, 1, 1, 1]);
  });

  test("hear of work though the one that was told of it first may not have it", async () => {
    const { shards, key, claims } = await begun();
    // Revoked for the first two that the shard tells.
    let refused = 0;
    key.works = () => ++refused > 2;
    shards.comes("shard-1", 1);
    await vi.advanceTimersByTimeAsync(100);
    expect(shards.ready.get("shard-1")).toBe(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await Promise.all(claims)).flat()).toHaveLength(1);
  });

  test("do not all end with a shard that does not answer", async () => {
    const { shards, claims } = await begun();
    let ended = 0;
    for (const claim of claims) claim.catch(() => ended++);
    shards.onClaim = (id) => {
      shards.manners.set(id, "away");
      shards.ends(id);
      throw new Error("the shard is away");
    };
    shards.comes("shard-1", 1);
    await vi.advanceTimersByTimeAsync(100);
    expect(ended).toBe(1);
  });

  test("take the places of those who watched, and whose requests have ended without a word", async () => {
    const { shards, waiting } = await begun();
    vi.clearAllTimers();
    shards.watches.clear();
    const claimed = given(waiting(1, 60));
    await vi.advanceTimersByTimeAsync(1_000);
    shards.comes("shard-3");
    await vi.advanceTimersByTimeAsync(9_000);
    expect(shards.ready.get("shard-3")).toBe(0);
    expect(await claimed).toHaveLength(1);
  });
});

describe("a claim's share of each shard", () => {
  test.each<[string[], number, number[]]>([
    [["a", "b"], 10, [5, 5]],
    [["a", "b", "c"], 10, [4, 3, 3]],
    [["a", "b", "c"], 2, [1, 1]],
    [["a"], 100, [100]],
  ])("%j of %i", (of, max, parts) => {
    expect(shares(of, max).map((share) => share.max)).toEqual(parts);
  });
});
