/** Shards made up by a test. */
import type { LogPosition, Reply, ShardApi } from "../../contract/rpc.ts";

/** What such a shard answers: its log is empty unless `log` says otherwise. */
export function replyOf<R>(result: R, log: Partial<LogPosition> = {}): Reply<R> {
  return { result, log: { seq: 0, forgotten: 0, bookmark: null, ...log } };
}

/** A shard of which only `methods` may be called. */
export function shardWith(methods: Partial<ShardApi>): ShardApi {
  return methods as ShardApi;
}
