import type { Consistency } from "../../../contract/job.ts";
import type { Job } from "../../../domain/job/job.ts";
import { ownerOf } from "../../../domain/slots.ts";
import { jobInCopy } from "../../db/copies.ts";
import { findJob } from "../../db/history.ts";
import { eventual, type Freshness, STRONG } from "./freshness.ts";
import { cachedJob, cacheJob, isFresh } from "./job-cache.ts";
import { askShard, findFinished, fromCopy, type JobName, jobNotFound, slotOfJob } from "./job-read.ts";
import type { JobReader } from "./reader.ts";

export interface JobRequest {
  name: JobName;
  level: Consistency;
  /** Wait so long for the job to be final. */
  waitMs: number;
}

export interface JobRead {
  job: Job;
  freshness: Freshness;
}

/**
 * The job at a level of consistency, or a higher one. A copy of history answers for succeeded jobs alone, which can only be
 * deleted since; whatever else is asked of the shard, and that there is no such job is never said without it: a 404 refusal.
 */
export async function readJobAt(reader: JobReader, request: JobRequest): Promise<JobRead> {
  const { name, level } = request;
  if (level === "strong" || isFresh(name, reader.clock())) return strongly(reader, request);
  if (level === "session") return (await fromNearest(reader, name)) ?? inSession(reader, request);
  return (await fromCache(reader, name)) ?? (await fromAny(reader, name)) ?? strongly(reader, request);
}

async function strongly(reader: JobReader, { name, waitMs }: JobRequest): Promise<JobRead> {
  const askedAt = reader.clock();
  const { job } = await askShard(reader.services, name, waitMs);
  return kept(reader, job ?? (await finished(reader, name)), askedAt);
}

/** As strongly, but for a job that has left its shard a copy will do that has all that has left it. */
async function inSession(reader: JobReader, { name, waitMs }: JobRequest): Promise<JobRead> {
  const askedAt = reader.clock();
  const { job, bookmark } = await askShard(reader.services, name, waitMs);
  if (job !== null) return kept(reader, job, askedAt);
  if (bookmark !== null) {
    const { namespace, id } = name;
    const copy = await fromCopy(() => reader.session.nearest((db) => findJob(db, namespace, id), bookmark));
    if (copy !== null) return { job: copy, freshness: { level: "session" } };
  }
  return kept(reader, await finished(reader, name), askedAt);
}

async function finished({ session }: JobReader, name: JobName): Promise<Job> {
  const job = await findFinished(session, name);
  if (job === null) throw jobNotFound(name.id);
  return job;
}

/** Eventual reads have something from it. */
function kept(reader: JobReader, job: Job, at: number): JobRead {
  if (job.state === "succeeded") reader.later(cacheJob(job, at));
  return { job, freshness: STRONG };
}

/** The nearest copy, where it knows all that this session knows of the job's shard: a deletion too. */
async function fromNearest({ services, session }: JobReader, name: JobName): Promise<JobRead | null> {
  const shard = ownerOf(await services.shards.map(), slotOfJob(name.id));
  const copy = await fromCopy(() => session.nearest((db) => jobInCopy(db, name, shard)));
  if (copy?.job?.state !== "succeeded" || copy.mark.cursor < session.seqOf(shard)) return null;
  return { job: copy.job, freshness: { level: "session" } };
}

async function fromCache({ clock }: JobReader, name: JobName): Promise<JobRead | null> {
  const cached = await cachedJob(name, clock());
  const freshness = cached === null ? null : eventual(cached.at, clock());
  return cached === null || freshness === null ? null : { job: cached.job, freshness };
}

/** The nearest copy, as old as it says it is. */
async function fromAny({ services, session, clock }: JobReader, name: JobName): Promise<JobRead | null> {
  const shard = ownerOf(await services.shards.map(), slotOfJob(name.id));
  const copy = await fromCopy(() => session.any((db) => jobInCopy(db, name, shard)));
  if (copy?.job?.state !== "succeeded" || copy.mark.heardAt === null) return null;
  const freshness = eventual(copy.mark.heardAt, clock());
  return freshness === null ? null : { job: copy.job, freshness };
}
