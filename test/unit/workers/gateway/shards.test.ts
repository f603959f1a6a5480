import { describe, expect, test } from "vitest";
import type { JobReply } from "../../../../contract/rpc.ts";
import { initialMap, ownerOf, type SlotMap } from "../../../../domain/slots.ts";
import { scatter } from "../../../../workers/gateway/routing/scatter.ts";
import { ShardClient, type ShardPorts } from "../../../../workers/gateway/routing/shard-client.ts";
import { replyOf, shardWith } from "../../../rigs/replies.ts";

type Answer = (shard: string, epoch: number) => JobReply;

/** A client whose shards answer `get` by `answer`; time passes only in sleeps. */
function client(answer: Answer, map: SlotMap = initialMap(4)) {
  const calls: string[] = [];
  let now = 0;
  let directory = 0;
  const ports: ShardPorts = {
    shard: (id) => {
      const get = async ({ epoch }: { epoch: number }) => {
        calls.push(id);
        return replyOf(answer(id, epoch));
      };
      return shardWith({ get });
    },
    directory: () => ({
      map: async () => {
        directory++;
        return map;
      },
    }),
    now: () => now,
    random: () => 0.5,
    sleep: async (ms) => {
      now += ms;
    },
  };
  const shards = new ShardClient(ports);
  const ask = (slot: number, idempotent = true) =>
    shards.ask(slot, { idempotent }, (shard, head) => shard.get({ ...head, namespace: "n", id: "i", waitMs: 0 }));
  return { shards, ask, calls, elapsed: () => now, directoryCalls: () => directory };
}

const failing = (properties: Record<string, boolean>) => Object.assign(new Error("boom"), properties);

describe("asking the owner of a slot", () => {
  test("asks the shard the map names, and the Directory once", async () => {
    const { ask, calls, directoryCalls } = client(() => ({ type: "none" }));
    await ask(0);
    await ask(4095);
    expect(calls).toEqual(["shard-0", "shard-3"]);
    expect(directoryCalls()).toBe(1);
  });

  test("follows a move, and remembers the newer map", async () => {
    const newer = { ...initialMap(1), epoch: 2 };
    const { ask, calls } = client((_, epoch) => (epoch < 2 ? { type: "moved", map: newer } : { type: "none" }));
    expect(await ask(4095)).toEqual({ type: "none" });
    await ask(4095);
    expect(calls).toEqual(["shard-3", "shard-0", "shard-0"]);
  });

  test("gives up with 503 when the slot never comes to rest", async () => {
    let epoch = 1;
    const { ask, calls } = client(() => ({ type: "moved", map: { ...initialMap(2), epoch: ++epoch } }));
    expect(await ask(1)).toMatchObject({ code: "unavailable" });
    expect(calls.length).toBeLessThan(10);
  });

  test("waits while the shard is busy, and answers then", async () => {
    let left = 3;
    const { ask, elapsed } = client(() => (left-- > 0 ? { type: "busy", retryAfterMs: 50 } : { type: "none" }));
    expect(await ask(1)).toEqual({ type: "none" });
    expect(elapsed()).toBe(150);
  });

  test("a shard that stays busy is 503 within about two seconds", async () => {
    const { ask, elapsed } = client(() => ({ type: "busy", retryAfterMs: 50 }));
    expect(await ask(1)).toMatchObject({ code: "unavailable", extras: { retryAfter: 0.05 } });
    expect(elapsed()).toBeLessThanOrEqual(2000);
  });
});

describe("a shard that fails", () => {
  test.each<[string, Record<string, boolean>, boolean, number]>([
    ["retryable, may run twice: asked once more", { retryable: true }, true, 2],
    ["retryable, must not run twice: not asked again", { retryable: true }, false, 1],
    ["overloaded: never asked again", { retryable: true, overloaded: true }, true, 1],
    ["a bug of the shard: not asked again", { remote: true }, true, 1],
  ])("%s", async (_, properties, again, times) => {
    const { ask, calls } = client(() => {
      throw failing(properties);
    });
    expect(await ask(1, again)).toMatchObject({ code: "unavailable" });
    expect(calls).toHaveLength(times);
  });

  test("the second try may succeed", async () => {
    let left = 1;
    const { ask } = client(() => {
      if (left-- > 0) throw failing({ retryable: true });
      return { type: "none" };
    });
    expect(await ask(1)).toEqual({ type: "none" });
  });
});

describe("scattering over shards", () => {
  const map = initialMap(4);
  const items = [4000, 1, 2000, 2].map((slot) => ({ slot, item: `item-${slot}` }));

  test("one call a shard, results in the order of the items", async () => {
    const { shards } = client(() => ({ type: "none" }));
    const groups: string[][] = [];
    const results = await scatter(shards, items, { idempotent: true }, async (_shard, _head, group: string[]) => {
      groups.push(group);
      return replyOf({ results: group.map((item) => item.toUpperCase()) });
    });
    expect(results).toEqual(["ITEM-4000", "ITEM-1", "ITEM-2000", "ITEM-2"]);
    expect(groups.map((group) => group.length).sort()).toEqual([1, 1, 2]);
  });

  test("only the moved items are sent again, to their new owner", async () => {
    const { shards } = client(() => ({ type: "none" }));
    const newer = { ...initialMap(2), epoch: 2 };
    const sent: string[] = [];
    const results = await scatter(shards, items, { idempotent: true }, async (_shard, head, group: string[]) => {
      sent.push(...group);
      const moved = head.epoch < 2 && group.includes("item-4000");
      return replyOf(moved ? { type: "moved" as const, map: newer } : { results: group });
    });
    expect(results).toEqual(items.map(({ item }) => item));
    expect(sent.filter((item) => item === "item-4000")).toHaveLength(2);
    expect(sent.filter((item) => item === "item-1")).toHaveLength(1);
    expect(ownerOf(map, 4000)).not.toBe(ownerOf(newer, 4000));
  });
});
