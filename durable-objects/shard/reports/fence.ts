import type { Lease } from "../../../domain/lease.ts";
import { deliveryOf, type JobHead, returnsOf, type StoredAttempt } from "../jobs/job-row.ts";
import { JOBS } from "../jobs/job-store.ts";
import { LeaseTags } from "../jobs/lease-tag.ts";
import type { Parts } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUES } from "../queues/queue-store.ts";

/**
 * What a lease is worth at this moment. `current`: its attempt runs, and may be reported and extended. `ended`: its time is
 * over, though the clock has not come to it yet. `cancelled`: the job was cancelled while this lease was the current one.
 * `stale`: it was the job's, and is no more. `unknown`: it never was the job's, as far as is known.
 */
export type Fence = { type: "current" | "ended"; row: JobHead } | { type: "cancelled" | "stale" | "unknown" };

/** Leases of jobs in namespaces other than `namespace` are unknown; null is any. */
export function fenceOf(step: Step, lease: Lease, namespace: string | null): Fence {
  const row = step.get(JOBS).head(lease.jobId);
  if (row === null) return { type: wasDiscarded(step, lease, namespace) ? "stale" : "unknown" };
  if (!mayTouch(step, row, namespace)) return { type: "unknown" };
  const tags = new LeaseTags();
  if (deliveryOf(row) !== lease.delivery || !tags.isMadeOf(row.lease, lease)) {
    return { type: wasGiven(row, lease, tags) ? "stale" : "unknown" };
  }
  if (row.state === "cancelled") return { type: "cancelled" };
  if (row.state !== "running") return { type: "stale" };
  return { type: row.due_at !== null && row.due_at <= step.now ? "ended" : "current", row };
}

/** The leases of a discarded job are forgotten: any that names it counts as one it had. */
function wasDiscarded(parts: Parts, lease: Lease, namespace: string | null): boolean {
  const row = parts.get(JOBS).discarded(lease.jobId);
  return row !== null && mayTouch(parts, row, namespace);
}

function mayTouch(parts: Parts, row: Pick<JobHead, "queue">, namespace: string | null): boolean {
  return namespace === null || parts.get(QUEUES).get(row.queue).settings.namespace === namespace;
}

/**
 * The nonces of a job's last hundred attempts and of its last ten deliveries that spent none are kept. A lease of an earlier
 * delivery whose nonce is forgotten cannot be told from a forged one, and counts as one that the job had: it is worth nothing
 * either way, and whoever was given it is told the truth.
 */
function wasGiven(row: JobHead, lease: Lease, tags: LeaseTags): boolean {
  const attempts = JSON.parse(row.attempts) as StoredAttempt[];
  const given = attempts.map(({ number, delivery = number, nonce }): [number, string] => [delivery, nonce]);
  const nonces = [...given, ...returnsOf(row).leases].filter(([delivery]) => delivery === lease.delivery);
  if (nonces.length === 0) return lease.delivery < deliveryOf(row);
  return nonces.some(([, nonce]) => tags.isMadeOf(nonce, lease));
}
