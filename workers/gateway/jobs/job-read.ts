import type { Job } from "../../../domain/job/job.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import { primary } from "../../db/client.ts";
import { findJob } from "../../db/history.ts";
import { log, reasonOf } from "../log.ts";
import { Refusal } from "../refusal.ts";
import type { Services } from "../services.ts";
import type { ReadSession } from "./read-session.ts";

/** Names one job of one tenant. */
export interface JobName {
  namespace: string;
  id: string;
}

export function jobNotFound(id: string): Refusal {
  return new Refusal("job-not-found", `There is no job "${id.slice(0, 80)}".`);
}

/** The slot of a job id; a malformed id is a 404 like any other unknown one. */
export function slotOfJob(id: string): number {
  const parsed = parseJobId(id);
  if (parsed === null) throw jobNotFound(id);
  return parsed.slot;
}

/** What a job's shard knows of it. */
export interface Live {
  /** Null: the shard does not have it. */
  job: Job | null;
  /** Of D1, where history is known to have all that has left the shard; see `LogPosition`. */
  bookmark: string | null;
}

/** The job as its shard has it. Waits up to `waitMs` for it to be final. Refuses with 404 when it was deleted: history may not know it yet. */
export async function askShard(services: Services, name: JobName, waitMs: number): Promise<Live> {
  const { result, log } = await services.shards.askWithLog(slotOfJob(name.id), { idempotent: true }, (shard, head) =>
    shard.get({ ...head, ...name, waitMs }),
  );
  if (result.type === "gone") throw jobNotFound(name.id);
  return { job: result.type === "job" ? result.job : null, bookmark: log.bookmark };
}

/** As `askShard`: the job, or null. */
export async function readLive(services: Services, name: JobName, waitMs: number): Promise<Job | null> {
  return (await askShard(services, name, waitMs)).job;
}

/** The job as history has it, or null. A 503 refusal when history cannot be asked. */
export async function readHistory(database: D1Database, name: JobName): Promise<Job | null> {
  return orUnavailable(() => findJob(primary(database), name.namespace, name.id));
}

/** The same for a session, which notes how far it has seen history then. */
export async function findFinished(session: Pick<ReadSession, "primary">, name: JobName): Promise<Job | null> {
  return orUnavailable(() => session.primary((db) => findJob(db, name.namespace, name.id)));
}

/** Runs a read of a copy of history. A copy that cannot be read is as good as none: null, and others are asked. */
export async function fromCopy<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    log("warn", "copy", { reason: reasonOf(error) });
    return null;
  }
}

/** Runs a read of D1, turning its failure into a 503 refusal. */
export async function orUnavailable<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Refusal) throw error;
    log("error", "database", { reason: reasonOf(error) });
    throw new Refusal("unavailable", "The database did not answer.");
  }
}
