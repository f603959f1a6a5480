import type { BatchEnvelope, BatchItemView, BatchView } from "../../../contract/batch.ts";
import type { SubmitBody } from "../../../contract/job.ts";
import { parseSubmit } from "../../../contract/parse-submit.ts";
import {
  allOf,
  batch,
  idempotency,
  invalid,
  isProblem,
  type Problem,
  problemView,
  type Result,
  unavailable,
  under,
  valuesOf,
} from "../../../contract/problems.ts";
import type { Submission } from "../../../contract/submission.ts";
import type { Job } from "../../../domain/job/job.ts";
import type { JobState } from "../../../domain/job/state.ts";
import type { AcceptedJob } from "../deferred/accepted-records.ts";
import { readHistory } from "../jobs/job-read.ts";
import { jobView } from "../jobs/job-view.ts";
import { jobFromAccepted } from "../routing/assigned-job.ts";
import type { Services } from "../services.ts";
import { noRoom, wantOfRoom } from "./full.ts";
import type { SubmitOptions, Submitting } from "./options.ts";
import { expiryPast, submission } from "./submission.ts";
import { submitAll } from "./submit.ts";

/** Randomness and time of one run of a batch; for the others see `SubmitOptions`. */
export interface BatchRun extends Pick<SubmitOptions, "randomness" | "now" | "defers" | "past" | "pinned"> {
  late: boolean;
  /** New jobs are answered whole. */
  whole?: boolean;
  /** The trace of the request; null, or left out: it has none. */
  traceparent?: string | null;
}

/** Whose batch it is, and where its jobs may be found that have left their shards. */
export interface BatchSender {
  services: Services;
  namespace: string;
}

/** How the items of one batch are told. */
interface Telling extends BatchSender {
  whole: boolean;
}

/** Submits a batch. A problem where an atomic one is refused, or nobody can tell what became of it. */
export async function submitBatch(
  sender: BatchSender,
  { atomic, jobs }: BatchEnvelope,
  run: BatchRun,
): Promise<Result<BatchView>> {
  const { randomness, traceparent = null, whole = false, ...options } = run;
  const read = (body: SubmitBody) => submission(body, options.now, traceparent);
  const parsed = await Promise.all(jobs.map((job, index) => parseJob(job, `/jobs/${index}`, read)));
  const refused = atomic ? whyFaulty(parsed) : null;
  if (refused !== null) return refused;
  const telling = { ...sender, whole };
  const items = await submitParsed(telling, parsed, { ...options, randomness, namespace: sender.namespace, atomic });
  if (isProblem(items)) return items;
  const accepted = items.filter((item) => "id" in item && !item.replayed).length;
  return { id: randomness.batchId, atomic, accepted, items };
}

/** A faulty job costs only itself, unless the batch is atomic. */
async function parseJob(
  job: unknown,
  pointer: string,
  submitted: (body: SubmitBody) => Promise<Result<Submission>>,
): Promise<Result<Submission>> {
  const parsed = parseSubmit(job);
  if (!parsed.success) return invalid.schema(parsed.error, pointer, "The job is not valid.");
  const read = await submitted(parsed.data);
  return isProblem(read) ? under(pointer, read) : read;
}

function whyFaulty(parsed: Result<Submission>[]): Problem | null {
  const faulty = parsed.filter(isProblem);
  return faulty.length === 0 ? null : batch.refused(faulty.flatMap(({ extras }) => extras.errors ?? []));
}

async function submitParsed(
  telling: Telling,
  parsed: Result<Submission>[],
  options: SubmitOptions,
): Promise<Result<BatchItemView[]>> {
  const results = await submitAll(telling.services, valuesOf(parsed), options);
  if (isProblem(results)) return results;
  const refused = options.atomic ? whyNotAll(results) : null;
  if (refused !== null) return refused;
  let next = 0;
  const items = parsed.map((job, index): BatchItemView | Promise<Result<BatchItemView>> =>
    isProblem(job) ? { problem: problemView(job) } : itemOf(telling, results[next++], `/jobs/${index}`),
  );
  return allOf(await Promise.all(items));
}

/** Of an atomic batch nothing was accepted when one job was not: which, and why. Null: every one was. */
function whyNotAll(results: Submitting[]): Problem | null {
  const problems = results.map(problemOf);
  const refused = problems.filter((problem) => problem !== null);
  if (refused.length === 0) return null;
  // What no job's fault is (a slot on the move, a shard that is away) stands for the whole batch.
  const whole = refused.find(({ code }) => code === "unavailable");
  if (whole !== undefined) return whole;
  const own = refused.filter(({ code }) => code !== "batch-refused");
  const room = wantOfRoom(own.map(problemView));
  const [first] = own;
  if (first !== undefined && room !== null) return room;
  // What holds the keys is over in a moment, and the batch may pass then.
  if (first !== undefined && own.every(({ code }) => code === "idempotency-undecided")) return first;
  return batch.refused(
    problems.flatMap((problem, index) =>
      problem === null || problem.code === "batch-refused"
        ? []
        : (under(`/jobs/${index}`, problem).extras.errors ?? []),
    ),
  );
}

/** Why the job was not accepted, or null when it was, or had been. */
function problemOf(result: Submitting): Problem | null {
  if (result.type === "refused") return result.problem;
  if (result.type === "replayed" || result.type === "deferred") return null;
  const { outcome, assigned } = result;
  switch (outcome.type) {
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
      return batch.otherRefused();
    case "accepted":
    case "replayed":
      return null;
  }
}

async function itemOf(
  telling: Telling,
  result: Submitting | undefined,
  pointer: string,
): Promise<Result<BatchItemView>> {
  if (result === undefined) throw new Error("a job of a batch without a result");
  const problem = problemOf(result);
  if (problem !== null) return { problem: problemView(under(pointer, problem)) };
  if (result.type === "refused") throw new Error("a refused job without a problem");
  if (result.type === "replayed") return replayedItem(telling, result);
  if (result.type === "deferred") return newItem(telling, result.job, () => result.job);
  const { outcome, assigned } = result;
  if (outcome.type === "accepted") {
    return newItem(telling, { id: assigned.job.id, state: outcome.state }, () => jobFromAccepted(assigned, outcome));
  }
  if (outcome.type !== "replayed") throw new Error("a refused job without a problem");
  return replayedItem(telling, { id: outcome.id, state: outcome.job?.state ?? null });
}

/** `job` is only made where it is wanted. */
function newItem(
  { whole }: Telling,
  { id, state }: Pick<Job | AcceptedJob, "id" | "state">,
  job: () => Job | AcceptedJob,
): BatchItemView {
  return { id, state, replayed: false, ...(whole ? { job: jobView(job()) } : {}) };
}

async function replayedItem(
  { services, namespace }: BatchSender,
  { id, state }: { id: string; state: JobState | null },
): Promise<Result<BatchItemView>> {
  if (state !== null) return { id, state, replayed: true };
  const job = await readHistory(services, { namespace, id });
  if (isProblem(job)) return job;
  // Only succeeded jobs leave their shard before the idempotency window ends.
  return { id, state: job?.state ?? "succeeded", replayed: true };
}
