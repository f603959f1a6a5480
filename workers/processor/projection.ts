import { RPC_VERSION, type ShardApi } from "../../contract/rpc.ts";
import { faultText } from "../../domain/fault.ts";
import type { ProjectionStore } from "../db/projection.ts";

const PAGE_JOBS = 500;
/** An invocation ends some time even when its shard finishes jobs faster than it copies them: others wait their turn. */
const MAX_PAGES = 100;

export interface ProjectionPorts {
  shard: Pick<ShardApi, "finished" | "projected">;
  db: ProjectionStore;
  /** Epoch ms. */
  now(): number;
  log(event: ProjectionEvent): void;
}

export type ProjectionEvent = { event: "projection-failed"; error: string };

/**
 * Copies `shard`'s finished jobs to history, from history's own cursor on, and tells the shard how far history is.
 * Rows and cursor are written together, so a run that stops anywhere is simply continued by the next, and two runs at
 * once write the same rows twice. Never rejects: the shard rings again for what is left.
 */
export async function runProjection(ports: ProjectionPorts, shard: string): Promise<void> {
  try {
    let cursor = await ports.db.cursor(shard);
    let skip = 0;
    for (let page = 0; page < MAX_PAGES; page++) {
      const call = { v: RPC_VERSION, epoch: 0 };
      const askedAt = ports.now();
      const { result: reply } = await ports.shard.finished({ ...call, after: cursor, skip, limit: PAGE_JOBS });
      const reached = { cursor: reply.cursor, heardAt: reply.more ? null : askedAt };
      const isNew = reply.jobs > 0 || reply.cursor > cursor;
      const bookmark = isNew ? await ports.db.write(shard, reply.chunks, reached) : null;
      // Also when there was nothing new: an earlier run may have stopped between the write and this.
      await ports.shard.projected({ ...call, cursor: reply.cursor, bookmark });
      if (!reply.more || (reply.cursor <= cursor && reply.skip <= skip)) return;
      skip = reply.skip;
      cursor = reply.cursor;
    }
  } catch (error) {
    ports.log({ event: "projection-failed", error: faultText(error) });
  }
}
