import type { SubmitBody } from "../../../contract/job.ts";
import { isProblem, Problem, type Result } from "../../../contract/problems.ts";
import type { Job } from "../../../domain/job/job.ts";
import type { Context } from "../context.ts";
import type { AcceptedJob } from "../deferred/accepted-records.ts";
import { findFinished, jobNotFound } from "../jobs/job-read.ts";
import { fullRefusal } from "./full.ts";
import { drawRandomness } from "./randomness.ts";
import { duplicateOf, expiryPast, jobFromAccepted, keyUndecided, submission } from "./submission.ts";
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
  const [result] = await submitAll(context.services, [job], options);
  if (result === undefined) throw new Error("a submission without a result");
  return outcomeOf(context, result);
}

async function outcomeOf(context: Context, result: Submitting): Promise<Result<SubmittedJob>> {
  if (result.type === "refused") throw result.refusal;
  if (result.type === "deferred") return { job: result.job, replayed: false };
  if (result.type === "replayed") throw new Error("a single job was submitted in a transaction");
  const { outcome, assigned } = result;
  switch (outcome.type) {
    case "accepted":
      return { job: jobFromAccepted(assigned, outcome), replayed: false };
    case "replayed":
      return outcome.job === null ? movedToHistory(context, outcome.id) : { job: outcome.job, replayed: true };
    case "mismatch":
      return new Problem(
        "idempotency-mismatch",
        `The idempotency key belongs to ${outcome.id}, which was sent with another body.`,
      );
    case "duplicate":
      throw duplicateOf(outcome.id);
    case "expired":
      throw expiryPast();
    case "full":
      throw fullRefusal(outcome, assigned.settings.name);
    case "undecided":
      throw keyUndecided();
    case "refused":
      throw new Error("a single job was refused as part of a batch");
  }
}

async function movedToHistory({ session, caller }: Context, id: string): Promise<Result<SubmittedJob>> {
  const job = await findFinished(session, { namespace: caller.namespace, id });
  if (isProblem(job)) return job;
  if (job === null) throw jobNotFound(id);
  return { job, replayed: true };
}
