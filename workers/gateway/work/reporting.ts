import { longerThan } from "../../../contract/json-text.ts";
import { MAX_CHECKPOINT_BYTES, MAX_RESULT_BYTES } from "../../../contract/limits.ts";
import { isProblem, type Result, tooLarge } from "../../../contract/problems.ts";
import { checkpointFits } from "../../../contract/progress-patch.ts";
import type { ExtendBody, ReleaseBody, ReportBody } from "../../../contract/pull.ts";
import type {
  BusyItem,
  ExtendResult,
  Extension,
  MovedItem,
  Outcome,
  ProgressPatch,
  Report,
  ReportResult,
  SpawnJob,
} from "../../../contract/rpc.ts";
import { secondsToMs } from "../../../contract/time.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import { parseLease } from "../../../domain/lease.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { scatter } from "../routing/scatter.ts";
import type { Services } from "../services.ts";

type ReportedOutcome =
  | Omit<Extract<ReportBody, { ok: true }>, "lease" | "spawn">
  | Omit<Extract<ReportBody, { ok: false }>, "lease">
  | Omit<Extract<ReportBody, { ok: null }>, "lease">;

/** How long an answer waits until the jobs that its reports brought are on their shards, where they can be read. */
const DELIVERY_WAIT_MS = 1_000;

/** What a worker says of one attempt, and the jobs it brings, in the units used inside. A 413 problem when the result is too large. */
export function outcomeOf(report: ReportedOutcome, spawn: SpawnJob[] = []): Result<Outcome> {
  if (report.ok === null) return released(report);
  if (!report.ok) {
    const retryAfterMs = report.retryAfter === undefined ? null : secondsToMs(report.retryAfter);
    return { ok: false, error: report.error, retryAfterMs };
  }
  const result = report.result?.text ?? null;
  if (result !== null && longerThan(result, MAX_RESULT_BYTES)) return tooLarge.result(MAX_RESULT_BYTES);
  return { ok: true, result, resultTruncated: false, ...(spawn.length === 0 ? {} : { spawn }) };
}

/** A job that its worker gives back. */
export function released({ delay, reason = "The worker gave the job back." }: ReleaseBody): Outcome {
  const error = { code: "released", message: reason, retryable: true };
  return { ok: false, error, retryAfterMs: delay === undefined ? 0 : secondsToMs(delay), putBack: "released" };
}

/** What a report or a heartbeat came to: where slots are, and that a shard puts something off, is seen to here. */
type Settled<R> = Exclude<R, MovedItem | BusyItem>;
export type Reported = Settled<ReportResult>;

export interface Reporting {
  namespace: string;
  withJobs: boolean;
  /** Of the queues of the jobs that the reports bring. */
  queues: QueueSettings[];
}

/**
 * Hands reports to their shards; answers in their order. A lease that is not one is `unknown`, as one never given is. Jobs
 * that they bring are mostly on their shards by then, and a moment later at most where those are slow to answer.
 */
export async function report(
  { shards }: Services,
  reports: Report[],
  { queues, ...request }: Reporting,
): Promise<Result<Reported[]>> {
  const known = located(reports);
  const spawning = { queues, waitMs: queues.length === 0 ? 0 : DELIVERY_WAIT_MS };
  // Not sent twice on an error: the shard would call the second copy stale.
  const answers = await scatter(shards, known, { idempotent: false }, (shard, head, group: Report[]) =>
    shard.report({ ...head, ...request, ...spawning, reports: group }),
  );
  return isProblem(answers) ? answers : inOrder(reports, known, answers);
}

/** What a worker says with a heartbeat, in the form used inside; null when it says nothing. A 413 problem when too large. */
export function progressIn({ progress, checkpoint }: ExtendBody): Result<ProgressPatch | null> {
  if (progress === undefined && checkpoint === undefined) return null;
  const patch: ProgressPatch = {
    ...(progress?.percent === undefined ? {} : { percent: progress.percent }),
    ...(progress?.message === undefined ? {} : { message: progress.message }),
  };
  if (checkpoint === undefined) return patch;
  if (checkpoint.isNull) return { ...patch, checkpoint: null };
  const { text } = checkpoint;
  return checkpointFits(text) ? { ...patch, checkpoint: text } : tooLarge.checkpoint(MAX_CHECKPOINT_BYTES);
}

/** Moves the end of a lease, and stores what comes with it. */
export async function extend(
  { shards }: Services,
  namespace: string,
  extension: Extension,
): Promise<Result<Settled<ExtendResult>>> {
  const known = located([extension]);
  const answers = await scatter(shards, known, { idempotent: true }, (shard, head, leases: Extension[]) =>
    shard.extend({ ...head, namespace, leases }),
  );
  if (isProblem(answers)) return answers;
  return inOrder([extension], known, answers)[0] ?? { status: "unknown" };
}

function located<I extends { lease: string }>(items: I[]): { slot: number; item: I }[] {
  return items.flatMap((item) => {
    const slot = slotOfLease(item.lease);
    return slot === null ? [] : [{ slot, item }];
  });
}

/** The slot of the lease's job, or null when no shard ever gave such a lease. */
function slotOfLease(text: string): number | null {
  const lease = parseLease(text);
  return lease === null ? null : (parseJobId(lease.jobId)?.slot ?? null);
}

function inOrder<I, R>(items: I[], known: { item: I }[], answers: R[]): (R | { status: "unknown" })[] {
  const byItem = new Map(known.map(({ item }, index) => [item, answers[index]]));
  return items.map((item) => byItem.get(item) ?? { status: "unknown" });
}
