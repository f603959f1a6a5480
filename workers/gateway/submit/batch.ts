import type { BatchEnvelope, BatchItemView, BatchView } from "../../../contract/batch.ts";
import { parseSubmit } from "../../../contract/parse-submit.ts";
import { errorsOf, type ProblemError } from "../../../contract/problem.ts";
import { problemView } from "../../../contract/problems.ts";
import type { Submission } from "../../../contract/submission.ts";
import type { JobState } from "../../../domain/job/state.ts";
import { readHistory } from "../jobs/job-read.ts";
import { Refusal } from "../refusal.ts";
import type { Services } from "../services.ts";
import { fullRefusal, wantOfRoom } from "./full.ts";
import { duplicateOf, expiryPast, keyUndecided, submission } from "./submission.ts";
import { type SubmitOptions, type Submitting, submitAll } from "./submit.ts";

/** Randomness and time of one run of a batch; for the others see `SubmitOptions`. */
export interface BatchRun extends Pick<SubmitOptions, "randomness" | "now" | "defers" | "past" | "pinned"> {
  late: boolean;
}

/** Whose batch it is, and where its jobs may be found that have left their shards. */
export interface BatchSender {
  services: Services;
  database: D1Database;
  namespace: string;
}

/** Submits a batch. Throws a refusal where an atomic one is refused, or nobody can tell what became of it. */
export async function submitBatch(
  sender: BatchSender,
  { atomic, jobs }: BatchEnvelope,
  run: BatchRun,
): Promise<BatchView> {
  const { randomness, now } = run;
  const parsed = await Promise.all(jobs.map((job, index) => parseJob(job, index, now)));
  if (atomic) refuseFaulty(parsed);
  const items = await submitParsed(sender, parsed, { ...run, namespace: sender.namespace, atomic });
  const accepted = items.filter((item) => "id" in item && !item.replayed).length;
  return { id: randomness.batchId, atomic, accepted, items };
}

/** A faulty job is a value here: unless the batch is atomic it costs only itself. */
async function parseJob(job: unknown, index: number, now: number): Promise<Submission | Refusal> {
  const pointer = `/jobs/${index}`;
  const parsed = parseSubmit(job);
  if (!parsed.success) {
    return new Refusal("invalid-request", "The job is not valid.", { errors: errorsOf(parsed.error, pointer) });
  }
  try {
    return await submission(parsed.data, now);
  } catch (error) {
    if (error instanceof Refusal) return under(pointer, error);
    throw error;
  }
}

/** The same refusal with its pointers under `prefix`, or pointing at `prefix` when it had none. */
function under(prefix: string, refusal: Refusal): Refusal {
  const errors = errorsUnder(prefix, refusal);
  return new Refusal(refusal.code, refusal.message, { ...refusal.extras, errors });
}

function errorsUnder(prefix: string, refusal: Refusal): ProblemError[] {
  const errors = refusal.extras.errors ?? [{ pointer: "", detail: refusal.message }];
  return errors.map(({ pointer, detail }) => ({
    pointer: pointer.startsWith(prefix) ? pointer : prefix + pointer,
    detail,
  }));
}

function refuseFaulty(parsed: (Submission | Refusal)[]): void {
  const faulty = parsed.filter((job) => job instanceof Refusal);
  if (faulty.length > 0) throw batchRefused(faulty.flatMap((refusal) => refusal.extras.errors ?? []));
}

export function batchRefused(errors: ProblemError[]): Refusal {
  return new Refusal("batch-refused", "No job of the batch was accepted.", { errors: errors.slice(0, 50) });
}

async function submitParsed(
  sender: BatchSender,
  parsed: (Submission | Refusal)[],
  options: SubmitOptions,
): Promise<BatchItemView[]> {
  const good = parsed.filter((job): job is Submission => !(job instanceof Refusal));
  const results = await submitAll(sender.services, good, options);
  if (options.atomic) refuseUnlessAll(results);
  let next = 0;
  return Promise.all(
    parsed.map((job, index) =>
      job instanceof Refusal
        ? { problem: problemView(job.problem) }
        : itemOf(sender, results[next++], `/jobs/${index}`),
    ),
  );
}

/** Of an atomic batch nothing was accepted when one job was not: says which, and why. */
function refuseUnlessAll(results: Submitting[]): void {
  const refusals = results.map(refusalOf);
  const [first] = refusals.filter((refusal) => refusal !== null);
  if (first === undefined) return;
  // What no job's fault is (a slot on the move, a shard that is away) stands for the whole batch.
  const whole = refusals.find((refusal) => refusal?.code === "unavailable");
  if (whole) throw whole;
  const own = refusals.filter((refusal) => refusal !== null && refusal.code !== "batch-refused");
  const full = wantOfRoom(own.flatMap((refusal) => (refusal === null ? [] : [problemView(refusal.problem)])));
  if (own.length > 0 && full !== null) throw full;
  // What holds the keys is over in a moment, and the batch may pass then.
  const [undecided] = own;
  if (undecided && own.every((refusal) => refusal?.code === "idempotency-undecided")) throw undecided;
  throw batchRefused(
    refusals.flatMap((refusal, index) =>
      refusal === null || refusal.code === "batch-refused" ? [] : errorsUnder(`/jobs/${index}`, refusal),
    ),
  );
}

/** Why the job was not accepted, or null when it was, or had been. */
function refusalOf(result: Submitting): Refusal | null {
  if (result.type === "refused") return result.refusal;
  if (result.type === "replayed" || result.type === "deferred") return null;
  switch (result.outcome.type) {
    case "mismatch":
      return new Refusal(
        "idempotency-mismatch",
        `The idempotency key belongs to ${result.outcome.id}, which was sent with another body.`,
      );
    case "duplicate":
      return duplicateOf(result.outcome.id);
    case "expired":
      return expiryPast();
    case "full":
      return fullRefusal(result.outcome, result.assigned.settings.name);
    case "undecided":
      return keyUndecided();
    case "refused":
      return new Refusal("batch-refused", "Another job of the batch was refused.");
    case "accepted":
    case "replayed":
      return null;
  }
}

async function itemOf(sender: BatchSender, result: Submitting | undefined, pointer: string): Promise<BatchItemView> {
  if (result === undefined) throw new Error("a job of a batch without a result");
  const refusal = refusalOf(result);
  if (refusal !== null) return { problem: problemView(under(pointer, refusal).problem) };
  if (result.type === "refused") throw new Error("a refused job without a refusal");
  if (result.type === "replayed") return replayedItem(sender, result);
  if (result.type === "deferred") return { id: result.job.id, state: result.job.state, replayed: false };
  const { outcome, assigned } = result;
  if (outcome.type === "accepted") return { id: assigned.job.id, state: outcome.state, replayed: false };
  if (outcome.type !== "replayed") throw new Error("a refused job without a refusal");
  return replayedItem(sender, { id: outcome.id, state: outcome.job?.state ?? null });
}

async function replayedItem(
  { database, namespace }: BatchSender,
  { id, state }: { id: string; state: JobState | null },
): Promise<BatchItemView> {
  if (state !== null) return { id, state, replayed: true };
  const job = await readHistory(database, { namespace, id });
  // Only succeeded jobs leave their shard before the idempotency window ends.
  return { id, state: job?.state ?? "succeeded", replayed: true };
}
