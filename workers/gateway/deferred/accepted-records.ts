import { DEFERRED_KNOWN_MS } from "../../../contract/ingest.ts";
import type { Job } from "../../../domain/job/job.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import { log, reasonOf } from "../log.ts";
import type { JobName } from "../routing/job-name.ts";

/** A job as it was accepted without its shard. */
export type AcceptedJob = Omit<Job, "state"> & { state: "accepted" };

/** "This job was accepted, and deferred, at that time." */
export interface AcceptedRecord {
  job: AcceptedJob;
  at: number;
}

/** Where a record was kept a moment ago it cannot be closed before that, in milliseconds. */
const WRITE_EVERY_MS = 1_050;

type Stored = AcceptedRecord | { closed: true };

/**
 * What was deferred, for those who read it before its shard has it. Best effort: without a record such a job cannot be
 * found until its commit, and is none the less on its way. The word of the shard and of history stands above it.
 *
 * A record is closed when its job is committed, and answers nobody from then on. What remains: it is open from the commit
 * until the consumer of the Queue has closed it, mostly milliseconds, and KV may take a minute to tell other locations; a
 * `keep` that KV carries out later than that opens it again. In that time a reader who cannot ask the shard, or history, may
 * be told `accepted` of a job that has gone on since; it is told so with an `Age`.
 */
export class AcceptedRecords {
  readonly #kv: KVNamespace;
  readonly #sleep: (ms: number) => Promise<void>;

  constructor(kv: KVNamespace, sleep: (ms: number) => Promise<void>) {
    this.#kv = kv;
    this.#sleep = sleep;
  }

  async keep(job: AcceptedJob): Promise<void> {
    await this.#put(job, { job, at: job.createdAt });
  }

  /** The job is committed. False when that could not be written down, also a second later: KV takes one write a second of a key. */
  async close(name: JobName): Promise<boolean> {
    if (await this.#put(name, { closed: true })) return true;
    await this.#sleep(WRITE_EVERY_MS);
    return this.#put(name, { closed: true });
  }

  async #put(name: JobName, stored: Stored): Promise<boolean> {
    try {
      await this.#kv.put(keyOf(name), JSON.stringify(stored), { expirationTtl: DEFERRED_KNOWN_MS / 1000 });
      return true;
    } catch (error) {
      log("warn", "accepted-put", { id: name.id, reason: reasonOf(error) });
      return false;
    }
  }

  /** The open record. Null also when it cannot be asked. The caller has authenticated for the namespace, which is in the key. */
  async find(name: JobName): Promise<AcceptedRecord | null> {
    // Nobody has kept such a one, and a longer one is no key that KV takes.
    if (parseJobId(name.id) === null) return null;
    try {
      const stored = await this.#kv.get<Stored>(keyOf(name), { type: "json" });
      return stored === null || "closed" in stored ? null : stored;
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
