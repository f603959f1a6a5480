import { DEFERRED_KNOWN_MS } from "../../../contract/ingest.ts";
import { isFinal, type Job } from "../../../domain/job.ts";
import { log, reasonOf } from "../log.ts";
import type { JobName } from "./job-read.ts";

/** A job as it was accepted without its shard. */
export type AcceptedJob = Omit<Job, "state"> & { state: "accepted" };

export function hasEnded({ state }: Job | AcceptedJob): boolean {
  return state !== "accepted" && isFinal(state);
}

/** "This job was accepted, and deferred, at that time": a fact that never changes, so a cache may hold it. */
export interface AcceptedRecord {
  job: AcceptedJob;
  at: number;
}

/**
 * What was deferred, for those who read it before its shard has it. Best effort: without a record such a job cannot be
 * found until its commit, and is none the less on its way. The word of the shard and of history stands above it.
 */
export class AcceptedRecords {
  readonly #kv: KVNamespace;

  constructor(kv: KVNamespace) {
    this.#kv = kv;
  }

  async keep(job: AcceptedJob): Promise<void> {
    const record: AcceptedRecord = { job, at: job.createdAt };
    try {
      await this.#kv.put(keyOf(job), JSON.stringify(record), { expirationTtl: DEFERRED_KNOWN_MS / 1000 });
    } catch (error) {
      log("warn", "accepted-put", { id: job.id, reason: reasonOf(error) });
    }
  }

  /** Null also when it cannot be asked. The caller has authenticated for the namespace, which is in the key. */
  async find(name: JobName): Promise<AcceptedRecord | null> {
    try {
      return await this.#kv.get<AcceptedRecord>(keyOf(name), { type: "json" });
    } catch (error) {
      log("warn", "accepted-get", { id: name.id, reason: reasonOf(error) });
      return null;
    }
  }
}

/** The number is of the record's shape. */
function keyOf({ namespace, id }: JobName): string {
  return `accepted:1:${namespace}/${id}`;
}
