import { isProblem, type Result, together, unavailable } from "../../../contract/problems.ts";
import type { Busy, BusyItem, Moved, MovedItem, Reply, ShardApi, ShardCall } from "../../../contract/rpc.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { ownerOf } from "../../../domain/slots.ts";
import { type CallOptions, MAX_BUSY_MS, type ShardClient } from "./shard-client.ts";

/** How often items are sorted to shards again because slots moved, or were about to, meanwhile. */
const MAX_ROUNDS = 4;

/** `settings`: the shard knows newer ones than the caller. */
type GroupReply<R> = { results: R[] } | { type: "settings"; settings: QueueSettings } | Moved | Busy;

type GroupCall<I, R> = (shard: ShardApi, head: ShardCall, items: I[]) => Promise<Reply<GroupReply<R>>>;

/** What an item came to in the end. */
type SettledItem<R> = Exclude<R, MovedItem | BusyItem>;

interface Waiting<I> {
  slot: number;
  item: I;
  /** Its place among the results. */
  index: number;
  /** Where the shard that was asked last sends it; null where the map decides. */
  to: string | null;
}

/**
 * Sends each item to the owner of its slot, one RPC a shard, and answers the results in the items' order. A shard that
 * answers `moved`, for all of its items or for one, has done nothing about them: they are sent again, by the newer map. Those
 * that are put off (`busy`) are sent again in a moment, or, where that is long, by the client. A 503 problem is what does not come to rest, and that a shard knows newer
 * settings of a queue: by the time that the client asks again, this isolate knows them too.
 */
export async function scatter<I, R>(
  shards: ShardClient,
  items: { slot: number; item: I }[],
  options: CallOptions,
  call: GroupCall<I, R>,
): Promise<Result<SettledItem<R>[]>> {
  const results: SettledItem<R>[] = new Array(items.length);
  let waiting = items.map((entry, index): Waiting<I> => ({ ...entry, index, to: null }));
  for (let round = 0; waiting.length > 0; round++) {
    if (round >= MAX_ROUNDS) return unavailable.slotMoving();
    const map = await shards.map();
    if (isProblem(map)) return map;
    const groups = Map.groupBy(waiting, ({ slot, to }) => to ?? ownerOf(map, slot));
    const left = await together(
      [...groups].map(async ([id, group]): Promise<Result<Waiting<I>[]>> => {
        const theirs = group.map(({ item }) => item);
        const reply = await shards.once(id, options, (shard, head) => call(shard, head, theirs));
        if (isProblem(reply)) return reply;
        if ("map" in reply) {
          const newer = await shards.follow(reply, map);
          return isProblem(newer) ? newer : group.map((entry) => ({ ...entry, to: null }));
        }
        if ("settings" in reply) return unavailable.queueChanging();
        if (!("results" in reply)) throw new Error("a shard answered in an unknown way");
        const { settled, moved, busy } = sorted(group, reply.results);
        for (const { index, result } of settled) results[index] = result;
        // Where these are is known without the Directory; that they are there, their new owner hears from the newer epoch.
        if (moved.length > 0) void (await shards.refresh());
        const putOffMs = Math.max(0, ...busy.map(({ retryAfterMs }) => retryAfterMs));
        if (putOffMs > MAX_BUSY_MS) return unavailable.busy(putOffMs / 1000);
        if (putOffMs > 0) await shards.pause(putOffMs);
        return [...moved, ...busy.map(({ entry }) => entry)];
      }),
    );
    if (isProblem(left)) return left;
    waiting = left.flat();
  }
  return results;
}

/** The items of one shard's answer by what it says of each. */
function sorted<I, R>(group: Waiting<I>[], results: R[]) {
  const settled: { index: number; result: SettledItem<R> }[] = [];
  const moved: Waiting<I>[] = [];
  const busy: { entry: Waiting<I>; retryAfterMs: number }[] = [];
  group.forEach((entry, i) => {
    const result = results[i] as R;
    if (isStatus<MovedItem>(result, "moved")) moved.push({ ...entry, to: result.to });
    else if (isStatus<BusyItem>(result, "busy")) busy.push({ entry, retryAfterMs: result.retryAfterMs });
    else settled.push({ index: entry.index, result: result as SettledItem<R> });
  });
  return { settled, moved, busy };
}

function isStatus<Item extends MovedItem | BusyItem>(result: unknown, status: Item["status"]): result is Item {
  return typeof result === "object" && result !== null && "status" in result && result.status === status;
}
