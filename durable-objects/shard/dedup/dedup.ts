import type { Dedup } from "../../../contract/rpc.ts";
import { onDuplicate, replacedRunAt } from "../../../domain/dedup.ts";
import { nextState } from "../../../domain/job/transition.ts";
import { dedupScope } from "../../../domain/key-scope.ts";
import { LARGE_CHARACTERS } from "../claiming/claim.ts";
import { BLOCKS, type JobHead, type JobSpec } from "../rows.ts";
import type { Turn } from "../turn.ts";
import type { DedupKey } from "./dedup-store.ts";

/** What a call finds under its key; `row` is the job that it is to be laid over, `id` the one that answers or is in the way. */
export type Meeting =
  | { verdict: "accept" | "acceptNext" }
  | { verdict: "answer" | "refuse"; id: string }
  | { verdict: "replace"; row: JobHead };

/** A row's own key; null when it has none. */
export function dedupKeyOf(
  row: Pick<JobHead, "queue" | "ordering_key" | "concurrency_key" | "dedup_key">,
): DedupKey | null {
  if (row.dedup_key === null) return null;
  const scope = dedupScope({ orderingKey: row.ordering_key, concurrencyKey: row.concurrency_key });
  return { queue: row.queue, scope, key: row.dedup_key };
}

/** Asks who holds the key: the one that was accepted last, be it that it waits for an earlier one. */
export function meet(turn: Turn, key: DedupKey, { id, dedup }: { id: string; dedup: Dedup }): Meeting {
  const { dedup: store, jobs } = turn.stores;
  const held = store.find(key);
  if (held === null) return { verdict: "accept" };
  const holder = held.next ?? held.job;
  const row = jobs.head(holder);
  // This very call has been laid over the holder before, and its answer was lost.
  if (row !== null && (JSON.parse(row.spec) as JobSpec).laid === id) return { verdict: "answer", id: holder };
  const endsAt = held.next === null ? held.expires_at : held.next_expires_at;
  const verdict = onDuplicate(dedup.onConflict, {
    state: row?.state ?? null,
    inWindow: endsAt === null || endsAt > turn.now,
    isNext: held.next !== null,
  });
  if (verdict !== "replace") return { verdict, id: holder };
  if (row === null) throw new Error(`${holder} waits and is not there`);
  return { verdict, row };
}

/** A new job takes its key, or its place after the holder. */
export function holdKey(turn: Turn, key: DedupKey, job: { id: string; dedup: Dedup; next: boolean }): void {
  const { id, dedup, next } = job;
  const expiresAt = dedup.windowMs === null ? null : turn.now + dedup.windowMs;
  if (next) turn.stores.dedup.setNext(key, id, expiresAt);
  else {
    turn.stores.dedup.hold(key, id, expiresAt);
    turn.wake(expiresAt);
  }
}

/** Lays a call over a job that waits. Everything but its payload and its run-at stays. */
export function layOver(
  turn: Turn,
  row: JobHead,
  call: { id: string; dedup: Dedup; payload: string; runAt: number },
): void {
  const runAt = replacedRunAt(call.runAt, row.created_at, call.dedup.maxDelayMs);
  const state = nextState(row.state, { type: "replace", later: runAt > turn.now });
  if (state === null) throw new Error(`${row.id} is ${row.state}: nothing can be laid over it`);
  turn.change(row, { state, run_at: runAt });
  const spec: JobSpec = { ...(JSON.parse(row.spec) as JobSpec), laid: call.id };
  turn.stores.jobs.replacePayload(row.id, call.payload, JSON.stringify(spec));
  if (call.payload.length > LARGE_CHARACTERS) turn.stores.meta.noteLarge();
}

/**
 * A job with a key has become final. The one that waited for it is opened in the same step and holds the key from now
 * on; one that waited itself leaves its place.
 */
export function release(turn: Turn, key: DedupKey, id: string): void {
  const { dedup, jobs } = turn.stores;
  const held = dedup.find(key);
  if (held === null) return;
  if (held.next === id) dedup.setNext(key, null, null);
  if (held.job !== id) return;
  if (held.next === null) {
    if (held.kept === 1) dedup.remove(key);
    return;
  }
  dedup.hold(key, held.next, held.next_expires_at);
  turn.wake(held.next_expires_at);
  const next = jobs.head(held.next);
  if (next !== null) turn.lift(next, BLOCKS.after);
}

/** Forgets keys whose window is over, at most `limit`; one whose job has not ended waits for that. Says how many. */
export function sweepKeys(turn: Turn, limit: number): number {
  const { dedup } = turn.stores;
  const expired = dedup.expired(turn.now, limit);
  for (const { live, ...key } of expired) {
    if (live) dedup.keep(key);
    else dedup.remove(key);
  }
  return expired.length;
}
