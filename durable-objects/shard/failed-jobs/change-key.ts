import type { ChangeKeyReply, ChangeKeyRequest, OrderingKey, OrderingKeysRequest } from "../../../contract/rpc.ts";
import { PARKED_STATES } from "../../../contract/rpc.ts";
import { pause, releaseAfterDecision, resume } from "../flow/ordering-keys.ts";
import type { Line, ParkedKey } from "../flow/parked-store.ts";
import { PARKED } from "../flow/parked-store.ts";
import { JOBS } from "../jobs/job-store.ts";
import type { Parts } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import { discard } from "../lifecycle/discard.ts";
import { cannotReturn, redrive } from "../lifecycle/redrive.ts";
import { FROZEN_RETRY_MS } from "../queues/configure.ts";
import { QUEUES, supersedes, takeSettings } from "../queues/queue-store.ts";
import { errorOf } from "./failed-jobs.ts";

/** Jobs counted behind one key at most. */
const MAX_WAITING = 1000;
/** A page of the keys of a queue that are parked, the latest first. */
export function orderingKeys(parts: Parts, request: OrderingKeysRequest): OrderingKey[] {
  const queue = parts.get(QUEUES).find(request.namespace, request.queue);
  if (queue === null) return [];
  const states = request.state === null ? PARKED_STATES : [request.state];
  return states
    .flatMap((state) => parts.get(PARKED).page(queue.ref, state, request))
    .sort((a, b) => b.since - a.since || (a.key < b.key ? -1 : 1))
    .slice(0, request.limit)
    .map((parked) => keyOf(parts, { line: parked, parked }));
}

/** Parks a key by hand, lets it go, or decides about the failed job that blocks it. */
export function changeKey(step: Step, request: ChangeKeyRequest): ChangeKeyReply {
  const queue = takeSettings(step, request.settings);
  if (supersedes(queue, request.settings)) return { type: "settings", settings: queue.settings };
  if (queue.frozenUntil > step.now) return { type: "busy", retryAfterMs: FROZEN_RETRY_MS };
  const line = { slot: request.slot, queue: queue.ref, key: request.key };
  if (request.action === "pause") pause(step, line);
  else if (request.action === "resume") resume(step, line);
  else {
    const failed = step.get(PARKED).find(line)?.job ?? null;
    if (failed === null || (request.job !== null && request.job !== failed)) {
      return { type: "not-blocked", key: describe(step, line) };
    }
    const undone = decide(step, { line, failed, action: request.action });
    if (undone !== null) return undone;
  }
  return { type: "key", key: describe(step, line) };
}

interface Decision {
  line: Line;
  /** The job that blocks the key. */
  failed: string;
  action: "retry" | "skip" | "discard";
}

/** Null when it is done, else why it cannot be. */
function decide(step: Step, { line, failed, action }: Decision): ChangeKeyReply | null {
  const row = step.get(JOBS).head(failed);
  if (action === "retry") {
    if (row === null) return { type: "forgotten", job: failed };
    const because = cannotReturn(step, row);
    if (because !== null) return { type: "refused", because };
    if (redrive(step, row, 0) === null) throw new Error(`${failed} blocks its key and is ${row.state}`);
    return null;
  }
  if (action === "discard" && row !== null) discard(step, row);
  releaseAfterDecision(step, line);
  return null;
}

function describe(step: Step, line: Line): OrderingKey {
  return keyOf(step, { line, parked: step.get(PARKED).find(line) });
}

function keyOf(parts: Parts, { line, parked }: { line: Line; parked: ParkedKey | null }): OrderingKey {
  const { key } = line;
  const waiting = waitingOf(parts, line);
  if (parked === null) return { key, state: "open", job: null, error: null, since: null, waiting };
  const { state, job, since } = parked;
  const failed = job === null ? null : parts.get(JOBS).head(job);
  return { key, state, job, error: failed === null ? null : errorOf(failed), since, waiting };
}

function waitingOf(parts: Parts, { queue, key }: Line): number {
  const counted = parts.sql.all<{ n: number }>(
    `SELECT count(*) AS n FROM (SELECT 1 FROM jobs INDEXED BY jobs_key WHERE queue = ? AND ordering_key = ?
       AND ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running') LIMIT +?)`,
    queue,
    key,
    MAX_WAITING,
  )[0];
  const runs = parts.get(JOBS).openOfKey(queue, key)?.state === "running";
  return Math.max(0, (counted?.n ?? 0) - (runs ? 1 : 0));
}
