/** What happens to one job, and what each step leaves behind. Which state follows is the graph's to say. */
import type { JobChanges, NewJob } from "../../contract/rpc.ts";
import type { RetryPolicy } from "../../domain/job/job.ts";
import type { JobState } from "../../domain/job/state.ts";
import { type JobEvent, type JobEventName, nextState } from "../../domain/job/transition.ts";
import { see } from "./coverage.ts";
import type { ModelJob, ModelQueue } from "./job.ts";

/** The model never looks at jobs that were deleted. */
type SeenEvent = Exclude<JobEventName, "discard">;

/** A job as accepted now. */
export function fresh(queue: ModelQueue, sent: NewJob, now: number): ModelJob {
  const { settings } = queue;
  const runAt = sent.runAt ?? now + (sent.delayMs ?? 0);
  return {
    id: sent.id,
    queue,
    partition: sent.partition,
    priority: sent.priority,
    agingMs: settings.priorityAgingMs,
    seq: 0,
    orderingKey: sent.orderingKey,
    concurrencyKey: sent.concurrencyKey,
    state: after(null, { type: "accept", later: runAt > now }),
    createdAt: now,
    runAt,
    expiresAt: sent.expiresAt,
    startedAt: null,
    finishedAt: null,
    timeoutMs: sent.timeoutMs ?? settings.timeoutMs,
    retry: { ...settings.retry, ...sent.retry },
    payload: sent.payload,
    attempt: 0,
    spentBefore: 0,
    attempts: [],
    error: null,
    lease: null,
    leaseEndsAt: Number.POSITIVE_INFINITY,
    attemptEndsAt: Number.POSITIVE_INFINITY,
  };
}

export function becameDue(job: ModelJob): void {
  move(job, { type: "due" });
}

export function started(job: ModelJob, now: number, lease: { leaseMs: number | null; graceMs: number }): void {
  move(job, { type: "claim" });
  job.attempt += 1;
  job.lease = job.attempt;
  job.startedAt ??= now;
  job.leaseEndsAt = now + (lease.leaseMs ?? job.timeoutMs);
  job.attemptEndsAt = now + job.timeoutMs + lease.graceMs;
  job.attempts.push({ number: job.attempt, startedAt: now, finishedAt: null, outcome: null, code: null });
}

export function succeeded(job: ModelJob, now: number): void {
  endAttempt(job, { outcome: "succeeded", code: null, now });
  move(job, { type: "succeed" });
  job.error = null;
  job.finishedAt = now;
}

export function cancelled(job: ModelJob, now: number): void {
  if (job.state === "running") endAttempt(job, { outcome: "cancelled", code: null, now });
  move(job, { type: "cancel" });
  job.finishedAt = now;
}

export function expired(job: ModelJob, now: number): void {
  move(job, { type: "expire" });
  job.error = "expired";
  job.finishedAt = now;
}

/** A call is laid over a job that waits: its payload and run-at, put off at most so far beyond the job's acceptance. */
export function replaced(job: ModelJob, sent: NewJob, now: number): void {
  const latest = job.createdAt + (sent.dedup?.maxDelayMs ?? Number.POSITIVE_INFINITY);
  job.runAt = Math.min(sent.runAt ?? now + (sent.delayMs ?? 0), latest);
  move(job, { type: "replace", later: job.runAt > now });
  job.payload = sent.payload;
}

/** A call changes a job that waits. With another priority it goes by the aging that its queue has now. */
export function patched(job: ModelJob, changes: JobChanges, now: number): void {
  const { runAt, priority = job.priority, expiresAt = job.expiresAt, payload = job.payload } = changes;
  const waits = runAt === undefined ? job.state === "scheduled" : (runAt ?? now) > now;
  if (priority !== job.priority) job.agingMs = job.queue.settings.priorityAgingMs;
  Object.assign(job, { priority, expiresAt, payload });
  if (runAt !== undefined) job.runAt = runAt ?? now;
  move(job, { type: "replace", later: waits });
}

interface Failure {
  outcome: "failed" | "leaseExpired";
  code: string;
  /** Whether it may be tried again as long as attempts are left. */
  retry: boolean;
  now: number;
  randomness: number;
  /** The target's own wish, above backoff and its ceiling. */
  waitMs: number | null;
}

export function failed(job: ModelJob, { outcome, code, retry, now, randomness, waitMs }: Failure): void {
  endAttempt(job, { outcome, code, now });
  job.error = code;
  job.lease = null;
  const spent = job.attempt - job.spentBefore;
  if (!retry || spent >= job.retry.maxAttempts) {
    if (retry) see("a retry out of attempts");
    move(job, { type: "fail" });
    job.finishedAt = now;
    return;
  }
  job.runAt = now + (waitMs ?? backoff(job.retry, spent, randomness));
  move(job, { type: "retry", later: job.runAt > now });
}

/** Exponential: d, 2d, 4d, …; linear: d, 2d, 3d, …; constant: d, d, d, … Full jitter draws from nothing to that. */
function backoff({ backoff, delayMs, maxDelayMs, jitter }: RetryPolicy, failures: number, randomness: number): number {
  let wait = delayMs;
  for (let i = 1; i < failures; i++) wait += backoff === "exponential" ? wait : backoff === "linear" ? delayMs : 0;
  wait = Math.min(wait, maxDelayMs);
  return jitter === "full" ? Math.floor(wait * randomness) : wait;
}

/** Back in its old place with a new attempt budget. An expiry that has passed is dropped. */
export function redriven(job: ModelJob, now: number): void {
  job.spentBefore = job.attempt;
  job.lease = null;
  job.runAt = now;
  move(job, { type: "redrive", later: false });
  job.finishedAt = null;
  if (job.expiresAt !== null && job.expiresAt <= job.runAt) job.expiresAt = null;
}

function move(job: ModelJob, event: JobEvent<SeenEvent>): void {
  job.state = after(job.state, event);
}

function after(state: JobState | null, event: JobEvent<SeenEvent>): JobState {
  const next = nextState(state, event);
  if (next === null) throw new Error(`the model lets a job that is ${state ?? "not there"} ${event.type}`);
  return next;
}

function endAttempt(
  job: ModelJob,
  end: { outcome: "succeeded" | "failed" | "leaseExpired" | "cancelled"; code: string | null; now: number },
): void {
  const attempt = job.attempts.at(-1);
  if (attempt === undefined) throw new Error(`${job.id} has no attempt to end`);
  attempt.outcome = end.outcome;
  attempt.code = end.code;
  attempt.finishedAt = end.now;
}
