/** Namespaces, as shards hear of them. */
import type { NamespaceSettings } from "../../domain/namespace.ts";
import type { ShardCall } from "./call.ts";

/** Settings of namespaces. A shard keeps the newest that it has heard; one that never heard of a namespace has the defaults. */
export interface ConfigureNamespacesRequest extends ShardCall {
  namespaces: NamespaceSettings[];
}

/** How far the deletion of a namespace is on this shard. */
export interface DeletionProgress {
  /** Jobs of the namespace that were deleted there so far. */
  jobs: number;
  /** Nothing of the namespace is left on the shard, and nothing of it comes in any more. */
  done: boolean;
}
