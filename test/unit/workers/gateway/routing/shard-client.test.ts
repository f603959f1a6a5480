import { describe, expect, test } from "vitest";
import type { JobReply } from "../../../../../contract/rpc.ts";
import { initialMap } from "../../../../../domain/slots.ts";
import { ShardsRig } from "../../../../rigs/gateway-parts.ts";
import { replyOf } from "../../../../rigs/replies.ts";

type Answer = (shard: string, epoch: number) => JobReply;

/** A client whose shards answer `get` by `answer`; time passes only in sleeps. */
function client(answer: Answer) {
  const calls: string[] = [];
  const rig = new ShardsRig({
    shard: (id) => ({
      get: async ({ epoch }) => {
        calls.push(id);
        return replyOf(answer(id, epoch));
      },
    }),
  });
  const ask = (slot: number, idempotent = true) =>
    rig.client.ask(slot, { idempotent }, (shard, head) => shard.get({ ...head, namespace: "n", id: "i", waitMs: 0 }));
  return { ask, calls, elapsed: () => rig.now, directoryCalls: () => rig.directoryCalls };
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

  test("a job that is set aside is told at once, with when it is tried again", async () => {
    const { ask, calls } = client(() => ({ type: "quarantined", retryAfterMs: 7_000, fault: "SyntaxError: #1" }));
    expect(await ask(1)).toMatchObject({
      code: "job-quarantined",
      status: 503,
      detail: expect.stringContaining("SyntaxError: #1"),
      extras: { retryAfter: 7 },
    });
    expect(calls.length).toBe(1);
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
