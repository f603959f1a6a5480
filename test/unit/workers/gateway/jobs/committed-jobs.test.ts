import { describe, expect, test } from "vitest";
import { isProblem } from "../../../../../contract/problems.ts";
import { makeJobId } from "../../../../../domain/job-id.ts";
import { initialMap } from "../../../../../domain/slots.ts";
import { CommittedJobs } from "../../../../../workers/gateway/jobs/committed-jobs.ts";
import { ShardsRig } from "../../../../rigs/gateway-parts.ts";
import { replyOf } from "../../../../rigs/replies.ts";

describe("asking what is known", () => {
  test("is one question a shard for all who ask at a time, and one that is away fails its own alone", async () => {
    const asked: { shard: string; ids: number }[] = [];
    const { client: shards } = new ShardsRig({
      shard: (id) => ({
        existingIds: async ({ ids }) => {
          asked.push({ shard: id, ids: ids.length });
          if (id === "shard-1") throw new Error("away");
          return replyOf({ type: "existing", ids });
        },
      }),
      map: () => initialMap(2),
    });
    const committed = new CommittedJobs({
      shards,
      databases: [{ name: "DB", database: null as unknown as D1Database }],
      retryD1: (work) => work(),
    });
    const id = (slot: number, n: number) => makeJobId(n, slot, new Uint8Array(8));
    const job = (slot: number, n: number) => ({ namespace: "default", id: id(slot, n) });
    const answers = await Promise.all([
      committed.of([job(0, 1), job(0, 2)]),
      committed.of([job(0, 3)]),
      committed.of([job(4095, 4)]),
    ]);
    expect(answers.map(isProblem)).toEqual([false, false, true]);
    expect(asked).toEqual([
      { shard: "shard-0", ids: 3 },
      { shard: "shard-1", ids: 1 },
    ]);
    expect(await committed.of([job(0, 5)])).toEqual({ existing: new Set([id(0, 5)]), past: new Set() });
  });
});
