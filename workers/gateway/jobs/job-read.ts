import { isProblem, notFound, type Result } from "../../../contract/problems.ts";
import type { Job } from "../../../domain/job/job.ts";
import { ownerOf } from "../../../domain/slots.ts";
import { primary } from "../../db/client.ts";
import { findJob } from "../../db/history.ts";
import { findSpread } from "../../db/spread-reads.ts";
import { fromDatabase } from "../database.ts";
import { log, reasonOf } from "../log.ts";
import { type JobName, slotOfJob } from "../routing/job-name.ts";
import type { Services } from "../services.ts";
import type { ReadSession } from "../sessions/read-session.ts";
import { askForEnd } from "./job-wait.ts";

/** What a job's shard knows of it. */
export interface Live {
  /** Null: the shard does not have it. */
  job: Job | null;
  /** Of D1, where history is known to have all that has left the shard; see `LogPosition`. */
  bookmark: string | null;
}

/** The job as its shard has it. Waits up to `waitMs` for it to be final. A 404 problem when it was deleted: history may not know it yet. */
export async function askShard(services: Services, name: JobName, waitMs: number): Promise<Result<Live>> {
  const reply = await askForEnd(services, name, waitMs);
  if (isProblem(reply)) return reply;
  const { result, log } = reply;
  if (result.type === "gone") return notFound.job(name.id);
  return { job: result.type === "job" ? result.job : null, bookmark: log.bookmark };
}

/** As `askShard`: the job, or null. */
export async function readLive(services: Services, name: JobName, waitMs: number): Promise<Result<Job | null>> {
  const live = await askShard(services, name, waitMs);
  return isProblem(live) ? live : live.job;
}

/** The job as history has it, or null. A 503 problem when history cannot be asked. */
export async function readHistory(services: HistorySources, name: JobName): Promise<Result<Job | null>> {
  const { databases, database } = services;
  if (databases.length > 1) return fromSeveral(services, name);
  return fromDatabase(() => findJob(primary(database), name.namespace, name.id));
}

/** What finished jobs are read with. */
type HistorySources = Pick<Services, "database" | "databases" | "retryD1" | "shards">;

async function fromSeveral(services: HistorySources, name: JobName): Promise<Result<Job | null>> {
  const slot = slotOfJob(name.id);
  const map = await services.shards.map();
  const shard = isProblem(slot) || isProblem(map) ? null : ownerOf(map, slot);
  return fromDatabase(() => findSpread(services, name, shard));
}

/** The same for a session, which notes how far it has seen history then. */
export async function findFinished(
  { session, services }: { session: Pick<ReadSession, "primary" | "touch">; services: HistorySources },
  name: JobName,
): Promise<Result<Job | null>> {
  if (services.databases.length > 1) {
    session.touch();
    return fromSeveral(services, name);
  }
  return fromDatabase(() => session.primary((db) => findJob(db, name.namespace, name.id)));
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
