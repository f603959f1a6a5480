import type { Job } from "../../../domain/job/job.ts";
import type { AppContext } from "../context.ts";
import { type AcceptedJob, hasEnded } from "../jobs/accepted-records.ts";
import type { Freshness } from "../jobs/freshness.ts";
import { jobView } from "../jobs/job-view.ts";
import type { JobReader } from "../jobs/reader.ts";
import { preferredWait } from "./prefer.ts";

/** The job, with the bookmark that every read and write of jobs carries. */
export function jobAnswer(c: AppContext, job: Job | AcceptedJob, status: 200 | 202 = 200): Response {
  c.var.session.touch();
  return c.json(jobView(job), status);
}

/** Says how fresh the answer is. */
export function setConsistency(c: AppContext, freshness: Freshness): void {
  c.var.session.touch();
  c.header("dure-consistency", freshness.level);
  if (freshness.level === "eventual") c.header("age", String(freshness.ageSeconds));
}

/** What a read needs of its request. */
export function readerOf(c: AppContext): JobReader {
  const { services, session } = c.var;
  return { services, session, clock: () => Date.now(), later: (work) => c.executionCtx.waitUntil(work) };
}

/** Milliseconds to wait by `Prefer`, and says in the answer that it was honoured. */
export function honouredWaitMs(c: AppContext): number {
  const seconds = preferredWait(c.req.header("prefer"));
  if (seconds === null) return 0;
  c.header("preference-applied", `wait=${seconds}`);
  return seconds * 1000;
}

/** 200 for what is over or was known before, else 202: accepted, to be done. */
export function submitStatus(job: Job | AcceptedJob, replayed: boolean): 200 | 202 {
  return replayed || hasEnded(job) ? 200 : 202;
}
