import { isFinal, type Job } from "../../../domain/job.ts";
import type { AppContext } from "../context.ts";
import { jobView } from "../jobs/job-view.ts";
import { preferredWait } from "./prefer.ts";

/** The job, with the bookmark that every read and write of jobs carries. */
export async function jobAnswer(c: AppContext, job: Job, status: 200 | 202 = 200): Promise<Response> {
  await setBookmark(c);
  return c.json(jobView(job), status);
}

export async function setBookmark(c: AppContext): Promise<void> {
  c.header("dure-bookmark", await c.var.services.bookmarks.current(Date.now()));
}

/** Says how fresh the answer is: as fresh as can be, or `ageSeconds` old where it came out of a cache. */
export function setConsistency(c: AppContext, ageSeconds: number | null): void {
  c.header("dure-consistency", ageSeconds === null ? "strong" : "eventual");
  if (ageSeconds !== null) c.header("age", String(ageSeconds));
}

/** Milliseconds to wait by `Prefer`, and says in the answer that it was honoured. */
export function honouredWaitMs(c: AppContext): number {
  const seconds = preferredWait(c.req.header("prefer"));
  if (seconds === null) return 0;
  c.header("preference-applied", `wait=${seconds}`);
  return seconds * 1000;
}

/** 200 for what is over or was known before, else 202: accepted, to be done. */
export function submitStatus(job: Job, replayed: boolean): 200 | 202 {
  return replayed || isFinal(job.state) ? 200 : 202;
}
