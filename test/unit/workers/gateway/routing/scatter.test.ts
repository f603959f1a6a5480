import { describe, expect, test } from "vitest";
import type { BusyItem } from "../../../../../contract/rpc.ts";
import { initialMap, ownerOf } from "../../../../../domain/slots.ts";
import { scatter } from "../../../../../workers/gateway/routing/scatter.ts";
import { ShardsRig } from "../../../../rigs/gateway-parts.ts";
import { replyOf } from "../../../../rigs/replies.ts";

/** Shards whose answers the calls of a test make up themselves. */
const client = () => new ShardsRig({ shard: () => ({}) }).client;

describe("scattering over shards", () => {
  const map = initialMap(4);
  const items = [4000, 1, 2000, 2].map((slot) => ({ slot, item: `item-${slot}` }));

  test("one call a shard, results in the order of the items", async () => {
    const shards = client();
    const groups: string[][] = [];
    const results = await scatter(shards, items, { idempotent: true }, async (_shard, _head, group: string[]) => {
      groups.push(group);
      return replyOf({ results: group.map((item) => item.toUpperCase()) });
    });
    expect(results).toEqual(["ITEM-4000", "ITEM-1", "ITEM-2000", "ITEM-2"]);
    expect(groups.map((group) => group.length).sort()).toEqual([1, 1, 2]);
  });

  test("only the moved items are sent again, to their new owner", async () => {
    const shards = client();
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

  const putOff = async (retryAfterMs: number) => {
    const rig = new ShardsRig({ shard: () => ({}) });
    const answers: (string | BusyItem)[] = [{ status: "busy", retryAfterMs }, "taken"];
    const results = await scatter<string, string | BusyItem>(
      rig.client,
      items.slice(0, 1),
      { idempotent: false },
      async () => replyOf({ results: answers.splice(0, 1) }),
    );
    return { results, asked: 2 - answers.length, waitedMs: rig.now };
  };

  test("what is put off for a moment is sent again then", async () => {
    expect(await putOff(50)).toEqual({ results: ["taken"], asked: 2, waitedMs: 50 });
  });

  test("what is put off for long is the client's to send again, which nobody is held for", async () => {
    const refused = expect.objectContaining({ code: "unavailable", extras: { retryAfter: 5 } });
    expect(await putOff(5_000)).toEqual({ results: refused, asked: 1, waitedMs: 0 });
  });
});
