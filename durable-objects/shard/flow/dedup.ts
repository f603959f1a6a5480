import type { Dedup } from "../../../contract/rpc.ts";
import { onDuplicate, replacedRunAt } from "../../../domain/dedup.ts";
import { dedupScope } from "../../../domain/key-scope.ts";
import type { JobChange } from "../jobs/job-change.ts";
import { BLOCKS, type JobHead, type JobSpec } from "../jobs/job-row.ts";
import { JOBS } from "../jobs/job-store.ts";
import { replacePayload } from "../jobs/large-payloads.ts";
import { transition, unblock } from "../jobs/transition.ts";
import type { Parts } from "../kernel/part.ts";
import { QUARANTINE, walk } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { DEDUP, type DedupKey, EACH_DEDUP_KEY } from "./dedup-store.ts";

/** What a call finds under its key; `row` is the job that it replaces, `id` the one that answers or is in the way. */
export type DuplicateResolution =
  | { verdict: "accept" | "acceptNext" }
  | { verdict: "answer" | "refuse"; id: string }
  | { verdict: "replace"; row: JobHead };

type Keyed = Pick<JobHead, "id" | "slot" | "queue" | "ordering_key" | "concurrency_key" | "dedup_key">;

/** A row's own key; null when it has none. */
export function dedupKeyOf(row: Keyed): DedupKey | null {
  if (row.dedup_key === null) return null;
  const scope = dedupScope({ orderingKey: row.ordering_key, concurrencyKey: row.concurrency_key });
  return { slot: row.slot, queue: row.queue, scope, key: row.dedup_key };
}

/** Asks who holds the key: the one that was accepted last, be it that it waits for an earlier one. */
export function resolveDuplicate(
  step: Step,
  key: DedupKey,
  { id, dedup }: { id: string; dedup: Dedup },
): DuplicateResolution {
  const keyOwner = step.get(DEDUP).find(key);
  if (keyOwner === null) return { verdict: "accept" };
  const ownerId = keyOwner.next ?? keyOwner.job;
  const row = step.get(JOBS).head(ownerId);
  // This very call has replaced the owner's payload before, and its answer was lost.
  if (row !== null && (JSON.parse(row.spec) as JobSpec).replacedByCall === id)
    return { verdict: "answer", id: ownerId };
  const endsAt = keyOwner.next === null ? keyOwner.expires_at : keyOwner.next_expires_at;
  const verdict = onDuplicate(dedup.onConflict, {
    state: row?.state ?? null,
    inWindow: endsAt === null || endsAt > step.now,
    isNext: keyOwner.next !== null,
  });
  if (verdict !== "replace") return { verdict, id: ownerId };
  if (row === null) throw new Error(`${ownerId} waits and is not there`);
  return { verdict, row };
}

/** A new job takes its key, or its place after the owner. */
export function holdKey(step: Step, key: DedupKey, job: { id: string; dedup: Dedup; next: boolean }): void {
  const { id, dedup, next } = job;
  const expiresAt = dedup.windowMs === null ? null : step.now + dedup.windowMs;
  if (next) step.get(DEDUP).setNext(key, id, expiresAt);
  else {
    step.get(DEDUP).hold(key, id, expiresAt);
    step.wakeAt(expiresAt);
  }
}

/** A call replaces the payload and the run-at of a job that waits. Everything else of it stays. */
export function replacePending(
  step: Step,
  row: JobHead,
  call: { id: string; dedup: Dedup; payload: string; runAt: number },
): void {
  const runAt = replacedRunAt(call.runAt, row.created_at, call.dedup.maxDelayMs);
  transition(step, row, { type: "replace", later: runAt > step.now, set: { run_at: runAt } });
  const spec: JobSpec = { ...(JSON.parse(row.spec) as JobSpec), replacedByCall: call.id };
  replacePayload(step, row, { payload: call.payload, spec: JSON.stringify(spec) });
}

/** Jobs have become final: those of them with a key make way for the job that waits for it. */
export function followKeys(step: Step, change: JobChange): void {
  const ended: readonly Keyed[] = change.event === "succeed" ? change.jobs : "to" in change ? [change.to] : [];
  for (const job of ended) {
    const key = dedupKeyOf(job);
    if (key !== null) release(step, key, job.id);
  }
}

/** The job that waited for this one is opened in the same step and owns the key from now on; one that waited itself leaves its place. */
function release(step: Step, key: DedupKey, id: string): void {
  const dedup = step.get(DEDUP);
  const keyOwner = dedup.find(key);
  if (keyOwner === null) return;
  if (keyOwner.next === id) dedup.setNext(key, null, null);
  if (keyOwner.job !== id) return;
  if (keyOwner.next === null) {
    if (keyOwner.kept === 1) dedup.remove(key);
    return;
  }
  dedup.hold(key, keyOwner.next, keyOwner.next_expires_at);
  step.wakeAt(keyOwner.next_expires_at);
  const next = step.get(JOBS).head(keyOwner.next);
  if (next !== null) unblock(step, next, BLOCKS.after);
}

/** Forgets keys whose window is over, at most `limit`; one whose job has not ended waits for that. Says how many. */
export function sweepKeys(step: Step, limit: number): number {
  const dedup = step.get(DEDUP);
  const passedOver = step.get(QUARANTINE).count(EACH_DEDUP_KEY.kind, step.now);
  return walk(step, EACH_DEDUP_KEY, {
    rows: dedup.expired(step.now, limit + passedOver),
    each: ({ live, ...key }) => {
      if (live) dedup.keep(key);
      else dedup.remove(key);
    },
  });
}

/** When the window of a key ends: of those that are set aside, when they are tried again. */
export function nextSweepAt(parts: Parts, now: number): number | null {
  const dedup = parts.get(DEDUP);
  return parts.get(QUARANTINE).nextAt({ kind: EACH_DEDUP_KEY.kind, now }, dedup.nextExpiryAt, dedup.expiryTimes);
}
