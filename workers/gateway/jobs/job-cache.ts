import type { Job } from "../../../domain/job.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import { log, reasonOf } from "../log.ts";
import type { JobName } from "./job-read.ts";

/** Who waits for a fresh job polls it, and a look-up that finds nothing is only a delay: younger jobs are not looked up. */
const FRESH_MS = 60_000;

/**
 * A succeeded job never changes, but it can be deleted, and a deletion cannot reach the caches of all data centres. So
 * only `eventual` reads look here, and a minute bounds how old what they are told may be.
 */
const MAX_AGE_SECONDS = 60;

/** A job as it was `ageSeconds` ago. */
export interface CachedJob {
  job: Job;
  ageSeconds: number;
}

/** The succeeded job from the edge cache, or null. The caller has authenticated for the namespace, which is in the key. */
export async function cachedJob(name: JobName, now: number): Promise<CachedJob | null> {
  if (isFresh(name, now)) return null;
  try {
    const hit = await caches.default.match(cacheUrl(name));
    return hit === undefined ? null : cachedAt(await hit.json<{ job: Job; at: number }>(), now);
  } catch (error) {
    log("warn", "cache-match", { reason: reasonOf(error) });
    return null;
  }
}

/** Keeps a job that succeeded. Failing is harmless. */
export async function cacheJob(job: Job, now: number): Promise<void> {
  if (job.state !== "succeeded" || isFresh(job, now)) return;
  const headers = { "content-type": "application/json", "cache-control": `max-age=${MAX_AGE_SECONDS}` };
  try {
    await caches.default.put(cacheUrl(job), new Response(JSON.stringify({ job, at: now }), { headers }));
  } catch (error) {
    log("warn", "cache-put", { reason: reasonOf(error) });
  }
}

function cachedAt({ job, at }: { job: Job; at: number }, now: number): CachedJob {
  return { job, ageSeconds: Math.max(0, Math.ceil((now - at) / 1000)) };
}

function isFresh({ id }: JobName, now: number): boolean {
  const made = parseJobId(id)?.at ?? now;
  return made > now - FRESH_MS;
}

/** A host that no request can have: nothing from outside reads or writes these entries. The number is of their shape. */
function cacheUrl({ namespace, id }: JobName): string {
  return `https://jobs.dure.invalid/2/${encodeURIComponent(namespace)}/${encodeURIComponent(id)}`;
}
