/** What happens to one job, and what each step leaves behind. Which state follows is the graph's to say. */
import type { JobChanges, NewJob } from "../../contract/rpc.ts";
import type { RetryPolicy } from "../../domain/job/job.ts";
import type { JobState } from "../../domain/job/state.ts";
import { type JobEvent, type JobEventName, nextState } from "../../domain/job/transition.ts";
import { see } from "./coverage.ts";
import type { ModelClaim, ModelJob, ModelQueue } from "./job.ts";

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
    delivery: 0,
    claim: null,
    begun: false,
    unbegun: 0,
    deferredSince: null,
    cameBack: false,
    spentBefore: 0,
    attempts: [],
    error: null,
    lease: null,
    leaseEndsAt: Number.POSITIVE_INFINITY,
    attemptEndsAt: Number.POSITIVE_INFINITY,
    planted: false,
    aside: null,
  };
}

export function becameDue(job: ModelJob): void {
  move(job, { type: "due" });
}

export interface ModelLeaseTerms {
  leaseMs: number | null;
  graceMs: number;
  claim: ModelClaim;
}

export function started(job: ModelJob, now: number, lease: ModelLeaseTerms): void {
  move(job, { type: "claim" });
  job.attempt += 1;
  job.delivery += 1;
  job.lease = job.delivery;
  job.claim = lease.claim;
  job.begun = lease.claim.pushed;
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
  job.unbegun = 0;
  job.cameBack = false;
  const spent = job.attempt - job.spentBefore;
  if (!retry || spent >= job.retry.maxAttempts) {
    if (retry) see("a retry out of attempts");
    move(job, { type: "fail" });
    job.finishedAt = now;
    return;
  }
  job.runAt = now + waitAfter(job.retry, spent, { waitMs, randomness });
  move(job, { type: "retry", later: job.runAt > now });
}

/** As long as was asked for, and where there is jitter up to a tenth or a whole backoff longer; never less than by itself. */
function waitAfter(
  retry: RetryPolicy,
  failures: number,
  { waitMs, randomness }: { waitMs: number | null; randomness: number },
): number {
  const own = backoff(retry, failures, randomness);
  if (waitMs === null) return own;
  const spread = retry.jitter === "none" ? 0 : Math.max(waitMs / 10, longest(retry, failures));
  return Math.max(own, waitMs + Math.floor(spread * randomness));
}

const DEFERRAL_FLOOR_MS = 1_000;

/** It is put back, for as long as its queue lets it. False: it is not, and has failed. */
export function deferred(job: ModelJob, { by, code, waitMs, now, randomness }: Deferral): boolean {
  const since = job.deferredSince ?? now;
  if (now - since >= (job.queue.settings.maxDeferralMs ?? 86_400_000)) {
    see("a deferral that spends an attempt");
    return false;
  }
  const asked = waitAfter(job.retry, job.attempt - job.spentBefore, { waitMs, randomness });
  see(by);
  job.deferredSince = since;
  job.error = code;
  job.unbegun = 0;
  cameBack(job, now, now + (by === "released" ? waitMs : Math.max(DEFERRAL_FLOOR_MS, asked)));
  return true;
}

interface Deferral {
  by: "deferred" | "released";
  code: string;
  waitMs: number;
  now: number;
  randomness: number;
}

/** The worker was lost and had not begun it. */
export function unbegun(job: ModelJob, now: number): void {
  see("a job that comes back unbegun");
  job.unbegun += 1;
  cameBack(job, now, now);
}

function cameBack(job: ModelJob, now: number, runAt: number): void {
  job.attempts.pop();
  job.attempt -= 1;
  job.lease = null;
  job.cameBack = true;
  if (runAt > now) job.runAt = runAt;
  move(job, { type: "putBack", later: runAt > now });
}

/** Full jitter draws from nothing to the whole wait, half from half of it on. */
function backoff(retry: RetryPolicy, failures: number, randomness: number): number {
  const wait = longest(retry, failures);
  const least = retry.jitter === "none" ? wait : retry.jitter === "half" ? wait / 2 : 0;
  return Math.floor(least + (wait - least) * randomness);
}

/** Exponential: d, 2d, 4d, …; linear: d, 2d, 3d, …; constant: d, d, d, … */
function longest({ backoff, delayMs, maxDelayMs }: RetryPolicy, failures: number): number {
  let wait = delayMs;
  for (let i = 1; i < failures; i++) wait += backoff === "exponential" ? wait : backoff === "linear" ? delayMs : 0;
  return Math.min(wait, maxDelayMs);
}

/** Back in its old place with a new attempt budget. An expiry that has passed is dropped. */
export function redriven(job: ModelJob, now: number): void {
  job.spentBefore = job.attempt;
  job.unbegun = 0;
  job.deferredSince = null;
  job.cameBack = false;
  job.lease = null;
  job.runAt = now;
  move(job, { type: "redrive", later: false });
  job.finishedAt = null;
  if (job.expiresAt !== null && job.expiresAt <= job.runAt) job.expiresAt = null;
}

function move(job: ModelJob, event: JobEvent<SeenEvent>): void {
  if (job.aside !== null) see("a job that comes on again");
  job.aside = null;
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
