/** A job and a queue as the model knows them: only what a caller can see or what the specification names. */

import type { ATTEMPT_OUTCOMES, RetryPolicy } from "../../domain/job/job.ts";
import { isFinal, type JobState } from "../../domain/job/state.ts";
import { type JobEventName, transitionsFrom } from "../../domain/job/transition.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { Parked } from "./parked.ts";
import type { Starts } from "./starts.ts";

export interface ModelQueue {
  /** As the shard knows them: the newest version that has reached it. */
  settings: QueueSettings;
  /** When it learned them. */
  learnedAt: number;
  /** Since the object woke; null: never. */
  lastClaimAt: number | null;
  /** Starts under the queue's rate, by partition. */
  starts: Map<number, Starts>;
  /** Starts under the rate of each concurrency key. */
  keyStarts: Map<string, Starts>;
  /** Parked ordering keys. */
  parked: Map<string, Parked>;
}

export interface ModelAttempt {
  number: number;
  startedAt: number;
  finishedAt: number | null;
  outcome: (typeof ATTEMPT_OUTCOMES)[number] | null;
  code: string | null;
}

export interface ModelJob {
  id: string;
  queue: ModelQueue;
  partition: number;
  priority: number;
  /** The queue's aging at acceptance: later changes do not move the job. */
  agingMs: number | null;
  /** Acceptance order, in microseconds of the clock; 0 until the shard has said it. */
  seq: number;
  orderingKey: string | null;
  concurrencyKey: string | null;
  state: JobState;
  createdAt: number;
  runAt: number;
  expiresAt: number | null;
  startedAt: number | null;
  finishedAt: number | null;
  timeoutMs: number;
  retry: RetryPolicy;
  payload: string;
  attempt: number;
  /** How often it was claimed. */
  delivery: number;
  /** The claim that it was given with last. */
  claim: ModelClaim | null;
  /** Whether its worker has said that it has begun it. */
  begun: boolean;
  /** How often in a row it came back from workers that had not begun it. */
  unbegun: number;
  /** When it was first deferred since acceptance or the last redrive; null: never. */
  deferredSince: number | null;
  /** The last delivery has spent no attempt. */
  cameBack: boolean;
  /** Attempts that do not count under `maxAttempts`: those before the last redrive. */
  spentBefore: number;
  attempts: ModelAttempt[];
  /** Code of the last error; null after a success. */
  error: string | null;
  /** The delivery whose lease is the latest one; null when its attempt has failed or it came back, or the job was redriven. */
  lease: number | null;
  leaseEndsAt: number;
  attemptEndsAt: number;
  /** Each change of its state throws. */
  planted: boolean;
  /** Null: it is not set aside. */
  aside: Aside | null;
}

/** Work on a job has thrown so often in a row, last at `triedAt`; until then it is passed over. */
export interface Aside {
  tries: number;
  triedAt: number;
  until: number;
}

/** Jobs that were given together. */
export interface ModelClaim {
  /** The processor begins all that it is given. */
  pushed: boolean;
  /** The worker has promised to say which jobs it has begun. */
  promised: boolean;
  /** What chance was then: claims of one chance share a nonce, and what is known of one is taken to be known of the other. */
  chance: number;
}

const STRICT_MS = 25 * 365 * 24 * 3600 * 1000;

/** Who goes first: the lower. A job of priority p goes as if it had come p times the aging earlier. */
export function rank({ seq, priority, agingMs }: ModelJob): number {
  return seq - priority * (agingMs ?? STRICT_MS) * 1000;
}

export function isOver({ state }: ModelJob): boolean {
  return isFinal(state);
}

/** Whether the graph of states allows the event now; `later` does not bear on that. */
export function allows({ state }: ModelJob, event: JobEventName): boolean {
  return transitionsFrom(state).some((edge) => edge.event === event);
}

/** It is set aside, and the time of its next try has not come. */
export function isPassedOver({ aside }: ModelJob, now: number): boolean {
  return aside !== null && aside.until > now;
}

/** When the clock changes the job next; null: never by itself. */
export function dueAt(job: ModelJob): number | null {
  const expiry = job.expiresAt ?? Number.POSITIVE_INFINITY;
  if (job.state === "scheduled") return Math.min(job.runAt, expiry);
  if (job.state === "running") return Math.min(job.leaseEndsAt, job.attemptEndsAt);
  return job.state === "queued" ? job.expiresAt : null;
}
