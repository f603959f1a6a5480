import type { Explanation } from "../../contract/rpc.ts";
import type { Sql } from "../sql.ts";
import { roomIn } from "./claim.ts";
import type { JobHead } from "./rows.ts";
import type { Stores } from "./turn.ts";

/** A pull queue that nobody claimed from for this long has no worker. */
const NO_WORKER_MS = 30_000;
/** Jobs counted ahead at most: beyond, the number says "at least". */
const MAX_AHEAD = 10_000;

/** Why a job is not running, from the same rows a claim would look at. */
export function explain(sql: Sql, stores: Stores, row: JobHead, now: number): Explanation {
  const plain = { state: row.state, blockedBy: null, ahead: null, estimatedStartAt: null };
  switch (row.state) {
    case "succeeded":
    case "failed":
    case "cancelled":
      return { ...plain, reason: "final", detail: `The job is ${row.state}.` };
    case "running":
      return {
        ...plain,
        reason: "running",
        detail: `Attempt ${row.attempt} runs${row.worker === null ? "" : ` on ${row.worker}`}.`,
      };
    default:
      return waiting(sql, stores, row, now);
  }
}

function waiting(sql: Sql, stores: Stores, row: JobHead, now: number): Explanation {
  const plain = { state: row.state, blockedBy: null, ahead: null, estimatedStartAt: null };
  const queue = stores.queues.get(row.queue);
  if (queue.settings.paused) return { ...plain, reason: "paused", detail: `Queue ${queue.settings.name} is paused.` };
  if (row.state === "scheduled" && row.run_at > now) {
    const retrying = row.attempt > row.spent_before;
    const detail = retrying
      ? `Attempt ${row.attempt} failed; the next may start at ${new Date(row.run_at).toISOString()}.`
      : `Due at ${new Date(row.run_at).toISOString()}.`;
    return { ...plain, reason: retrying ? "retrying" : "scheduled", detail, estimatedStartAt: row.run_at };
  }
  if (row.blocked === 1) {
    const open = stores.jobs.openOfKey(row.queue, row.ordering_key ?? "");
    const detail = `An earlier job of its ordering key is ${open?.state ?? "not final"}.`;
    return { ...plain, reason: "ordering", detail, blockedBy: open?.id ?? null };
  }
  if (roomIn(stores, queue, row.partition) <= 0) {
    const detail = `Queue ${queue.settings.name} runs as many jobs of this partition as its concurrency of ${queue.settings.concurrency} allows.`;
    return { ...plain, reason: "concurrency", detail };
  }
  const ahead = countAhead(sql, row);
  // Before this object woke, a claim would have taken the job as soon as it could run.
  const lastClaimAt = stores.metrics.lastClaimAt(row.queue) ?? Math.max(row.run_at, queue.settings.updatedAt);
  if (queue.settings.target.type === "pull" && now - lastClaimAt >= NO_WORKER_MS) {
    const detail = `Nobody has claimed from queue ${queue.settings.name} for ${Math.floor((now - lastClaimAt) / 1000)} s.`;
    return { ...plain, reason: "no-worker", detail, ahead };
  }
  if (ahead > 0) return { ...plain, reason: "priority", detail: `${ahead} ready jobs go first.`, ahead };
  return { ...plain, reason: "ready", detail: "The next claim takes it.", ahead: 0, estimatedStartAt: now };
}

/** Ready jobs of the same queue on this shard that a claim prefers: higher priority, or accepted earlier. */
function countAhead(sql: Sql, row: JobHead): number {
  const counted = sql.all<{ n: number }>(
    `SELECT count(*) AS n FROM (SELECT 1 FROM jobs INDEXED BY jobs_ready
       WHERE queue = ?1 AND state = 'queued' AND blocked = 0 AND (priority > ?2 OR (priority = ?2 AND seq < ?3)) LIMIT +?4)`,
    row.queue,
    row.priority,
    row.seq,
    MAX_AHEAD,
  )[0];
  return counted?.n ?? 0;
}
