import { expect, test } from "vitest";
import type { ExistingIdsReply } from "../../../../../contract/rpc.ts";
import { parseJobId } from "../../../../../domain/job-id.ts";
import { ownerOf } from "../../../../../domain/slots.ts";
import { askExistingIds } from "../../../../../workers/gateway/jobs/ask-existing-ids.ts";
import { AFTER_MOVE, BEFORE_MOVE, MOVED_IDS, ShardsRig, servicesWith } from "../../../../rigs/gateway-parts.ts";
import { replyOf } from "../../../../rigs/replies.ts";

/** The gateway with the map of before, and shards that go by the one of after. */
function gateway() {
  const calls: string[] = [];
  const existing = (name: string, ids: string[]): ExistingIdsReply => {
    calls.push(`${name} ${ids.map((id) => MOVED_IDS.indexOf(id)).join()}`);
    const own = ids.every((id) => ownerOf(AFTER_MOVE, parseJobId(id)?.slot ?? 0) === name);
    return own ? { type: "existing", ids } : { type: "moved", map: AFTER_MOVE };
  };
  const { client: shards } = new ShardsRig({
    shard: (name) => ({
      existingIds: async ({ ids }) => replyOf(existing(name, ids)),
      releaseKeys: async ({ jobs }) =>
        replyOf(
          existing(
            name,
            jobs.map(({ id }) => id),
          ),
        ),
    }),
    map: () => AFTER_MOVE,
  });
  shards.adopt(BEFORE_MOVE);
  return { services: servicesWith({ shards }), calls };
}

test("which jobs are held is asked where they are now, by each group that moved", async () => {
  const { services } = gateway();
  const jobs = MOVED_IDS.map((id) => ({ id }));
  expect(await askExistingIds(services, jobs)).toEqual(new Set(MOVED_IDS));
});

test("keys are released where their jobs are now", async () => {
  const { services, calls } = gateway();
  const keys = { queue: "q", orderingKey: null, concurrencyKey: null, idempotencyKey: "k", dedupKey: null };
  const jobs = MOVED_IDS.map((id) => ({ ...keys, id }));
  const found = await askExistingIds(services, jobs, (shard, head, own) =>
    shard.releaseKeys({ ...head, namespace: "default", jobs: own }),
  );
  expect(found).toEqual(new Set(MOVED_IDS));
  expect(calls.at(-1)).toBe("shard-1 2,3");
});
