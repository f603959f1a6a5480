import { isProblem, type Result, together } from "../../../contract/problems.ts";
import type { ShardClient } from "../routing/shard-client.ts";
import type { NamedHealth } from "../services.ts";

/** Asks every shard for what it keeps of itself. */
export async function healthOfAll(shards: ShardClient): Promise<Result<NamedHealth[]>> {
  const map = await shards.map();
  if (isProblem(map)) return map;
  return together(
    map.shards.map(async ({ id }): Promise<Result<NamedHealth>> => {
      const health = await shards.once(id, { idempotent: true }, (shard, head) => shard.health(head));
      return isProblem(health) ? health : { id, health };
    }),
  );
}
