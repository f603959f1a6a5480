import type { Consistency } from "../../../contract/job.ts";
import { isProblem, notFound, type Result } from "../../../contract/problems.ts";
import type { Job } from "../../../domain/job/job.ts";
import { ownerOf } from "../../../domain/slots.ts";
import { jobInCopy } from "../../db/copies.ts";
import { findJob } from "../../db/history.ts";
import type { Context } from "../context.ts";
import { type JobName, slotOfJob } from "../routing/job-name.ts";
import { eventual, type Freshness, STRONG } from "../sessions/freshness.ts";
import { cachedJob, cacheJob, isFresh } from "./job-cache.ts";
import { askShard, findFinished, fromCopy } from "./job-read.ts";

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
 * The job at a level of consistency, or a higher one: where history lies in several databases always as it is. A copy of history answers for succeeded jobs alone, which can only be
 * deleted since; whatever else is asked of the shard, and that there is no such job is never said without it: a 404 problem.
 */
export async function readJobAt(context: Context, request: JobRequest): Promise<Result<JobRead>> {
  const { name, level } = request;
  if (level === "strong" || isFresh(name, context.clock()) || context.services.databases.length > 1) {
    return strongly(context, request);
  }
  if (level === "session") return (await fromNearest(context, name)) ?? inSession(context, request);
  return (await fromCache(context, name)) ?? (await fromAny(context, name)) ?? strongly(context, request);
}

async function strongly(context: Context, { name, waitMs }: JobRequest): Promise<Result<JobRead>> {
  const askedAt = context.clock();
  const live = await askShard(context.services, name, waitMs);
  if (isProblem(live)) return live;
  return kept(context, live.job ?? (await finished(context, name)), askedAt);
}

/** As strongly, but for a job that has left its shard a copy will do that has all that has left it. */
async function inSession(context: Context, { name, waitMs }: JobRequest): Promise<Result<JobRead>> {
  const askedAt = context.clock();
  const live = await askShard(context.services, name, waitMs);
  if (isProblem(live)) return live;
  const { job, bookmark } = live;
  if (job !== null) return kept(context, job, askedAt);
  if (bookmark !== null) {
    const { namespace, id } = name;
    const copy = await fromCopy(() => context.session.nearest((db) => findJob(db, namespace, id), bookmark));
    if (copy !== null) return { job: copy, freshness: { level: "session" } };
  }
  return kept(context, await finished(context, name), askedAt);
}

async function finished(context: Context, name: JobName): Promise<Result<Job>> {
  return (await findFinished(context, name)) ?? notFound.job(name.id);
}

/** Eventual reads have something from it. */
function kept(context: Context, job: Result<Job>, at: number): Result<JobRead> {
  if (isProblem(job)) return job;
  if (job.state === "succeeded") context.later(cacheJob(job, at));
  return { job, freshness: STRONG };
}

/** The nearest copy, where it knows all that this session knows of the job's shard: a deletion too. */
async function fromNearest({ services, session }: Context, name: JobName): Promise<Result<JobRead | null>> {
  const shard = await shardOf(services, name);
  if (isProblem(shard)) return shard;
  const copy = await fromCopy(() => session.nearest((db) => jobInCopy(db, name, shard)));
  if (copy?.job?.state !== "succeeded" || copy.mark.cursor < session.seqOf(shard)) return null;
  return { job: copy.job, freshness: { level: "session" } };
}

async function fromCache({ clock }: Context, name: JobName): Promise<JobRead | null> {
  const cached = await cachedJob(name, clock());
  const freshness = cached === null ? null : eventual(cached.at, clock());
  return cached === null || freshness === null ? null : { job: cached.job, freshness };
}

/** The nearest copy, as old as it says it is. */
async function fromAny({ services, session, clock }: Context, name: JobName): Promise<Result<JobRead | null>> {
  const shard = await shardOf(services, name);
  if (isProblem(shard)) return shard;
  const copy = await fromCopy(() => session.any((db) => jobInCopy(db, name, shard)));
  if (copy?.job?.state !== "succeeded" || copy.mark.heardAt === null) return null;
  const freshness = eventual(copy.mark.heardAt, clock());
  return freshness === null ? null : { job: copy.job, freshness };
}

async function shardOf({ shards }: Context["services"], { id }: JobName): Promise<Result<string>> {
  const map = await shards.map();
  if (isProblem(map)) return map;
  const slot = slotOfJob(id);
  return isProblem(slot) ? slot : ownerOf(map, slot);
}
