import { describe, expect, test } from "vitest";
import { isProblem, type Result } from "../../../../../contract/problems.ts";
import { implicitDefault } from "../../../../../contract/queue-settings.ts";
import type { AwaitWorkRequest, ClaimedJob, ClaimRequest } from "../../../../../contract/rpc.ts";
import { claimNow, claimWaiting, shares } from "../../../../../workers/gateway/work/claiming.ts";
import { ShardsRig, servicesWith } from "../../../../rigs/gateway-parts.ts";
import { replyOf } from "../../../../rigs/replies.ts";

/** Four shards with the given numbers of ready jobs (null: away). Time passes by the longest wait of a round. */
function fake(ready: (number | null)[]) {
  const asked: ClaimRequest[] = [];
  const rig = new ShardsRig({
    shard: (id) => ({
      claim: async (request: ClaimRequest) => {
        asked.push(request);
        const index = Number(id.slice("shard-".length));
        const left = ready[index];
        if (left === null || left === undefined) throw new Error("away");
        const given = Math.min(left, request.max);
        ready[index] = left - given;
        const jobs = Array.from({ length: given }, (_, i) => ({ lease: `${id}-${left - i}` }) as ClaimedJob);
        return replyOf({ type: "claimed", jobs });
      },
      awaitWork: async ({ waitMs }: AwaitWorkRequest) => {
        const left = ready[Number(id.slice("shard-".length))];
        if (left === null || left === undefined) throw new Error("away");
        if (left === 0) rig.now += waitMs / 4;
        return replyOf(left > 0);
      },
    }),
  });
  const services = servicesWith({ shards: rig.client });
  const gone = { yes: false };
  const claim = async (max: number, wait = 0) => {
    const request = { begins: false, max, wait, settings: implicitDefault("default") };
    const jobs = await claimNow(services, request);
    if (isProblem(jobs) || jobs.length > 0 || wait === 0) return jobs;
    return claimWaiting(services, request, { clock: () => rig.now, abandoned: async () => gone.yes });
  };
  /** Resolves when every shard has been asked once. */
  const looked = async () => {
    while (asked.length < 4) await Promise.resolve();
  };
  return { claim, asked, ready, gone, looked, elapsed: () => rig.now };
}

async function given(claimed: Promise<Result<ClaimedJob[]>>): Promise<ClaimedJob[]> {
  const jobs = await claimed;
  if (isProblem(jobs)) throw new Error(jobs.detail);
  return jobs;
}

describe("claiming over shards", () => {
  test.each<[string, number[], number, number]>([
    ["takes from all", [3, 3, 3, 3], 10, 10],
    ["takes all of one that has them all", [0, 20, 0, 0], 10, 10],
    ["takes what there is", [1, 0, 2, 0], 10, 3],
    ["finds the one job wherever it is", [0, 0, 0, 1], 1, 1],
    ["never takes more than asked for", [50, 50, 50, 50], 3, 3],
  ])("%s", async (_, ready, max, got) => {
    const before = ready.reduce((sum, n) => sum + n, 0);
    const { claim } = fake(ready);
    const jobs = await given(claim(max));
    expect(jobs).toHaveLength(got);
    expect(new Set(jobs.map(({ lease }) => lease)).size).toBe(got);
    expect(before - ready.reduce((sum, n) => sum + n, 0)).toBe(got);
  });

  test("without a wait, empty shards are asked once each", async () => {
    const { claim, asked } = fake([0, 0, 0, 0]);
    expect(await claim(10)).toEqual([]);
    expect(asked).toHaveLength(4);
  });

  test("with a wait, ends when the wait does", async () => {
    const { claim, elapsed } = fake([0, 0, 0, 0]);
    expect(await claim(10, 3)).toEqual([]);
    expect(elapsed()).toBeGreaterThanOrEqual(3000);
    expect(elapsed()).toBeLessThan(3500);
  });

  test("a wait for which nothing came claims no second time", async () => {
    const { claim, asked } = fake([0, 0, 0, 0]);
    expect(await claim(10, 60)).toEqual([]);
    expect(asked).toHaveLength(4);
  });

  test("work that comes is claimed where it came, and nowhere else", async () => {
    const { claim, asked, ready, looked } = fake([0, 0, 0, 0]);
    const claimed = claim(10, 30);
    await looked();
    ready[2] = 2;
    expect(await claimed).toHaveLength(2);
    expect(asked).toHaveLength(5);
  });

  test("work that comes while it waits ends the wait", async () => {
    const { claim, ready, elapsed, looked } = fake([0, 0, 0, 0]);
    const claimed = claim(10, 30);
    await looked();
    ready[2] = 2;
    expect(await claimed).toHaveLength(2);
    expect(elapsed()).toBeLessThan(30_000);
  });

  test("who has gone while waiting is given nothing", async () => {
    const { claim, ready, gone, looked } = fake([0, 0, 0, 0]);
    const claimed = claim(10, 30);
    await looked();
    ready[2] = 2;
    gone.yes = true;
    expect(await claimed).toEqual([]);
    expect(ready[2]).toBe(2);
  });

  test("a shard that is away does not lose the others' jobs", async () => {
    const { claim } = fake([null, 5, 5, 5]);
    expect((await given(claim(12))).length).toBeGreaterThan(0);
  });

  test("all away is 503", async () => {
    const { claim } = fake([null, null, null, null]);
    expect(await claim(10)).toMatchObject({ code: "unavailable" });
  });
});

describe("a claim's share of each shard", () => {
  test.each<[string[], number, number[]]>([
    [["a", "b"], 10, [5, 5]],
    [["a", "b", "c"], 10, [4, 3, 3]],
    [["a", "b", "c"], 2, [1, 1]],
    [["a"], 100, [100]],
  ])("%j of %i", (shards, max, parts) => {
    expect(shares(shards, max).map((share) => share.max)).toEqual(parts);
  });
});
