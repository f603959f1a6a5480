import type { ExplainView, JobListView, JobView, SubmitBody } from "../../../contract/job.ts";
import {
  conflict,
  idempotency,
  invalid,
  isProblem,
  notFound,
  type Problem,
  type Result,
  unavailable,
} from "../../../contract/problems.ts";
import type { ChangeReply, JobReply } from "../../../contract/rpc.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import type { Job } from "../../../domain/job/job.ts";
import { type Answered, accepted, done } from "../answered.ts";
import type { Context } from "../context.ts";
import { cannotReturn, retryFromHistory } from "../dead-letters/revive.ts";
import type { AcceptedJob } from "../deferred/accepted-records.ts";
import { ACCEPTED_EXPLANATION, afterCommit, type Found, orAccepted } from "../jobs/accepted-read.ts";
import { readJobAt } from "../jobs/job-levels.ts";
import { findFinished, readLive } from "../jobs/job-read.ts";
import { jobView } from "../jobs/job-view.ts";
import { listJobsAt } from "../jobs/list-cache.ts";
import { jobFromAccepted } from "../routing/assigned-job.ts";
import { type JobName, slotOfJob } from "../routing/job-name.ts";
import { type Freshness, STRONG } from "../sessions/freshness.ts";
import { noRoom } from "../submit/full.ts";
import type { Submitting } from "../submit/options.ts";
import { drawRandomness } from "../submit/randomness.ts";
import { expiryPast, submission } from "../submit/submission.ts";
import { submitAll } from "../submit/submit.ts";
import { changeJob } from "./change-job.ts";
import { jobTag } from "./job-tag.ts";
import type { UseCase } from "./use-case.ts";

/** Submitting, reading, waiting for, explaining, cancelling and retrying single jobs, and listing them. */

export const submitJob: UseCase<"submitJob"> = async (context, { body, idempotencyKey, traceparent, waitMs }) => {
  const keyed = withKey(body, idempotencyKey);
  if (isProblem(keyed)) return keyed;
  const submitted = await submitOne(context, keyed, traceparent);
  if (isProblem(submitted)) return submitted;
  const { job, replayed } = submitted;
  const current = waitMs > 0 && !hasEnded(job) ? await waitFor(context, job, waitMs) : job;
  const remarks = { replayed, deferred: job.state === "accepted", ...tagOf(current) };
  // 200 for what is over or was known before, else 202: accepted, to be done.
  return replayed || hasEnded(current) ? done(jobView(current), remarks) : accepted(jobView(current), remarks);
};

interface SubmittedJob {
  job: Job | AcceptedJob;
  /** An earlier job answers. */
  replayed: boolean;
}

/** Submits one job. */
async function submitOne(
  context: Context,
  body: SubmitBody,
  traceparent: string | null,
): Promise<Result<SubmittedJob>> {
  const now = context.clock();
  const { namespace } = context.caller;
  const job = await submission(body, now, traceparent);
  if (isProblem(job)) return job;
  const { services } = context;
  const randomness = drawRandomness(services.placing.at(now));
  const results = await submitAll(services, [job], { namespace, atomic: false, randomness, now, defers: true });
  if (isProblem(results) || results.some(({ type }) => type === "refused" || type === "deferred")) {
    services.placing.leave(randomness.partition);
  }
  if (isProblem(results)) return results;
  const [result] = results;
  if (result === undefined) throw new Error("a submission without a result");
  return outcomeOf(context, result);
}

async function outcomeOf(context: Context, result: Submitting): Promise<Result<SubmittedJob>> {
  if (result.type === "refused") return result.problem;
  if (result.type === "deferred") return { job: result.job, replayed: false };
  if (result.type === "replayed") throw new Error("a single job was submitted in a transaction");
  const { outcome, assigned } = result;
  switch (outcome.type) {
    case "accepted":
      return { job: jobFromAccepted(assigned, outcome), replayed: false };
    case "replayed":
      return outcome.job === null ? movedToHistory(context, outcome.id) : { job: outcome.job, replayed: true };
    case "mismatch":
      return idempotency.jobMismatch(outcome.id);
    case "duplicate":
      return idempotency.duplicate(outcome.id);
    case "expired":
      return expiryPast();
    case "full":
      return noRoom(outcome, assigned.settings.name);
    case "undecided":
      return idempotency.keyUndecided();
    case "faulted":
      return unavailable.faulted(outcome.fault);
    case "refused":
      // It is of an earlier namespace of the name, and came after that was deleted.
      return notFound.queue(assigned.settings.name);
  }
}

async function movedToHistory(context: Context, id: string): Promise<Result<SubmittedJob>> {
  const job = await findFinished(context, { namespace: context.caller.namespace, id });
  if (isProblem(job)) return job;
  return job === null ? notFound.job(id) : { job, replayed: true };
}

/** The header is another place for the field; both may be there when they agree. */
function withKey(body: SubmitBody, idempotencyKey: string | null): Result<SubmitBody> {
  if (idempotencyKey === null) return body;
  if (body.idempotencyKey !== undefined && body.idempotencyKey !== idempotencyKey) {
    return invalid.field("/idempotencyKey", "idempotencyKey differs from the header Idempotency-Key.");
  }
  return { ...body, idempotencyKey };
}

/** The job as it is when it is final or the wait ends. Accepted already, so a failing wait is no failure of the submission. */
async function waitFor({ services }: Context, job: Job | AcceptedJob, waitMs: number): Promise<Job | AcceptedJob> {
  const current = await (job.state === "accepted"
    ? afterCommit(services, job, waitMs)
    : readLive(services, job, waitMs));
  return isProblem(current) || current === null ? job : current;
}

export const listJobs: UseCase<"listJobs"> = async (context, { query }) => {
  const list = await listJobsAt(context, query);
  if (isProblem(list)) return list;
  // A page that was kept is the text of one.
  return done(list.page as JobListView, { freshness: list.freshness });
};

export const getJob: UseCase<"getJob"> = async (context, { params, query, waitMs }) => {
  const level = query.consistency;
  const name = nameOf(context, params.id);
  const until = context.clock() + waitMs;
  const found = await orAccepted({ services: context.services, waitMs, level }, name, () =>
    readJobAt(context, { name, level, waitMs }),
  );
  if (isProblem(found)) return found;
  if (found.type === "read") return shown(found.value.job, found.value.freshness);
  const job = await afterCommit(context.services, found.job, until - context.clock());
  return isProblem(job) ? job : shown(job, job.state === "accepted" ? acceptedFreshness(found) : STRONG);
};

/** A succeeded job never changes: whoever has it may keep it. */
function shown(job: Job | AcceptedJob, freshness: Freshness): Answered<JobView> {
  const kept = job.state === "succeeded" ? { headers: { "cache-control": "private" } } : {};
  return done(jobView(job), { freshness, ...tagOf(job), ...kept });
}

/** Of a job that its shard does not have yet nobody knows how often it will have changed. */
function tagOf(job: Job | AcceptedJob): { etag?: string } {
  return job.state === "accepted" ? {} : { etag: jobTag(job) };
}

function acceptedFreshness({ ageSeconds }: Extract<Found<unknown>, { type: "accepted" }>): Freshness {
  return ageSeconds === null ? STRONG : { level: "eventual", ageSeconds };
}

export const explainJob: UseCase<"explainJob"> = async (context, { params }) => {
  const { services } = context;
  const name = nameOf(context, params.id);
  const found = await orAccepted({ services, level: "strong" }, name, () => explained(context, name));
  if (isProblem(found)) return found;
  if (found.type === "accepted") return done(ACCEPTED_EXPLANATION, { freshness: acceptedFreshness(found) });
  return done(found.value, { freshness: STRONG });
};

async function explained(context: Context, name: JobName): Promise<Result<ExplainView>> {
  const { services } = context;
  const slot = slotOfJob(name.id);
  if (isProblem(slot)) return slot;
  const reply = await services.shards.ask(slot, { idempotent: true }, (shard, head) =>
    shard.explain({ ...head, ...name }),
  );
  if (isProblem(reply)) return reply;
  if (reply.type === "gone") return notFound.job(name.id);
  if (reply.type === "none") return finished(await findFinished(context, name), name);
  const { explanation } = reply;
  const { estimatedStartAt: at, since = null } = explanation;
  return {
    ...explanation,
    estimatedStartAt: at === null ? null : formatTimestamp(at),
    since: since === null ? null : formatTimestamp(since),
  };
}

function finished(job: Result<Job | null>, { id }: JobName): Result<ExplainView> {
  if (isProblem(job)) return job;
  if (job === null) return notFound.job(id);
  const detail = `The job has ${job.state}.`;
  return {
    state: job.state,
    reason: "final",
    detail,
    blockedBy: null,
    ahead: null,
    estimatedStartAt: null,
    since: null,
  };
}

export const cancelJob: UseCase<"cancelJob"> = (context, { params }) =>
  changeJob(context, nameOf(context, params.id), {
    call: (shard, request) => shard.cancel(request),
    refused,
    forgotten: stateForbids,
  });

export const retryJob: UseCase<"retryJob"> = (context, { params }) =>
  changeJob(context, nameOf(context, params.id), {
    call: (shard, request) => shard.retry(request),
    refused,
    // A failed or cancelled job that its shard has forgotten comes back from history.
    forgotten: (job) => (job.state === "succeeded" ? stateForbids(job) : retryFromHistory(context.services, job)),
  });

function refused({ job, because }: Exclude<ChangeReply, JobReply>): Problem {
  return job.state === "succeeded" || because === null ? stateForbids(job) : cannotReturn(because, job.queue);
}

function stateForbids({ state }: Job): Problem {
  return conflict.state(`The job is ${state}.`);
}

function nameOf({ caller }: Context, id: string): JobName {
  return { namespace: caller.namespace, id };
}

/** An accepted job has not even begun. */
function hasEnded({ finishedAt }: Job | AcceptedJob): boolean {
  return finishedAt !== null;
}
