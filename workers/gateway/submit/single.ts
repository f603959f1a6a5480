import type { SubmitBody } from "../../../contract/job.ts";
import { idempotency, isProblem, notFound, type Result } from "../../../contract/problems.ts";
import type { Job } from "../../../domain/job/job.ts";
import type { Context } from "../context.ts";
import type { AcceptedJob } from "../deferred/accepted-records.ts";
import { findFinished } from "../jobs/job-read.ts";
import { noRoom } from "./full.ts";
import { drawRandomness } from "./randomness.ts";
import { expiryPast, jobFromAccepted, submission } from "./submission.ts";
import { type Submitting, submitAll } from "./submit.ts";

export interface SubmittedJob {
  job: Job | AcceptedJob;
  /** An earlier job answers. */
  replayed: boolean;
}

/** Submits one job. */
export async function submitOne(context: Context, body: SubmitBody): Promise<Result<SubmittedJob>> {
  const now = context.clock();
  const { namespace } = context.caller;
  const job = await submission(body, now);
  if (isProblem(job)) return job;
  const options = { namespace, atomic: false, randomness: drawRandomness(1), now, defers: true };
  const results = await submitAll(context.services, [job], options);
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
    case "refused":
      throw new Error("a single job was refused as part of a batch");
  }
}

async function movedToHistory({ session, caller }: Context, id: string): Promise<Result<SubmittedJob>> {
  const job = await findFinished(session, { namespace: caller.namespace, id });
  if (isProblem(job)) return job;
  return job === null ? notFound.job(id) : { job, replayed: true };
}
