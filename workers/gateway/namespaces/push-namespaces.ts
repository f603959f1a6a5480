import { isProblem, type Result } from "../../../contract/problems.ts";
import type { NamespaceSettings } from "../../../domain/namespace.ts";
import type { ShardClient } from "../routing/shard-client.ts";

/** Tells every shard of these namespaces. One that has heard does nothing. */
export async function pushNamespaces(shards: ShardClient, namespaces: NamespaceSettings[]): Promise<Result<void>> {
  const replies = await shards.all({ idempotent: true }, (shard, head) =>
    shard.configureNamespaces({ ...head, namespaces }),
  );
  if (isProblem(replies)) return replies;
}
