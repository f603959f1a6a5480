import type { Job } from "../../domain/job.ts";
import type { JobName } from "./job-read.ts";
import { log, reasonOf } from "./log.ts";

/** A succeeded job never changes, so the data centre's cache may keep it. An hour bounds what it outlives retention by. */
const MAX_AGE_SECONDS = 3600;

/** The succeeded job from the edge cache, or null. The caller has authenticated for the namespace, which is in the key. */
export async function cachedJob(name: JobName): Promise<Job | null> {
  try {
    const hit = await caches.default.match(cacheUrl(name));
    return hit === undefined ? null : await hit.json<Job>();
  } catch (error) {
    log("warn", "cache-match", { reason: reasonOf(error) });
    return null;
  }
}

/** Keeps a job that succeeded. Failing is harmless. */
export async function cacheJob(job: Job): Promise<void> {
  if (job.state !== "succeeded") return;
  const headers = { "content-type": "application/json", "cache-control": `max-age=${MAX_AGE_SECONDS}` };
  try {
    await caches.default.put(cacheUrl(job), new Response(JSON.stringify(job), { headers }));
  } catch (error) {
    log("warn", "cache-put", { reason: reasonOf(error) });
  }
}

/** A host that no request can have: nothing from outside reads or writes these entries. */
function cacheUrl({ namespace, id }: JobName): string {
  return `https://jobs.dure.invalid/${encodeURIComponent(namespace)}/${encodeURIComponent(id)}`;
}
