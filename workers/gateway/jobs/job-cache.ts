import type { Job } from "../../../domain/job/job.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import { fromEdge, toEdge } from "../edge-cache.ts";
import type { JobName } from "../routing/job-name.ts";

/** Who waits for a fresh job polls it, and a look-up that finds nothing is only a delay: younger jobs are not looked up. */
const FRESH_MS = 60_000;

/**
 * A succeeded job never changes, but it can be deleted, and a deletion cannot reach the caches of all data centres. So
 * only `eventual` reads look here, and a minute bounds how long what they are told may be kept.
 */
const MAX_AGE_SECONDS = 60;

/** A job as it was at `at`, epoch ms. */
export interface CachedJob {
  job: Job;
  at: number;
}

/** The succeeded job from the edge cache, or null. The caller has authenticated for the namespace, which is in the key. */
export async function cachedJob(name: JobName, now: number): Promise<CachedJob | null> {
  return isFresh(name, now) ? null : fromEdge<CachedJob>(pathOf(name));
}

/** Keeps a job that succeeded, and was so at `at`. Failing is harmless. */
export async function cacheJob(job: Job, at: number): Promise<void> {
  if (job.state !== "succeeded" || isFresh(job, at)) return;
  const entry: CachedJob = { job, at };
  await toEdge(pathOf(job), entry, MAX_AGE_SECONDS);
}

/** Made so lately that its shard has it, and anywhere else it is hardly to be found. */
export function isFresh({ id }: Pick<JobName, "id">, now: number): boolean {
  const made = parseJobId(id)?.at ?? now;
  return made > now - FRESH_MS;
}

/** The number is of the entries' shape. */
function pathOf({ namespace, id }: JobName): string {
  return `/jobs/2/${encodeURIComponent(namespace)}/${encodeURIComponent(id)}`;
}
