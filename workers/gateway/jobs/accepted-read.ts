import type { Consistency, ExplainView } from "../../../contract/job.ts";
import { conflict, isProblem, notFound, type Problem, type Result } from "../../../contract/problems.ts";
import type { Job } from "../../../domain/job/job.ts";
import { LATE, within } from "../deadline.ts";
import type { AcceptedJob, AcceptedRecord } from "../deferred/accepted-records.ts";
import { SHARD_ANSWERS_MS } from "../deferred/deferral.ts";
import type { JobName } from "../routing/job-name.ts";
import type { Services } from "../services.ts";
import { committedJobs } from "./committed-jobs.ts";
import { readLive } from "./job-read.ts";

/** Between two looks for a job that waits for its shard: this long at first, then twice as long each time. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 2000;
/** A shard that has not answered a read that must not be old by then is taken to be out of reach. */
const OUT_OF_REACH_MS = 10_000;
/** What an answer that waited until the end of a wait may be late by. */
const ANSWER_MS = 500;

export type Found<T> =
  | { type: "read"; value: T }
  /** `ageSeconds` is null when the shard and history were asked: then it is so now. */
  | { type: "accepted"; job: AcceptedJob; ageSeconds: number | null };

interface ReadContext {
  services: Services;
  /** How long the reader waits for the job's end. */
  waitMs?: number;
  level: Consistency;
}

/**
 * What `read` finds. When it finds no such job, or its shard or history cannot be reached, the job may have been deferred:
 * then that is the answer, unless it is known to be committed (`AcceptedRecords`). Else it is `read`'s own, whatever it is.
 * An `eventual` reader takes a shard to be away after a moment; the others, who may have seen more of the job, wait for one
 * that is slow.
 */
export async function orAccepted<T>(
  { services, waitMs = 0, level }: ReadContext,
  name: JobName,
  read: () => Promise<Result<T>>,
): Promise<Result<Found<T>>> {
  const asked = read();
  const value = await within(waitMs + (level === "eventual" ? SHARD_ANSWERS_MS : OUT_OF_REACH_MS), asked);
  if (value === LATE) {
    const record = await services.accepted.find(name);
    return record === null ? foundBy(await asked) : aged(record);
  }
  if (!isProblem(value) || !mayBeAccepted(value)) return foundBy(value);
  const record = await services.accepted.find(name);
  if (record === null) return value;
  if (value.code === "unavailable") return aged(record);
  // There was no such job a moment ago; there still is none, unless it was committed since, or has come and gone.
  const committed = await committedJobs(services, [name]);
  if (isProblem(committed)) return committed;
  if (committed.existing.size + committed.past.size > 0) return foundBy(await read());
  return { type: "accepted", job: record.job, ageSeconds: null };
}

function foundBy<T>(value: Result<T>): Result<Found<T>> {
  return isProblem(value) ? value : { type: "read", value };
}

function mayBeAccepted({ code }: Problem): boolean {
  return code === "job-not-found" || code === "unavailable";
}

/**
 * As it was when it was accepted: nobody can tell what has become of it since. Its age is that of its acceptance, and may
 * be more than any other `eventual` answer's: a shard can be away for longer than 300 seconds.
 */
function aged({ job, at }: AcceptedRecord): Extract<Found<never>, { type: "accepted" }> {
  return { type: "accepted", job, ageSeconds: Math.max(0, Math.ceil((Date.now() - at) / 1000)) };
}

/**
 * Waits for the job's commit and then for its end, `waitMs` in all: answers it as it is then. A shard that is away is
 * asked again and again. A 404 problem when the job was deleted meanwhile.
 */
export async function afterCommit(
  services: Services,
  job: AcceptedJob,
  waitMs: number,
): Promise<Result<Job | AcceptedJob>> {
  const until = Date.now() + waitMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    const left = until - Date.now();
    if (left <= 0) return job;
    const live = await within(left + ANSWER_MS, liveOrAway(services, job, left));
    if (live !== LATE && live !== null) return live;
    await services.shards.pause(Math.max(0, Math.min(pauseMs, until - Date.now())));
  }
}

async function liveOrAway(services: Services, job: AcceptedJob, waitMs: number): Promise<Result<Job | null>> {
  const live = await readLive(services, job, waitMs);
  return isProblem(live) && live.code !== "job-not-found" ? null : live;
}

/** Why a job cannot be changed that neither its shard nor history has: it is not committed yet (409), or there is none. */
export async function notThere(services: Services, name: JobName): Promise<Problem> {
  if ((await services.accepted.find(name)) === null) return notFound.job(name.id);
  const committed = await committedJobs(services, [name]);
  if (isProblem(committed)) return committed;
  if (committed.existing.size + committed.past.size > 0) return notFound.job(name.id);
  return conflict.state("The job is accepted and waits for its shard. It can be changed as soon as that has it.");
}

/** Why an accepted job does not run. */
export const ACCEPTED_EXPLANATION: ExplainView = {
  state: "accepted",
  reason: "accepted",
  detail:
    "The job's shard did not answer when the job was sent. The job waits in the ingest Queue, and gets its place in line when the shard has it.",
  blockedBy: null,
  ahead: null,
  estimatedStartAt: null,
  since: null,
};
