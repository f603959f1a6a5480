import type { Job } from "../../domain/job.ts";
import { parseJobId } from "../../domain/job-id.ts";
import type { JobName } from "./job-read.ts";
import { log, reasonOf } from "./log.ts";

/** Who waits for a fresh job polls it, and a look-up that finds nothing is only a delay: younger jobs are not looked up. */
const FRESH_MS = 60_000;

/** A succeeded job never changes, so the data centre's cache may keep it. An hour bounds what it outlives retention by. */
const MAX_AGE_SECONDS = 3600;

/** The succeeded job from the edge cache, or null. The caller has authenticated for the namespace, which is in the key. */
export async function cachedJob(name: JobName, now: number): Promise<Job | null> {
  if (isFresh(name, now)) return null;
  try {
    const hit = await caches.default.match(cacheUrl(name));
    return hit === undefined ? null : await hit.json<Job>();
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
    await caches.default.put(cacheUrl(job), new Response(JSON.stringify(job), { headers }));
  } catch (error) {
    log("warn", "cache-put", { reason: reasonOf(error) });
  }
}

function isFresh({ id }: JobName, now: number): boolean {
  const made = parseJobId(id)?.at ?? now;
  return made > now - FRESH_MS;
}

/** A host that no request can have: nothing from outside reads or writes these entries. */
function cacheUrl({ namespace, id }: JobName): string {
  return `https://jobs.dure.invalid/${encodeURIComponent(namespace)}/${encodeURIComponent(id)}`;
}
