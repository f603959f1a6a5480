import type { ExistingIdsReply, ExistingIdsRequest } from "../../../contract/rpc.ts";
import type { Parts } from "../kernel/part.ts";
import { JOBS } from "./job-store.ts";

/** Which of these jobs the shard still has, discarded ones too: its word stands above history's. */
export function existingIds(parts: Parts, { ids }: ExistingIdsRequest): ExistingIdsReply {
  return { type: "existing", ids: parts.get(JOBS).existing(ids) };
}
