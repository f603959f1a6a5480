import type { Busy, Moved, ShardApi, ShardCall } from "../../../contract/rpc.ts";
import { ownerOf } from "../../../domain/slots.ts";
import { Refusal } from "../http/refusal.ts";
import type { CallOptions, ShardClient } from "./shard-client.ts";

/** How often items are sorted to shards again because slots moved meanwhile. */
const MAX_ROUNDS = 4;

type GroupCall<I, R> = (shard: ShardApi, head: ShardCall, items: I[]) => Promise<{ results: R[] } | Moved | Busy>;

/**
 * Sends each item to the owner of its slot, one RPC a shard, and answers the results in the items' order. A shard that
 * answers `moved` has done nothing: its items are sorted again by the newer map.
 */
export async function scatter<I, R>(
  shards: ShardClient,
  items: { slot: number; item: I }[],
  options: CallOptions,
  call: GroupCall<I, R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let waiting = items.map((entry, index) => ({ ...entry, index }));
  for (let round = 0; waiting.length > 0; round++) {
    if (round >= MAX_ROUNDS) throw new Refusal("unavailable", "A slot is being moved.");
    const map = await shards.map();
    const groups = Map.groupBy(waiting, ({ slot }) => ownerOf(map, slot));
    const again = await Promise.all(
      [...groups].map(async ([id, group]) => {
        const reply = await shards.once(id, options, (shard, head) =>
          call(
            shard,
            head,
            group.map(({ item }) => item),
          ),
        );
        if ("map" in reply) {
          if (shards.adopt(reply.map).epoch === map.epoch) await shards.refresh();
          return group;
        }
        if (!("results" in reply)) throw new Error("a shard answered in an unknown way");
        group.forEach(({ index }, i) => {
          results[index] = reply.results[i] as R;
        });
        return [];
      }),
    );
    waiting = again.flat();
  }
  return results;
}
